//! The merges: pairs of ids, their ranks, and what they become.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// Ids are below this.
pub(super) const MAX_IDS: u32 = (1 << ID_BITS) - 1;
/// Ranks are below this.
pub(super) const MAX_RANKS: u32 = (1 << RANK_BITS) - 1;

const ID_BITS: u32 = 21;
const RANK_BITS: u32 = 64 - 2 * ID_BITS;

/// The merges.
///
/// Each left id has a small hash table of its own: what is asked about the same symbol lies close together, and the
/// ids of most models are in the order of their frequency, so that the busy part of all this stays in the cache. A
/// slot is one word: the right id, the rank, and what the pair becomes. Four slots are looked at together, because
/// whether a pair merges is hard to predict, and a wrong prediction costs more than they do.
pub(super) struct Pairs {
    /// By left id: where its table starts, above [`SIZE_BITS`] that hold the logarithm of its size. The last is for
    /// all greater ids.
    tables: Vec<u32>,
    /// Slots, from the left; the first bucket stays empty.
    buckets: Vec<[u64; 4]>,
    /// What the pair of each rank becomes.
    merged: Vec<u32>,
    /// An odd number that a right id is multiplied with to find its bucket.
    multiplier: u32,
}

/// A pair of ids and what they become.
pub(super) struct Merge {
    pub(super) left: u32,
    pub(super) right: u32,
    pub(super) merged: u32,
}

/// What becomes of a pair, in one word ordered by rank.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found(u64);

impl Found {
    /// The pair does not merge.
    pub(super) const NONE: Self = Self(FREE & !RIGHT_MASK);

    /// The rank; [`MAX_RANKS`] of none.
    #[inline]
    pub(super) fn rank(self) -> u32 {
        (self.0 >> ID_BITS) as u32
    }

    #[inline]
    pub(super) fn merged(self) -> u32 {
        self.0 as u32 & MAX_IDS
    }

    /// A word with a position, below 256, in the lowest byte; it is ordered by rank, then by position.
    #[inline]
    pub(super) fn at(self, position: usize) -> u64 {
        self.0 << 8 | position as u64
    }

    /// The parts of such a word.
    #[inline]
    pub(super) fn and_position(word: u64) -> (Self, usize) {
        (Self(word >> 8), (word & 0xFF) as usize)
    }
}

/// The golden ratio: ids that follow each other are far apart.
const MULTIPLIER: u32 = 0x9E37_79B9;
/// Buckets behind its own that are searched for a pair. Of 50,000 trained merges none is more than 3 behind. Where
/// somebody chose ids that are, the multiplier is another, which nobody knows.
const FARTHEST: usize = 64;
/// Multipliers that are tried.
const TRIES: usize = 16;

const SIZE_BITS: u32 = 5;
/// No right id is [`MAX_IDS`]; who asks for it finds a free slot.
const FREE: u64 = u64::MAX;
/// Where the right id is in a slot.
const RIGHT: u32 = ID_BITS + RANK_BITS;
const RIGHT_MASK: u64 = (MAX_IDS as u64) << RIGHT;

impl Pairs {
    /// The merges in the order of their ranks. Of a pair that is there twice, the last rank counts.
    pub(super) fn new(merges: &[Merge]) -> Self {
        let mut pairs = Self::empty(merges);
        for _ in 0..TRIES {
            if pairs.fill(merges, FARTHEST).is_some() {
                return pairs;
            }
            pairs.multiplier = RandomState::default().hash_one(0_u64) as u32 | 1;
        }
        // The tables have room for all.
        let _ = pairs.fill(merges, usize::MAX);
        pairs
    }

    fn empty(merges: &[Merge]) -> Self {
        let ids = merges.iter().map(|merge| merge.left as usize + 1).max().unwrap_or(0);
        let mut counts = vec![0_u32; ids + 1];
        for merge in merges {
            counts[merge.left as usize] += 1;
        }
        let mut buckets = 1;
        let table = |count: u32| {
            if count == 0 {
                return 0;
            }
            // At most half full, so that few buckets are: a full one sends the search on to the next.
            let bits = if count < 4 { 0 } else { count.div_ceil(2).next_power_of_two().ilog2() };
            let start = buckets;
            buckets += 1 << bits;
            start << SIZE_BITS | bits
        };
        let tables = counts.into_iter().map(table).collect();
        let merged = merges.iter().map(|merge| merge.merged).collect();
        Self { tables, buckets: vec![[FREE; 4]; buckets as usize], merged, multiplier: MULTIPLIER }
    }

    /// Puts all merges into their tables, none more than so many buckets behind its own, or gives up.
    fn fill(&mut self, merges: &[Merge], farthest: usize) -> Option<()> {
        self.buckets.fill([FREE; 4]);
        for (rank, merge) in merges.iter().enumerate() {
            let (rank, right) = (rank as u64, u64::from(merge.right));
            let (start, mask, first) = self.bucket(merge.left, merge.right);
            let mut buckets = (0..=farthest.min(mask)).map(|behind| start + ((first + behind) & mask));
            let at = |slot: &u64| *slot == FREE || *slot >> RIGHT == right;
            let (bucket, slot) =
                buckets.find_map(|bucket| Some((bucket, self.buckets[bucket].iter().position(at)?)))?;
            self.buckets[bucket][slot] = right << RIGHT | rank << ID_BITS | u64::from(merge.merged);
        }
        Some(())
    }

    /// How many ranks there are.
    pub(super) fn ranks(&self) -> usize {
        self.merged.len()
    }

    /// What becomes of a pair.
    #[inline]
    pub(super) fn get(&self, left: u32, right: u32) -> Found {
        let (start, mask, mut at) = self.bucket(left, right);
        loop {
            let bucket = &self.buckets[start + at];
            let mut found = Found::NONE;
            for &slot in bucket {
                if slot >> RIGHT == u64::from(right) {
                    found = Found(slot & !RIGHT_MASK);
                }
            }
            // `|`: one branch, and hardly ever taken.
            if (found != Found::NONE) | (bucket[3] == FREE) {
                return found;
            }
            at = (at + 1) & mask;
        }
    }

    /// What the pair with this rank becomes.
    #[inline]
    pub(super) fn merged(&self, rank: u32) -> u32 {
        self.merged[rank as usize]
    }

    /// Where the table of the left id is, how many buckets it has less one, and in which of them the search for the
    /// right id starts.
    #[inline]
    fn bucket(&self, left: u32, right: u32) -> (usize, usize, usize) {
        let table = self.tables[(left as usize).min(self.tables.len() - 1)];
        let bits = table & ((1 << SIZE_BITS) - 1);
        // The highest bits of the product.
        let first = u64::from(right.wrapping_mul(self.multiplier)) << bits >> 32;
        ((table >> SIZE_BITS) as usize, (1 << bits) - 1, first as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::{FARTHEST, Found, MAX_IDS, MULTIPLIER, Merge, Pairs};

    #[test]
    fn ids_that_were_chosen_to_collide_do_not() {
        let mut rights: Vec<u32> = (0..MAX_IDS).collect();
        rights.sort_unstable_by_key(|right| right.wrapping_mul(MULTIPLIER));
        rights.truncate(20_000);
        let merges: Vec<Merge> =
            rights.iter().map(|&right| Merge { left: 1, right, merged: right }).collect();
        let mut pairs = Pairs::new(&merges);
        assert_ne!(pairs.multiplier, MULTIPLIER);
        for (rank, &right) in rights.iter().enumerate() {
            let found = pairs.get(1, right);
            assert_eq!((found.rank() as usize, found.merged()), (rank, right));
            assert!(pairs.get(0, right) == Found::NONE);
        }
        assert!(pairs.fill(&merges, FARTHEST).is_some(), "not just another one that is as bad");
    }
}
