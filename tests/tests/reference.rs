//! Answers are those of Python model2vec, recorded in `fixtures`: ids, vectors, and facts about the models.

use std::collections::BTreeSet;
use std::fs;

use m2v_core::{Dir, EmbeddingTable, PoolOptions, Tensor};
use m2v_infer::{Encoder, EncoderExt, Scratch, StaticModel};
use m2v_tests::{
    Recorded, Result, assert_bits, assert_close, fixture, recorded_names, shipped_model, small_with, texts,
};
use ndarray::{Array2, Axis, s};

/// Every recorded model with what was recorded.
fn models() -> Result<Vec<(Recorded, StaticModel)>> {
    let models = Recorded::all()?.into_iter().map(|recorded| {
        let model = StaticModel::from_checkpoint(recorded.checkpoint()?)
            .map_err(|error| format!("{}: {error}", recorded.name))?;
        Ok((recorded, model))
    });
    models.collect()
}

#[test]
fn every_model_has_answers_and_every_answer_a_model() -> Result<()> {
    let recorded: BTreeSet<String> = recorded_names()?.into_iter().collect();
    let forms_of_the_shipped_one =
        ["wordpiece-f16", "wordpiece-f16-max8", "wordpiece-f16-maxNone", "wordpiece-dim32"];
    let mut models: BTreeSet<String> = forms_of_the_shipped_one.map(str::to_owned).into();
    for entry in fs::read_dir(fixture("models"))? {
        models.insert(entry?.file_name().to_string_lossy().into_owned());
    }
    assert_eq!(recorded, models);
    assert_eq!(recorded.len(), 23, "the number of recorded models; raise it when one is added");
    Ok(())
}

#[test]
fn facts_about_a_model_are_the_references() -> Result<()> {
    for (Recorded { name, facts, .. }, model) in models()? {
        let vocabulary = model.tokenizer().vocabulary();
        assert_eq!(
            vocabulary.median_token_length(),
            facts.median_token_length,
            "{name}: median token length"
        );
        assert_eq!(vocabulary.unk_id(), facts.unk_token_id, "{name}: unknown token");
        assert_eq!(model.table().dim(), facts.dim, "{name}: dim");
        assert_eq!(model.options().max_length, facts.max_length, "{name}: max_length");
        // The reference does not read the Normalize module in modules.json; sentence-transformers and m2v do.
        let normalize = facts.normalize || name.starts_with("st-");
        assert_eq!(model.options().normalize, normalize, "{name}: normalize");
    }
    Ok(())
}

#[test]
fn ids_are_the_references() -> Result<()> {
    let texts = texts()?;
    for (recorded, model) in models()? {
        assert_eq!(texts.len(), recorded.ids.len());
        for (text, expected) in texts.iter().zip(&recorded.ids) {
            let found = model.tokenize(text)?;
            assert_eq!(
                &found,
                expected,
                "{}: {:?}",
                recorded.name,
                text.chars().take(200).collect::<String>()
            );
        }
    }
    Ok(())
}

#[test]
fn means_are_the_references_to_the_bit() -> Result<()> {
    let texts = texts()?;
    for (recorded, model) in models()? {
        let model = model.with_options(model.options().with_normalize(false));
        assert_bits(&recorded.name, model.encode(&texts)?.view(), recorded.mean.view());
    }
    Ok(())
}

#[test]
fn means_of_texts_alone_are_the_references_to_the_bit() -> Result<()> {
    let texts = texts()?;
    for (recorded, model) in models()? {
        let model = model.with_options(model.options().with_normalize(false));
        let mut scratch = Scratch::default();
        // What a text leaves behind is there when the next one comes, and in the second pass what each left.
        for _ in 0..2 {
            for (i, text) in texts.iter().enumerate() {
                let expected = recorded.mean.slice(s![i..=i, ..]);
                let mut found = Array2::from_elem((4, model.dim()), f32::NAN);
                let (mut borrowed, mut owned) = found.view_mut().split_at(Axis(0), 2);
                model.encode_into(&[text], borrowed.slice_mut(s![..1, ..]))?;
                // No slice, and backwards.
                model.encode_into(&[text], borrowed.slice_mut(s![1.., ..;-1]))?;
                model.encode_block(&[text], &mut scratch, owned.slice_mut(s![..1, ..]))?;
                model.encode_block(&[text], &mut scratch, owned.slice_mut(s![1.., ..;-1]))?;
                for (nth, row) in found.rows().into_iter().enumerate() {
                    let row = if nth % 2 == 1 { row.slice_move(s![..;-1]) } else { row };
                    assert_bits(&format!("{}: {i}", recorded.name), row.insert_axis(Axis(0)), expected);
                }
            }
        }
    }
    Ok(())
}

/// Not to the bit: the reference adds the squares in f32 and in numpy's order.
#[test]
fn normalized_vectors_are_the_references() -> Result<()> {
    let texts = texts()?;
    for (recorded, model) in models()? {
        let model = model.with_options(model.options().with_normalize(true));
        assert_close(&recorded.name, model.encode(&texts)?.view(), recorded.normalized.view());
    }
    Ok(())
}

/// ‖v‖ + 1e-32 divides zeros into zeros; squares are added where none overflows or vanishes.
#[test]
fn zeros_and_extremes_are_normalized_too() -> Result<()> {
    for (row, expected) in [
        ([0.0, 0.0], [0.0, 0.0]),
        ([3e30, -4e30], [0.6, -0.8]),
        ([3e-25, -4e-25], [0.6, -0.8]),
        ([f32::MAX, 0.0], [1.0, 0.0]),
    ] {
        let table = EmbeddingTable::try_new(Tensor::from_array(&Array2::from(vec![row])), None, None)?;
        let mut found = Array2::zeros((1, 2));
        table.pool_into(&[0], &[1], PoolOptions::default().with_normalize(true), found.view_mut())?;
        assert_close(&format!("{row:?}"), found.view(), Array2::from(vec![expected]).view());
    }
    Ok(())
}

#[test]
fn a_model_normalizes_as_it_says() -> Result<()> {
    let texts = texts()?;
    for (recorded, model) in models()? {
        let expected = if model.options().normalize { &recorded.normalized } else { &recorded.mean };
        assert_close(&recorded.name, model.encode(&texts)?.view(), expected.view());
    }
    Ok(())
}

#[test]
fn max_length_can_be_changed_after_loading() -> Result<()> {
    let texts = texts()?;
    let shipped = StaticModel::load(&Dir::open(shipped_model())?)?;
    for (name, max_length) in
        [("wordpiece-f16-max8", Some(8)), ("wordpiece-f16-maxNone", None), ("wordpiece-f16", Some(512))]
    {
        let recorded = Recorded::read(name)?;
        let model = shipped.with_options(shipped.options().with_max_length(max_length).with_normalize(false));
        assert_bits(name, model.encode(&texts)?.view(), recorded.mean.view());
    }
    let none = shipped.with_options(shipped.options().with_max_length(Some(0)));
    assert_eq!(none.encode(&texts)?, Array2::<f32>::zeros((texts.len(), 64)));
    Ok(())
}

#[test]
fn vectors_of_tokens_are_the_references() -> Result<()> {
    let texts = texts()?;
    let asked = texts.iter().take(40).chain(texts.iter().skip(texts.len() - 12));
    let model = StaticModel::load(&Dir::open(fixture("models/wordpiece-added-tokens"))?)?;
    let file = fs::read(fixture("wordpiece-added-tokens.per-token.safetensors"))?;
    let recorded = m2v_core::read_tensors("per-token", &file.into())?;
    assert_eq!(recorded.len(), 52);
    for (i, text) in asked.enumerate() {
        let expected = recorded[&i.to_string()].to_array::<f32>()?.into_dimensionality()?;
        let found = model.encode_as_sequence(text, None)?;
        assert_eq!(found.ids.len(), expected.nrows());
        assert_bits(text, found.embeddings.view(), expected.view());
    }
    Ok(())
}

/// No recorded tokenizer adds any; the reference asks for `add_special_tokens=False`.
#[test]
fn special_tokens_are_not_added() -> Result<()> {
    let tokenizer = fs::read_to_string(fixture("models/median/tokenizer.json"))?;
    let adds_an_a_in_front = r#""post_processor":{"type":"TemplateProcessing",
        "single":[{"SpecialToken":{"id":"a","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
        "pair":[{"Sequence":{"id":"A","type_id":0}},{"Sequence":{"id":"B","type_id":1}}],
        "special_tokens":{"a":{"id":"a","ids":[1],"tokens":["a"]}}}"#;
    let nothing = r#""post_processor":null"#;
    assert!(tokenizer.contains(nothing));
    let model =
        StaticModel::load(&small_with("tokenizer.json", tokenizer.replace(nothing, adds_an_a_in_front))?)?;
    assert_eq!(model.tokenize("bb ccc")?, [2, 3]);
    assert_eq!(model.encode_as_sequence("", None)?.ids, [0; 0]);
    Ok(())
}

/// As in the reference, whose answers these are: the model's own `max_length` does not hold, the one that is
/// passed does.
#[test]
fn vectors_of_tokens_are_cut_only_when_asked() -> Result<()> {
    let model = StaticModel::load(&Dir::open(fixture("models/median"))?)?;
    assert_eq!(model.options().max_length, Some(3));
    let text = "a bb a bb nope a";
    assert_eq!(model.encode_as_sequence(text, None)?.ids, [1, 2, 1, 2, 1]);
    assert_eq!(model.encode_as_sequence(text, Some(2))?.ids, [1, 2]);
    // Three ids are kept before the unknown one is dropped.
    assert_eq!(model.encode_as_sequence("a nope bb a", Some(3))?.ids, [1, 2]);
    assert_eq!(model.encode_as_sequence("", None)?.embeddings.shape(), [0, 16]);
    Ok(())
}
