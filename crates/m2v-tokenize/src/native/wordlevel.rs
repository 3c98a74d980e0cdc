//! The WordLevel model: words, and nothing smaller.

use std::sync::Arc;

use serde::Deserialize;

use super::pipeline::MissingUnknown;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::json::{self, Str};

/// WordLevel.
pub(super) struct WordLevel {
    words: Arc<Dictionary>,
    unk: Option<u32>,
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    unk_token: Str<'a>,
}

impl WordLevel {
    /// Makes the model of its JSON.
    pub(super) fn new(model: &json::Model<'_>) -> Result<Self> {
        let config: Json<'_> = model.read()?;
        Ok(Self { words: model.tokens.dictionary().clone(), unk: model.tokens.id(&config.unk_token.0) })
    }

    /// The words and their ids.
    pub(super) fn words(&self) -> &Arc<Dictionary> {
        &self.words
    }

    /// Appends the id of a word.
    pub(super) fn tokenize(&self, word: &str, ids: &mut Vec<u32>) -> Result<(), MissingUnknown> {
        ids.push(self.words.get(word.as_bytes()).or(self.unk).ok_or(MissingUnknown)?);
        Ok(())
    }
}
