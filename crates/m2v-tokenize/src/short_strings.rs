//! A map from short strings to numbers, read without a branch.
//!
//! A string has a place for two, 32 bytes, and is there or nowhere. Both are compared without a branch. Next to the
//! four-way lines of [`crate::native`]'s memo this takes half of the time.

use std::hint::select_unpredictable;

use crate::arena::Arena;
use crate::column::Column;
use crate::key::Key;
use crate::prefetch::prefetch;

/// Strings of 1 to 12 bytes that do not end with NUL.
#[derive(Clone)]
pub(crate) struct ShortStrings {
    /// Two strings each, padded with zeros, their values in the upper halves of the second numbers.
    places: Column<[u64; 4]>,
    /// By how much a hash is shifted, so that what is left is the number of a place: 1 to 63.
    shift: u32,
}

const VALUE_SHIFT: u32 = 32;

impl ShortStrings {
    /// Bytes of the longest string.
    pub(crate) const LONGEST: usize = 12;

    /// An empty map with room for so many.
    pub(crate) fn with_capacity(count: usize, arena: &mut Arena) -> Self {
        // With one place the shift would be 64, which there is not.
        let places = arena.zeros(count.max(2).next_power_of_two());
        let shift = u64::BITS - places.len().ilog2();
        Self { places, shift }
    }

    /// The value of a string, 0 if it is not there.
    #[inline(always)]
    pub(crate) fn get(&self, key: &Key<2>) -> u32 {
        self.get_at(self.place(key), key)
    }

    /// Where a string is, if it is there.
    #[inline(always)]
    pub(crate) fn place(&self, key: &Key<2>) -> usize {
        const K: u64 = 0x9E37_79B9_7F4A_7C15;
        let hash = (key[0].wrapping_mul(K).rotate_left(29) ^ key[1]).wrapping_mul(K);
        (hash >> self.shift) as usize
    }

    /// Asks for a place that will be looked at.
    #[inline(always)]
    pub(crate) fn prefetch(&self, place: usize) {
        prefetch(self.places.address(place));
    }

    /// The strings that have a place: each padded with zeros, its value in the upper half of the second number.
    #[inline(always)]
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only scanners for x86-64 do"))]
    pub(crate) fn strings_at(&self, place: usize) -> [u64; 4] {
        self.places.at(place)
    }

    /// The value of a string whose place is known, 0 if it is not there.
    #[inline(always)]
    pub(crate) fn get_at(&self, place: usize, key: &Key<2>) -> u32 {
        let [a0, a1, b0, b1] = self.places.at(place);
        let value = |word: u64, end: u64| {
            let difference = (word ^ key[0]) | (end ^ key[1]) << VALUE_SHIFT;
            // The compiler would make a branch of an `if`.
            select_unpredictable(difference == 0, (end >> VALUE_SHIFT) as u32, 0)
        };
        // A place that is free has the value 0.
        value(a0, a1) | value(b0, b1)
    }

    /// Sets the value, which is not 0, of a string that is there, or of a new one if its place has room. Returns the
    /// value from before, 0 for a new one, `None` without room.
    #[inline]
    pub(crate) fn insert(&mut self, key: &Key<2>, value: u32) -> Option<u32> {
        let place = self.place(key);
        let strings = self.places.at(place);
        let fits = |string: &[u64; 2]| {
            let is_free = string[1] >> VALUE_SHIFT == 0;
            is_free || (string[0] == key[0] && (string[1] ^ key[1]) << VALUE_SHIFT == 0)
        };
        let (nth, before) = strings.as_chunks::<2>().0.iter().enumerate().find(|(_, string)| fits(string))?;
        self.places.set_part(place, nth, [key[0], key[1] | u64::from(value) << VALUE_SHIFT]);
        Some((before[1] >> VALUE_SHIFT) as u32)
    }
}
