//! Looking up chunks among the known words.
//!
//! The places of some chunks are asked for before those of the ones before them are looked at, so that memory has time
//! to come. Where a chunk of the length of most words is, and what is there, takes some 40 instructions.

use std::mem;

use super::{BLOCK, Instructions, PLACES, Places};
use crate::key::Key;
use crate::short_strings::ShortStrings;

/// Chunks that are looked up together.
pub(super) const FOUR: usize = 4;

/// Fours of chunks whose places are asked for before those of as many are looked at.
const AHEAD: usize = 8;

/// What looking up chunks brought.
pub(super) struct LookedUp {
    /// The value of each chunk, 0 if it is no known word.
    pub(super) values: Box<Places>,
    /// Which chunks have no value that is positive as an `i32`.
    pub(super) others: Box<Places>,
    asked: [Asked; 2],
}

impl LookedUp {
    pub(super) fn new() -> Self {
        let places = || Box::new([0; PLACES]);
        Self { values: places(), others: places(), asked: [Asked::NONE; 2] }
    }
}

impl<B, C, P, K, V> Instructions<B, C, P, K, V>
where
    P: Fn(u64, u32, &mut [u32]),
    K: Fn(&[u8], &[u32; FOUR], &[u32; FOUR], &mut [Key<2>; FOUR]),
    V: Fn(&ShortStrings, &[Key<2>; FOUR], &[u32; FOUR], &mut [u32; FOUR]) -> u8,
{
    /// Looks up so many chunks. Returns how many of them are among the others.
    #[inline(always)]
    pub(super) fn look_up(
        &self,
        known: &ShortStrings,
        bytes: &[u8],
        (starts, ends): (&Places, &Places),
        chunks: usize,
        looked_up: &mut LookedUp,
    ) -> usize {
        let LookedUp { values, others, asked: [now, later] } = looked_up;
        let (mut now, mut later) = (now, later);
        let fours = chunks.div_ceil(FOUR);
        let (starts, ends) = (&starts.as_chunks().0[..fours], &ends.as_chunks().0[..fours]);
        let mut groups = starts.chunks(AHEAD).zip(ends.chunks(AHEAD));
        if let Some((starts, ends)) = groups.next() {
            now.ask(&self.keys, known, bytes, starts, ends);
        }
        let (mut count, mut first) = (0, 0);
        for values in values.as_chunks_mut().0[..fours].chunks_mut(AHEAD) {
            if let Some((starts, ends)) = groups.next() {
                later.ask(&self.keys, known, bytes, starts, ends);
            }
            let mut unknown = 0;
            let keys_and_places = now.keys.iter().zip(&now.places);
            for (i, (values, (keys, places))) in values.iter_mut().zip(keys_and_places).enumerate() {
                unknown |= u64::from((self.values)(known, keys, places, values)) << (FOUR * i);
            }
            // The last four may not be full.
            unknown &= !(!0 << (chunks - first).min(FOUR * AHEAD));
            if let Some(out) = others[count..].first_chunk_mut::<BLOCK>() {
                (self.positions)(unknown, first as u32, out);
            }
            count += unknown.count_ones() as usize;
            first += FOUR * AHEAD;
            mem::swap(&mut now, &mut later);
        }
        count
    }
}

/// Chunks whose places were asked for.
struct Asked {
    keys: [[Key<2>; FOUR]; AHEAD],
    places: [[u32; FOUR]; AHEAD],
}

impl Asked {
    const NONE: Self = Self { keys: [[[0; 2]; FOUR]; AHEAD], places: [[0; FOUR]; AHEAD] };

    /// Makes the keys of up to [`AHEAD`] fours of chunks and asks for their places.
    #[inline(always)]
    fn ask(
        &mut self,
        make: &impl Fn(&[u8], &[u32; FOUR], &[u32; FOUR], &mut [Key<2>; FOUR]),
        known: &ShortStrings,
        bytes: &[u8],
        starts: &[[u32; FOUR]],
        ends: &[[u32; FOUR]],
    ) {
        let fours = starts.iter().zip(ends).zip(self.keys.iter_mut().zip(&mut self.places));
        for ((starts, ends), (keys, places)) in fours {
            make(bytes, starts, ends, keys);
            for (key, place) in keys.iter().zip(places) {
                let at = known.place(key);
                known.prefetch(at);
                *place = at as u32;
            }
        }
    }
}

/// The bytes that a key is made of: as many as the longest has, and more.
pub(super) const WINDOW: usize = 16;

/// The keys of chunks. What is behind the last chunk was there before, and may end before it starts; it starts, as all
/// do, before the last [`WINDOW`] bytes: the buffer has [`PADDING`](super::PADDING) behind each block, and never
/// shrinks.
#[inline(always)]
pub(super) fn keys(bytes: &[u8], starts: &[u32; FOUR], ends: &[u32; FOUR], keys: &mut [Key<2>; FOUR]) {
    for (i, key) in keys.iter_mut().enumerate() {
        let keep = KEEP[ends[i].wrapping_sub(starts[i]).min(KEEP.len() as u32 - 1) as usize];
        let start = starts[i] as usize;
        let words = bytes[start..start + WINDOW].as_chunks::<8>().0;
        *key = [u64::from_le_bytes(words[0]) & keep[0], u64::from_le_bytes(words[1]) & keep[1]];
    }
}

/// The first so many bytes of a key; of too many, none, which is the key of no word.
pub(super) static KEEP: [Key<2>; (ShortStrings::LONGEST + 2).next_power_of_two()] = {
    let mut keep = [[0; 2]; (ShortStrings::LONGEST + 2).next_power_of_two()];
    let mut len = 1;
    while len <= ShortStrings::LONGEST {
        keep[len] = if len < 8 { [(1 << (8 * len)) - 1, 0] } else { [u64::MAX, (1 << (8 * (len - 8))) - 1] };
        len += 1;
    }
    keep
};

/// The values of keys at their places, one after the other.
#[inline(always)]
pub(super) fn values(
    known: &ShortStrings,
    keys: &[Key<2>; FOUR],
    places: &[u32; FOUR],
    values: &mut [u32; FOUR],
) -> u8 {
    let mut unknown = 0;
    for (i, (value, (key, &place))) in values.iter_mut().zip(keys.iter().zip(places)).enumerate() {
        *value = known.get_at(place as usize, key);
        unknown |= u8::from(value.cast_signed() <= 0) << i;
    }
    unknown
}
