//! Words and their ids, a cache line at a time.
//!
//! A line is 64 bytes: four slots for words of up to 12 bytes, two for up to 28, or one for up to 60. A slot is the
//! word, padded with zeros, and 32 bits that say what it becomes. A look-up hashes the padded word, reads one line and
//! compares its slots.

use crate::arena::Arena;
use crate::column::Column;
use crate::key::Key;
use crate::prefetch::prefetch;

/// Words of up to `8 × N − 4` bytes, for N of 2, 4 and 8.
pub(super) struct Cache<const N: usize> {
    lines: Column<[u64; 8]>,
}

const VALUE_SHIFT: u32 = 32;

impl<const N: usize> Cache<N> {
    /// Bytes of the longest word.
    pub(super) const LONGEST: usize = 8 * N - 4;

    /// A cache of at least `lines` lines.
    pub(super) fn new(lines: usize, arena: &mut Arena) -> Self {
        Self { lines: arena.zeros(lines.next_power_of_two()) }
    }

    /// Asks for the line of a word.
    #[inline]
    pub(super) fn prefetch(&self, key: &Key<N>) {
        prefetch(self.lines.address(self.index(key)));
    }

    /// The value of a word, 0 if it is not there.
    #[inline]
    pub(super) fn get(&self, key: &Key<N>) -> u32 {
        let line = self.lines.at(self.index(key));
        // Without branches: which slot it is cannot be predicted. A free one has the value 0.
        let slots = line.as_chunks::<N>().0.iter();
        slots.fold(0, |value, slot| {
            value | if same(slot, key) { (slot[N - 1] >> VALUE_SHIFT) as u32 } else { 0 }
        })
    }

    /// Sets the value, which is not 0, of a word that is not there. Whether its line had room.
    pub(super) fn try_insert(&mut self, key: &Key<N>, value: u32) -> bool {
        let index = self.index(key);
        let mut line = self.lines.at(index);
        let free = line.as_chunks_mut::<N>().0.iter_mut().find(|slot| slot[N - 1] >> VALUE_SHIFT == 0);
        match free {
            Some(slot) => write(slot, key, value),
            None => return false,
        }
        self.lines.set(index, line);
        true
    }

    #[inline]
    fn index(&self, key: &Key<N>) -> usize {
        const K: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut hash = key[0].wrapping_mul(K);
        for word in &key[1..] {
            hash = (hash.rotate_left(29) ^ word).wrapping_mul(K);
        }
        // `lines` is a power of two.
        (hash >> 32) as usize & (self.lines.len() - 1)
    }
}

#[inline]
fn same<const N: usize>(slot: &Key<N>, key: &Key<N>) -> bool {
    let mut difference = (slot[N - 1] ^ key[N - 1]) << VALUE_SHIFT;
    for i in 0..N - 1 {
        difference |= slot[i] ^ key[i];
    }
    difference == 0
}

fn write<const N: usize>(slot: &mut Key<N>, key: &Key<N>, value: u32) {
    *slot = *key;
    slot[N - 1] |= u64::from(value) << VALUE_SHIFT;
}
