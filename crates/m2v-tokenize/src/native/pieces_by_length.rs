//! Pieces of words, for the longest that a text begins with.
//!
//! What there is of each length is known beforehand from the first bytes, so that there are two or three look-ups a
//! piece instead of one for each shorter length; and these are done at once, because where the longest is cannot be
//! predicted.

use std::hint::select_unpredictable;
use std::sync::Arc;

use crate::arena::Arena;
use crate::column::Column;
use crate::dictionary::Dictionary;
use crate::key::key;
use crate::prefetch::prefetch;

/// A map from pieces to ids.
pub(super) struct PiecesByLength {
    pieces: Arc<Dictionary>,
    lengths: Lengths,
}

/// Bytes after a text that are read with it.
pub(super) const PADDING: usize = 16;

impl PiecesByLength {
    /// A map of all pieces of a dictionary, which have these lengths.
    pub(super) fn new(pieces: Arc<Dictionary>, lengths: Lengths) -> Self {
        Self { pieces, lengths }
    }

    /// All pieces.
    pub(super) fn pieces(&self) -> &Arc<Dictionary> {
        &self.pieces
    }

    /// Asks for what [`PiecesByLength::candidates`] looks at; [`PADDING`] bytes after the end are read too.
    #[inline]
    pub(super) fn prefetch_candidates(&self, padded: &[u8], start: usize, end: usize) {
        self.lengths.prefetch(padded, start, end - start);
    }

    /// The lengths that pieces may have with which the text from `start` to `end` begins. [`PADDING`] bytes after the
    /// end are read too.
    #[inline]
    pub(super) fn candidates(&self, padded: &[u8], start: usize, end: usize) -> Candidates {
        self.lengths.of(padded, start, end - start)
    }

    /// Asks for what [`PiecesByLength::longest`] will look at first.
    #[inline]
    pub(super) fn prefetch(&self, padded: &[u8], start: usize, candidates: Candidates) {
        let mut short = candidates.short;
        for _ in 0..AT_ONCE {
            let len = take_longest(&mut short);
            self.pieces.short().prefetch(self.pieces.short().place(&key(padded, start, len)));
        }
    }

    /// The id and the bytes of the longest piece that the text from `start` to `end` begins with; no bytes if there is
    /// none.
    #[inline]
    pub(super) fn longest(
        &self,
        padded: &[u8],
        start: usize,
        end: usize,
        candidates: Candidates,
    ) -> (u32, usize) {
        let Candidates { mut short, other } = candidates;
        let (mut value, mut longest) = (0, 0);
        while short != 0 && value == 0 {
            // A few at once, the longest first: where the longest is cannot be predicted. There are seldom more.
            for _ in 0..AT_ONCE {
                let len = take_longest(&mut short);
                // Keys are padded with NUL: a text that ends with one has that of another.
                let is_key = padded[(start + len).saturating_sub(1)] != 0;
                let found = self.pieces.short().get(&key(padded, start, len));
                let takes = (value == 0) & is_key & (found != 0);
                value = select_unpredictable(takes, found, value);
                longest = select_unpredictable(takes, len, longest);
            }
        }
        let longer = other & !0 << (longest + 1);
        if longer != 0
            && let Some(found) = self.longest_other(padded, start, end, longer)
        {
            return found;
        }
        (Dictionary::id(value), longest)
    }

    /// The longest piece that is not among the short ones and has one of some lengths.
    #[cold]
    fn longest_other(
        &self,
        padded: &[u8],
        start: usize,
        end: usize,
        mut lengths: u32,
    ) -> Option<(u32, usize)> {
        let get = |len: usize| Some((self.pieces.get_other(&padded[start..start + len])?, len));
        if lengths & 1 << LONG != 0 {
            let longest = self.pieces.longest().min(end - start);
            if let Some(found) = (LONG..=longest).rev().find_map(get) {
                return Some(found);
            }
            lengths ^= 1 << LONG;
        }
        while lengths != 0 {
            let found = get(take_longest(&mut lengths));
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// Lengths that are looked up together.
const AT_ONCE: usize = 2;

/// Takes the longest of some lengths. Without any that is left: 0, the empty key, which has no value.
#[inline(always)]
fn take_longest(lengths: &mut u32) -> usize {
    let longest = lengths.checked_ilog2().unwrap_or(0);
    *lengths &= !(1 << longest);
    longest as usize
}

/// Lengths that the pieces at a place of a text may have: a bit for each, of the
/// [short](Dictionary::get_short) and of the others, where the last stands for all that are longer.
#[derive(Clone, Copy, Default)]
pub(super) struct Candidates {
    short: u32,
    other: u32,
}

/// Which lengths pieces have, by their first eight bytes, else by their first four, and if they are shorter by all of
/// them.
///
/// By four alone, a word that begins as many do has long lengths to try that no piece with its next bytes has.
///
/// Of each a bit for each length, of pieces among the [short](Dictionary::get_short) and, from [`OTHER`] on, the
/// [others](Dictionary::get_other).
pub(super) struct Lengths(Column<u32>);

const OTHER: usize = 16;
/// The bit for this length and all above.
const LONG: usize = 15;

/// 128 KiB.
const INDEX_BITS: u32 = 15;

impl Lengths {
    /// Of no pieces.
    pub(super) fn new(arena: &mut Arena) -> Self {
        Self(arena.zeros(1 << INDEX_BITS))
    }

    /// Adds a piece of so many bytes that begins like this; `is_short` as in
    /// [`Inserted`](crate::dictionary::Inserted). The empty one does not count: nothing begins with it that anyone asks
    /// for.
    #[inline]
    pub(super) fn add(&mut self, first: u64, len: usize, is_short: bool) {
        let bit = if is_short { len } else { OTHER + len.min(LONG) };
        let first = if len < 8 { first & u64::from(u32::MAX) } else { first };
        let place = Self::index(first);
        self.0.set(place, self.0.at(place) | 1 << bit);
    }

    /// The lengths of pieces that have the first bytes of a text with `left` bytes, or so it seems.
    #[inline]
    fn of(&self, padded: &[u8], start: usize, left: usize) -> Candidates {
        let [first] = key(padded, start, left.min(8));
        let kinds = |bytes: u32| self.0.at(Self::index(first & (u64::MAX >> (64 - 8 * bytes))));
        // Those that have just so many first bytes.
        let both = |lengths: u32| lengths << OTHER | lengths;
        let found = kinds(1) & both(1 << 1) | kinds(2) & both(1 << 2) | kinds(3) & both(1 << 3);
        let found = found | kinds(4) & both(0x00F0) | kinds(8) & both(0xFF00);
        // No longer than the text.
        let fits = (1 << left.min(LONG) << 1) - 1;
        Candidates { short: found & fits & 0xFFFF, other: found >> OTHER & fits }
    }

    /// Asks for what [`Lengths::of`] looks at, but for what few bytes have, which is in cache.
    #[inline]
    fn prefetch(&self, padded: &[u8], start: usize, left: usize) {
        let [first] = key(padded, start, left.min(8));
        for bytes in [3, 4, 8] {
            prefetch(self.0.address(Self::index(first & (u64::MAX >> (64 - 8 * bytes)))));
        }
    }

    #[inline]
    fn index(first: u64) -> usize {
        (first.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - INDEX_BITS)) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use std::sync::Arc;

    use super::{Lengths, PADDING, PiecesByLength};
    use crate::arena::Arena;
    use crate::dictionary::Dictionary;
    use crate::token::Token;

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
            let mut arena = Arena::default();
            let mut dictionary = Dictionary::with_capacity(16, &mut arena);
            let mut lengths = Lengths::new(&mut arena);
            let mut again = false;
            dictionary.extend(pieces.iter().map(|(piece, &id)| Token::new(piece, id)), |piece, inserted| {
                again |= inserted.again;
                lengths.add(piece.first(), piece.len(), inserted.is_short);
            });
            prop_assert!(!again);
            let map = PiecesByLength::new(Arc::new(dictionary), lengths);
            // Texts that begin with a piece, and others.
            let begun = pieces.keys().zip(&ends).map(|(piece, end)| [&**piece, &**end].concat());
            for text in texts.iter().cloned().chain(begun) {
                let padded = [text.as_bytes(), &[b'a'; PADDING]].concat();
                for start in (0..text.len().min(3)).filter(|&start| text.is_char_boundary(start)) {
                    let candidates = map.candidates(&padded, start, text.len());
                    let (id, len) = map.longest(&padded, start, text.len(), candidates);
                    let found = (len > 0).then_some((id, start + len));
                    prop_assert_eq!(found, longest(&pieces, &text, start), "{:?}", &text[start..]);
                }
            }
        }
    }

    fn longest(pieces: &BTreeMap<String, u32>, text: &str, start: usize) -> Option<(u32, usize)> {
        (start + 1..=text.len()).rev().find_map(|end| Some((*pieces.get(text.get(start..end)?)?, end)))
    }
}
