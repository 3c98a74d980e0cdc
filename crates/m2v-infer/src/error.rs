//! What can go wrong when encoding.

/// The result of this crate's fallible calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong when loading a model or encoding.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model's data is wrong, or an output has the wrong shape.
    #[error(transparent)]
    Data(#[from] m2v_core::Error),
    /// The tokenizer is wrong, or a text could not be tokenised.
    #[error(transparent)]
    Tokenize(#[from] m2v_tokenize::Error),
    /// The table was made for another tokenizer.
    #[error(
        "the table has {rows} rows, but tokenizer.json has {tokens} tokens with ids up to {max_id}; without a \
         mapping there must be one row for each token"
    )]
    RowsAndTokens {
        /// Rows of the table.
        rows: usize,
        /// Distinct tokens of the tokenizer, added tokens included.
        tokens: usize,
        /// The tokenizer's largest id.
        max_id: u32,
    },
    /// The mapping, or the weights beside it, do not reach the tokenizer's largest id.
    #[error(
        "mapping and weights cover {covered} ids, but tokenizer.json has ids up to {max_id}; each must be \
         longer than the largest id"
    )]
    MappingAndTokens {
        /// Ids that both tensors cover.
        covered: usize,
        /// The tokenizer's largest id.
        max_id: u32,
    },
    /// A model without a head was loaded as a pipeline.
    #[error(
        "{location}: no head here: a pipeline has head.safetensors and a head_config in config.json, or, from \
         model2vec before 0.9, pipeline.skops"
    )]
    NoHead {
        /// Path or address of the model.
        location: String,
    },
    /// Encoder and head do not belong together.
    #[error("the head takes vectors of length {input}, but the encoder gives vectors of length {dim}")]
    HeadInput {
        /// What the head takes.
        input: usize,
        /// What the encoder gives.
        dim: usize,
    },
    /// A classifier whose classes have no labels was asked for labels.
    #[error("predict: this classifier has no classes (null in head_config); predict_proba needs none")]
    NoClasses,
    /// A regression was asked for what only classifiers have.
    #[error("{call}: this head is a regression, which has no classes; predict gives its values")]
    Regression {
        /// The call.
        call: &'static str,
    },
    /// The head made something that is no number of a text.
    #[error(
        "head: one of its outputs for a text is {value}: numbers of the table, of its weights or of the head are too \
         large, or none"
    )]
    NotFinite {
        /// The output.
        value: f32,
    },
    /// One of several texts could not be encoded; of those of which that is so, any.
    #[error("text {text}: {source}")]
    Text {
        /// The text, counted from 0.
        text: usize,
        /// Why.
        source: Box<Error>,
    },
    /// The label to evaluate a text with is of the wrong kind.
    #[error("label of text {text}: expected {expected}, found {found}")]
    Target {
        /// The text, counted from 0.
        text: usize,
        /// What this classifier predicts.
        expected: &'static str,
        /// What was given.
        found: String,
    },
    /// Nothing to evaluate with.
    #[error("evaluate: expected at least one text with its label, found none")]
    NothingToEvaluate,
    /// A pipeline that was not made of a checkpoint was to be saved.
    #[error("save: only a pipeline that was loaded, or made of a checkpoint, can be saved")]
    NoCheckpoint,
    /// A [`Head`](crate::Head) of another crate failed.
    #[error("head: {0}")]
    Head(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An [`Encoder`](crate::Encoder) of another crate failed.
    #[error("encoder: {0}")]
    Encoder(#[source] Box<dyn std::error::Error + Send + Sync>),
}
