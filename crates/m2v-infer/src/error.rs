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
    /// An [`Encoder`](crate::Encoder) of another crate failed.
    #[error("encoder: {0}")]
    Encoder(#[source] Box<dyn std::error::Error + Send + Sync>),
}
