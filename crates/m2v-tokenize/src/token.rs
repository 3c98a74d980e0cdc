//! A token where it stands in some text.

use crate::key::{Key, key, key_of};

/// A token, the bytes from `start` to `end` of some, and its id.
///
/// What stands behind it may be read with it, which is faster than to copy a few bytes.
#[derive(Clone, Copy)]
pub(crate) struct Token<'t> {
    pub(crate) bytes: &'t [u8],
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) id: u32,
}

impl<'t> Token<'t> {
    /// A token of its own.
    #[cfg(test)]
    pub(crate) fn new(text: &'t str, id: u32) -> Self {
        Self { bytes: text.as_bytes(), start: 0, end: text.len(), id }
    }

    pub(crate) fn text(&self) -> &'t [u8] {
        &self.bytes[self.start..self.end]
    }

    /// How many bytes it has.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    /// The key of its first `8 × N` bytes, or of all.
    #[inline]
    pub(crate) fn key<const N: usize>(&self) -> Key<N> {
        let len = self.len().min(8 * N);
        match self.start + 8 * N <= self.bytes.len() {
            true => key(self.bytes, self.start, len),
            false => key_of(&self.bytes[self.start..][..len]),
        }
    }

    /// Its first eight bytes, or all.
    #[inline]
    pub(crate) fn first(&self) -> u64 {
        let [first] = self.key();
        first
    }

    /// Without so many of its first bytes.
    pub(crate) fn without(self, prefix: usize) -> Self {
        Self { start: self.start + prefix, ..self }
    }
}
