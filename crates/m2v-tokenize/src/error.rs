//! What can go wrong with a tokenizer.

/// The result of this crate's fallible calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a tokenizer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `tokenizer.json` does not parse.
    #[error("tokenizer.json: broken JSON: {0}")]
    Json(#[source] serde_json::Error),
    /// `tokenizer.json` describes something that is not a tokenizer.
    #[error("tokenizer.json: {field}: expected {expected}, found {found}")]
    Field {
        /// The field, as a path from the top.
        field: &'static str,
        /// What would have been accepted.
        expected: &'static str,
        /// What was there.
        found: String,
    },
    /// `tokenizer.json` cannot be run: the `tokenizers` crate refuses it, or it would take all memory there is.
    #[error("tokenizer.json: {0}")]
    Unsupported(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No tokenizer that was compiled in can run `tokenizer.json`.
    #[error(
        "tokenizer.json: this {0} tokenizer has a part that native code does not run; the feature `hf` brings the \
         `tokenizers` crate, which may"
    )]
    NotCompiled(crate::Family),
    /// A text could not be tokenised.
    #[error("a text of {bytes} bytes could not be tokenised: {source}")]
    Encode {
        /// Length of the text.
        bytes: usize,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
