//! What chunks of text became, remembered.

use super::cache::Cache;
use crate::key::{Key, key};
use crate::prefetch::prefetch;

/// Marks a value that is a place in the lists, not an id.
const LIST: u32 = 1 << 31;

/// Ids kept in lists before all is forgotten: 4 MiB.
const MAX_LISTED: usize = 1 << 20;
/// Lines of a cache that has grown as far as it may: 8 MiB.
const MAX_LINES: usize = 1 << 17;
const FIRST_LINES: usize = 1 << 10;

/// What chunks of up to 60 bytes became. One for each thread, at most 28 MiB.
pub(super) struct Memo {
    short: Tier<2>,
    medium: Tier<4>,
    long: Tier<8>,
    lists: Lists,
}

/// Chunks of one range of lengths.
struct Tier<const N: usize> {
    cache: Cache<N>,
    evicted: usize,
}

/// Ids of a list that are appended at once.
const RUN: usize = 8;

/// Lists of ids, each after its length.
#[derive(Default)]
struct Lists(Vec<u32>);

impl Memo {
    /// Bytes of chunks that are remembered, by the length of their keys.
    pub(super) const SHORT: usize = Cache::<2>::LONGEST;
    pub(super) const MEDIUM: usize = Cache::<4>::LONGEST;
    pub(super) const LONGEST: usize = Cache::<8>::LONGEST;

    pub(super) fn new() -> Self {
        Self { short: Tier::new(), medium: Tier::new(), long: Tier::new(), lists: Lists::default() }
    }

    /// Asks for where the chunk of `len` bytes at `start` would be.
    #[inline]
    pub(super) fn prefetch(&self, bytes: &[u8], start: usize, len: usize) {
        if len <= Self::SHORT {
            self.short.cache.prefetch(&key(bytes, start, len))
        } else if len <= Self::MEDIUM {
            self.medium.cache.prefetch(&key(bytes, start, len))
        } else if len <= Self::LONGEST {
            self.long.cache.prefetch(&key(bytes, start, len));
        }
    }

    /// What says what the chunk of `len` bytes at `start` became, until the next is remembered; 0 if that is not known.
    #[inline]
    pub(super) fn value(&self, bytes: &[u8], start: usize, len: usize) -> u32 {
        if len <= Self::SHORT {
            self.short.cache.get(&key(bytes, start, len))
        } else if len <= Self::MEDIUM {
            self.medium.cache.get(&key(bytes, start, len))
        } else if len <= Self::LONGEST {
            self.long.cache.get(&key(bytes, start, len))
        } else {
            0
        }
    }

    /// Asks for the ids that a value stands for.
    #[inline]
    pub(super) fn prefetch_ids(&self, value: u32) {
        // One id, or none, is no place in the lists.
        if let Some(list) = self.lists.0.get((value.wrapping_sub(1) & !LIST) as usize) {
            prefetch(list);
        }
    }

    /// Appends the ids that a value stands for, which is not 0.
    #[inline]
    pub(super) fn append(&self, value: u32, ids: &mut Vec<u32>) {
        self.lists.append(value, ids);
    }

    /// Remembers the ids of a chunk that is not known. One longer than [`Memo::LONGEST`] is forgotten at once.
    pub(super) fn insert(&mut self, bytes: &[u8], start: usize, len: usize, ids: &[u32]) {
        if self.lists.is_full(ids.len()) {
            // Lists of chunks that are gone cannot be told from others: begin anew.
            *self = Self::new();
        }
        if len <= Self::SHORT {
            self.short.insert(&key(bytes, start, len), self.lists.value(ids));
        } else if len <= Self::MEDIUM {
            self.medium.insert(&key(bytes, start, len), self.lists.value(ids));
        } else if len <= Self::LONGEST {
            self.long.insert(&key(bytes, start, len), self.lists.value(ids));
        }
    }
}

impl<const N: usize> Tier<N> {
    fn new() -> Self {
        Self { cache: Cache::new(FIRST_LINES), evicted: 0 }
    }

    fn insert(&mut self, key: &Key<N>, value: u32) {
        if self.cache.try_insert(key, value) {
            return;
        }
        self.evicted += 1;
        if self.evicted * 4 > self.cache.lines() && self.cache.lines() < MAX_LINES {
            self.cache = self.cache.grown();
            self.evicted = 0;
            if self.cache.try_insert(key, value) {
                return;
            }
        }
        self.cache.replace(key, value);
    }
}

impl Lists {
    fn is_full(&self, more: usize) -> bool {
        self.0.len() + more + 1 > MAX_LISTED
    }

    /// One id as it is, plus one; more of them as a place in the lists.
    fn value(&mut self, ids: &[u32]) -> u32 {
        match *ids {
            [id] if id < LIST - 1 => id + 1,
            _ => {
                let at = self.0.len() as u32;
                self.0.push(ids.len() as u32);
                self.0.extend_from_slice(ids);
                (at | LIST) + 1
            }
        }
    }

    #[inline]
    fn append(&self, value: u32, ids: &mut Vec<u32>) {
        let value = value - 1;
        if value & LIST == 0 {
            ids.push(value);
        } else {
            let at = (value & !LIST) as usize;
            let len = self.0[at] as usize;
            let after = ids.len() + len;
            match self.0[at + 1..].first_chunk::<RUN>() {
                // More than needed, most of the time: how many there are cannot be predicted.
                Some(run) if len <= RUN => ids.extend_from_slice(run),
                _ => ids.extend_from_slice(&self.0[at + 1..][..len]),
            }
            ids.truncate(after);
        }
    }
}
