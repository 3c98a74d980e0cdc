//! The WordPiece model: the longest match from the left, again and again.
//!
//! Many words are tokenised side by side, a piece of each in turn. The next piece of a word cannot be looked up before
//! the last is known, and memory is slow; the next piece of another word can.
//!
//! The pieces are those of trying each shorter beginning in turn, as `tokenizers` does: [`PiecesByLength`] leaves out
//! lengths that no piece with the same first bytes has. A word of which a part is in no token, or that has too many
//! characters, is one unknown token; without such a token, the text is an error. There is no vocabulary that this has no code for.

use std::hint::select_unpredictable;
use std::mem;
use std::sync::Arc;

use serde::Deserialize;

use super::pieces_by_length::{Candidates, Lengths, PADDING, PiecesByLength};
use super::pipeline::MissingUnknown;
use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::json::{self, Str, Tokens};
use crate::key::key_of;

/// WordPiece.
pub(super) struct WordPiece {
    /// Tokens, for the beginning of a word.
    initial: PiecesByLength,
    /// Tokens that continue a word, without their prefix.
    continuing: PiecesByLength,
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
    lanes: Vec<Lane>,
    /// The pieces of each word from its place in the buffer on: it has no more of them than bytes.
    pieces: Vec<u32>,
    /// How many pieces each word has, or [`UNKNOWN`].
    counts: Vec<usize>,
}

/// A word that is not done.
#[derive(Clone, Copy)]
struct Lane {
    word: usize,
    /// What is left of it.
    start: usize,
    end: usize,
    pieces: usize,
    candidates: Candidates,
}

/// Some part of a word is in no token.
const UNKNOWN: usize = usize::MAX;

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
        let (mut lengths, mut continuing) = (Lengths::new(), Vec::new());
        // The first bytes at once: most tokens begin with others.
        let prefix = prefix.as_bytes();
        let [begins] = key_of(prefix);
        let kept = u64::MAX.checked_shr(u64::BITS - 8 * prefix.len().min(8) as u32).unwrap_or(0);
        for (place, (token, is_short)) in tokens.all().enumerate() {
            let first = token.first();
            lengths.add(first, token.len(), is_short);
            if first & kept == begins && token.text().starts_with(prefix) {
                continuing.push(place);
            }
        }
        Ok(Self {
            initial: PiecesByLength::new(tokens.dictionary().clone(), lengths),
            continuing: Self::continuing(tokens, &continuing, prefix.len()),
            unk: tokens.id(&config.unk_token.0),
            max_chars: config.max_input_chars_per_word,
        })
    }

    /// Some of the tokens, without so many bytes of prefix.
    fn continuing(tokens: &Tokens<'_>, some: &[usize], prefix: usize) -> PiecesByLength {
        let (mut dictionary, mut lengths) = (Dictionary::with_capacity(some.len()), Lengths::new());
        let some = tokens.at(some).map(|token| token.without(prefix));
        dictionary.extend(some, |token, inserted| lengths.add(token.first(), token.len(), inserted.is_short));
        PiecesByLength::new(Arc::new(dictionary), lengths)
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
        let mut padded = mem::take(&mut scratch.padded);
        padded.clear();
        padded.extend_from_slice(word.as_bytes());
        padded.extend_from_slice(&[0; PADDING]);
        let words = [Word { start: 0, end: word.len() }];
        let result = self.tokenize_all(&padded, &words, scratch, |_, found| ids.extend_from_slice(found));
        scratch.padded = padded;
        result
    }

    /// Calls `each` with the number of each word and its ids. The words overlap nowhere; [`PADDING`] bytes after each
    /// are read too.
    pub(super) fn tokenize_all(
        &self,
        padded: &[u8],
        words: &[Word],
        scratch: &mut WordPieceScratch,
        mut each: impl FnMut(usize, &[u32]),
    ) -> Result<(), MissingUnknown> {
        let WordPieceScratch { lanes, pieces, counts, .. } = scratch;
        if pieces.len() < padded.len() {
            pieces.resize(padded.len(), 0);
        }
        counts.clear();
        lanes.clear();
        for (word, &Word { start, end }) in words.iter().enumerate() {
            let is_long = self.is_long(&padded[start..end]);
            counts.push(if is_long { UNKNOWN } else { 0 });
            if !is_long && start < end {
                lanes.push(Lane { word, start, end, pieces: 0, candidates: Candidates::default() });
            }
        }
        let mut vocabulary = &self.initial;
        while !lanes.is_empty() {
            for lane in &mut *lanes {
                lane.candidates = vocabulary.candidates(padded, lane.start, lane.end);
            }
            for lane in &*lanes {
                vocabulary.prefetch(padded, lane.start, lane.candidates);
            }
            let mut left = 0;
            for i in 0..lanes.len() {
                let Lane { word, start, end, pieces: count, candidates } = lanes[i];
                let (id, len) = vocabulary.longest(padded, start, end, candidates);
                pieces[words[word].start + count] = id;
                counts[word] = select_unpredictable(len == 0, UNKNOWN, count + 1);
                lanes[left] = Lane { word, start: start + len, end, pieces: count + 1, candidates };
                left += usize::from((len != 0) & (start + len < end));
            }
            lanes.truncate(left);
            vocabulary = &self.continuing;
        }
        for (word, &count) in counts.iter().enumerate() {
            match count {
                UNKNOWN => each(word, &[self.unk.ok_or(MissingUnknown)?]),
                count => each(word, &pieces[words[word].start..][..count]),
            }
        }
        Ok(())
    }

    /// Whether a word has too many characters to be looked at.
    fn is_long(&self, word: &[u8]) -> bool {
        // As many bytes are at most as many characters; each has one byte that continues none.
        let begins = |byte: &&u8| **byte & 0xC0 != 0x80;
        word.len() > self.max_chars && word.iter().filter(begins).count() > self.max_chars
    }
}
