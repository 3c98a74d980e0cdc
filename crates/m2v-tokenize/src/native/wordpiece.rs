//! The WordPiece model: the longest match from the left, again and again.
//!
//! The first pieces of many words are looked up together, because memory is slow: [`PiecesByLength`] knows from the
//! first bytes which lengths there are. There are far fewer pieces that continue a word; theirs is a small [`Trie`],
//! which is walked from one piece to the next once the first pieces of all words are known.
//!
//! The pieces are those of trying each shorter beginning in turn, as `tokenizers` does. A word of which a part is in no
//! token, or that has too many characters, is one unknown token; without such a token, the text is an error.
//!
//! # Where it gives up
//! [`WordPiece::new`] says no to more tokens than [`Trie::MOST`] that continue a word.

use std::mem;
use std::sync::Arc;

use serde::Deserialize;

use super::pieces_by_length::{Candidates, Lengths, PADDING, PiecesByLength};
use super::pipeline::MissingUnknown;
use super::trie::Trie;
use crate::arena::Arena;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::json::{self, Str};
use crate::key::key_of;
use crate::token::Token;

/// WordPiece.
pub(super) struct WordPiece {
    /// Tokens, for the beginning of a word.
    initial: PiecesByLength,
    /// Tokens that continue a word, without their prefix, with their ids; with their numbers if some id is too large.
    continuing: Trie,
    /// Their ids, if the trie has not.
    large_ids: Vec<u32>,
    unk: Option<u32>,
    max_chars: usize,
}

/// Where a word stands in a buffer.
#[derive(Clone, Copy)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What the model works in.
#[derive(Default)]
pub(super) struct WordPieceScratch {
    /// A single word and padding.
    padded: Vec<u8>,
    /// The lengths that the first piece of each word may have.
    candidates: Vec<Candidates>,
    /// The id and the length of the first piece of each word; no length if there is none, or the word is too long.
    firsts: Vec<(u32, usize)>,
    ends: Vec<usize>,
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
    /// Makes the model of its JSON, if there is code for it.
    pub(super) fn new(model: &json::Model<'_>, arena: &mut Arena) -> Result<Option<Self>> {
        let config: Json<'_> = model.read()?;
        let (prefix, tokens) = (&*config.continuing_subword_prefix.0, &model.tokens);
        let mut lengths = Lengths::new(arena);
        let mut continuing = arena.open::<u32>(tokens.len());
        // The first bytes at once: most tokens begin with others.
        let prefix = prefix.as_bytes();
        let [begins] = key_of(prefix);
        let kept = u64::MAX.checked_shr(u64::BITS - 8 * prefix.len().min(8) as u32).unwrap_or(0);
        let mut largest = 0;
        for (place, (token, is_short)) in (0..).zip(tokens.all()) {
            let first = token.first();
            lengths.add(first, token.len(), is_short);
            if first & kept == begins && token.text().starts_with(prefix) {
                continuing.push(place);
                largest = largest.max(token.id as usize);
            }
        }
        arena.close(&mut continuing);
        if continuing.len() > Trie::MOST {
            return Ok(None);
        }
        let mut large_ids = Vec::new();
        if largest >= Trie::MOST {
            large_ids.extend(continuing.iter().map(|place| tokens.at(place as usize).id));
        }
        // Copies of the tokens would be larger than the trie, and new memory is slow.
        let piece = |number: u32| {
            let piece = tokens.at(continuing.at(number as usize) as usize).without(prefix.len());
            Token { id: if large_ids.is_empty() { piece.id } else { number }, ..piece }
        };
        Ok(Some(Self {
            initial: PiecesByLength::new(tokens.dictionary().clone(), lengths),
            continuing: Trie::new(continuing.len(), piece, arena),
            large_ids,
            unk: tokens.id(&config.unk_token.0),
            max_chars: config.max_input_chars_per_word,
        }))
    }

    /// The tokens and their ids.
    pub(super) fn tokens(&self) -> &Arc<Dictionary> {
        self.initial.pieces()
    }

    /// Characters of the longest word that is looked at.
    pub(super) fn max_chars(&self) -> usize {
        self.max_chars
    }

    /// Asks for what is looked at first of a word that will be tokenised. [`PADDING`] bytes after it are read too.
    #[inline]
    pub(super) fn prefetch(&self, padded: &[u8], start: usize, end: usize) {
        self.initial.prefetch_candidates(padded, start, end);
    }

    /// Appends the ids of a word.
    pub(super) fn tokenize(
        &self,
        word: &str,
        scratch: &mut WordPieceScratch,
        ids: &mut Vec<u32>,
    ) -> Result<(), MissingUnknown> {
        let mut padded = mem::take(&mut scratch.padded);
        padded.clear();
        padded.extend_from_slice(word.as_bytes());
        padded.extend_from_slice(&[0; PADDING]);
        let words = [Word { start: 0, end: word.len() }];
        let mut ends = mem::take(&mut scratch.ends);
        ends.clear();
        let result = self.tokenize_all(&padded, &words, scratch, ids, &mut ends);
        (scratch.padded, scratch.ends) = (padded, ends);
        result
    }

    /// Appends the ids of each word, and where they end. [`PADDING`] bytes after each word are read too.
    pub(super) fn tokenize_all(
        &self,
        padded: &[u8],
        words: &[Word],
        scratch: &mut WordPieceScratch,
        ids: &mut Vec<u32>,
        ends: &mut Vec<usize>,
    ) -> Result<(), MissingUnknown> {
        let WordPieceScratch { candidates, firsts, .. } = scratch;
        candidates.clear();
        candidates.extend(words.iter().map(|word| self.initial.candidates(padded, word.start, word.end)));
        for (word, candidates) in words.iter().zip(&*candidates) {
            self.initial.prefetch(padded, word.start, *candidates);
        }
        firsts.clear();
        firsts.extend(words.iter().zip(&*candidates).map(|(&Word { start, end }, candidates)| {
            if self.is_long(&padded[start..end]) {
                return (0, 0);
            }
            let (id, len) = self.initial.longest(padded, start, end, *candidates);
            self.continuing.prefetch(&padded[start + len..end]);
            (id, len)
        }));
        for (&Word { start, end }, &first) in words.iter().zip(&*firsts) {
            let before = ids.len();
            if !self.is_known(padded, start, end, first, ids) {
                ids.truncate(before);
                ids.push(self.unk.ok_or(MissingUnknown)?);
            }
            ends.push(ids.len());
        }
        Ok(())
    }

    /// Appends the ids of a word with the id and the length of its first piece. False, after some of them, if a part of
    /// it is in no token.
    #[inline]
    fn is_known(
        &self,
        padded: &[u8],
        mut start: usize,
        end: usize,
        (mut id, mut len): (u32, usize),
        ids: &mut Vec<u32>,
    ) -> bool {
        while len > 0 {
            ids.push(id);
            start += len;
            if start == end {
                return true;
            }
            (len, id) = self.continuing.longest(&padded[start..end]);
            if len > 0 && !self.large_ids.is_empty() {
                id = self.large_ids[id as usize];
            }
        }
        start == end
    }

    /// Whether a word has too many characters to be looked at.
    fn is_long(&self, word: &[u8]) -> bool {
        // As many bytes are at most as many characters; each has one byte that continues none.
        let begins = |byte: &&u8| **byte & 0xC0 != 0x80;
        word.len() > self.max_chars && word.iter().filter(begins).count() > self.max_chars
    }
}
