//! The `model` object of a Unigram `tokenizer.json`.
//!
//! It can be 10 MB, and loading it is mostly reading it, so its list of pieces has a reader of its own that knows
//! what to expect. Whatever it does not expect is left to `serde_json`, which then also finds the words for an
//! error.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::json::Str;

/// Pieces and their scores.
#[derive(Default)]
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

/// The fields of the object, but for its vocabulary.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) unk_id: Option<usize>,
    pub(super) byte_fallback: bool,
}

impl Pieces {
    pub(super) fn len(&self) -> usize {
        self.scores.len()
    }

    fn push(&mut self, piece: &str, score: f64) {
        // `parse` sees to it that there are less than 4 GB of them.
        let (id, at) = (self.scores.len() as u32, self.text.len() as u32);
        self.text.extend_from_slice(piece.as_bytes());
        let end = self.text.len() + 1;
        self.text.extend_from_slice(&[END; 16]);
        let marked = piece.starts_with(MARK);
        let start = at as usize + if marked { MARK.len() } else { 0 };
        let start = self.text[start..].first_chunk().map_or(0, |start| u128::from_be_bytes(*start));
        self.text.truncate(end);
        let entries = if marked { &mut self.marked } else { &mut self.others };
        entries.push(Entry { start: [(start >> 64) as u64, start as u64], id, at });
        self.scores.push(score);
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

    /// Reads a model; `None` if it is larger than there are numbers for.
    pub(super) fn parse(model: &RawValue) -> Result<Option<(Self, Settings)>> {
        let json = model.get();
        if u32::try_from(json.len()).is_err() {
            return Ok(None);
        }
        Reader { json, at: 0 }.model().map(Some)
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

/// A position in valid JSON.
struct Reader<'a> {
    json: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn model(mut self) -> Result<(Pieces, Settings)> {
        let (mut pieces, mut settings) = (None, Settings::default());
        self.next(b'{').ok_or_else(|| wrong("model", "an object", self.json))?;
        while self.next(b'}').is_none() {
            let key: Str<'a> = self.value()?;
            self.next(b':');
            match &*key.0 {
                "vocab" => pieces = Some(self.pieces()?),
                "unk_id" => settings.unk_id = self.value()?,
                "byte_fallback" => settings.byte_fallback = self.value()?,
                _ => self.value::<IgnoredAny>().map(drop)?,
            }
            self.next(b',');
        }
        let pieces = pieces.ok_or_else(|| wrong("model.vocab", "a list of pieces and scores", "nothing"))?;
        Ok((pieces, settings))
    }

    fn pieces(&mut self) -> Result<Pieces> {
        let start = self.at;
        if let Some(pieces) = self.plain_pieces() {
            return Ok(pieces);
        }
        self.at = start;
        let mut pieces = Pieces::default();
        for (piece, score) in self.value::<Vec<(Str<'a>, f64)>>()? {
            pieces.push(&piece.0, score);
        }
        Ok(pieces)
    }

    /// A list of pairs of a string and a number.
    fn plain_pieces(&mut self) -> Option<Pieces> {
        let mut pieces = Pieces::default();
        self.next(b'[')?;
        let mut more = self.next(b']').is_none();
        while more {
            self.next(b'[')?;
            let piece = self.string()?;
            self.next(b',')?;
            let score = self.number()?;
            self.next(b']')?;
            pieces.push(&piece, score);
            more = self.next(b',').is_some();
            if !more {
                self.next(b']')?;
            }
        }
        Some(pieces)
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.next(b'"')?;
        let start = self.at;
        let mut escapes = false;
        loop {
            match self.json.as_bytes().get(self.at)? {
                b'"' => break,
                b'\\' => {
                    escapes = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        let end = self.at;
        self.at += 1;
        if escapes {
            return serde_json::from_str(self.json.get(start - 1..=end)?).ok();
        }
        self.json.get(start..end).map(Cow::Borrowed)
    }

    fn number(&mut self) -> Option<f64> {
        self.skip_space();
        let rest = self.json.get(self.at..)?;
        let len = memchr::memchr(b']', rest.as_bytes())?;
        self.at += len;
        // Rounded correctly, as `serde_json` does with its feature `float_roundtrip`, but faster.
        rest[..len].trim_ascii_end().parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn value<T: Deserialize<'a>>(&mut self) -> Result<T> {
        let mut values = serde_json::Deserializer::from_str(&self.json[self.at..]).into_iter();
        let value = values.next().unwrap_or_else(|| Err(serde::de::Error::custom("nothing left")));
        self.at += values.byte_offset();
        value.map_err(Error::Json)
    }

    /// Goes past the byte, if it comes next.
    fn next(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        let is_next = self.json.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(is_next);
        is_next.then_some(())
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.json.as_bytes().get(self.at) {
            self.at += 1;
        }
    }
}

/// The error for a field that is not what it should be.
pub(super) fn wrong(field: &'static str, expected: &'static str, found: &str) -> Error {
    Error::Field { field, expected, found: found.chars().take(40).collect() }
}
