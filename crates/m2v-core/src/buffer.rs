//! Shared, immutable bytes.

use std::fmt;
use std::ops::{Deref, Range};

use bytes::Bytes;

/// Shared, immutable bytes: a `Vec`, a `&'static [u8]`, a memory map, or a part of one.
///
/// Cloning and slicing share the bytes; nothing is copied. Nothing is promised about alignment.
///
/// ```
/// use m2v_core::Buffer;
///
/// static BAKED_IN: &[u8] = b"model bytes";
/// let whole = Buffer::from(BAKED_IN);
/// let part = whole.slice(6..11);
/// assert_eq!(&*part, b"bytes");
/// assert!(std::ptr::eq(part.as_ptr(), &BAKED_IN[6])); // not copied
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Buffer(Bytes);

impl Buffer {
    /// Bytes kept alive by their owner, for example a memory map or an `Arc<[u8]>`.
    pub fn from_owner<T: AsRef<[u8]> + Send + 'static>(owner: T) -> Self {
        Self(Bytes::from_owner(owner))
    }

    /// A part of these bytes, sharing them.
    ///
    /// # Panics
    /// As slicing does: if the range is not within `0..len`.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        Self(self.0.slice(range))
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<String> for Buffer {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&'static [u8]> for Buffer {
    fn from(bytes: &'static [u8]) -> Self {
        Self(Bytes::from_static(bytes))
    }
}

impl<const N: usize> From<&'static [u8; N]> for Buffer {
    fn from(bytes: &'static [u8; N]) -> Self {
        Self(Bytes::from_static(bytes))
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}
