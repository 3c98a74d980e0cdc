//! The merges: pairs of ids, their ranks, and what they become.

/// Ids are below this.
pub(super) const MAX_IDS: u32 = (1 << ID_BITS) - 1;
/// Ranks are below this.
pub(super) const MAX_RANKS: u32 = (1 << RANK_BITS) - 1;
/// The rank of pairs that do not merge.
pub(super) const NO_RANK: u32 = MAX_RANKS;

const ID_BITS: u32 = 21;
const RANK_BITS: u32 = 64 - 2 * ID_BITS;

/// The merges.
///
/// A slot of the table is both ids and the rank in one word, an eighth of a cache line; it is found by open addressing
/// from the hash on, and the table is at most half full.
pub(super) struct Pairs {
    /// [`FREE`] or left, right and rank, from the highest bit on. A power of two of them.
    slots: Vec<u64>,
    shift: u32,
    /// What the pair of each rank becomes.
    merged: Vec<u32>,
}

/// No pair has ids of [`MAX_IDS`].
const FREE: u64 = u64::MAX;

impl Pairs {
    /// A table for up to `count` pairs.
    pub(super) fn with_capacity(count: usize) -> Self {
        let slots = (count * 2).next_power_of_two().max(2);
        Self {
            slots: vec![FREE; slots],
            shift: 64 - slots.trailing_zeros(),
            merged: Vec::with_capacity(count),
        }
    }

    /// Adds the next merge. A pair that is there already gets the new rank, and the old rank stays empty.
    pub(super) fn push(&mut self, left: u32, right: u32, merged: u32) {
        let rank = self.merged.len() as u64;
        let key = key(left, right);
        let mut at = self.start(key);
        while self.slots[at] != FREE && self.slots[at] >> RANK_BITS != key {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = key << RANK_BITS | rank;
        self.merged.push(merged);
    }

    pub(super) fn len(&self) -> usize {
        self.merged.len()
    }

    /// The rank of a pair, or [`NO_RANK`].
    #[inline]
    pub(super) fn rank(&self, left: u32, right: u32) -> u32 {
        let key = key(left, right);
        let mut at = self.start(key);
        loop {
            let slot = self.slots[at];
            if slot >> RANK_BITS == key {
                return slot as u32 & MAX_RANKS;
            }
            if slot == FREE {
                return NO_RANK;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// What the pair with this rank becomes.
    #[inline]
    pub(super) fn merged(&self, rank: u32) -> u32 {
        self.merged[rank as usize]
    }

    #[inline]
    fn start(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }
}

#[inline]
fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << ID_BITS | u64::from(right)
}
