//! Which files make a model folder.

use std::io;

use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::io::Source;

/// The ways a model folder is laid out, in the order they are tried (`FOLDER_LAYOUTS` of the reference).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// `config.json`, `model.safetensors`, `tokenizer.json`.
    Model2Vec,
    /// `config_sentence_transformers.json`, `model.safetensors`, `tokenizer.json`.
    SentenceTransformers,
    /// `config_sentence_transformers.json`, `0_StaticEmbedding/{model.safetensors,tokenizer.json}`.
    StaticEmbedding,
}

/// The three files of a layout, read.
pub(crate) struct Files {
    pub(crate) layout: Layout,
    pub(crate) config: Buffer,
    pub(crate) table: Buffer,
    pub(crate) tokenizer: Buffer,
}

impl Layout {
    const ALL: [Self; 3] = [Self::Model2Vec, Self::SentenceTransformers, Self::StaticEmbedding];

    /// The name of the configuration file.
    #[must_use]
    pub const fn config(self) -> &'static str {
        match self {
            Self::Model2Vec => "config.json",
            Self::SentenceTransformers | Self::StaticEmbedding => "config_sentence_transformers.json",
        }
    }

    /// The name of the file with the embedding table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Model2Vec | Self::SentenceTransformers => "model.safetensors",
            Self::StaticEmbedding => "0_StaticEmbedding/model.safetensors",
        }
    }

    /// The name of the tokenizer file.
    #[must_use]
    pub const fn tokenizer(self) -> &'static str {
        match self {
            Self::Model2Vec | Self::SentenceTransformers => "tokenizer.json",
            Self::StaticEmbedding => "0_StaticEmbedding/tokenizer.json",
        }
    }

    /// Whether sentence-transformers wrote it, so that `modules.json` may ask for normalisation.
    #[must_use]
    pub const fn is_sentence_transformers(self) -> bool {
        !matches!(self, Self::Model2Vec)
    }

    /// Finds the first layout whose three files are all there, and reads them. `at_tokenizer` is called with each
    /// tokenizer before the table is read; the last one counts.
    pub(crate) fn resolve(source: &dyn Source, mut at_tokenizer: impl FnMut(Self, &Buffer)) -> Result<Files> {
        // Small files first, so that a folder without a tokenizer costs no read of the table.
        let mut seen: Vec<(&str, bool)> = Vec::new();
        for layout in Self::ALL {
            let mut read = |name: &'static str| -> Result<Option<Buffer>> {
                if seen.contains(&(name, false)) {
                    return Ok(None);
                }
                let bytes = read(source, name)?;
                seen.push((name, bytes.is_some()));
                Ok(bytes)
            };
            let Some(config) = read(layout.config())? else { continue };
            let Some(tokenizer) = read(layout.tokenizer())? else { continue };
            at_tokenizer(layout, &tokenizer);
            let Some(table) = read(layout.table())? else { continue };
            return Ok(Files { layout, config, table, tokenizer });
        }
        let list = |there: bool| {
            let names: Vec<_> = seen.iter().filter(|seen| seen.1 == there).map(|seen| seen.0).collect();
            names.join(", ")
        };
        let found = match list(true) {
            there if there.is_empty() => format!("missing {}", list(false)),
            there => format!("found {there} but not {}", list(false)),
        };
        Err(Error::NoModel { location: source.locate(""), found })
    }
}

/// Reads a file of a source; errors carry its location.
pub(crate) fn read(source: &dyn Source, name: &str) -> Result<Option<Buffer>> {
    source.read(name).map_err(|error: io::Error| Error::Io { file: source.locate(name), source: error })
}
