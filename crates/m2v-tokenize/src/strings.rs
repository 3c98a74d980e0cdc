//! A map from strings to ids: one buffer for all strings, one flat table.

/// A map from byte strings to ids.
#[derive(Clone, Default)]
pub(crate) struct StringTable {
    bytes: Vec<u8>,
    /// Open addressing; `len == EMPTY` marks a free slot.
    slots: Vec<Slot>,
    count: usize,
    longest: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    hash: u32,
    start: u32,
    len: u32,
    id: u32,
}

const EMPTY: u32 = u32::MAX;
const FREE: Slot = Slot { hash: 0, start: 0, len: EMPTY, id: 0 };

impl StringTable {
    /// A map with room for `count` strings of `bytes` bytes in all.
    pub(crate) fn with_capacity(count: usize, bytes: usize) -> Self {
        let slots = vec![FREE; (count * 2).next_power_of_two().max(16)];
        Self { bytes: Vec::with_capacity(bytes), slots, count: 0, longest: 0 }
    }

    /// How many strings there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Bytes of the longest string.
    pub(crate) fn longest(&self) -> usize {
        self.longest
    }

    /// The id of a string.
    pub(crate) fn get(&self, key: &[u8]) -> Option<u32> {
        if key.len() > self.longest || self.slots.is_empty() {
            return None;
        }
        let slot = &self.slots[self.find(key, hash(key))];
        (slot.len != EMPTY).then_some(slot.id)
    }

    /// Adds a string; of one that is there already, the last id counts.
    pub(crate) fn insert(&mut self, key: &[u8], id: u32) {
        let at = self.find_or_insert(key, id);
        self.slots[at].id = id;
    }

    fn find_or_insert(&mut self, key: &[u8], id: u32) -> usize {
        if (self.count + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let hash = hash(key);
        let at = self.find(key, hash);
        if self.slots[at].len == EMPTY {
            // A vocabulary comes from a JSON text; no file is larger than memory, few are larger than 4 GiB.
            let (Ok(start), Ok(len)) = (u32::try_from(self.bytes.len()), u32::try_from(key.len())) else {
                return at;
            };
            self.bytes.extend_from_slice(key);
            self.slots[at] = Slot { hash, start, len, id };
            self.count += 1;
            self.longest = self.longest.max(key.len());
        }
        at
    }

    fn key(&self, slot: &Slot) -> &[u8] {
        &self.bytes[slot.start as usize..][..slot.len as usize]
    }

    /// The slot that holds the string, or the free one where it belongs.
    fn find(&self, key: &[u8], hash: u32) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = &self.slots[at];
            if slot.len == EMPTY || (slot.hash == hash && self.key(slot) == key) {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let slots = vec![FREE; (self.slots.len() * 2).max(16)];
        let old = std::mem::replace(&mut self.slots, slots);
        let mask = self.slots.len() - 1;
        for slot in old.into_iter().filter(|slot| slot.len != EMPTY) {
            let mut at = slot.hash as usize & mask;
            while self.slots[at].len != EMPTY {
                at = (at + 1) & mask;
            }
            self.slots[at] = slot;
        }
    }
}

/// Eight bytes at a time, a multiplication each; the high bits are the good ones.
fn hash(key: &[u8]) -> u32 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let (words, rest) = key.as_chunks::<8>();
    let mut hash = key.len() as u64;
    for word in words {
        hash = (hash ^ u64::from_le_bytes(*word)).wrapping_mul(K).rotate_left(23);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(K);
    ((hash ^ (hash >> 29)).wrapping_mul(K) >> 32) as u32
}
