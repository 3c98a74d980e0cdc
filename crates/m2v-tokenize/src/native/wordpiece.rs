//! The WordPiece model: the longest match from the left, again and again.

use std::sync::Arc;

use serde::Deserialize;

use super::pieces_by_length::PiecesByLength;
use super::pipeline::MissingUnknown;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::json::{self, Str};

/// WordPiece.
pub(super) struct WordPiece {
    /// Tokens, for the beginning of a word.
    initial: PiecesByLength,
    /// Tokens that continue a word, without their prefix.
    continuing: PiecesByLength,
    unk: Option<u32>,
    max_chars: usize,
}

/// What the model works in: a word and padding.
#[derive(Default)]
pub(super) struct WordPieceScratch(Vec<u8>);

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow)]
    unk_token: Str<'a>,
    #[serde(borrow)]
    continuing_subword_prefix: Str<'a>,
    max_input_chars_per_word: usize,
}

impl WordPiece {
    /// Makes the model of its JSON.
    pub(super) fn new(model: &json::Model<'_>) -> Result<Self> {
        let config: Json<'_> = model.read()?;
        let (prefix, tokens) = (&*config.continuing_subword_prefix.0, &model.tokens);
        let continuing = tokens.iter().filter_map(|(token, id)| Some((token.strip_prefix(prefix)?, id)));
        let continuing: Vec<_> = continuing.collect();
        let mut dictionary = Dictionary::with_capacity(continuing.len());
        for (token, id) in continuing {
            dictionary.insert(token.as_bytes(), 0, token.len(), id);
        }
        Ok(Self {
            initial: PiecesByLength::new(tokens.dictionary().clone()),
            continuing: PiecesByLength::new(Arc::new(dictionary)),
            unk: tokens.id(&config.unk_token.0),
            max_chars: config.max_input_chars_per_word,
        })
    }

    /// The tokens and their ids.
    pub(super) fn tokens(&self) -> &Arc<Dictionary> {
        self.initial.pieces()
    }

    /// Characters of the longest word that is looked at.
    pub(super) fn max_chars(&self) -> usize {
        self.max_chars
    }

    /// Appends the ids of a word.
    pub(super) fn tokenize(
        &self,
        word: &str,
        scratch: &mut WordPieceScratch,
        ids: &mut Vec<u32>,
    ) -> Result<(), MissingUnknown> {
        let begin = ids.len();
        // As many bytes as that are at most as many characters.
        let too_long = word.len() > self.max_chars && word.chars().count() > self.max_chars;
        if !too_long {
            PiecesByLength::pad(word.as_bytes(), &mut scratch.0);
            if self.pieces(&scratch.0, word.len(), ids) {
                return Ok(());
            }
        }
        ids.truncate(begin);
        ids.push(self.unk.ok_or(MissingUnknown)?);
        Ok(())
    }

    /// Appends the pieces of a word, unless some part of it is in no token.
    fn pieces(&self, padded: &[u8], len: usize, ids: &mut Vec<u32>) -> bool {
        let mut start = 0;
        let mut pieces = &self.initial;
        while start < len {
            let Some((id, end)) = pieces.longest(padded, start, len) else { return false };
            ids.push(id);
            start = end;
            pieces = &self.continuing;
        }
        true
    }
}
