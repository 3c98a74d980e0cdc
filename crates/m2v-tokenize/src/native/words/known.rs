//! The words of the vocabulary that no step changes: read-only, shared by all threads.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::arena::Arena;
use crate::dictionary::Dictionary;
use crate::json::Tokens;
use crate::key::key;
use crate::native::cache::Cache;
use crate::native::pipeline::Model;
use crate::native::scan::Scanner;
use crate::short_strings::ShortStrings;

/// Words that are their own token.
pub(super) struct Known {
    /// Negative values are none; see [`Dictionary::short`].
    pub(super) short: Arc<Dictionary>,
    medium: Cache<4>,
}

impl Known {
    /// Lengths of words that are too long for [`Known::short`].
    const MEDIUM: RangeInclusive<usize> = ShortStrings::LONGEST + 1..=Cache::<4>::LONGEST;

    /// The id of a chunk, plus one, if it is of medium length; 0 if it is none of these words.
    #[inline]
    pub(super) fn medium(&self, bytes: &[u8], start: usize, len: usize) -> u32 {
        if Self::MEDIUM.contains(&len) { self.medium.get(&key(bytes, start, len)) } else { 0 }
    }

    /// Asks for what [`Known::medium`] looks at.
    #[inline]
    pub(super) fn prefetch_medium(&self, bytes: &[u8], start: usize, len: usize) {
        if Self::MEDIUM.contains(&len) {
            self.medium.prefetch(&key(bytes, start, len));
        }
    }

    pub(super) fn none() -> Self {
        let mut arena = Arena::default();
        Self { short: Arc::new(Dictionary::with_capacity(0, &mut arena)), medium: Cache::new(1, &mut arena) }
    }

    /// ASCII letters and digits, which no normalizer changes and no pre-tokenizer splits, and punctuation marks
    /// that stand alone.
    pub(super) fn new(model: &Model, tokens: &Tokens<'_>, scanner: Scanner, arena: &mut Arena) -> Self {
        let (words, longest) = match model {
            Model::WordPiece(model) => (model.tokens(), model.max_chars()),
            Model::WordLevel(model) => (model.words(), usize::MAX),
            // A word may be more probable, or merged, in pieces.
            Model::Bpe(_) | Model::Unigram(_) => return Self::none(),
        };
        let mut short = words.clone();
        if !scanner.punctuation {
            // Nobody has shown that no normalizer changes them.
            let marks = (0..0x80_u8).filter(u8::is_ascii_punctuation);
            let short = Arc::make_mut(&mut short);
            marks.for_each(|mark| short.hide(&[mark]));
        }
        let words = || tokens.iter().map(|(word, id)| (word.as_bytes(), id));
        if longest < ShortStrings::LONGEST {
            let short = Arc::make_mut(&mut short);
            words().filter(|word| word.0.len() > longest).for_each(|word| short.hide(word.0));
        }
        let is_medium = |word: &[u8]| {
            let range = ShortStrings::LONGEST + 1..=Cache::<4>::LONGEST.min(longest);
            range.contains(&word.len()) && word.iter().all(u8::is_ascii_alphanumeric)
        };
        let mut medium = Cache::new(tokens.len() / 32, arena);
        for word in tokens.others().filter(|word| is_medium(word.text()) && word.id < u32::MAX) {
            // A full line leaves a word to the memo.
            let _ = medium.try_insert(&word.key(), word.id + 1);
        }
        Self { short, medium }
    }
}
