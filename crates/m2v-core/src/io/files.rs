//! A model of single files, wherever they are.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Source;
use crate::buffer::Buffer;

/// A model of single files with names of their own, for example WordLlama's `*.safetensors` and tokenizer JSON
/// that come without a configuration.
///
/// Without [`Files::config`] the defaults hold: not normalised, `max_length` 512.
///
/// ```no_run
/// use m2v_core::{Checkpoint, Files};
///
/// let checkpoint = Checkpoint::load(&Files::new("l2_supercat_256.safetensors", "l2_tokenizer.json"))?;
/// # Ok::<(), m2v_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Files {
    table: PathBuf,
    tokenizer: PathBuf,
    config: Option<PathBuf>,
}

impl Files {
    /// A safetensors file and a tokenizer JSON.
    pub fn new(table: impl Into<PathBuf>, tokenizer: impl Into<PathBuf>) -> Self {
        Self { table: table.into(), tokenizer: tokenizer.into(), config: None }
    }

    /// Adds a configuration file.
    #[must_use]
    pub fn config(mut self, config: impl Into<PathBuf>) -> Self {
        self.config = Some(config.into());
        self
    }

    fn path(&self, name: &str) -> Option<&Path> {
        match name {
            "model.safetensors" => Some(&self.table),
            "tokenizer.json" => Some(&self.tokenizer),
            "config.json" => self.config.as_deref(),
            _ => None,
        }
    }
}

impl Source for Files {
    /// A file that was named has to be there: its absence is an error, not `None`.
    fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
        match self.path(name) {
            Some(path) => fs::read(path).map(|bytes| Some(bytes.into())),
            None if name == "config.json" => Ok(Some(b"{}".into())),
            None => Ok(None),
        }
    }

    fn locate(&self, name: &str) -> String {
        self.path(name).unwrap_or(&self.table).display().to_string()
    }
}
