//! Short strings as numbers, to hash and compare them at once.

/// A string padded with zeros; the upper half of the last element is free for a value.
pub(crate) type Key<const N: usize> = [u64; N];

/// A window into this that starts `len` bytes before the middle keeps `len` bytes and clears the rest.
static KEEP: [u8; 128] = {
    let mut keep = [0; 128];
    let mut i = 0;
    while i < 64 {
        keep[i] = 0xFF;
        i += 1;
    }
    keep
};

/// The key of the `len` bytes at `start`, at most 64; the buffer goes on for `8 × N` bytes or more.
#[inline]
pub(crate) fn key<const N: usize>(bytes: &[u8], start: usize, len: usize) -> Key<N> {
    let words = bytes[start..][..8 * N].as_chunks::<8>().0;
    let keep = KEEP[64 - len..][..8 * N].as_chunks::<8>().0;
    let mut key = [0; N];
    for i in 0..N {
        key[i] = u64::from_le_bytes(words[i]) & u64::from_le_bytes(keep[i]);
    }
    key
}

/// As [`key`], of a string of at most `8 × N` bytes that nothing needs to follow.
pub(crate) fn key_of<const N: usize>(text: &[u8]) -> Key<N> {
    let mut key = [0; N];
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    for (key, word) in key.iter_mut().zip(words.iter().chain([&last])) {
        *key = u64::from_le_bytes(*word);
    }
    key
}

/// Whether a key of 1 to 16 bytes holds nothing but ASCII letters and digits.
#[inline]
pub(crate) fn is_alphanumeric(key: &Key<2>, len: usize) -> bool {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGH: u64 = ONES << 7;
    // The high bit of each byte, none of which has it, that is in a range: no sum carries into the next.
    let within = |word: u64, first: u8, last: u8| {
        let from = |byte: u8| word + u64::from(0x80 - byte) * ONES;
        from(first) & !from(last + 1)
    };
    let alphanumeric = |word: u64| {
        let low = word & !HIGH;
        let found = within(low | (0x20 * ONES), b'a', b'z') | within(low, b'0', b'9');
        u128::from(found & !word & HIGH)
    };
    let found = alphanumeric(key[0]) | alphanumeric(key[1]) << u64::BITS;
    // Not counted: without an instruction for it, which not all processors have, that takes longer than all above.
    let all = (u128::from(HIGH) << u64::BITS | u128::from(HIGH)) & (u128::MAX >> (128 - 8 * len));
    found == all
}

/// How many characters begin in a key of UTF-8 that is `len` bytes long.
#[inline]
pub(crate) fn characters(key: &Key<2>, len: usize) -> usize {
    const ONES: u64 = u64::MAX / 0xFF;
    let continuing = |word: u64| (word & !(word << 1)) >> 7 & ONES;
    // The product adds up the bytes, none of which is above two, in the highest.
    let count = (continuing(key[0]) + continuing(key[1])).wrapping_mul(ONES) >> 56;
    len - count as usize
}
