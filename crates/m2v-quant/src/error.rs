//! What can go wrong when a model is transformed.

use m2v_core::Dtype;

/// The result of this crate's fallible calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong when a model is transformed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data of the model is wrong.
    #[error(transparent)]
    Data(#[from] m2v_core::Error),
    /// A value that a quantised table cannot hold: NaN, infinite, or too large for the type.
    #[error("tensor `{tensor}`: {value} in row {row} cannot be quantised to {dtype}")]
    Value {
        /// Name of the tensor.
        tensor: &'static str,
        /// Where it is; for `weights`, the token.
        row: usize,
        /// The value.
        value: f64,
        /// The type it should become.
        dtype: Dtype,
    },
    /// A cast to a type that is not a float.
    #[error("cast to {0}: expected float64, float32, float16 or bfloat16 (Int8 makes int8 tables)")]
    CastTo(Dtype),
    /// More dimensions than there are, or none.
    #[error("dims: expected 1 to {columns}, the columns of the table, found {requested}")]
    Dims {
        /// Dimensions that were asked for.
        requested: usize,
        /// Columns of the table.
        columns: usize,
    },
    /// More clusters than there are rows, or none.
    #[error("clusters: expected 1 to {rows}, the rows of the table, found {requested}")]
    Clusters {
        /// Clusters that were asked for.
        requested: usize,
        /// Rows of the table.
        rows: usize,
    },
    /// The vocabulary has been quantised before.
    #[error("clusters: the vocabulary is already quantized, {tokens} tokens share {rows} rows")]
    Mapped {
        /// Rows of the table.
        rows: usize,
        /// Tokens that the mapping covers.
        tokens: usize,
    },
    /// The dimensions of an encoder under a classifier head cannot be cut.
    #[error(
        "dims: the head of this model takes vectors of {columns} dimensions; a model with a head cannot be cut"
    )]
    HeadInput {
        /// Columns of the table, inputs of the head.
        columns: usize,
    },
    /// The tokenizer of the model is wrong, or cannot do what is asked of it.
    #[error(transparent)]
    Tokenize(#[from] m2v_tokenize::Error),
    /// Texts that a step needs could not be read.
    #[error("texts `{name}`: {source}")]
    Texts {
        /// What the step calls them.
        name: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A text that would have other tokens than before in a pruned vocabulary.
    #[error(
        "texts `{name}`, text {text}: the tokenizer without the unused tokens gives other tokens; its vocabulary \
         cannot be pruned for this text"
    )]
    Pruned {
        /// What the step calls the texts.
        name: String,
        /// Which text, from 0.
        text: usize,
    },
    /// A step of a recipe that there is not, or not so.
    #[error("recipe: step `{step}`: expected {expected}")]
    Step {
        /// The step as it was written.
        step: String,
        /// What would have been accepted.
        expected: String,
    },
    /// Two steps of a recipe that make no sense one after the other.
    #[error("recipe: `{step}` after `{earlier}`: {reason}")]
    Order {
        /// The later step.
        step: String,
        /// The earlier step.
        earlier: String,
        /// Why not.
        reason: &'static str,
    },
    /// An error of a transform that is not of this crate.
    #[error(transparent)]
    Other(Box<dyn std::error::Error + Send + Sync>),
    /// Two sets of embeddings that cannot be compared.
    #[error(
        "compare: expected arrays [texts, dim] of the same texts, at least one, the second with at most as many columns \
         as the first, found {before:?} and {after:?}"
    )]
    Compare {
        /// Shape of the first.
        before: [usize; 2],
        /// Shape of the second.
        after: [usize; 2],
    },
    /// The context's cancel flag was set.
    #[error("cancelled")]
    Cancelled,
}
