//! The WordLevel model: words, and nothing smaller.

use serde::Deserialize;

use super::pipeline::MissingUnknown;
use crate::error::{Error, Result};
use crate::json::Str;
use crate::strings::StringTable;

/// WordLevel.
pub(super) struct WordLevel {
    words: StringTable,
    unk: Option<u32>,
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    unk_token: Str<'a>,
}

impl WordLevel {
    /// Makes the model of its JSON and its vocabulary.
    pub(super) fn new(json: &str, vocab: &[(Str<'_>, u32)]) -> Result<Self> {
        let config: Json<'_> = serde_json::from_str(json).map_err(Error::Json)?;
        let mut words = StringTable::with_capacity(vocab.len(), json.len());
        vocab.iter().for_each(|(word, id)| words.insert(word.0.as_bytes(), *id));
        let unk = words.get(config.unk_token.0.as_bytes());
        Ok(Self { words, unk })
    }

    /// Appends the id of a word.
    pub(super) fn tokenize(&self, word: &str, ids: &mut Vec<u32>) -> Result<(), MissingUnknown> {
        ids.push(self.words.get(word.as_bytes()).or(self.unk).ok_or(MissingUnknown)?);
        Ok(())
    }
}
