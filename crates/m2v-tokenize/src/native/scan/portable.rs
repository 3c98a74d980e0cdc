//! The scanner for any processor.

use super::look_up::{keys, values};
use super::one::{Counts, OneBuffer};
use super::{BLOCK, Chunks, Classified, Instructions, ScanBuffer, Scanner};
use crate::short_strings::ShortStrings;

/// As [`Scanner::scan`]. A call of its own, so that choosing among scanners is as short as for the others.
#[inline(never)]
pub(super) fn scan<E>(
    scanner: Scanner,
    texts: &[&str],
    known: &ShortStrings,
    buffer: &mut ScanBuffer,
    refuses: &dyn Fn(&str) -> bool,
    each: impl FnMut(Chunks<'_>) -> Result<(), E>,
) -> Result<bool, E> {
    Instructions { block, classify, positions, keys, values }
        .scan(scanner, texts, known, buffer, refuses, each)
}

/// As [`Scanner::scan_one`].
#[inline(never)]
pub(super) fn scan_one(
    scanner: Scanner,
    text: &str,
    known: &ShortStrings,
    buffer: &mut OneBuffer,
) -> Option<Counts> {
    Instructions { block, classify, positions, keys, values }.scan_one(scanner, text, known, buffer)
}

/// Takes a block from the bytes of a text on any processor.
#[inline(always)]
pub(super) fn block(rest: &[u8]) -> [u8; BLOCK] {
    rest.first_chunk().copied().unwrap_or_else(|| {
        let mut last = [b' '; BLOCK];
        last[..rest.len()].copy_from_slice(rest);
        last
    })
}

/// Looks at a block on any processor.
#[inline]
pub(super) fn classify(scanner: Scanner, block: &[u8; BLOCK]) -> Classified {
    let mut lower = *block;
    let (mut space, mut mark, mut suspect) = ([0; BLOCK], [0; BLOCK], 0);
    for i in 0..BLOCK {
        let byte = block[i];
        let letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        let visible = byte.wrapping_sub(0x21) < 0x7F - 0x21;
        let blank = byte == b' ' || byte == b'\t' || byte == b'\n' || byte == b'\r';
        let vertical = byte == 0x0B || byte == 0x0C;
        lower[i] = byte | (u8::from(letter & scanner.lowercase) << 5);
        space[i] = u8::from(blank | (vertical & scanner.vertical));
        mark[i] = u8::from(visible & !letter & !digit & scanner.punctuation);
        suspect |= u8::from(byte == scanner.suspect);
    }
    Classified { lower, space: bits(&space), punctuation: bits(&mark), suspect: suspect.into() }
}

/// The bits that are set, four at a time: how often the loop runs is easier to guess.
#[inline(always)]
pub(super) fn positions(mut mask: u64, base: u32, out: &mut [u32]) {
    for four in out.as_chunks_mut::<4>().0 {
        if mask == 0 {
            return;
        }
        for out in four {
            *out = base + mask.trailing_zeros();
            mask &= mask.wrapping_sub(1);
        }
    }
}

/// Gathers the lowest bit of each byte.
#[inline]
fn bits(bytes: &[u8; BLOCK]) -> u64 {
    // Each product brings the eight bits together in the highest byte, without carries.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let words = bytes.as_chunks::<8>().0;
    let byte = |word: &[u8; 8]| u64::from_le_bytes(*word).wrapping_mul(GATHER) >> 56;
    words.iter().zip((0..64).step_by(8)).fold(0, |bits, (word, shift)| bits | byte(word) << shift)
}
