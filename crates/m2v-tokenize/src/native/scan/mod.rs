//! Cutting texts into chunks at ASCII white space and punctuation, and looking up the short ones, 64 bytes at a time.
//!
//! Nothing here depends on what the texts say: a block of 64 bytes becomes masks, the masks become positions, a
//! chunk becomes a key, and a key is compared with both strings of its place at once. What could be a branch that
//! the processor guesses wrong for every other word is arithmetic.
//!
//! Chunks of several texts are looked up together. What a look-up waits for is memory, and waits for one do not add up
//! with those for the next as long as no branch stands between them.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod look_up;
mod one;
mod portable;
mod run;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::short_strings::ShortStrings;
use look_up::LookedUp;
pub(super) use one::OneBuffer;
use one::{Counts, FEW};

/// What a scanner cuts at, and whether it lower-cases.
#[derive(Clone, Copy)]
pub(super) struct Scanner {
    /// ASCII punctuation marks are chunks of their own.
    pub(super) punctuation: bool,
    /// ASCII letters are lower-cased.
    pub(super) lowercase: bool,
    /// U+000B and U+000C separate as well (they do, unless they were removed as controls before).
    pub(super) vertical: bool,
    /// A byte; texts that hold it are asked about. [`Scanner::NONE`]: none are. To search each text for the byte first
    /// took 16 of 301 ns for the ids of a text of prose more (EPYC, Zen 3).
    pub(super) suspect: u8,
    /// What it scans with.
    pub(super) isa: Isa,
}

/// The instruction sets there are scanners for, of those that this machine has.
#[derive(Clone, Copy)]
pub(in crate::native) enum Isa {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(avx512::Avx512),
}

impl Isa {
    /// The widest.
    pub(super) fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = || avx2::Avx2::detect().map(Self::Avx2);
            if let Some(isa) = avx512::Avx512::detect().map(Self::Avx512).or_else(avx2) {
                return isa;
            }
        }
        Self::Portable
    }
}

/// What a scanner reuses from batch to batch.
pub(super) struct ScanBuffer {
    bytes: Vec<u8>,
    /// Where chunks start and end.
    starts: Box<Places>,
    ends: Box<Places>,
    looked_up: LookedUp,
    /// How many chunks there are up to the end of each text.
    texts: Box<[u32; TEXTS]>,
}

/// Chunks of some texts.
pub(super) struct Chunks<'a> {
    /// The texts, lower-cased if asked for, at least to the end of the chunks; they go on for [`PADDING`] bytes.
    pub(super) bytes: &'a [u8],
    starts: &'a [u32],
    ends: &'a [u32],
    /// The value of each chunk that is a known word, or one that is not positive as an `i32`; and [`RUN`] more.
    values: &'a [u32],
    /// Which chunks are no known words.
    pub(super) others: &'a [u32],
    /// How many of the chunks there are up to the end of each text that ends here.
    pub(super) texts: &'a [u32],
}

/// Known words that are appended at a time.
const RUN: usize = 16;

impl Chunks<'_> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Appends the values, each less one, of a range of known words.
    #[inline(always)]
    pub(super) fn append_known(&self, words: Range<usize>, ids: &mut Vec<u32>) {
        let len = ids.len() + words.len();
        for at in words.step_by(RUN) {
            // A whole run, most of it too much: how many there are cannot be predicted.
            if let Some(run) = self.values[at..].first_chunk::<RUN>() {
                ids.extend_from_slice(&run.map(|value| value.wrapping_sub(1)));
            }
        }
        ids.truncate(len);
    }

    /// The values, each less one, of the chunks of a text alone that are all known words, and others behind them.
    #[inline(always)]
    pub(super) fn few_known(&self) -> [u32; FEW] {
        let values = self.values.first_chunk().copied().unwrap_or_default();
        values.map(|value: u32| value.wrapping_sub(1))
    }

    /// Where a chunk starts, and its length.
    #[inline]
    pub(super) fn span(&self, index: usize) -> (usize, usize) {
        let start = self.starts[index];
        (start as usize, (self.ends[index] - start) as usize)
    }
}

/// Bytes after a chunk that may be read with it.
pub(super) const PADDING: usize = 64;

const BLOCK: usize = 64;

/// Chunks that are handed on at a time, or up to a block more. What a step waits for at its end counts once for all of
/// them: with 512, prose takes 1.02 of the time (f16), a first pass 1.015 (f32); with 2048, no less (Emerald Rapids).
const CHUNKS: usize = 1024;

/// Places for chunks: a block starts and ends at most as many as it has bytes, and so many are written at once.
const PLACES: usize = CHUNKS + 2 * BLOCK;

/// A number for each.
type Places = [u32; PLACES];

/// Bytes of texts after which chunks are handed on, so that they are still in cache then.
const BYTES: usize = 1 << 14;

/// Texts that start before: each takes a block or more.
const TEXTS: usize = BYTES / BLOCK;

/// What differs between instruction sets: closures, because only those take the features of the function they stand
/// in.
struct Instructions<B, C, P, K, V> {
    /// Takes a block from the bytes of a text; fills one that they do not with spaces.
    block: B,
    /// Looks at a block.
    classify: C,
    /// Writes a base plus the number of each bit that is set; what follows is overwritten. There has to be room for a
    /// [`BLOCK`], or for sixteen more than there are.
    positions: P,
    /// Makes the keys of chunks that start and end at some positions.
    keys: K,
    /// Writes the values of keys at their places, and sets a bit for each that is not positive as an `i32`.
    values: V,
}

/// What there is in a block.
struct Classified {
    /// The block, lower-cased if asked for.
    lower: [u8; BLOCK],
    /// A bit for each white space.
    space: u64,
    /// A bit for each punctuation mark.
    punctuation: u64,
    /// Some bits if the scanner's suspect is there.
    suspect: u64,
}

impl ScanBuffer {
    pub(super) fn new() -> Self {
        let places = || Box::new([0; PLACES]);
        let (starts, ends, texts) = (places(), places(), Box::new([0; TEXTS]));
        Self { bytes: Vec::new(), starts, ends, looked_up: LookedUp::new(), texts }
    }

    /// Makes room for so many bytes. There is never less than before, so that places that were noted for other texts
    /// are places of this buffer.
    fn reserve(&mut self, bytes: usize) {
        // What was there before is overwritten or masked away.
        if self.bytes.len() < bytes {
            self.bytes.resize(bytes.checked_next_power_of_two().unwrap_or(bytes), 0);
        }
    }

    /// The first so many chunks, others among them, and texts that end with them.
    #[inline(always)]
    fn chunks(&self, chunks: usize, others: usize, texts: usize) -> Chunks<'_> {
        let Self { bytes, starts, ends, looked_up, texts: all } = self;
        let LookedUp { values, others: which, .. } = looked_up;
        let (starts, ends) = (&starts[..chunks], &ends[..chunks]);
        Chunks { bytes, starts, ends, values: &values[..], others: &which[..others], texts: &all[..texts] }
    }
}

impl Scanner {
    /// Texts are not longer: positions are 32 bits.
    pub(super) const LONGEST: usize = u32::MAX as usize - BYTES - 4 * BLOCK;

    /// A byte that no text holds: it is in no UTF-8.
    pub(super) const NONE: u8 = 0xFF;

    /// Calls `each` with the next chunks of texts of at most [`Self::LONGEST`] bytes, until all are done. False if
    /// `refuses` says so of a text that holds the suspect: after all chunks of those before it, and its own, but not
    /// its end.
    pub(super) fn scan<E>(
        self,
        texts: &[&str],
        known: &ShortStrings,
        buffer: &mut ScanBuffer,
        refuses: &dyn Fn(&str) -> bool,
        each: impl FnMut(Chunks<'_>) -> Result<(), E>,
    ) -> Result<bool, E> {
        match self.isa {
            Isa::Portable => portable::scan(self, texts, known, buffer, refuses, each),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(avx2) => avx2.scan(self, texts, known, buffer, refuses, each),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(avx512) => avx512.scan(self, texts, known, buffer, refuses, each),
        }
    }

    /// Whether a text is short enough for [`Scanner::scan_one`].
    #[inline]
    pub(super) fn may_be_alone(text: &str) -> bool {
        text.len() < BLOCK
    }

    /// The chunks of a text alone. `None` if it has to be [scanned](Self::scan): it is not shorter than a block, has
    /// more than [`FEW`] chunks, or holds the suspect.
    #[inline]
    pub(super) fn scan_one<'a>(
        self,
        text: &str,
        known: &ShortStrings,
        buffer: &'a mut OneBuffer,
    ) -> Option<Chunks<'a>> {
        if !Self::may_be_alone(text) {
            return None;
        }
        let Counts { chunks, others } = match self.isa {
            Isa::Portable => portable::scan_one(self, text, known, buffer),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(avx2) => avx2.scan_one(self, text, known, buffer),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(avx512) => avx512.scan_one(self, text, known, buffer),
        }?;
        Some(buffer.chunks(chunks, others))
    }
}
