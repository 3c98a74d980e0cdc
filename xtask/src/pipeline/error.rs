//! What can go wrong in the pipeline.

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
    Quant(m2v_quant::Error),
    #[error(transparent)]
    Export(#[from] m2v_onnx::Error),
    #[error("{file}: {source}")]
    Io { file: String, source: io::Error },
    #[error("{file}: {message}")]
    Texts { file: String, message: String },
    #[error("{source}; choose another --out (only a folder that an earlier run wrote is replaced)")]
    Out { source: m2v_core::Error },
    #[error("{file}: rten: {message}")]
    Graph { file: String, message: String },
    #[error("not within bounds, nothing was written: {0}")]
    Bounds(String),
    #[error("cannot handle Ctrl-C: {0}")]
    Signals(#[source] ctrlc::Error),
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
}
