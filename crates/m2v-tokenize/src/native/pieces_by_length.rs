//! Pieces of words, for the longest that a text begins with.
//!
//! What there is of each length is known beforehand from the first bytes, so that a look-up seldom finds nothing:
//! two or three look-ups a piece instead of one for each shorter length.

use super::cache::{Cache, key};
use crate::strings::StringTable;

/// A map from pieces to ids. Texts are given with [`PADDING`] bytes behind them.
pub(super) struct PiecesByLength {
    short: Cache<2>,
    short_lengths: Lengths,
    /// Longer ones, and those that found their line full.
    others: StringTable,
    other_lengths: Lengths,
}

/// Bytes after a text that may be read with it.
const PADDING: usize = 16;

const SHORT: usize = Cache::<2>::LONGEST;

impl PiecesByLength {
    /// A map with room for so many.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            short: Cache::new(count / 2),
            short_lengths: Lengths::new(),
            others: StringTable::default(),
            other_lengths: Lengths::new(),
        }
    }

    /// Puts a text with padding behind it into a buffer.
    pub(super) fn pad(text: &[u8], padded: &mut Vec<u8>) {
        padded.clear();
        padded.extend_from_slice(text);
        padded.extend_from_slice(&[0; PADDING]);
    }

    /// Adds the text from `start` to `end`, which is not there yet. The empty text is left out: nothing begins with it
    /// that anyone asks for.
    pub(super) fn insert(&mut self, padded: &[u8], start: usize, end: usize, id: u32) {
        let len = end - start;
        if len == 0 {
            return;
        }
        let piece = &padded[start..end];
        // Keys are padded with NUL, and 0 is no value.
        let is_short = len <= SHORT && !piece.contains(&0) && id < u32::MAX;
        if is_short && self.short.try_insert(&key(padded, start, len), id + 1) {
            self.short_lengths.insert(padded, start, len);
        } else {
            self.others.insert(piece, id);
            self.other_lengths.insert(padded, start, len);
        }
    }

    /// The id of the longest piece that the text from `start` to `end` begins with, and where it ends.
    pub(super) fn longest(&self, padded: &[u8], start: usize, end: usize) -> Option<(u32, usize)> {
        let left = end - start;
        if left > LONG && self.other_lengths.of(padded, start, 4) & 1 << LONG != 0 {
            let longest = left.min(self.others.longest());
            let found = (LONG..=longest).rev().find_map(|len| {
                let id = self.others.get(&padded[start..start + len])?;
                Some((id, start + len))
            });
            if found.is_some() {
                return found;
            }
        }
        for first in (1..=left.min(4)).rev() {
            let (short, other) =
                (self.short_lengths.of(padded, start, first), self.other_lengths.of(padded, start, first));
            // Those that have just so many first bytes, and are not longer than the text.
            let range = if first == 4 { !0 << 4 } else { 1 << first };
            let mut lengths = (short | other) & range & !(!0 << left.min(LONG) << 1);
            while lengths != 0 {
                let len = lengths.ilog2() as usize;
                let piece = &padded[start..start + len];
                // With NUL at its end it would have the key of a shorter one.
                if short & 1 << len != 0
                    && piece.last() != Some(&0)
                    && let Some(value) = self.short.get(&key(padded, start, len))
                {
                    return Some((value - 1, start + len));
                }
                if other & 1 << len != 0
                    && let Some(id) = self.others.get(piece)
                {
                    return Some((id, start + len));
                }
                lengths ^= 1 << len;
            }
        }
        None
    }
}

/// Which lengths pieces have, by their first four bytes or, if they are shorter, by all of them.
struct Lengths(Vec<u32>);

/// The bit for this length and all above.
const LONG: usize = 31;

/// 64 KiB each.
const INDEX_BITS: u32 = 14;

impl Lengths {
    fn new() -> Self {
        Self(vec![0; 1 << INDEX_BITS])
    }

    fn insert(&mut self, padded: &[u8], start: usize, len: usize) {
        self.0[index(padded, start, len)] |= 1 << len.min(LONG);
    }

    /// The lengths of pieces that have the text's first bytes, and of a few others.
    #[inline]
    fn of(&self, padded: &[u8], start: usize, first: usize) -> u32 {
        self.0[index(padded, start, first)]
    }
}

#[inline]
fn index(padded: &[u8], start: usize, len: usize) -> usize {
    let first: [u64; 1] = key(padded, start, len.min(4));
    ((first[0] as u32).wrapping_mul(0x9E37_79B1) >> (32 - INDEX_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::PiecesByLength;

    /// Few bytes, NUL among them, so that texts begin with pieces.
    fn any_text(longest: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0, b'a', b'b', 0xC3, 0xA9]), 0..=longest)
    }

    proptest! {
        #[test]
        fn finds_the_longest_as_trying_all_does(
            pieces in prop::collection::btree_map(prop_oneof![any_text(5), any_text(50)], any::<u32>(), 0..200),
            texts in prop::collection::vec(any_text(60), 1..20),
            ends in prop::collection::vec(any_text(3), 20),
        ) {
            // So small that lines are full.
            let mut map = PiecesByLength::with_capacity(16);
            let mut padded = Vec::new();
            for (piece, &id) in &pieces {
                PiecesByLength::pad(piece, &mut padded);
                map.insert(&padded, 0, piece.len(), id);
            }
            // Texts that begin with a piece, and others.
            let begun = pieces.keys().zip(&ends).map(|(piece, end)| [&**piece, end].concat());
            for text in texts.iter().cloned().chain(begun) {
                PiecesByLength::pad(&text, &mut padded);
                for start in 0..text.len().min(3) {
                    let found = map.longest(&padded, start, text.len());
                    prop_assert_eq!(found, longest(&pieces, &text, start), "{:?}", &text[start..]);
                }
            }
        }
    }

    fn longest(pieces: &BTreeMap<Vec<u8>, u32>, text: &[u8], start: usize) -> Option<(u32, usize)> {
        (start + 1..=text.len()).rev().find_map(|end| Some((*pieces.get(&text[start..end])?, end)))
    }
}
