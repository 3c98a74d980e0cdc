//! A map from strings to ids: one buffer for all strings, one table.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// A map from byte strings to ids.
#[derive(Clone, Default)]
pub(crate) struct StringTable {
    bytes: Vec<u8>,
    table: HashTable<Place>,
    /// Of other numbers in each table: whoever writes a vocabulary does not know which of its tokens collide.
    state: RandomState,
    longest: usize,
}

/// A string, and its id.
#[derive(Clone, Copy)]
struct Place {
    start: u32,
    len: u32,
    id: u32,
}

impl Place {
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..self.len as usize]
    }
}

impl StringTable {
    /// A map with room for `count` strings of `bytes` bytes in all.
    pub(crate) fn with_capacity(count: usize, bytes: usize) -> Self {
        let table = HashTable::with_capacity(count);
        Self { bytes: Vec::with_capacity(bytes), table, ..Self::default() }
    }

    /// How many strings there are.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Bytes of the longest string.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The id of a string.
    pub(crate) fn get(&self, key: &[u8]) -> Option<u32> {
        if key.len() > self.longest {
            return None;
        }
        let found = self.table.find(self.state.hash_one(key), |place| place.of(&self.bytes) == key);
        found.map(|place| place.id)
    }

    /// Adds a string; of one that is there already, the last id counts.
    pub(crate) fn insert(&mut self, key: &[u8], id: u32) {
        let Self { bytes, table, state, longest } = self;
        let hash = state.hash_one(key);
        if let Some(place) = table.find_mut(hash, |place| place.of(bytes) == key) {
            place.id = id;
            return;
        }
        // A vocabulary comes from a JSON text; no file is larger than memory, few are larger than 4 GiB.
        let (Ok(start), Ok(len)) = (u32::try_from(bytes.len()), u32::try_from(key.len())) else { return };
        bytes.extend_from_slice(key);
        *longest = (*longest).max(key.len());
        table.insert_unique(hash, Place { start, len, id }, |place| state.hash_one(place.of(bytes)));
    }
}
