//! Buffers that live between blocks.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// What an encoder reuses from block to block: one for each thread, owned by the caller.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Scratch {
    /// What the tokenizer keeps.
    pub tokenizer: m2v_tokenize::Scratch,
    /// The ids of a block's texts, one text after the other.
    pub ids: Vec<u32>,
    /// Where each text's ids end in `ids`.
    pub ends: Vec<usize>,
}

/// A bounded set of [`Scratch`] to borrow from, so that calls that do not bring one find theirs warm.
pub struct ScratchPool {
    free: Mutex<Vec<Scratch>>,
    limit: usize,
}

impl ScratchPool {
    /// A pool that keeps at most `limit` between calls.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { free: Mutex::default(), limit }
    }

    /// Borrows one, a new one if all are in use; it returns to the pool when dropped.
    pub fn borrow(&self) -> impl DerefMut<Target = Scratch> + '_ {
        let scratch = self.free().pop().unwrap_or_default();
        Borrowed { scratch, pool: self }
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Scratch>> {
        // Scratch has no invariants that a panic could break.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ScratchPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScratchPool").field("limit", &self.limit).finish_non_exhaustive()
    }
}

struct Borrowed<'a> {
    scratch: Scratch,
    pool: &'a ScratchPool,
}

impl Deref for Borrowed<'_> {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        &self.scratch
    }
}

impl DerefMut for Borrowed<'_> {
    fn deref_mut(&mut self) -> &mut Scratch {
        &mut self.scratch
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut free = self.pool.free();
        if free.len() < self.pool.limit {
            free.push(std::mem::take(&mut self.scratch));
        }
    }
}
