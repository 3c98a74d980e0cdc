//! The pieces of a Unigram `tokenizer.json`, sorted.

use crate::json::Tokens;

/// Pieces and their scores.
pub(super) struct Pieces {
    /// The pieces, each followed by [`END`].
    text: Vec<u8>,
    /// Those that begin with U+2581.
    marked: Vec<Entry>,
    others: Vec<Entry>,
    /// By id.
    pub(super) scores: Vec<f64>,
}

/// A piece. Most can be told apart without a look at the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// The first bytes, after U+2581, should it begin with that; filled up with [`END`].
    start: [u64; 2],
    id: u32,
    /// Where it is in the text.
    at: u32,
}

/// A byte that is in no UTF-8.
const END: u8 = 0xFF;

const MARK: &str = "\u{2581}";

impl Pieces {
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(super) fn new(tokens: &Tokens<'_>) -> Self {
        let mut pieces = Self {
            text: Vec::new(),
            marked: Vec::new(),
            others: Vec::new(),
            scores: tokens.scores().to_vec(),
        };
        tokens.pieces().zip(0..).for_each(|(piece, id)| pieces.push(piece, id));
        pieces
    }

    fn push(&mut self, piece: &str, id: u32) {
        // There are less than 4 GiB of JSON with pieces.
        let at = self.text.len() as u32;
        self.text.extend_from_slice(piece.as_bytes());
        let end = self.text.len() + 1;
        self.text.extend_from_slice(&[END; 16]);
        let marked = piece.starts_with(MARK);
        let start = at as usize + if marked { MARK.len() } else { 0 };
        let start = self.text[start..].first_chunk().map_or(0, |start| u128::from_be_bytes(*start));
        self.text.truncate(end);
        let entries = if marked { &mut self.marked } else { &mut self.others };
        entries.push(Entry { start: [(start >> 64) as u64, start as u64], id, at });
    }

    /// Calls `each` for every piece, those with a common start one after the other, and of equal pieces the lower ids
    /// first: with how many bytes it begins like the one before it, with its own bytes, and its id.
    pub(super) fn sorted(&mut self, mut each: impl FnMut(usize, &[u8], u32)) {
        sort(&self.text, &mut self.marked);
        sort(&self.text, &mut self.others);
        // Those that begin with U+2581 go where they belong among those that begin with a part of it.
        let mark = self.others.partition_point(|entry| entry.start[0] >> 40 < 0xE2_9681);
        let (before, after) = self.others.split_at(mark);
        let mut buffer = [0; 19];
        buffer[..3].copy_from_slice(MARK.as_bytes());
        let mut previous: &Entry = &Entry { start: [0; 2], id: 0, at: 0 };
        for (entries, is_marked) in [(before, false), (&self.marked, true), (after, false)] {
            for (index, entry) in entries.iter().enumerate() {
                buffer[3..11].copy_from_slice(&entry.start[0].to_be_bytes());
                buffer[11..].copy_from_slice(&entry.start[1].to_be_bytes());
                let piece = match entry.len() {
                    Some(len) if is_marked => &buffer[..3 + len],
                    Some(len) => &buffer[3..3 + len],
                    None => until_end(&self.text[entry.at as usize..]),
                };
                let mut common = entry.common_start(previous) + if is_marked { 3 } else { 0 };
                if index == 0 || common >= 16 {
                    let before = &self.text[previous.at as usize..];
                    common = piece.iter().zip(before).take_while(|(a, b)| a == b).count();
                }
                each(common, piece, entry.id);
                previous = entry;
            }
        }
    }
}

impl Entry {
    /// The number of bytes, if `start` has all of them.
    fn len(&self) -> Option<usize> {
        let [high, low] = self.start;
        let ends = if low == u64::MAX { 64 + high.trailing_ones() } else { low.trailing_ones() };
        let ends = ends as usize / 8;
        (ends > 0).then_some(16 - ends)
    }

    /// How many bytes of `start` two entries have in common.
    fn common_start(&self, other: &Self) -> usize {
        let [high, low] = [self.start[0] ^ other.start[0], self.start[1] ^ other.start[1]];
        let zeros = if high == 0 { 64 + low.leading_zeros() } else { high.leading_zeros() };
        zeros as usize / 8
    }
}

fn sort(text: &[u8], entries: &mut [Entry]) {
    entries.sort_unstable_by_key(|entry| entry.start[0]);
    for equal in entries.chunk_by_mut(|a, b| a.start[0] == b.start[0]).filter(|equal| equal.len() > 1) {
        let whole = |entry: &Entry| until_end(&text[entry.at as usize..]);
        equal.sort_unstable_by(|a, b| {
            a.start[1].cmp(&b.start[1]).then_with(|| whole(a).cmp(whole(b))).then(a.id.cmp(&b.id))
        });
    }
}

fn until_end(piece: &[u8]) -> &[u8] {
    let len = piece.iter().position(|&byte| byte == END).unwrap_or(piece.len());
    &piece[..len]
}
