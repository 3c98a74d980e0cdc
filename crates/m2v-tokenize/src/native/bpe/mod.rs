//! Byte-pair encoding: a piece of text is spelled with the symbols of single characters, then the pair of neighbours
//! that comes first in the list of merges becomes one symbol, the leftmost of them first, until no pair is in it.
//!
//! # Why the ids are those of `tokenizers`
//! The crate keeps a heap of pairs by (rank, position) and skips those that are stale when they come up: their left
//! symbol is gone, or the pair that stands there now does not merge into what was noted. In a **regular** vocabulary
//! (each token has an id of its own, none is empty, no prefix for continuations) the text of a symbol is that of its
//! token, so that a pair that has changed merges into a longer token: what is not stale is just what stands there
//! now. The heap then says the same as a search for the lowest rank from the left, which is quicker for short pieces
//! ([`Bpe::merge_short`]). Longer pieces, and all pieces of other vocabularies, go through [`queue`], which takes
//! entries in the order of the heap and judges them with the same test; very long ones a window at a time
//! ([`Queue::merge_windows`]), whose cuts are checked.
//!
//! Models that are byte-level get the text as it is: the 256 characters that stand for bytes are mapped back to bytes
//! when the model is loaded. Tokens with other characters can only be reached through merges, which go by id.
//!
//! # Where it gives up
//! [`Bpe::new`] says no to dropout, to ids from [`pairs::MAX_IDS`] or ranks from [`pairs::MAX_RANKS`] on (two and
//! four million), and to an unknown token that is missing although a text can ask for it: `tokenizers` then fails
//! for some texts only.

mod load;
mod pairs;
mod queue;
mod spelling;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::dictionary::Dictionary;
use pairs::{Found, MAX_IDS, Pairs};
use queue::Queue;
use spelling::Spelling;

/// A BPE model.
pub(crate) struct Bpe {
    spelling: Spelling,
    pairs: Pairs,
    /// With `ignore_merges`, all tokens: pieces that are tokens are not merged.
    pieces: Option<Arc<Dictionary>>,
    /// See the notes of the module.
    regular: bool,
    /// Characters that some merge puts after another character, sorted.
    joined: Vec<char>,
}

/// What [`Bpe::tokenize`] works in.
#[derive(Default)]
pub(crate) struct BpeScratch {
    queue: Queue,
}

/// Pieces of fewer symbols are searched for the lowest rank again after each merge.
const SHORT: usize = 32;
/// Pieces of more symbols are merged in windows of this many.
const WINDOW: usize = 1 << 13;

impl Bpe {
    /// Appends the ids of a piece.
    ///
    /// Positions have 32 bits: a piece of 4 GiB or more is cut, and could have another id at each cut.
    pub(crate) fn tokenize(&self, piece: &str, scratch: &mut BpeScratch, ids: &mut Vec<u32>) {
        let whole = self.pieces.as_ref().and_then(|pieces| pieces.get(piece.as_bytes()));
        if let Some(id) = whole.filter(|_| !piece.is_empty()) {
            ids.push(id);
            return;
        }
        let mut rest = piece;
        while u32::try_from(rest.len()).is_err() {
            let mut end = u32::MAX as usize;
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            let (part, next) = rest.split_at(end);
            self.merge(part, scratch, ids);
            rest = next;
        }
        self.merge(rest, scratch, ids);
    }

    #[inline]
    fn merge(&self, piece: &str, scratch: &mut BpeScratch, ids: &mut Vec<u32>) {
        let start = ids.len();
        self.spelling.spell(piece, ids);
        let len = match &mut ids[start..] {
            [] | [_] => return,
            symbols if !self.regular => scratch.queue.merge(&self.pairs, symbols),
            symbols if symbols.len() < 8 => self.merge_short::<8>(symbols),
            symbols if symbols.len() < 16 => self.merge_short::<16>(symbols),
            symbols if symbols.len() < SHORT => self.merge_short::<SHORT>(symbols),
            symbols if symbols.len() <= WINDOW => scratch.queue.merge(&self.pairs, symbols),
            symbols => scratch.queue.merge_windows(&self.pairs, symbols, WINDOW, WINDOW / 16),
        };
        ids.truncate(start + len);
    }

    /// Merges fewer than `N` symbols in place; how many are left.
    ///
    /// There are next to no branches in it, as none could be predicted.
    fn merge_short<const N: usize>(&self, symbols: &mut [u32]) -> usize {
        // The symbols stay where they are, and merged ones are at the place of their first. Where there is none, to the
        // left or to the right, is the last place, with an id that merges with nothing.
        let last = N - 1;
        let mut ids = [MAX_IDS; N];
        ids[..symbols.len()].copy_from_slice(symbols);
        let mut pairs = [u64::MAX; N];
        for (at, pair) in symbols.windows(2).enumerate() {
            pairs[at] = self.pairs.get(pair[0], pair[1]).at(at);
        }
        let mut used = (1_u64 << symbols.len()) - 1;
        loop {
            let lowest = lowest(&pairs);
            let (found, at) = Found::and_position(lowest);
            let at = at & last;
            if found >= Found::NONE {
                break;
            }
            let merged = found.merged();
            let after = used & (!1 << at);
            let right = after.trailing_zeros() as usize;
            let next = ((after & (after - 1)).trailing_zeros() as usize).min(last);
            let before = (used & ((1 << at) - 1)).checked_ilog2().map_or(last, |before| before as usize);
            used &= !(1 << right);
            ids[at] = merged;
            pairs[right] = u64::MAX;
            pairs[at] = self.pairs.get(merged, ids[next]).at(at);
            pairs[before] = self.pairs.get(ids[before], merged).at(before);
        }
        let mut len = 0;
        while used != 0 {
            symbols[len] = ids[used.trailing_zeros() as usize];
            used &= used - 1;
            len += 1;
        }
        len
    }

    /// Whether a text may be cut before each `c` that follows another character, and its parts be tokenised alone.
    ///
    /// True if nothing can happen across such a cut:
    /// * No merge puts a token that begins with `c` after one that ends otherwise, so that each symbol stays on its
    ///   side. `c` itself is a token, so the symbols on the right of a cut begin with it; what is on the left ends with
    ///   another character, with the unknown token, or with a byte token (`<0x0A>`), neither of which ends with `c`.
    /// * Each character has a symbol: were some left out, what stands around them would be neighbours.
    /// * `c` is known, and known characters end runs of unknown ones: `fuse_unk` does not reach across.
    /// * Neither whole pieces (`ignore_merges`) nor first and last characters (prefix, suffix) are special.
    ///
    /// Merges on either side do not depend on the other side then, in whatever order they are done.
    pub(crate) fn splits_before(&self, c: char) -> bool {
        self.regular
            && self.pieces.is_none()
            && self.spelling.cuts_before(c)
            && self.joined.binary_search(&c).is_err()
    }
}

/// The least of `N` numbers, a multiple of four: four chains of comparisons that need not wait for each other.
#[inline]
fn lowest<const N: usize>(numbers: &[u64; N]) -> u64 {
    let mut lowest = [u64::MAX; 4];
    for four in numbers.as_chunks::<4>().0 {
        for (lowest, &number) in lowest.iter_mut().zip(four) {
            *lowest = number.min(*lowest);
        }
    }
    let [a, b, c, d] = lowest;
    a.min(b).min(c.min(d))
}
