//! Pieces of words, for the longest that a text begins with.
//!
//! What there is of each length is known beforehand from the first bytes, so that a look-up seldom finds nothing:
//! two or three look-ups a piece instead of one for each shorter length.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::dictionary::Dictionary;
use crate::key::{key, key_of, len};

/// A map from pieces to ids. Texts are given with [`PADDING`] bytes behind them.
pub(super) struct PiecesByLength {
    pieces: Arc<Dictionary>,
    lengths: Lengths,
}

/// Bytes after a text that may be read with it.
const PADDING: usize = 16;

impl PiecesByLength {
    /// A map of all pieces of a dictionary. The empty one does not count: nothing begins with it that anyone asks for.
    pub(super) fn new(pieces: Arc<Dictionary>) -> Self {
        let mut lengths = Lengths::new();
        for (key, value) in pieces.short().slots() {
            // Which slots are free cannot be predicted.
            lengths.at(key[0] as u32).short |= u32::from(value != 0) << len(&key);
        }
        for text in pieces.others().filter(|text| !text.is_empty()) {
            let first: [u64; 1] = key_of(&text[..text.len().min(4)]);
            lengths.at(first[0] as u32).other |= 1 << text.len().min(LONG);
        }
        Self { pieces, lengths }
    }

    /// All pieces.
    pub(super) fn pieces(&self) -> &Arc<Dictionary> {
        &self.pieces
    }

    /// Puts a text with padding behind it into a buffer.
    pub(super) fn pad(text: &[u8], padded: &mut Vec<u8>) {
        padded.clear();
        padded.extend_from_slice(text);
        padded.extend_from_slice(&[0; PADDING]);
    }

    /// The id of the longest piece that the text from `start` to `end` begins with, and where it ends.
    pub(super) fn longest(&self, padded: &[u8], start: usize, end: usize) -> Option<(u32, usize)> {
        let left = end - start;
        let first: [u64; 1] = key(padded, start, left.min(4));
        let mut first = first[0] as u32;
        for len in (1..=left.min(4)).rev() {
            if len < 4 {
                first &= (1 << (8 * len)) - 1;
            }
            let Kinds { short, other } = self.lengths.of(first);
            if len == 4
                && left >= LONG
                && other & 1 << LONG != 0
                && let Some(found) = self.longest_of(LONG..=left.min(self.pieces.longest()), padded, start)
            {
                return Some(found);
            }
            // Those that have just so many first bytes, and are not longer than the text.
            let range = if len == 4 { !0 << 4 } else { 1 << len };
            let mut lengths = (short | other) & range & !(!0 << left.min(LONG - 1) << 1);
            while lengths != 0 {
                let len = lengths.ilog2() as usize;
                let piece = &padded[start..start + len];
                if short & 1 << len != 0
                    && Dictionary::is_short(piece)
                    && let Some(id) = self.pieces.get_short(&key(padded, start, len))
                {
                    return Some((id, start + len));
                }
                if other & 1 << len != 0
                    && let Some(id) = self.pieces.get_other(piece)
                {
                    return Some((id, start + len));
                }
                lengths ^= 1 << len;
            }
        }
        None
    }

    #[cold]
    fn longest_of(
        &self,
        lengths: RangeInclusive<usize>,
        padded: &[u8],
        start: usize,
    ) -> Option<(u32, usize)> {
        let mut lengths = lengths.rev().map(|len| start + len);
        lengths.find_map(|end| Some((self.pieces.get_other(&padded[start..end])?, end)))
    }
}

/// Which lengths pieces have, by their first four bytes or, if they are shorter, by all of them.
struct Lengths(Vec<Kinds>);

/// A bit for each length, of pieces among the [short](Dictionary::get_short) and the [others](Dictionary::get_other).
#[derive(Clone, Copy, Default)]
struct Kinds {
    short: u32,
    other: u32,
}

/// The bit for this length and all above.
const LONG: usize = 31;

/// 128 KiB.
const INDEX_BITS: u32 = 14;

impl Lengths {
    fn new() -> Self {
        Self(vec![Kinds::default(); 1 << INDEX_BITS])
    }

    fn at(&mut self, first: u32) -> &mut Kinds {
        &mut self.0[Self::index(first)]
    }

    /// The lengths of pieces that have the first bytes of a text, padded with zeros, and of a few others.
    #[inline]
    fn of(&self, first: u32) -> Kinds {
        self.0[Self::index(first)]
    }

    #[inline]
    fn index(first: u32) -> usize {
        (first.wrapping_mul(0x9E37_79B1) >> (32 - INDEX_BITS)) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use std::sync::Arc;

    use super::PiecesByLength;
    use crate::dictionary::Dictionary;

    /// Few characters, NUL among them, so that texts begin with pieces.
    fn any_text(longest: usize) -> impl Strategy<Value = String> {
        let characters = prop::collection::vec(prop::sample::select(vec!['\0', 'a', 'b', 'é']), 0..=longest);
        characters.prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn finds_the_longest_as_trying_all_does(
            pieces in prop::collection::btree_map(prop_oneof![any_text(5), any_text(50)], any::<u32>(), 0..200),
            texts in prop::collection::vec(any_text(60), 1..20),
            ends in prop::collection::vec(any_text(3), 20),
        ) {
            // So small that places are full.
            let mut dictionary = Dictionary::with_capacity(16);
            for (piece, &id) in &pieces {
                prop_assert!(!dictionary.insert(piece.as_bytes(), 0, piece.len(), id));
            }
            let map = PiecesByLength::new(Arc::new(dictionary));
            let mut padded = Vec::new();
            // Texts that begin with a piece, and others.
            let begun = pieces.keys().zip(&ends).map(|(piece, end)| [&**piece, &**end].concat());
            for text in texts.iter().cloned().chain(begun) {
                PiecesByLength::pad(text.as_bytes(), &mut padded);
                for start in (0..text.len().min(3)).filter(|&start| text.is_char_boundary(start)) {
                    let found = map.longest(&padded, start, text.len());
                    prop_assert_eq!(found, longest(&pieces, &text, start), "{:?}", &text[start..]);
                }
            }
        }
    }

    fn longest(pieces: &BTreeMap<String, u32>, text: &str, start: usize) -> Option<(u32, usize)> {
        (start + 1..=text.len()).rev().find_map(|end| Some((*pieces.get(text.get(start..end)?)?, end)))
    }
}
