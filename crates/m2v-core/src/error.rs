//! What can go wrong with a model's data.

use std::borrow::Cow;
use std::io;

use crate::dtype::Dtype;

/// The result of this crate's fallible calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a model's data. Each variant names the file, tensor or option it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written. An error of a [`Source`](crate::Source) or
    /// [`Sink`](crate::Sink) is the `source`.
    #[error("{file}: {source}")]
    Io {
        /// Path or address of the file.
        file: String,
        /// What the system or the source said.
        source: io::Error,
    },
    /// No layout of a model folder matches.
    #[error(
        "{location}: no model here: {found}; a model is config.json + model.safetensors + tokenizer.json, \
         or a sentence-transformers folder with config_sentence_transformers.json"
    )]
    NoModel {
        /// Path or address that was searched.
        location: String,
        /// What was there and what was missing.
        found: String,
    },
    /// A file that the model says it has is not there.
    #[error("{file}: not found, but {reason}")]
    MissingFile {
        /// Path or address of the file.
        file: String,
        /// Why it has to be there.
        reason: String,
    },
    /// A JSON file does not parse.
    #[error("{file}: broken JSON: {source}")]
    Json {
        /// Path or address of the file.
        file: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A key of a configuration has a value it cannot have.
    #[error("{file}: key `{key}`: expected {expected}, found {}", short(found))]
    Config {
        /// Path or address of the file.
        file: String,
        /// The key.
        key: String,
        /// The values that are allowed.
        expected: String,
        /// The value that was there.
        found: String,
    },
    /// The header of a safetensors file is not valid, or does not fit the file's length.
    #[error("{file}: not a valid safetensors file ({length} bytes): {source}")]
    Safetensors {
        /// Path or address of the file.
        file: String,
        /// Bytes the file has.
        length: usize,
        /// What is wrong with it.
        source: safetensors::SafeTensorError,
    },
    /// A tensor that has to be there is not.
    #[error("no tensor {expected}; the file has: {}", short(found))]
    MissingTensor {
        /// Names that would have been accepted.
        expected: String,
        /// Names that are there.
        found: String,
    },
    /// A tensor has a type, shape or content it cannot have.
    #[error("tensor `{tensor}`: expected {expected}, found {found}")]
    Tensor {
        /// Name of the tensor.
        tensor: String,
        /// What would have been accepted.
        expected: String,
        /// What was there.
        found: String,
    },
    /// An argument's length or shape does not match.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// The argument.
        what: &'static str,
        /// The size it should have.
        expected: usize,
        /// The size it has.
        found: usize,
    },
    /// A token id beyond the embedding table.
    #[error("token id {id} is not in the table, which covers {count} ids")]
    IdOutOfRange {
        /// The id.
        id: u32,
        /// The table covers the ids `0..count`.
        count: usize,
    },
    /// A legacy head, `pipeline.skops`, is not what such a file is, or is beyond the limits.
    #[error("{file}: {place}: expected {expected}, found {}", short(found))]
    Skops {
        /// Path or address of the file.
        file: String,
        /// The member of the archive, or the attribute of the head.
        place: String,
        /// What would have been accepted.
        expected: String,
        /// What was there.
        found: String,
    },
    /// A legacy head, `pipeline.skops`, holds an object of a type that is not read.
    #[error("{file}: {name} is not among the types that a Model2Vec head is made of; no other is read")]
    SkopsType {
        /// Path or address of the file.
        file: String,
        /// The type.
        name: String,
    },
    /// An error with the file it was found in.
    #[error("{file}: {source}")]
    InFile {
        /// Path or address of the file.
        file: String,
        /// The error.
        source: Box<Self>,
    },
}

/// What was found, or the beginning of it: a file may have anything in the place of a number.
fn short(found: &str) -> Cow<'_, str> {
    /// Characters that are shown.
    const LONGEST: usize = 200;
    match found.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &found[..end]).into(),
        None => found.into(),
    }
}

impl Error {
    /// Adds the file an error was found in.
    #[must_use]
    pub(crate) fn in_file(self, file: impl Into<String>) -> Self {
        Self::InFile { file: file.into(), source: Box::new(self) }
    }

    pub(crate) fn skops(file: &str, place: &str, expected: &str, found: &str) -> Self {
        let [file, place, expected, found] = [file, place, expected, found].map(str::to_owned);
        Self::Skops { file, place, expected, found }
    }

    pub(crate) fn tensor(
        tensor: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Self::Tensor { tensor: tensor.into(), expected: expected.into(), found: found.into() }
    }
}

/// Formats a type and shape for messages: `float16 [29525, 64]`.
pub(crate) fn describe(dtype: Dtype, shape: &[usize]) -> String {
    format!("{dtype} {shape:?}")
}
