//! The tokens of a vocabulary and their ids.

use crate::arena::Arena;
use crate::key::{Key, is_alphanumeric, key_of};
use crate::short_strings::ShortStrings;
use crate::strings::StringTable;
use crate::token::Token;

/// A map from strings to ids.
#[derive(Clone)]
pub(crate) struct Dictionary {
    /// Each with its id plus one, and [`IRREGULAR`].
    short: ShortStrings,
    /// Longer ones, and those that found their place full: frequent words come first in most vocabularies.
    others: StringTable,
}

/// What became of a token that was added to a [`Dictionary`].
#[derive(Clone, Copy)]
pub(crate) struct Inserted {
    /// It was there before.
    pub(crate) again: bool,
    /// It is among the [short](Dictionary::short) ones.
    pub(crate) is_short: bool,
}

/// Tokens that are added together.
const AT_ONCE: usize = 16;

/// Marks a string that is neither ASCII letters and digits nor a single ASCII punctuation mark.
const IRREGULAR: u32 = 1 << 31;

impl Dictionary {
    /// A map with room for so many strings.
    pub(crate) fn with_capacity(count: usize, arena: &mut Arena) -> Self {
        Self {
            short: ShortStrings::with_capacity(count, arena),
            others: StringTable::with_capacity(count / 8, count),
        }
    }

    /// Adds tokens; of one that is there already, the last id counts. Calls `each` with what became of each.
    pub(crate) fn extend<'t>(
        &mut self,
        mut tokens: impl Iterator<Item = Token<'t>> + Clone,
        mut each: impl FnMut(Token<'t>, Inserted),
    ) {
        // Memory is slow: the places of some are asked for before the first of them is added.
        let (mut ahead, mut keys) = (tokens.clone(), [[0; 2]; AT_ONCE]);
        loop {
            let mut count = 0;
            for (key, token) in keys.iter_mut().zip(&mut ahead) {
                *key = self.ask(token);
                count += 1;
            }
            if count == 0 {
                return;
            }
            for (key, token) in keys[..count].iter().zip(&mut tokens) {
                each(token, self.insert(token, key));
            }
        }
    }

    /// The key of a token, for whose place it asks; of one that cannot be among the short ones, zeros.
    #[inline]
    fn ask(&self, token: Token<'_>) -> Key<2> {
        if !Self::is_short(token.text()) {
            return [0; 2];
        }
        let key = token.key();
        self.short.prefetch(self.short.place(&key));
        key
    }

    /// Adds a token with its key.
    #[inline]
    fn insert(&mut self, token: Token<'_>, key: &Key<2>) -> Inserted {
        if *key != [0; 2] && token.id < IRREGULAR - 1 {
            let mark = if is_regular(key, token.len()) { 0 } else { IRREGULAR };
            if let Some(before) = self.short.insert(key, (token.id + 1) | mark) {
                return Inserted { again: before != 0, is_short: true };
            }
        }
        let count = self.others.len();
        self.others.insert(token.text(), token.id);
        Inserted { again: self.others.len() == count, is_short: false }
    }

    /// The id of a string.
    pub(crate) fn get(&self, string: &[u8]) -> Option<u32> {
        let short = if Self::is_short(string) { self.get_short(&key_of(string)) } else { None };
        short.or_else(|| self.get_other(string))
    }

    /// The id of a string that may be among the short ones.
    #[inline]
    pub(crate) fn get_short(&self, key: &Key<2>) -> Option<u32> {
        let value = self.short.get(key);
        (value != 0).then(|| Self::id(value))
    }

    /// Whether a string is among the short ones.
    pub(crate) fn has_short(&self, string: &[u8]) -> bool {
        Self::is_short(string) && self.get_short(&key_of(string)).is_some()
    }

    /// The id in a value of [`Dictionary::short`]; of 0, which is none, some number.
    #[inline]
    pub(crate) fn id(value: u32) -> u32 {
        (value & !IRREGULAR).wrapping_sub(1)
    }

    /// The id of a string that is not among the short ones.
    #[inline]
    pub(crate) fn get_other(&self, string: &[u8]) -> Option<u32> {
        self.others.get(string)
    }

    /// Bytes of the longest string.
    pub(crate) fn longest(&self) -> usize {
        self.others.longest().max(ShortStrings::LONGEST)
    }

    /// Whether a string may be among the short ones.
    #[inline]
    pub(crate) fn is_short(string: &[u8]) -> bool {
        // Keys are padded with NUL.
        (1..=ShortStrings::LONGEST).contains(&string.len()) && string.last() != Some(&0)
    }

    /// The ids, plus one, of short strings; negative if they hold anything but ASCII letters and digits and are not a
    /// single ASCII punctuation mark.
    pub(crate) fn short(&self) -> &ShortStrings {
        &self.short
    }

    /// Treats a string as if it had other characters; see [`Dictionary::short`].
    pub(crate) fn hide(&mut self, string: &[u8]) {
        if Self::is_short(string) {
            let key = key_of(string);
            let value = self.short.get(&key);
            if value != 0 {
                self.short.insert(&key, value | IRREGULAR);
            }
        }
    }
}

/// Whether a string of 1 to 12 bytes is not [`IRREGULAR`].
#[inline]
fn is_regular(key: &Key<2>, len: usize) -> bool {
    is_alphanumeric(key, len) || (len == 1 && (key[0] as u8).is_ascii_punctuation())
}
