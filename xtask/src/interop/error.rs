//! What can go wrong in the run, clients' failures aside: those are rows of its table.

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
    #[error("{file}: {source}")]
    Io { file: String, source: io::Error },
    #[error("{file}: {message}")]
    Texts { file: String, message: String },
    #[error("cannot run {program}: {source}")]
    Start { program: String, source: io::Error },
    #[error("{program}: {status}")]
    Export { program: String, status: std::process::ExitStatus },
    #[error("{failed} of {cases} cases failed")]
    Clients { failed: usize, cases: usize },
}

impl Error {
    pub(crate) fn io(file: &Path, source: io::Error) -> Self {
        Self::Io { file: file.display().to_string(), source }
    }
}
