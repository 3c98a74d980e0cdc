//! What chunks of text became, remembered.
//!
//! A log holds the chunks one after the other, each with its ids behind it; a table says where in the log a chunk with
//! some hash is. What the log holds is compared in full, so that a hash of two chunks costs time only.
//!
//! A new chunk writes to one line of the table, which is small, and to the end of the log: most of what a first pass
//! over texts takes is the memory that it touches for the first time. Next to keys of a fixed length in the table
//! itself, and lists of ids elsewhere, it is half of the memory.

use bytemuck::{cast, cast_slice};

use crate::arena::Arena;
use crate::column::Column;
use crate::key::{Key, key};
use crate::prefetch::prefetch;

/// What chunks of up to 64 bytes became. One for each thread, at most 14 MiB.
pub(super) struct Memo {
    /// In [`Line`]s.
    lines: Column<[[u32; SLOTS]; 2]>,
    /// Chunks that have a place in the table.
    count: usize,
    /// Which slot of a full line goes next.
    next: usize,
    /// Numbers of 32 bits.
    log: Column<[u8; 4]>,
}

/// Where chunks are in the log, by their hashes. A free slot has the place 0; no two others of a line have the same
/// hash.
#[derive(Clone, Copy)]
struct Line {
    hashes: [u32; SLOTS],
    places: [u32; SLOTS],
}

const SLOTS: usize = 8;

/// Lines of a new table, 16 KiB; of the largest in small pages, 64 KiB; of the largest that shares a huge page with the
/// beginning of the log, 1 MiB; and of one that has grown as far as it may, 4 MiB.
const FIRST_LINES: usize = 1 << 8;
const SMALL_LINES: usize = 1 << 10;
const LINES_BESIDE_LOG: usize = 1 << 14;
const MAX_LINES: usize = 1 << 16;
/// Chunks for each line at which the table grows: one line in thirty is full then.
const MANY: usize = 5;
const GROWTH: usize = 4;

/// The log of a memo that forgets all: 8 MiB.
const MAX_LOG: usize = 1 << 21;

/// Ids that are appended at once.
const RUN: usize = 8;

/// Numbers in a line of the processor's cache.
const CACHE_LINE: usize = 16;

/// The header of a chunk: its bytes, and above them the number of its ids.
const LEN_BITS: u32 = 8;
const LEN: u32 = (1 << LEN_BITS) - 1;

impl Memo {
    /// Bytes of the longest chunk that is remembered.
    pub(super) const LONGEST: usize = 64;

    pub(super) fn new() -> Self {
        let mut log = Column::default();
        // No chunk has the place 0.
        log.push([0; 4]);
        Self { lines: Arena::default().zeros(FIRST_LINES), count: 0, next: 0, log }
    }

    /// The hash of the chunk of `len` bytes at `start`, of at most [`Memo::LONGEST`] bytes; [`Memo::LONGEST`] bytes
    /// from its start on are read.
    #[inline]
    pub(super) fn hash(bytes: &[u8], start: usize, len: usize) -> u32 {
        match len {
            0..=16 => hash(&key::<2>(bytes, start, len)),
            17..=32 => hash(&key::<4>(bytes, start, len)),
            _ => hash(&key::<8>(bytes, start, len)),
        }
    }

    /// Asks for the line of a hash.
    #[inline]
    pub(super) fn prefetch(&self, hash: u32) {
        prefetch(self.lines.address(self.line(hash)));
    }

    /// Where the chunk with this hash may be in the log; 0 if it is not there.
    #[inline]
    pub(super) fn place(&self, hash: u32) -> u32 {
        let [hashes, places] = self.lines.at(self.line(hash));
        // Without branches: which slot it is cannot be predicted.
        let slots = hashes.into_iter().zip(places);
        slots.fold(0, |place, (other, at)| place | if other == hash { at } else { 0 })
    }

    /// Asks for a place in the log, and for the line behind it, into which what is read of most chunks reaches: 500
    /// other languages take 0.98 to 0.99 of the time with that, a first pass over prose 0.97 (Granite Rapids).
    #[inline]
    pub(super) fn prefetch_place(&self, place: u32) {
        let place = place as usize;
        prefetch(self.log.address(place));
        prefetch(self.log.address(place + CACHE_LINE));
    }

    /// Whether a place, not 0, is that of the chunk of `len` bytes at `start`.
    #[inline]
    pub(super) fn is_at(&self, place: u32, bytes: &[u8], start: usize, len: usize) -> bool {
        let entry = &self.log.as_slice()[place as usize..];
        // One of another length is another chunk with the same hash, and may be the last of the log: then there is less
        // behind it than the key of this one is long.
        if u32::from_ne_bytes(entry[0]) & LEN != len as u32 {
            return false;
        }
        match len {
            0..=16 => same(&entry[1..], &key::<2>(bytes, start, len)),
            17..=32 => same(&entry[1..], &key::<4>(bytes, start, len)),
            _ => same(&entry[1..], &key::<8>(bytes, start, len)),
        }
    }

    /// The place of a chunk with its hash, until the next is remembered; 0 if it is not known.
    #[inline]
    pub(super) fn find(&self, hash: u32, bytes: &[u8], start: usize, len: usize) -> u32 {
        let place = self.place(hash);
        if place != 0 && self.is_at(place, bytes, start, len) { place } else { 0 }
    }

    /// Appends the ids of the chunk at a place.
    #[inline]
    pub(super) fn append(&self, place: u32, ids: &mut Vec<u32>) {
        let at = place as usize;
        let header = u32::from_ne_bytes(self.log.at(at));
        let (len, count) = (header & LEN, (header >> LEN_BITS) as usize);
        append_run(&self.log.as_slice()[at + 1 + words(len as usize)..], count, ids);
    }

    /// Remembers the ids of a chunk of at most [`Memo::LONGEST`] bytes, with its hash.
    #[inline]
    pub(super) fn insert(&mut self, hash: u32, bytes: &[u8], start: usize, len: usize, ids: &[u32]) {
        let size = 1 + words(len) + ids.len();
        let mut same = self.place(hash);
        if size > MAX_LOG / 2 || (same != 0 && self.is_at(same, bytes, start, len)) {
            return;
        }
        if self.log.len() + size > MAX_LOG {
            // Begin anew, in the same memory.
            let lines = self.lines.len();
            self.lines.resize(0);
            self.lines.resize(lines);
            self.log.resize(1);
            (self.count, same) = (0, 0);
        }
        let place = self.log.len() as u32;
        self.log.push((len as u32 | (ids.len() as u32) << LEN_BITS).to_ne_bytes());
        match len {
            0..=16 => self.log.extend(cast_slice(&key::<2>(bytes, start, len))),
            17..=32 => self.log.extend(cast_slice(&key::<4>(bytes, start, len))),
            _ => self.log.extend(cast_slice(&key::<8>(bytes, start, len))),
        }
        self.log.extend(cast_slice(ids));
        self.insert_place(hash, place, same);
    }

    /// Puts a place into the table, instead of that of another chunk with the same hash, if that is not 0.
    fn insert_place(&mut self, hash: u32, place: u32, same: u32) {
        if self.count >= self.lines.len() * MANY && self.lines.len() < MAX_LINES {
            self.grow();
        }
        let at = self.line(hash);
        let line = Line::from(self.lines.at(at));
        let mut slot = line.used();
        if same != 0 {
            slot = line.slot_of(same);
        } else if slot == SLOTS {
            self.next = (self.next + 1) % SLOTS;
            slot = self.next;
        } else {
            self.count += 1;
        }
        self.lines.set_part(at, slot, hash);
        self.lines.set_part(at, SLOTS + slot, place);
    }

    /// More lines, and all that is in the table where it belongs then.
    #[cold]
    fn grow(&mut self) {
        let before = self.lines.len();
        // Room for all there may be: what is not touched takes no memory, and what grows in its place is not copied. In
        // huge pages, for new ones take time: in a virtual machine a first pass over texts in 500 languages 3.9 µs a
        // text instead of 4.5, over messy ones 0.88 instead of 0.94.
        if before == SMALL_LINES {
            let mut arena =
                Arena::with_capacity(size_of::<Line>() * LINES_BESIDE_LOG + size_of::<u32>() * MAX_LOG);
            self.lines = arena.room(LINES_BESIDE_LOG).filled(&self.lines);
            self.log = arena.open(MAX_LOG).filled(&self.log);
        } else if before == LINES_BESIDE_LOG {
            self.lines = Arena::default().open(MAX_LINES).filled(&self.lines);
        }
        self.lines.resize(GROWTH * before);
        for at in 0..before {
            let Line { hashes, places } = self.lines.at(at).into();
            // Nothing comes to the lines that are made of one from others: there is room.
            let (mut lines, mut used) = ([Line::FREE; GROWTH], [0; GROWTH]);
            for (hash, place) in hashes.into_iter().zip(places).filter(|(_, place)| *place != 0) {
                let nth = self.line(hash) / before;
                (lines[nth].hashes[used[nth]], lines[nth].places[used[nth]]) = (hash, place);
                used[nth] += 1;
            }
            for (nth, line) in lines.into_iter().enumerate() {
                self.lines.set(at + nth * before, line.into());
            }
        }
    }

    #[inline]
    fn line(&self, hash: u32) -> usize {
        // The number of lines is a power of two.
        hash as usize & (self.lines.len() - 1)
    }
}

impl Line {
    const FREE: Self = Self { hashes: [0; SLOTS], places: [0; SLOTS] };

    /// How many slots are not free: the first ones.
    #[inline]
    fn used(&self) -> usize {
        self.places.iter().filter(|place| **place != 0).count()
    }

    /// The slot that has a place, which one has.
    fn slot_of(&self, place: u32) -> usize {
        self.places.iter().position(|other| *other == place).unwrap_or(0)
    }
}

impl From<[[u32; SLOTS]; 2]> for Line {
    fn from([hashes, places]: [[u32; SLOTS]; 2]) -> Self {
        Self { hashes, places }
    }
}

impl From<Line> for [[u32; SLOTS]; 2] {
    fn from(Line { hashes, places }: Line) -> Self {
        [hashes, places]
    }
}

/// Appends the first of some ids.
#[inline]
pub(super) fn append_run(from: &[[u8; 4]], count: usize, ids: &mut Vec<u32>) {
    let after = ids.len() + count;
    match from.first_chunk::<RUN>() {
        // More than needed, most of the time: how many there are cannot be predicted.
        Some(run) if count <= RUN => ids.extend_from_slice(&cast::<_, [u32; RUN]>(*run)),
        _ => ids.extend(from[..count].iter().copied().map(u32::from_ne_bytes)),
    }
    ids.truncate(after);
}

/// Elements of the log that hold the key of a chunk.
#[inline]
fn words(len: usize) -> usize {
    match len {
        0..=16 => 4,
        17..=32 => 8,
        _ => 16,
    }
}

#[inline]
fn hash<const N: usize>(key: &Key<N>) -> u32 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut hash = key[0].wrapping_mul(K);
    for word in &key[1..] {
        hash = (hash.rotate_left(29) ^ word).wrapping_mul(K);
    }
    (hash >> 32) as u32
}

#[inline]
fn same<const N: usize>(log: &[[u8; 4]], key: &Key<N>) -> bool {
    let words = log[..2 * N].as_flattened().as_chunks::<8>().0;
    let differences = words.iter().zip(key).map(|(word, key)| u64::from_ne_bytes(*word) ^ key);
    differences.fold(0, |all, difference| all | difference) == 0
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINES, MAX_LOG, Memo};

    /// A chunk of 1 to 64 bytes with what is read behind it, and its length. Its ids shall be its bytes.
    fn chunk(number: u32) -> (Vec<u8>, usize) {
        let len = 1 + number as usize % Memo::LONGEST;
        let mut bytes = number.to_string().repeat(Memo::LONGEST).into_bytes();
        bytes.truncate(Memo::LONGEST + len);
        (bytes, len)
    }

    #[test]
    fn knows_what_it_was_told_or_nothing() {
        let mut memo = Memo::new();
        let mut known = 0;
        // Enough that the table grows, and that the log is full some times.
        for number in 0..500_000 {
            let (bytes, len) = chunk(number);
            let ids: Vec<u32> = bytes[..len].iter().map(|&byte| byte.into()).collect();
            memo.insert(Memo::hash(&bytes, 0, len), &bytes, 0, len, &ids);
            assert!(memo.log.len() <= MAX_LOG && memo.lines.len() <= MAX_LINES);
            let (bytes, len) = chunk(number / 2);
            let place = memo.find(Memo::hash(&bytes, 0, len), &bytes, 0, len);
            if place != 0 {
                let mut ids = vec![7];
                memo.append(place, &mut ids);
                assert_eq!(ids[0], 7);
                assert!(
                    ids[1..].iter().copied().eq(bytes[..len].iter().map(|&byte| u32::from(byte))),
                    "{number}"
                );
                known += 1;
            }
        }
        assert!(known > 10_000, "{known}");
    }

    #[test]
    fn chunks_with_the_same_hash_are_told_apart() {
        // Met in the Universal Declaration of Human Rights in 500 languages.
        let chunks = ["ipochele", "每𠊛調𣎏權自由合行吧參加協會𠬠格和平。"];
        let padded = chunks.map(|chunk| [chunk.as_bytes(), &[0; Memo::LONGEST]].concat());
        let hashes = [0, 1].map(|i| Memo::hash(&padded[i], 0, chunks[i].len()));
        assert_eq!(hashes[0], hashes[1]);
        for (first, second) in [(0, 1), (1, 0)] {
            let mut memo = Memo::new();
            for (here, other) in [(first, second), (second, first)] {
                memo.insert(hashes[here], &padded[here], 0, chunks[here].len(), &[here as u32]);
                let mut ids = Vec::new();
                memo.append(memo.find(hashes[here], &padded[here], 0, chunks[here].len()), &mut ids);
                assert_eq!(ids, [here as u32]);
                // The last of the log, of which there is less than of the other, or more.
                assert_eq!(memo.find(hashes[other], &padded[other], 0, chunks[other].len()), 0);
            }
        }
    }

    #[test]
    fn a_hash_of_many_chunks_costs_what_it_knows_and_no_more() {
        let mut memo = Memo::new();
        let hash = |bytes: &[u8], len| Memo::hash(bytes, 0, len) % 64;
        let mut known = 0;
        for number in 0..50_000 {
            let (bytes, len) = chunk(number);
            memo.insert(hash(&bytes, len), &bytes, 0, len, &[number]);
            let newest = memo.find(hash(&bytes, len), &bytes, 0, len);
            let (bytes, len) = chunk(number.saturating_sub(number % 100));
            let place = memo.find(hash(&bytes, len), &bytes, 0, len);
            for (place, of) in [(newest, number), (place, number.saturating_sub(number % 100))] {
                if place != 0 {
                    let mut ids = Vec::new();
                    memo.append(place, &mut ids);
                    // Some numbers have the same chunk.
                    let text = |number| chunk(number).0[..chunk(number).1].to_vec();
                    assert_eq!(text(ids[0]), text(of));
                    known += usize::from(of != number);
                }
            }
            assert_ne!(newest, 0, "{number}");
        }
        assert!(known > 10_000, "{known}");
    }

    #[test]
    fn keeps_what_it_was_told_while_it_grows() {
        let mut memo = Memo::new();
        // More than makes the table as large as it may be, and less than fills the log.
        let chunks = 0..150_000_u32;
        let bytes = |number: u32| [&number.to_le_bytes()[..], &[0xFF; Memo::LONGEST]].concat();
        for number in chunks.clone() {
            let bytes = bytes(number);
            memo.insert(Memo::hash(&bytes, 0, 5), &bytes, 0, 5, &[number]);
        }
        assert_eq!(memo.lines.len(), MAX_LINES);
        let is_known = |number: &u32| {
            let bytes = bytes(*number);
            let place = memo.find(Memo::hash(&bytes, 0, 5), &bytes, 0, 5);
            let mut ids = Vec::new();
            if place != 0 {
                memo.append(place, &mut ids);
                assert_eq!(ids, [*number]);
            }
            place != 0
        };
        let known = chunks.clone().filter(is_known).count();
        // A full line forgets.
        assert!(known > chunks.len() * 98 / 100, "{known}");
    }
}
