//! What ends a task before it is done. What to do next about it is in [`next_step`](Error::next_step).

use std::io;
use std::path::Path;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Data(#[from] m2v_core::Error),
    #[error(transparent)]
    Infer(#[from] m2v_infer::Error),
    #[error(transparent)]
    Tokenize(#[from] m2v_infer::tokenize::Error),
    #[error(transparent)]
    Quant(m2v_quant::Error),
    #[error(transparent)]
    Export(#[from] m2v_onnx::Error),
    #[error("{file}: {source}")]
    Io { file: String, source: io::Error },
    #[error("{file}: {message}")]
    Texts { file: String, message: String },
    #[error("{model}: no such folder")]
    NoFolder { model: String },
    #[error("{model}: not in the cache, and a dry run fetches nothing")]
    NotCached { model: String },
    #[error("{out}: is or holds the model, which would be replaced")]
    HoldsModel { out: String },
    #[error(transparent)]
    Out(m2v_core::Error),
    #[error("{file}: {source}")]
    Write { file: String, source: io::Error },
    #[error("{file}: rten: {message}")]
    Graph { file: String, message: String },
    #[error("not within bounds, nothing was written: {}", failures.join("; "))]
    Bounds { failures: Vec<String>, recipes: Vec<String> },
    #[error(
        "text {text} of those to verify on: the model's vector holds NaN or infinity: numbers of its table are too \
         large, or none"
    )]
    NotFinite { text: usize },
    #[error("cannot handle Ctrl-C: {0}")]
    Signals(#[source] ctrlc::Error),
    #[error("cannot run {program}: {source}")]
    Start { program: String, source: io::Error },
    #[error("{program}: {status}")]
    Ended { program: String, status: std::process::ExitStatus },
    #[error("{failed} of {cases} cases failed")]
    Clients { failed: usize, cases: usize },
    #[error("interrupted")]
    Interrupted,
}

impl From<m2v_quant::Error> for Error {
    fn from(error: m2v_quant::Error) -> Self {
        match error {
            m2v_quant::Error::Cancelled => Self::Interrupted,
            error => Self::Quant(error),
        }
    }
}

impl Error {
    pub(crate) fn io(file: &Path, source: io::Error) -> Self {
        Self::Io { file: file.display().to_string(), source }
    }

    pub(crate) fn texts(file: &Path, message: impl ToString) -> Self {
        Self::Texts { file: file.display().to_string(), message: message.to_string() }
    }

    /// An error of writing a folder: files that fail then are those that are written.
    pub(crate) fn of_writing(folder: &str, error: impl Into<Self>) -> Self {
        match error.into() {
            Self::Data(m2v_core::Error::Io { file, source })
            | Self::Export(m2v_onnx::Error::Data(m2v_core::Error::Io { file, source })) => {
                Self::Write { file: format!("{folder}/{file}"), source }
            }
            error => error,
        }
    }
}
