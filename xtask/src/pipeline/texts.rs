//! The texts that artefacts are verified on.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::{Error, Result};

/// Prose, other scripts, messy text, empty and unknown-only texts, more than 512 tokens.
const SHIPPED: &str = "tests/fixtures/texts.json";

/// Texts to verify on, and where they come from.
pub(crate) struct Texts {
    pub(crate) texts: Vec<String>,
    pub(crate) origin: String,
}

impl Texts {
    /// Reads a file of one text a line, or the texts that come with the repository.
    pub(crate) fn load(file: Option<&Path>, workspace: &Path) -> Result<Self> {
        let path = file.map_or_else(|| workspace.join(SHIPPED), PathBuf::from);
        let read = fs::read_to_string(&path).map_err(|source| Error::io(&path, source))?;
        let error = |message: String| Error::Texts { file: path.display().to_string(), message };
        let texts: Vec<String> = match file {
            None => serde_json::from_str(&read).map_err(|source| error(source.to_string()))?,
            // Not `lines`: a text may end in a carriage return of its own.
            Some(_) => read
                .split_terminator('\n')
                .map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned())
                .collect(),
        };
        if texts.is_empty() {
            return Err(error("no texts to verify on; expected one a line".to_owned()));
        }
        let origin = file.map_or_else(|| SHIPPED.to_owned(), |file| file.display().to_string());
        Ok(Self { texts, origin })
    }
}
