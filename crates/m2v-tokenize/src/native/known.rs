//! Words that are their own token: a read-only table, shared by all threads.
//!
//! A word has a place for two, 32 bytes, and is there or nowhere. Both are compared without a branch, and frequent words
//! were given their places first; the few that find none are left to the memo. Next to the four-way lines of
//! [`super::cache`] this takes half of the time.

use std::hint::select_unpredictable;

use super::cache::Key;

/// Words of 1 to 12 bytes without NUL.
pub(super) struct KnownWords {
    places: Vec<Place>,
}

/// Two words, each padded with zeros, its value in the upper half of the second number.
#[derive(Clone, Copy)]
#[repr(align(32))]
struct Place([u64; 4]);

const VALUE_SHIFT: u32 = 32;

impl KnownWords {
    /// An empty table with room for so many words.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self { places: vec![Place([0; 4]); count.max(1).next_power_of_two()] }
    }

    /// The value of a word, 0 if it is not there.
    #[inline(always)]
    pub(super) fn get(&self, key: &Key<2>) -> u32 {
        let Place([a0, a1, b0, b1]) = self.places[self.index(key)];
        let value = |word: u64, end: u64| {
            let difference = (word ^ key[0]) | (end ^ key[1]) << VALUE_SHIFT;
            // The compiler would make a branch of an `if`.
            select_unpredictable(difference == 0, (end >> VALUE_SHIFT) as u32, 0)
        };
        // A place that is free has the value 0.
        value(a0, a1) | value(b0, b1)
    }

    /// Adds a word that is not there, with a value that is not 0, if its place has room.
    pub(super) fn insert(&mut self, key: &Key<2>, value: u32) {
        let index = self.index(key);
        let words = self.places[index].0.as_chunks_mut::<2>().0;
        if let Some(free) = words.iter_mut().find(|word| word[1] >> VALUE_SHIFT == 0) {
            *free = [key[0], key[1] | u64::from(value) << VALUE_SHIFT];
        }
    }

    #[inline(always)]
    fn index(&self, key: &Key<2>) -> usize {
        const K: u64 = 0x9E37_79B9_7F4A_7C15;
        let hash = (key[0].wrapping_mul(K).rotate_left(29) ^ key[1]).wrapping_mul(K);
        // The number of places is a power of two.
        (hash >> 32) as usize & (self.places.len() - 1)
    }
}
