//! The WordPiece model: the longest match from the left, again and again.

use serde::Deserialize;

use super::pieces_by_length::PiecesByLength;
use super::pipeline::MissingUnknown;
use crate::error::{Error, Result};
use crate::json::Str;

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
    /// Makes the model of its JSON and its vocabulary.
    pub(super) fn new(json: &str, vocab: &[(Str<'_>, u32)]) -> Result<Self> {
        let config: Json<'_> = serde_json::from_str(json).map_err(Error::Json)?;
        let prefix = config.continuing_subword_prefix.0.as_bytes();
        let mut initial = PiecesByLength::with_capacity(vocab.len());
        let mut continuing = PiecesByLength::with_capacity(vocab.len() / 4);
        let (mut padded, mut unk) = (Vec::new(), None);
        for (token, id) in vocab {
            let token = token.0.as_bytes();
            PiecesByLength::pad(token, &mut padded);
            initial.insert(&padded, 0, token.len(), *id);
            if token.starts_with(prefix) {
                continuing.insert(&padded, prefix.len(), token.len(), *id);
            }
            if token == config.unk_token.0.as_bytes() {
                unk = Some(*id);
            }
        }
        Ok(Self { initial, continuing, unk, max_chars: config.max_input_chars_per_word })
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
