//! A list in memory that others share.

use std::marker::PhantomData;

use bytemuck::{Pod, bytes_of, cast_slice, pod_read_unaligned};
use bytes::BytesMut;

use crate::arena::Arena;

/// Numbers, or arrays of them, one after the other.
#[derive(Default)]
pub(crate) struct Column<T> {
    bytes: BytesMut,
    kind: PhantomData<fn() -> T>,
}

/// In memory of its own.
impl<T: Pod> Clone for Column<T> {
    fn clone(&self) -> Self {
        Arena::default().open(self.len()).filled(self)
    }
}

impl<T: Pod> Column<T> {
    /// An empty one that grows over some memory.
    pub(crate) fn over(bytes: BytesMut) -> Self {
        Self { bytes, kind: PhantomData }
    }

    /// The memory behind so many, which it has no more.
    pub(crate) fn split_off(&mut self, count: usize) -> BytesMut {
        self.bytes.split_off(count * size_of::<T>())
    }

    /// How many there are.
    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() / size_of::<T>()
    }

    /// The one at a place, if there are so many.
    #[inline(always)]
    pub(crate) fn get(&self, place: usize) -> Option<T> {
        let start = place * size_of::<T>();
        self.bytes.get(start..start + size_of::<T>()).map(pod_read_unaligned)
    }

    /// The one at a place.
    ///
    /// # Panics
    /// If there are not so many.
    #[inline(always)]
    pub(crate) fn at(&self, place: usize) -> T {
        let start = place * size_of::<T>();
        pod_read_unaligned(&self.bytes[start..start + size_of::<T>()])
    }

    /// Where the one at a place is, or would be.
    #[inline(always)]
    pub(crate) fn address(&self, place: usize) -> *const u8 {
        self.bytes.as_ptr().wrapping_add(place * size_of::<T>())
    }

    /// Replaces the one at a place.
    ///
    /// # Panics
    /// If there are not so many.
    #[inline(always)]
    pub(crate) fn set(&mut self, place: usize, value: T) {
        self.bytes[place * size_of::<T>()..][..size_of::<T>()].copy_from_slice(bytes_of(&value));
    }

    /// Replaces a part of the one at a place: the `nth` of as many as there are in it. To change a part of a copy and
    /// write that back reads the copy with wider reads than it was changed with, which wait: with this a first pass
    /// over prose takes 0.96 of the time, over 500 languages 0.97 (int8; Emerald Rapids).
    ///
    /// # Panics
    /// If there is no such part.
    #[inline(always)]
    pub(crate) fn set_part<P: Pod>(&mut self, place: usize, nth: usize, value: P) {
        let parts = &mut self.bytes[place * size_of::<T>()..][..size_of::<T>()];
        parts[nth * size_of::<P>()..][..size_of::<P>()].copy_from_slice(bytes_of(&value));
    }

    /// Adds one at the end.
    #[inline(always)]
    pub(crate) fn push(&mut self, value: T) {
        self.bytes.extend_from_slice(bytes_of(&value));
    }

    /// This one, which is empty, with what another has.
    pub(crate) fn filled(mut self, other: &Self) -> Self {
        self.bytes.extend_from_slice(&other.bytes);
        self
    }

    /// Adds some at the end.
    #[inline(always)]
    pub(crate) fn extend(&mut self, values: &[T]) {
        self.bytes.extend_from_slice(cast_slice(values));
    }

    /// Makes them so many; new ones are zeros.
    pub(crate) fn resize(&mut self, count: usize) {
        self.bytes.resize(count.saturating_mul(size_of::<T>()), 0);
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = T> + Clone {
        self.bytes.chunks_exact(size_of::<T>()).map(pod_read_unaligned)
    }
}

impl<const N: usize> Column<[u8; N]> {
    /// All of them.
    #[inline(always)]
    pub(crate) fn as_slice(&self) -> &[[u8; N]] {
        self.bytes.as_chunks().0
    }

    /// All of them.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [[u8; N]] {
        self.bytes.as_chunks_mut().0
    }
}
