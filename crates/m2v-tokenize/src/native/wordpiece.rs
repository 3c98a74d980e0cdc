//! The WordPiece model: the longest match from the left, again and again.

use serde::Deserialize;

use super::pipeline::MissingUnknown;
use super::strings::StringTable;
use crate::error::{Error, Result};
use crate::json::Str;

/// WordPiece.
pub(super) struct WordPiece {
    /// Tokens, for the beginning of a word.
    initial: StringTable,
    /// Tokens that continue a word, without their prefix.
    continuing: StringTable,
    unk: Option<u32>,
    max_chars: usize,
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    unk_token: Str<'a>,
    #[serde(borrow)]
    continuing_subword_prefix: Str<'a>,
    max_input_chars_per_word: usize,
}

impl WordPiece {
    /// Makes the model of its JSON and its vocabulary.
    pub(super) fn new(json: &str, vocab: &[(Str<'_>, u32)]) -> Result<Self> {
        let config: Json<'_> = serde_json::from_str(json).map_err(Error::Json)?;
        let prefix = config.continuing_subword_prefix.0.as_bytes();
        let bytes = json.len();
        let mut initial = StringTable::with_capacity(vocab.len(), bytes);
        let mut continuing = StringTable::with_capacity(vocab.len() / 4, bytes / 4);
        for (token, id) in vocab {
            let token = token.0.as_bytes();
            initial.insert(token, *id);
            if let Some(rest) = token.strip_prefix(prefix) {
                continuing.insert(rest, *id);
            }
        }
        let unk = initial.get(config.unk_token.0.as_bytes());
        Ok(Self { initial, continuing, unk, max_chars: config.max_input_chars_per_word })
    }

    /// The tokens and ids of whole words.
    pub(super) fn whole_words(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.initial.iter()
    }

    /// Characters of the longest word that is looked at.
    pub(super) fn max_chars(&self) -> usize {
        self.max_chars
    }

    /// Appends the ids of a word.
    pub(super) fn tokenize(&self, word: &str, ids: &mut Vec<u32>) -> Result<(), MissingUnknown> {
        let begin = ids.len();
        // As many bytes as that are at most as many characters.
        let too_long = word.len() > self.max_chars && word.chars().count() > self.max_chars;
        if !too_long && self.pieces(word, ids) {
            return Ok(());
        }
        ids.truncate(begin);
        ids.push(self.unk.ok_or(MissingUnknown)?);
        Ok(())
    }

    /// Appends the pieces of a word, unless some part of it is in no token.
    fn pieces(&self, word: &str, ids: &mut Vec<u32>) -> bool {
        let mut rest = word;
        let mut table = &self.initial;
        while !rest.is_empty() {
            let Some((id, end)) = longest(table, rest) else { return false };
            ids.push(id);
            rest = &rest[end..];
            table = &self.continuing;
        }
        true
    }
}

/// The longest beginning of a text that is in a table, and where it ends.
fn longest(table: &StringTable, text: &str) -> Option<(u32, usize)> {
    let mut limit = table.longest().min(text.len());
    while !text.is_char_boundary(limit) {
        limit -= 1;
    }
    let mut part = &text[..limit];
    while let Some(last) = part.chars().next_back() {
        if let Some(id) = table.get(part.as_bytes()) {
            return Some((id, part.len()));
        }
        part = &part[..part.len() - last.len_utf8()];
    }
    None
}
