//! What can go wrong when a model is exported.

/// The result of this crate's fallible calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong when a model is exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The data of the model is wrong, or a file could not be written.
    #[error(transparent)]
    Data(#[from] m2v_core::Error),
    /// The tokenizer is wrong.
    #[error(transparent)]
    Tokenize(#[from] m2v_tokenize::Error),
    /// The table does not cover the tokenizer's ids.
    #[error("the table covers {covered} ids, but tokenizer.json has ids up to {max_id}")]
    Ids {
        /// Ids the table covers.
        covered: usize,
        /// The tokenizer's largest id.
        max_id: u32,
    },
    /// The graph would be larger than protobuf readers accept.
    #[error("{file}: {bytes} bytes, but ONNX files end at 2 GiB; export fewer dimensions or a smaller dtype")]
    TooLarge {
        /// Name of the file.
        file: String,
        /// Bytes it would have.
        bytes: u64,
    },
    /// A [`Lower`](crate::Lower) of another crate failed.
    #[error("lower: {0}")]
    Lower(#[source] Box<dyn std::error::Error + Send + Sync>),
}
