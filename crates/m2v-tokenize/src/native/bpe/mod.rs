//! Byte-pair encoding: a piece of text is spelled with the symbols of single characters, then the pair of neighbours
//! that comes first in the list of merges becomes one symbol, the leftmost of them first, until no pair is in it.
//!
//! # Why the ids are those of `tokenizers`
//! The crate keeps a heap of pairs by (rank, position) and skips those that are stale when they come up: their left
//! symbol is gone, or the pair that stands there now does not merge into what was noted. In a **regular** vocabulary
//! (each token has an id of its own, none is empty, no prefix for continuations) the text of a symbol is that of its
//! token, so that a pair that has changed merges into a longer token: what is not stale is just what stands there
//! now. The heap then says the same as a search for the lowest rank from the left, which is quicker for short pieces
//! ([`Bpe::merge_short`]). Long pieces, and all pieces of other vocabularies, go through [`queue`], which takes
//! entries in the order of the heap and judges them with the same test.
//!
//! Models that are byte-level get the text as it is: the 256 characters that stand for bytes are mapped back to bytes
//! when the model is loaded. Tokens with other characters can only be reached through merges, which go by id.
//!
//! # Where it gives up
//! [`Bpe::from_json`] says no to dropout, to more than [`pairs::MAX_IDS`] ids or [`pairs::MAX_RANKS`] merges, and to an unknown token
//! that is missing although a text can ask for it: `tokenizers` then fails for some texts only.

mod load;
mod pairs;
mod queue;
mod spelling;
#[cfg(test)]
mod tests;

use super::strings::StringTable;
use pairs::{NO_RANK, Pairs};
use queue::Queue;
use spelling::Spelling;

/// A BPE model.
pub(crate) struct Bpe {
    spelling: Spelling,
    pairs: Pairs,
    /// With `ignore_merges`, all tokens: pieces that are tokens are not merged.
    pieces: Option<StringTable>,
    /// See the notes of the module.
    regular: bool,
    /// Characters that some merge puts after another character, sorted.
    joined: Vec<char>,
}

/// What [`Bpe::tokenize`] works in.
#[derive(Default)]
pub(crate) struct BpeScratch {
    links: Vec<u64>,
    queue: Queue,
}

/// Pieces of up to this many symbols are searched for the lowest rank again after each merge.
const SHORT: usize = 40;

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
            let (part, next) = rest.split_at(rest.floor_char_boundary(u32::MAX as usize));
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
            [] => return,
            symbols if self.regular && symbols.len() <= SHORT => {
                self.merge_short(symbols, &mut scratch.links)
            }
            symbols => scratch.queue.merge(&self.pairs, symbols),
        };
        ids.truncate(start + len);
    }

    /// Merges symbols in place; how many are left.
    fn merge_short(&self, symbols: &mut [u32], links: &mut Vec<u64>) -> usize {
        // Each symbol with the rank of the pair that it begins in the upper half. Equal ranks are equal pairs, so
        // that of links with the lowest rank the first is the leftmost.
        let link = |left: u32, right: u32| u64::from(self.pairs.rank(left, right)) << 32 | u64::from(left);
        links.clear();
        links.extend(symbols.windows(2).map(|pair| link(pair[0], pair[1])));
        links.extend(symbols.last().map(|&last| u64::from(NO_RANK) << 32 | u64::from(last)));
        loop {
            let (mut at, mut lowest) = (0, u64::MAX);
            for (i, &link) in links.iter().enumerate() {
                if link < lowest {
                    (at, lowest) = (i, link);
                }
            }
            let rank = (lowest >> 32) as u32;
            if rank >= NO_RANK {
                break;
            }
            let merged = self.pairs.merged(rank);
            // The right one goes; its link, if any, is that of the merged one.
            links.copy_within(at + 1.., at);
            links.truncate(links.len() - 1);
            links[at] = match links.get(at + 1) {
                Some(&next) => link(merged, next as u32),
                None => u64::from(NO_RANK) << 32 | u64::from(merged),
            };
            if let Some(before) = at.checked_sub(1) {
                links[before] = link(links[before] as u32, merged);
            }
        }
        for (symbol, &link) in symbols.iter_mut().zip(&*links) {
            *symbol = link as u32;
        }
        links.len()
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
