//! Every extension point, implemented by somebody outside with the public API alone.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::ops::DerefMut;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use m2v_core::{Buffer, Checkpoint, Dtype, EmbeddingTable, Sink, Source, Tensor};
use m2v_infer::{
    EncodeOptions, Encoder, EncoderExt, Head, HeadScratch, Output, Pipeline, Prediction, Scratch,
    StaticModel, Task,
};
use m2v_quant::{Context, Steps, Transform, compare};
use m2v_tests::{Recorded, Result, assert_bits, small, texts};
use m2v_tokenize::{Error as TokenizerError, Family, Owner, Tokenizer, Vocabulary};
use ndarray::{Array1, ArrayView2, ArrayViewMut2, Axis, s};

/// A bucket of an object store: one flat map, where the files of a model have a prefix.
struct Prefix<'a> {
    bucket: &'a BTreeMap<String, Buffer>,
    prefix: &'static str,
}

impl Source for Prefix<'_> {
    fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
        Ok(self.bucket.get(&format!("{}{name}", self.prefix)).cloned())
    }

    fn locate(&self, name: &str) -> String {
        format!("store://bucket/{}{name}", self.prefix)
    }
}

/// Uploads to the bucket in parts of a few bytes; what is not finished is not in the bucket.
struct Upload<'a> {
    bucket: &'a mut BTreeMap<String, Buffer>,
    prefix: &'static str,
    pending: Vec<(String, Vec<u8>)>,
}

/// A part that is sent when it is full.
struct Parts<'a>(&'a mut Vec<u8>);

impl Write for Parts<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = &bytes[..bytes.len().min(5)];
        self.0.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Upload<'_> {
    fn write(
        &mut self,
        name: &str,
        len: u64,
        body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        // The first attempt fails halfway, as networks do; the trait allows to ask for the body again.
        let mut lost = Vec::new();
        body(&mut Parts(&mut lost))?;
        let mut sent = Vec::new();
        body(&mut Parts(&mut sent))?;
        assert_eq!(lost, sent, "{name}: the same body again");
        assert_eq!(sent.len() as u64, len, "{name}: the length that was announced");
        self.pending.push((format!("{}{name}", self.prefix), sent));
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.bucket.extend(self.pending.drain(..).map(|(name, bytes)| (name, bytes.into())));
        Ok(())
    }
}

/// Words between white space, with a memo of those seen.
struct Words {
    vocabulary: Vocabulary,
    ids: HashMap<String, u32>,
    memo: Owner,
    looked_up: Arc<AtomicUsize>,
}

impl Words {
    /// Of the vocabulary and the added tokens in a `tokenizer.json` of words.
    fn new(json: &[u8]) -> Result<Self> {
        let file: serde_json::Value = serde_json::from_slice(json)?;
        let mut ids: HashMap<String, u32> = serde_json::from_value(file["model"]["vocab"].clone())?;
        for token in file["added_tokens"].as_array().into_iter().flatten() {
            let next = ids.len() as u32;
            ids.insert(token["content"].as_str().ok_or("a token without content")?.to_owned(), next);
        }
        let vocabulary = Vocabulary::from_json(json)?;
        Ok(Self { vocabulary, ids, memo: Owner::new(), looked_up: Arc::default() })
    }
}

impl Tokenizer for Words {
    fn encode_into(
        &self,
        text: &str,
        scratch: &mut m2v_tokenize::Scratch,
        ids: &mut Vec<u32>,
    ) -> Result<(), TokenizerError> {
        let memo: &mut HashMap<String, u32> = scratch.get(&self.memo, HashMap::new);
        for word in text.split_whitespace() {
            let id = match memo.get(word) {
                Some(id) => *id,
                None => {
                    self.looked_up.fetch_add(1, Ordering::Relaxed);
                    let unknown = || {
                        let bytes = text.len();
                        TokenizerError::Encode { bytes, source: format!("no token for {word}").into() }
                    };
                    let id = self.ids.get(word).copied().or(self.vocabulary.unk_id()).ok_or_else(unknown)?;
                    memo.insert(word.to_owned(), id);
                    id
                }
            };
            ids.push(id);
        }
        Ok(())
    }

    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }
}

/// Two encoders side by side.
struct Beside<A, B>(A, B);

impl<A: Encoder, B: Encoder> Encoder for Beside<A, B> {
    fn dim(&self) -> usize {
        self.0.dim() + self.1.dim()
    }

    fn encode_block(
        &self,
        texts: &[&str],
        scratch: &mut Scratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), m2v_infer::Error> {
        let (left, right) = out.split_at(Axis(1), self.0.dim());
        // Both use one scratch, one after the other.
        self.0.encode_block(texts, scratch, left)?;
        self.1.encode_block(texts, scratch, right)
    }
}

/// Smooth inverse frequency (Arora, Liang & Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", 2017):
/// tokens count a ÷ (a + p), p being their share among those of some texts.
struct Sif {
    a: f32,
    texts: &'static str,
}

impl Transform for Sif {
    fn apply(
        &self,
        mut checkpoint: Checkpoint,
        context: &mut Context<'_>,
    ) -> Result<Checkpoint, m2v_quant::Error> {
        let table = &checkpoint.table;
        let tokenizer = m2v_tokenize::from_json(&checkpoint.tokenizer)?;
        let mut counts = vec![0_u32; table.id_count()];
        let texts = context.texts(self.texts)?;
        for (done, text) in texts.iter().enumerate() {
            context.check()?;
            for id in tokenizer.encode(text)? {
                let no_row = || m2v_quant::Error::Other(format!("token {id} has no row").into());
                *counts.get_mut(id as usize).ok_or_else(no_row)? += 1;
            }
            context.report(done + 1, texts.len());
        }
        let total = counts.iter().sum::<u32>().max(1) as f32;
        let old = |id: usize| table.weights_f32().map_or(1.0, |weights| weights[id]);
        let weight = |(id, &count): (usize, &u32)| old(id) * self.a / (self.a + count as f32 / total);
        let weights: Array1<f32> = counts.iter().enumerate().map(weight).collect();
        let (rows, mapping) = (table.embeddings().clone(), table.mapping().cloned());
        checkpoint.table = EmbeddingTable::try_new(rows, Some(Tensor::from_array(&weights)), mapping)?;
        Ok(checkpoint)
    }
}

#[test]
fn a_transform_from_outside_is_a_step_of_a_recipe() -> Result<()> {
    let steps = Steps::default().with("sif", |value| {
        let a = value.unwrap_or("0.001").parse().ok().filter(|a| *a > 0.0);
        a.map(|a| Sif { a, texts: "corpus" }).ok_or_else(|| "sif=A, a number above 0".to_owned())
    })?;
    let corpus = texts()?;
    let read = |name: &str| match name {
        "corpus" => Ok(corpus.clone()),
        _ => Err(format!("no texts are called {name}").into()),
    };
    let model = Recorded::read("wordpiece-f16")?.checkpoint()?;
    let recipe = steps.parse("prune=corpus+sif=0.01+int8")?;
    let mut context = Context::default().with_texts(&read);
    let small = recipe.apply(model.clone(), &mut context)?;
    assert_eq!(small.config.get("recipe"), Some(&"prune=corpus+sif=0.01+int8".into()));
    assert_eq!(small.table.dtype(), Dtype::I8);
    assert!(small.table.rows() < model.table.rows());

    // It is what its steps are one by one, of which the weights are known.
    let sif = steps.parse("sif=0.01")?.apply(model.clone(), &mut context)?;
    let weights = sif.table.weights_f32().ok_or("no weights")?;
    assert_eq!(weights.iter().copied().fold(0.0, f32::max), 1.0, "of a token that does not occur");
    let of = |token: &str| {
        weights[StaticModel::from_checkpoint(sif.clone()).unwrap().tokenize(token).unwrap()[0] as usize]
    };
    assert!(of("the") < of("sea") && of("the") < 0.5, "{} {}", of("the"), of("sea"));
    let before = StaticModel::from_checkpoint(sif.clone())?.encode(&corpus)?;
    let after = StaticModel::from_checkpoint(small)?.encode(&corpus)?;
    let loss = compare(before.view(), after.view())?;
    assert!(loss.cosine_min > 0.999, "{loss}");

    for (wrong, part) in [("sif=0", "sif=A, a number above 0"), ("siff", "int8, sif")] {
        let error = steps.parse(wrong).err().ok_or("no error")?.to_string();
        assert!(error.contains(part), "{error}");
    }
    Ok(())
}

#[test]
fn all_of_them_work_together() -> Result<()> {
    let texts = texts()?;
    let mut bucket = BTreeMap::new();
    for (prefix, name) in [("small/", "median"), ("models/words-", "word-level")] {
        let checkpoint = Recorded::read(name)?.checkpoint()?;
        let mut upload = Upload { bucket: &mut bucket, prefix, pending: Vec::new() };
        checkpoint.save(&mut upload)?;
        assert!(upload.bucket.keys().all(|key| !key.starts_with(prefix)), "nothing is there before finish");
        upload.finish()?;
    }

    let words = StaticModel::load(&Prefix { bucket: &bucket, prefix: "models/words-" })?;
    let checkpoint = Checkpoint::load(&Prefix { bucket: &bucket, prefix: "small/" })?;
    let options = EncodeOptions::from(&checkpoint.config).with_normalize(false);
    let tokenizer = Words::new(&checkpoint.tokenizer)?;
    let small = StaticModel::from_parts(checkpoint.table, Box::new(tokenizer), options)?;
    let both = Beside(words.with_options(words.options().with_normalize(false)), small);

    let found = both.encode(&texts)?;
    let (left, right) = (Recorded::read("word-level")?, Recorded::read("median")?);
    assert_bits("left", found.slice(s![.., ..16]), left.mean.view());
    assert_bits("right", found.slice(s![.., 16..]), right.mean.view());
    Ok(())
}

#[test]
fn a_memo_serves_its_tokenizer_and_no_other() -> Result<()> {
    let json = |first: &str, second: &str| {
        format!(
            r#"{{"model": {{"type": "WordLevel", "unk_token": "?", "vocab": {{"?": 0, "{first}": 1, "{second}": 2}}}}}}"#
        )
    };
    let (one, other) = (Words::new(json("a", "b").as_bytes())?, Words::new(json("b", "a").as_bytes())?);
    let mut scratch = m2v_tokenize::Scratch::default();
    for round in 1..=3 {
        for (tokenizer, expected) in [(&one, [1, 2, 1]), (&other, [2, 1, 2])] {
            let mut ids = Vec::new();
            tokenizer.encode_into("a b a", &mut scratch, &mut ids)?;
            assert_eq!(ids, expected, "round {round}");
        }
    }
    // Used in turn, each remembers; after many others, it starts anew.
    assert_eq!(one.looked_up.load(Ordering::Relaxed), 2);
    for _ in 0..4 {
        let another = Words::new(json("a", "b").as_bytes())?;
        another.encode_into("a b a", &mut scratch, &mut Vec::new())?;
    }
    for _ in 0..3 {
        one.encode_into("a b a", &mut scratch, &mut Vec::new())?;
    }
    assert_eq!(one.looked_up.load(Ordering::Relaxed), 4);
    Ok(())
}

#[test]
fn a_model_keeps_the_memo_warm_between_calls() -> Result<()> {
    let checkpoint = Checkpoint::load(&small()?)?;
    let tokenizer = Words::new(&checkpoint.tokenizer)?;
    let looked_up = Arc::clone(&tokenizer.looked_up);
    let model = StaticModel::from_parts(checkpoint.table, Box::new(tokenizer), EncodeOptions::default())?;
    for _ in 0..5 {
        model.encode(&["a bb", "bb ccc"])?;
        model.with_options(EncodeOptions::default().with_max_length(None)).encode_one("ccc a")?;
    }
    assert_eq!(looked_up.load(Ordering::Relaxed), 3);
    Ok(())
}

/// What the author of a source or sink knows and the crate does not.
#[derive(Debug, PartialEq)]
struct QuotaExceeded(u32);

impl std::fmt::Display for QuotaExceeded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "quota of {} requests exceeded", self.0)
    }
}

impl std::error::Error for QuotaExceeded {}

struct Exhausted;

impl Source for Exhausted {
    fn read(&self, _: &str) -> io::Result<Option<Buffer>> {
        Err(io::Error::other(QuotaExceeded(5)))
    }

    fn locate(&self, name: &str) -> String {
        format!("store://{name}")
    }
}

impl Sink for Exhausted {
    fn write(
        &mut self,
        _: &str,
        _: u64,
        _: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        Err(io::Error::other(QuotaExceeded(6)))
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn errors_of_a_source_or_sink_keep_their_type() -> Result<()> {
    let loading = Checkpoint::load(&Exhausted).map(|_| ());
    let saving = Checkpoint::load(&small()?)?.save(&mut Exhausted);
    for (result, quota, place) in [(loading, 5, "store://config.json"), (saving, 6, "model.safetensors")] {
        let Err(m2v_core::Error::Io { file, source }) = result else {
            return Err(format!("expected Error::Io, found {result:?}").into());
        };
        assert_eq!(file, place);
        let inner = source.into_inner().ok_or("no inner error")?;
        assert_eq!(inner.downcast_ref(), Some(&QuotaExceeded(quota)));
    }
    Ok(())
}

#[test]
fn an_error_of_a_tokenizer_comes_back() -> Result<()> {
    let checkpoint = Checkpoint::load(&small()?)?;
    let json = String::from_utf8(checkpoint.tokenizer.to_vec())?
        .replace(r#""unk_token":"[UNK]""#, r#""unk_token":"-""#);
    let model = StaticModel::from_parts(
        checkpoint.table,
        Box::new(Words::new(json.as_bytes())?),
        EncodeOptions::default(),
    )?;
    let error = model.encode_one("a strange word").unwrap_err();
    assert!(
        matches!(&error, m2v_infer::Error::Tokenize(TokenizerError::Encode { bytes: 14, .. })),
        "{error:?}"
    );
    assert_eq!(error.to_string(), "a text of 14 bytes could not be tokenised: no token for strange");
    // Of several, it says which, in whatever block that is.
    for place in [0, 1, 700, 999] {
        let mut texts = vec!["a bb"; 1000];
        texts[place] = "a strange word";
        let error = model.encode(&texts).unwrap_err();
        assert!(matches!(&error, m2v_infer::Error::Text { text, .. } if *text == place), "{error:?}");
        assert!(error.to_string().starts_with(&format!("text {place}: a text of 14 bytes")), "{error}");
    }
    Ok(())
}

#[test]
fn a_tokenizer_that_hands_on_no_ids_is_found_out() -> Result<()> {
    struct Silent(Vocabulary);
    impl Tokenizer for Silent {
        fn encode_into(
            &self,
            _: &str,
            _: &mut m2v_tokenize::Scratch,
            _: &mut Vec<u32>,
        ) -> Result<(), TokenizerError> {
            Ok(())
        }

        fn with_ids(
            &self,
            _: &str,
            _: &mut dyn DerefMut<Target = m2v_tokenize::Scratch>,
            _: &mut dyn FnMut(&mut [u32]),
        ) -> Result<(), TokenizerError> {
            Ok(())
        }

        fn vocabulary(&self) -> &Vocabulary {
            &self.0
        }
    }
    let table = EmbeddingTable::try_new(Tensor::from_vec(&[1, 1], vec![1.0_f32])?, None, None)?;
    let tokenizer = Box::new(Silent(Vocabulary::new(0, 1)));
    let model = StaticModel::from_parts(table, tokenizer, EncodeOptions::default())?;
    let error = model.encode_one("a").unwrap_err();
    let expected = "texts whose ids a tokenizer handed on";
    assert!(
        matches!(&error, m2v_infer::Error::Data(m2v_core::Error::Shape { what, .. }) if *what == expected),
        "{error:?}"
    );
    Ok(())
}

/// A head whose scores are all made of the first coordinate.
struct OfFirst {
    output: Output,
    score: fn(f32) -> f32,
    probability: fn(f32) -> f32,
}

impl Head for OfFirst {
    fn output(&self) -> &Output {
        &self.output
    }

    fn score_block(
        &self,
        embeddings: ArrayView2<'_, f32>,
        _: &mut HeadScratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), m2v_infer::Error> {
        out.assign(&embeddings.slice(s![.., ..1]).mapv(self.score));
        Ok(())
    }

    fn to_probabilities(&self, mut scores: ArrayViewMut2<'_, f32>) {
        scores.mapv_inplace(self.probability);
    }
}

/// What is chosen at run time, or shared, goes wherever any may.
#[test]
fn traits_hold_behind_pointers() -> Result<()> {
    let bucket = small()?.files().map(|(name, bytes)| (name.to_owned(), bytes.clone())).collect();
    let source: Box<dyn Source + '_> = Box::new(Prefix { bucket: &bucket, prefix: "" });
    fn load<S: Source>(source: S) -> Result<(Checkpoint, String)> {
        Ok((Checkpoint::load(&source)?, source.locate("x")))
    }
    let (checkpoint, place) = load(&source)?;
    assert_eq!(place, "store://bucket/x");
    let mut memory = m2v_core::Memory::new();
    let sink: &mut dyn Sink = &mut memory;
    fn write(mut sink: impl Sink) -> io::Result<()> {
        sink.write_bytes("a", b"b")?;
        sink.finish()
    }
    write(sink)?;
    assert_eq!(memory.read("a")?.as_deref(), Some(&b"b"[..]));

    // One tokenizer of two models, with its own way for many texts.
    let tokenizer: Arc<dyn Tokenizer> = Arc::from(m2v_tokenize::from_json(&checkpoint.tokenizer)?);
    let model = |table: &EmbeddingTable| {
        StaticModel::from_parts(table.clone(), Box::new(Arc::clone(&tokenizer)), EncodeOptions::default())
    };
    let (one, two) = (model(&checkpoint.table)?, model(&checkpoint.table)?);
    assert_eq!(one.tokenizer().implementation(), "m2v, native");
    assert_eq!(one.encode(&["a bb"])?, two.encode(&["a bb"])?);

    // An encoder and a head that are known at run time only.
    let encoder: Box<dyn Encoder> = Box::new(one.clone());
    let output = Output::unnamed(Task::Regression, 1);
    let head: Arc<dyn Head> = Arc::new(OfFirst { output, score: |x| x, probability: |x| x });
    let pipeline = Pipeline::new(encoder, head)?;
    assert!(pipeline.static_model().is_none());
    let values = pipeline.predict(&["a bb"])?;
    let expected = one.encode_one("a bb")?[0];
    assert!(matches!(values.iter().next(), Some(Prediction::Values(values)) if values[0] == expected));
    let scaled = pipeline.with_encoder(Arc::new(two.with_options(two.options().with_normalize(true))))?;
    assert_ne!(scaled.predict(&["a bb"])?.iter().next(), values.iter().next());

    let transform: Box<dyn Transform + Send + Sync> = Box::new(m2v_quant::Truncate { dim: 2 });
    let step = m2v_quant::Step::new("first", None, transform)?;
    let recipe = m2v_quant::Recipe::default().then(step)?;
    assert_eq!(recipe.apply(checkpoint, &mut Context::default())?.table.dim(), 2);
    Ok(())
}

/// A head of somebody else's that makes no number is an error, not the first class.
#[test]
fn scores_that_are_no_numbers_are_refused() -> Result<()> {
    let classes = || vec!["no".into(), "yes".into()];
    let none = Output::classifier(Task::SingleLabel, classes());
    let none = OfFirst { output: none, score: |_| f32::NAN, probability: |x| x };
    // Finite scores, of which it makes probabilities that are not.
    let overflows = Output::classifier(Task::MultiLabel, classes());
    let overflows = OfFirst { output: overflows, score: |_| 1e9, probability: |x| x.exp() / x.exp() };
    for head in [none, overflows] {
        let pipeline = Pipeline::new(StaticModel::load(&small()?)?, head)?;
        let error = pipeline.predict(&["a"]).map(|_| ()).unwrap_err();
        assert!(matches!(error, m2v_infer::Error::NotFinite { value } if value.is_nan()), "{error:?}");
    }
    Ok(())
}

/// A tokenizer without a `tokenizer.json`.
#[test]
fn a_vocabulary_may_come_from_elsewhere() -> Result<()> {
    struct Bytes(Vocabulary);
    impl Tokenizer for Bytes {
        fn encode_into(
            &self,
            text: &str,
            _: &mut m2v_tokenize::Scratch,
            ids: &mut Vec<u32>,
        ) -> Result<(), TokenizerError> {
            ids.extend(text.bytes().map(|byte| if byte < 128 { u32::from(byte) } else { 128 }));
            Ok(())
        }

        fn vocabulary(&self) -> &Vocabulary {
            &self.0
        }
    }
    let vocabulary = Vocabulary::new(127, 1).with_unk(128, "?").with_pad(0, "NUL");
    assert_eq!((vocabulary.len(), vocabulary.max_id(), vocabulary.unk_id()), (129, 128, Some(128)));
    assert_eq!((vocabulary.pad().id, &*vocabulary.pad().content), (0, "NUL"));
    assert_eq!((vocabulary.family(), vocabulary.family().to_string()), (Family::Other, "other".to_owned()));
    let table = Tensor::from_vec(&[129, 1], (0..129_u8).map(f32::from).collect())?;
    let table = EmbeddingTable::try_new(table, None, None)?;
    let options = EncodeOptions::default().with_max_length(Some(3));
    let model = StaticModel::from_parts(table, Box::new(Bytes(vocabulary)), options)?;
    assert_eq!(model.tokenize("aéb and more")?, [97], "cut to three characters, then to three tokens");
    assert_eq!(model.encode_one("ac")?[0], 98.0);
    assert_eq!(model.encode_one("aéb and more")?[0], 97.0);
    Ok(())
}
