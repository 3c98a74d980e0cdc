//! The snippets of the README and of the guides, as doc tests.

macro_rules! guides {
    ($($name:ident: $path:literal,)*) => {$(
        #[doc = include_str!(concat!("../../", $path))]
        #[expect(dead_code, reason = "only its documentation counts")]
        struct $name;
    )*};
}

guides! {
    Readme: "README.md",
    PickACrate: "docs/pick-a-crate.md",
    LoadAnyModel: "docs/load-any-model.md",
    Quantise: "docs/quantise.md",
    ServeAClassifier: "docs/serve-a-classifier.md",
    EmbedInABinary: "docs/embed-in-a-binary.md",
    LargeCorpora: "docs/large-corpora.md",
    FromPython: "docs/from-python.md",
    FromModel2VecRs: "docs/from-model2vec-rs.md",
    SourceAndSink: "docs/extend/source-and-sink.md",
    Tokenizer: "docs/extend/tokenizer.md",
    Encoder: "docs/extend/encoder.md",
    Head: "docs/extend/head.md",
    Lower: "docs/extend/lower.md",
    Transform: "docs/extend/transform.md",
}
