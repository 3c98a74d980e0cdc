//! A text alone that is shorter than a block: a query, a name, a line of a list.
//!
//! Few chunks are looked up then, and most of what [going through texts](super::run) takes is to keep account of where
//! it stands and what was asked for. Here are the steps themselves and nothing else: 577 instructions instead of 937
//! for ten words with AVX-512, with which to embed a text of 34 bytes takes 0.95 of the time (Emerald Rapids).

use super::look_up::FOUR;
use super::{BLOCK, Chunks, Classified, Instructions, PADDING, RUN, Scanner};
use crate::key::Key;
use crate::short_strings::ShortStrings;

/// How many chunks a text has, and how many of them are no known words.
pub(super) struct Counts {
    pub(super) chunks: usize,
    pub(super) others: usize,
}

/// Chunks of a text that is taken alone, at most. Of sentences that are shorter than a block, one in 200 has more.
pub(super) const FEW: usize = RUN;

/// Places for numbers of chunks, of which more than there are get [written](Instructions::positions): whole lines of
/// the cache are faster.
const PLACES: usize = FEW + RUN;

/// What a text alone is scanned in: so little that it is made anew for each, of zeros, on the stack.
#[repr(align(64))]
pub(in crate::native) struct OneBuffer {
    /// The text, and [`PADDING`].
    bytes: [[u8; BLOCK]; 1 + PADDING / BLOCK],
    /// What [`Chunks`] says of these.
    starts: [u32; PLACES],
    ends: [u32; PLACES],
    values: [u32; PLACES],
    others: [u32; PLACES],
    /// The number of chunks.
    texts: [u32; 1],
}

impl OneBuffer {
    #[inline(always)]
    pub(in crate::native) fn new() -> Self {
        Self {
            bytes: [[0; BLOCK]; 1 + PADDING / BLOCK],
            starts: [0; PLACES],
            ends: [0; PLACES],
            values: [0; PLACES],
            others: [0; PLACES],
            texts: [0],
        }
    }

    #[inline(always)]
    pub(super) fn chunks(&self, chunks: usize, others: usize) -> Chunks<'_> {
        Chunks {
            bytes: self.bytes.as_flattened(),
            starts: &self.starts[..chunks],
            ends: &self.ends[..chunks],
            values: &self.values,
            others: &self.others[..others],
            texts: &self.texts,
        }
    }
}

impl<B, C, P, K, V> Instructions<B, C, P, K, V>
where
    B: Fn(&[u8]) -> [u8; BLOCK],
    C: Fn(Scanner, &[u8; BLOCK]) -> Classified,
    P: Fn(u64, u32, &mut [u32]),
    K: Fn(&[u8], &[u32; FOUR], &[u32; FOUR], &mut [Key<2>; FOUR]),
    V: Fn(&ShortStrings, &[Key<2>; FOUR], &[u32; FOUR], &mut [u32; FOUR]) -> u8,
{
    /// Scans a text of less than a [`BLOCK`]. `None` if it has more than [`FEW`] chunks, or holds the suspect: who is
    /// to be asked then is asked at the end of a whole scan, for which so short a text can well be looked at twice.
    #[inline(always)]
    pub(super) fn scan_one(
        &self,
        scanner: Scanner,
        text: &str,
        known: &ShortStrings,
        buffer: &mut OneBuffer,
    ) -> Option<Counts> {
        debug_assert!(text.len() < BLOCK, "the next blocks are not looked at");
        let Classified { lower, space, punctuation, suspect } =
            (self.classify)(scanner, &(self.block)(text.as_bytes()));
        let OneBuffer { bytes, starts, ends, values, others, texts } = buffer;
        bytes[0] = lower;
        let bytes = bytes.as_flattened();
        // What the text is short of a block was filled with spaces, so that all that start end here.
        let word = !(space | punctuation);
        let starting = (word & !(word << 1)) | punctuation;
        let ending = (word << 1 & !word) | punctuation << 1;
        let chunks = starting.count_ones() as usize;
        if suspect != 0 || chunks > FEW {
            return None;
        }
        (self.positions)(starting, 0, starts);
        (self.positions)(ending, 0, ends);
        let spans = starts.as_chunks().0.iter().zip(ends.as_chunks().0);
        let fours = spans.zip(values.as_chunks_mut().0);
        let mut unknown = 0;
        for (i, ((starts, ends), values)) in fours.enumerate().take(chunks.div_ceil(FOUR)) {
            let mut keys = [[0; 2]; FOUR];
            (self.keys)(bytes, starts, ends, &mut keys);
            let places = keys.each_ref().map(|key| known.place(key) as u32);
            unknown |= u64::from((self.values)(known, &keys, &places, values)) << (FOUR * i);
        }
        // The last four may not be full.
        unknown &= !(!0 << chunks);
        if unknown != 0 {
            (self.positions)(unknown, 0, others);
        }
        texts[0] = chunks as u32;
        Some(Counts { chunks, others: unknown.count_ones() as usize })
    }
}
