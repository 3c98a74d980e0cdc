//! Chunks that are met for the first time, tokenised by the shortest way there is.
//!
//! ASCII letters and digits that the scanner has lower-cased are a word as they are: no normalizer changes them and no
//! pre-tokenizer splits them. What becomes of other characters is known from [`Characters`], if there is a
//! [`Shortcut`]. What is left takes the exact way.

use std::mem;
use std::ops::Range;

use bytemuck::cast_slice;

use super::apart::Apart;
use super::characters::Characters;
use super::config;
use super::memo::append_run;
use super::pieces_by_length::PADDING;
use super::pipeline::{Model, ModelScratch, Pipeline, Result};
use super::wordpiece::Word;
use super::{bert, whole};
use crate::key;

/// How most chunks become words a character at a time.
pub(super) enum Shortcut {
    /// BERT's normalizer and pre-tokenizer are all there is.
    Bert(config::Bert),
    /// Text is cut at white space only. Each word gets a prefix, if it has not begun with it.
    Whole { prefix: String },
}

/// The ways there are for chunks.
pub(super) struct Ways {
    /// Whether chunks of ASCII letters and digits are words as they are: none gets a prefix, and the scanner has
    /// lower-cased them if anything does.
    pub(super) plain: bool,
    pub(super) shortcut: Option<Shortcut>,
    /// What may not take the exact way alone.
    pub(super) apart: Apart,
}

/// New chunks, and what they become.
pub(super) struct NewChunks {
    characters: Characters,
    /// Words, one after the other.
    bytes: Vec<u8>,
    words: Vec<Word>,
    /// Ids of chunks that took the exact way.
    exact: Vec<u32>,
    /// How many words and exact ids there are up to the end of each chunk: a chunk has the one or the other.
    chunks: Vec<(usize, usize)>,
    /// The ids of each word, one word after the other, and where they end. Behind them, the exact ones.
    ids: Vec<u32>,
    ends: Vec<usize>,
    /// Where the ids of each chunk are.
    ranges: Vec<Range<usize>>,
    pub(super) model: ModelScratch,
}

/// Bytes of chunks that are read at once.
const SHORT: usize = 16;

impl NewChunks {
    pub(super) fn new() -> Self {
        Self {
            characters: Characters::new(),
            bytes: Vec::new(),
            words: Vec::new(),
            exact: Vec::new(),
            chunks: Vec::new(),
            ids: Vec::new(),
            ends: Vec::new(),
            ranges: Vec::new(),
            model: ModelScratch::default(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.words.clear();
        self.exact.clear();
        self.chunks.clear();
        self.ids.clear();
        self.ends.clear();
        self.ranges.clear();
    }

    /// Adds the chunk of `len` bytes at a place, behind which [`SHORT`] more may be read.
    pub(super) fn add(
        &mut self,
        pipeline: &Pipeline,
        ways: &Ways,
        padded: &[u8],
        at: usize,
        len: usize,
    ) -> Result<()> {
        let chunk = &padded[at..at + len];
        let (start, words) = (self.bytes.len(), self.words.len());
        if ways.plain && is_alphanumeric(chunk, padded, at) {
            if let Model::WordPiece(wordpiece) = &pipeline.model {
                wordpiece.prefetch(padded, at, at + len);
            }
            match padded[at..].first_chunk::<SHORT>() {
                // Mostly too much: a copy of any length takes longer.
                Some(more) if len <= SHORT => self.bytes.extend_from_slice(more),
                _ => self.bytes.extend_from_slice(chunk),
            }
            self.bytes.truncate(start + len);
            self.words.push(Word { start, end: start + len });
        } else {
            let Self { characters, bytes, words: all, .. } = self;
            let is_known = match &ways.shortcut {
                &Some(Shortcut::Bert(bert)) => {
                    characters.words(&|c, pool| bert::classify(bert, c, pool), chunk, bytes, all)
                }
                Some(Shortcut::Whole { prefix }) => {
                    bytes.extend_from_slice(prefix.as_bytes());
                    bytes.extend_from_slice(chunk);
                    all.push(Word { start, end: bytes.len() });
                    characters.all_stay(&|c, _| whole::classify(&pipeline.normalizers, prefix, c), chunk)
                }
                None => false,
            };
            if !is_known {
                self.bytes.truncate(start);
                self.words.truncate(words);
                // Cut at ASCII: always whole characters.
                let chunk = str::from_utf8(chunk)?;
                ways.apart.check(&pipeline.normalizers, chunk)?;
                pipeline.encode(chunk, false, &mut self.model, &mut self.exact)?;
            }
        }
        self.chunks.push((self.words.len(), self.exact.len()));
        Ok(())
    }

    /// Tokenises the words of all chunks.
    pub(super) fn tokenize(&mut self, pipeline: &Pipeline) -> Result<()> {
        let Self { bytes, words, exact, chunks, ids, ends, ranges, model, .. } = self;
        if chunks.is_empty() {
            return Ok(());
        }
        match &pipeline.model {
            Model::WordPiece(wordpiece) => {
                bytes.extend_from_slice(&[0; PADDING]);
                wordpiece.tokenize_all(bytes, words, &mut model.wordpiece, ids, ends)?;
            }
            other => {
                for word in &*words {
                    other.tokenize(str::from_utf8(&bytes[word.start..word.end])?, model, ids)?;
                    ends.push(ids.len());
                }
            }
        }
        let of_words = ids.len();
        ids.extend_from_slice(exact);
        let (mut of_words_before, mut exact_before) = (0, 0);
        ranges.extend(chunks.iter().map(|&(words, exact)| {
            if exact_before < exact {
                return of_words + mem::replace(&mut exact_before, exact)..of_words + exact;
            }
            let end = words.checked_sub(1).map_or(0, |last| ends[last]);
            mem::replace(&mut of_words_before, end)..end
        }));
        Ok(())
    }

    /// Appends the ids of a chunk.
    #[inline]
    pub(super) fn append(&self, chunk: usize, ids: &mut Vec<u32>) {
        let Range { start, end } = self.ranges[chunk];
        append_run(cast_slice(&self.ids[start..]), end - start, ids);
    }

    /// The ids of a chunk.
    #[inline]
    pub(super) fn ids(&self, chunk: usize) -> &[u32] {
        &self.ids[self.ranges[chunk].clone()]
    }
}

/// Whether a chunk, which begins at a place of a buffer, holds only ASCII letters and digits.
#[inline]
fn is_alphanumeric(chunk: &[u8], padded: &[u8], at: usize) -> bool {
    if chunk.len() <= SHORT {
        key::is_alphanumeric(&key::key(padded, at, chunk.len()), chunk.len())
    } else {
        chunk.iter().all(u8::is_ascii_alphanumeric)
    }
}
