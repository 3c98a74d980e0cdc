//! A pruned model gives the texts it was pruned for the vectors they had, and nearly the same to others.

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use m2v_core::{Checkpoint, Memory, Sink as _, Tensor};
use m2v_infer::{EncoderExt, StaticModel};
use m2v_quant::{Context, Error, Int8, Prune, Transform, compare};
use m2v_tests::{Recorded, Result, assert_bits, texts};
use m2v_tokenize::Subset;
use proptest::prelude::*;

fn prune<S: AsRef<str> + Sync>(checkpoint: &Checkpoint, texts: &[S]) -> Result<Checkpoint> {
    prune_as(checkpoint, texts, &Prune::new("texts"))
}

fn prune_as<S: AsRef<str> + Sync>(checkpoint: &Checkpoint, texts: &[S], prune: &Prune) -> Result<Checkpoint> {
    let read = |_: &str| Ok(texts.iter().map(|text| text.as_ref().to_owned()).collect());
    let mut context = Context::default().with_texts(&read);
    Ok(prune.apply(checkpoint.clone(), &mut context)?)
}

/// Saves and loads it, as a user would.
fn saved(checkpoint: &Checkpoint) -> Result<StaticModel> {
    let mut memory = Memory::new();
    checkpoint.save(&mut memory)?;
    memory.finish()?;
    Ok(StaticModel::load(&memory)?)
}

/// Texts have the same vectors in both, with the model's own `max_length` and without one.
fn assert_same<S: AsRef<str> + Sync>(
    name: &str,
    before: &Checkpoint,
    after: &Checkpoint,
    texts: &[S],
) -> Result<()> {
    let (before, after) = (StaticModel::from_checkpoint(before.clone())?, saved(after)?);
    for max_length in [before.options().max_length, None] {
        let options = before.options().with_max_length(max_length);
        let expected = before.with_options(options).encode(texts)?;
        let found = after.with_options(options).encode(texts)?;
        assert_bits(&format!("{name}, {max_length:?}"), found.view(), expected.view());
    }
    Ok(())
}

#[test]
fn half_the_texts_keep_their_vectors_in_every_recorded_model() -> Result<()> {
    let texts = texts()?;
    let half: Vec<_> = texts.iter().step_by(2).collect();
    for recorded in Recorded::all()? {
        let before = recorded.checkpoint()?;
        let after = prune(&before, &half)?;
        assert_same(&recorded.name, &before, &after, &half)?;
        assert!(after.table.byte_len() <= before.table.byte_len(), "{}", recorded.name);
        // Those that were recorded from the reference: long texts among them are cut where they were.
        let found = saved(&after)?.encode(&half)?;
        let model = saved(&after)?;
        let median = model.tokenizer().vocabulary().median_token_length();
        if recorded.facts.max_length.is_some() {
            assert_eq!(median, recorded.facts.median_token_length, "{}", recorded.name);
        }
        let recorded_vectors = if model.options().normalize { &recorded.normalized } else { &recorded.mean };
        for (found, expected) in found.rows().into_iter().zip(recorded_vectors.rows().into_iter().step_by(2))
        {
            let off = found.iter().zip(expected).fold(0.0f32, |max, (a, b)| max.max((a - b).abs()));
            assert!(
                off <= 1e-6 * expected.iter().fold(1.0f32, |max, x| max.max(x.abs())),
                "{}",
                recorded.name
            );
        }
    }
    Ok(())
}

#[test]
fn rows_that_no_token_uses_any_more_are_gone() -> Result<()> {
    for name in ["vq256", "dtype-f16-mapped-i64", "dtype-f32-mapped-i32-no-weights"] {
        let before = Recorded::read(name)?.checkpoint()?;
        let after = prune(&before, &["the sea and the sky"])?;
        let (old, new) = (&before.table, &after.table);
        let mapping = |checkpoint: &Checkpoint| checkpoint.table.mapping().map(Tensor::dtype);
        assert_eq!(mapping(&before), mapping(&after), "{name}");
        assert_eq!(old.weights().map(Tensor::dtype), new.weights().map(Tensor::dtype), "{name}");
        assert_eq!(old.dtype(), new.dtype(), "{name}");
        assert!(new.rows() <= old.rows() && new.id_count() < old.id_count(), "{name}");
        let mut used = new.row_of().ok_or("no mapping")?.to_vec();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), new.rows(), "{name}");
        assert_eq!(after.saved_config().get("vocabulary_quantization"), Some(&new.rows().into()));
    }
    Ok(())
}

/// Without the likely tokens, each that is kept is used or needed.
#[test]
fn likely_tokens_can_be_left_out() -> Result<()> {
    let texts = texts()?;
    let half: Vec<_> = texts.iter().step_by(2).collect();
    for name in ["unigram", "wordpiece-f16"] {
        let mut before = Recorded::read(name)?.checkpoint()?;
        before.config.set_max_length(None);
        let used = prune_as(&before, &half, &Prune::new("texts").with_likely(false))?;
        assert_same(name, &before, &used, &half)?;
        let mut subset = Subset::new(&before.tokenizer)?;
        let tokenizer = m2v_tokenize::from_json(&before.tokenizer)?;
        for text in &half {
            tokenizer.encode(text)?.into_iter().for_each(|id| subset.keep(id));
        }
        assert_eq!(used.table.id_count(), subset.kept(), "{name}");
        let likely = prune(&before, &half)?.table.id_count() - used.table.id_count();
        // Of the small one, more than two fifths are used.
        assert_eq!(likely > 0, name == "wordpiece-f16", "{name}: {likely}");
    }
    Ok(())
}

#[test]
fn pruning_reports_progress_and_stops_when_told() -> Result<()> {
    let model = Recorded::read("wordpiece-f16")?.checkpoint()?;
    let many: Vec<_> = texts()?.into_iter().cycle().take(3000).collect();
    let read = |_: &str| Ok(many.clone());
    let seen = Mutex::new(Vec::new());
    let progress = |done, total| seen.lock().unwrap().push((done, total));
    let context = || Context::default().with_texts(&read);
    Prune::new("texts").apply(model.clone(), &mut context().with_progress(&progress))?;
    let mut seen = seen.into_inner()?;
    assert!(seen.iter().all(|&(done, total)| 0 < done && done <= 3000 && total == 3000), "{seen:?}");
    seen.sort_unstable();
    seen.dedup();
    assert!(seen.len() > 2 && seen.contains(&(3000, 3000)), "{seen:?}");
    let cancel = AtomicBool::new(true);
    let result = Prune::new("texts").apply(model, &mut context().with_cancel(&cancel));
    assert!(matches!(result, Err(Error::Cancelled)));
    Ok(())
}

#[test]
fn pruning_goes_together_with_int8() -> Result<()> {
    let texts = ["It is a truth universally acknowledged", "naïve café"];
    let model = Recorded::read("wordpiece-f16")?.checkpoint()?;
    let int8 = |checkpoint: &Checkpoint| Int8.apply(checkpoint.clone(), &mut Context::default());
    let (pruned_first, pruned_last) = (int8(&prune(&model, &texts)?)?, prune(&int8(&model)?, &texts)?);
    assert_eq!((&pruned_first.table, &pruned_first.tokenizer), (&pruned_last.table, &pruned_last.tokenizer));
    Ok(())
}

#[test]
fn a_table_that_does_not_cover_the_tokens_is_an_error() -> Result<()> {
    let mut model = Recorded::read("wordpiece-f16")?.checkpoint()?;
    model.table = Recorded::read("word-level")?.checkpoint()?.table;
    let error = prune(&model, &["an unusual zebra"]).err().ok_or("no error")?;
    let error = error.downcast_ref::<Error>().map(ToString::to_string);
    assert!(error.as_ref().is_some_and(|error| error.contains("covers 5000 ids")), "{error:?}");
    Ok(())
}

/// Merges that are left out at random: no vocabulary gives the same ids again.
#[test]
fn a_tokenizer_that_cannot_be_held_to_its_ids_is_an_error() -> Result<()> {
    let mut model = Recorded::read("bpe-byte-level")?.checkpoint()?;
    let mut json: serde_json::Value = serde_json::from_slice(&model.tokenizer)?;
    json["model"]["dropout"] = 0.5.into();
    model.tokenizer = json.to_string().into_bytes().into();
    let long = "the quick brown fox jumps over the lazy dog ".repeat(50);
    let error = prune(&model, &["a", &long]).err().ok_or("no error")?;
    let error = error.downcast_ref::<Error>();
    assert!(matches!(error, Some(Error::Pruned { text: 1, .. })), "{error:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn any_texts_keep_their_vectors(
        chosen in prop::sample::subsequence(texts().unwrap(), 1..60),
        max_length in prop_oneof![Just(None), Just(Some(0)), (1..40usize).prop_map(Some)],
    ) {
        for name in ["bpe-byte-level", "bpe-split-regex", "unigram", "unigram-precompiled", "word-level",
                     "wordpiece-added-tokens", "wordpiece-f16", "vq256"] {
            let mut before = Recorded::read(name).unwrap().checkpoint().unwrap();
            before.config.set_max_length(max_length);
            let after = prune(&before, &chosen).unwrap();
            assert_same(name, &before, &after, &chosen).unwrap();
        }
    }
}

/// A file among the corpus samples.
fn sample(name: &str) -> Result<Vec<String>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/peers/corpus");
    let text = std::fs::read_to_string(std::path::Path::new(path).join(name))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// A model of hundreds of languages, an eighth of whose training texts were English; its vectors are random.
fn multilingual(tokenizer: &[u8]) -> Result<Checkpoint> {
    let tokens = m2v_tokenize::Vocabulary::from_json(tokenizer)?.len();
    let mut state = 1u64;
    let random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as f32 / (1u64 << 30) as f32 - 1.0
    };
    let rows = ndarray::Array2::from_shape_simple_fn((tokens, 64), random);
    let table = m2v_core::EmbeddingTable::try_new(Tensor::from_array(&rows), None, None)?;
    Ok(Checkpoint::new(m2v_core::Config::default(), table, tokenizer.to_vec()))
}

fn wordpiece(texts: &[String]) -> Result<Vec<u8>> {
    use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainer};
    let mut tokenizer = tokenizers::Tokenizer::new(WordPiece::default());
    tokenizer.with_pre_tokenizer(Some(tokenizers::pre_tokenizers::bert::BertPreTokenizer));
    let special = ["[PAD]", "[UNK]"].map(|token| tokenizers::AddedToken::from(token, true));
    let trainer = WordPieceTrainer::builder().vocab_size(10_000).limit_alphabet(500).show_progress(false);
    let trainer = trainer.special_tokens(special.to_vec()).build();
    let mut trainer = tokenizers::models::TrainerWrapper::WordPieceTrainer(trainer);
    tokenizer.train(&mut trainer, texts.iter())?;
    Ok(tokenizer.to_string(false)?.into_bytes())
}

fn unigram(texts: &[String]) -> Result<Vec<u8>> {
    use tokenizers::models::unigram::{Unigram, UnigramTrainer};
    let mut tokenizer = tokenizers::Tokenizer::new(Unigram::default());
    tokenizer.with_pre_tokenizer(Some(tokenizers::pre_tokenizers::metaspace::Metaspace::default()));
    let special = ["<unk>"].map(|token| tokenizers::AddedToken::from(token, true));
    let mut trainer = UnigramTrainer::builder();
    trainer.vocab_size(24_000).show_progress(false).unk_token(Some("<unk>".to_owned()));
    let trainer = trainer.special_tokens(special.to_vec()).build()?;
    let mut trainer = tokenizers::models::TrainerWrapper::UnigramTrainer(trainer);
    tokenizer.train(&mut trainer, texts.iter())?;
    Ok(tokenizer.to_string(false)?.into_bytes())
}

/// On a sample of a fourteenth of the corpus; on the whole of it, tests/python/measure_pruning.py asks for 0.999.
#[test]
fn half_a_corpus_of_one_language_prunes_a_multilingual_model() -> Result<()> {
    let prose = sample("prose.txt")?;
    let (half, other): (Vec<_>, Vec<_>) = prose.iter().enumerate().partition(|(i, _)| i % 2 == 0);
    let (half, other): (Vec<_>, Vec<_>) =
        (half.into_iter().map(|text| text.1).collect(), other.into_iter().map(|text| text.1).collect());
    let mut training = sample("udhr.txt")?;
    training.extend(prose.iter().step_by(8).cloned());
    for (family, tokenizer) in [("WordPiece", wordpiece(&training)?), ("Unigram", unigram(&training)?)] {
        let model = multilingual(&tokenizer)?;
        let pruned = prune(&model, &half)?;
        assert_same(family, &model, &pruned, &half)?;
        let before = StaticModel::from_checkpoint(model.clone())?.encode(&other)?;
        let after = StaticModel::from_checkpoint(pruned.clone())?.encode(&other)?;
        let loss = compare(before.view(), after.view())?;
        let share = pruned.table.rows() as f64 / model.table.rows() as f64;
        assert!(share <= 0.4, "{family}: {share} of the rows");
        assert!(loss.cosine_mean >= 0.99, "{family}: {loss}");
    }
    Ok(())
}
