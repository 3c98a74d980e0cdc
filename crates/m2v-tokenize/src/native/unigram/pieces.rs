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

/// Pieces and their scores, by id.
#[derive(Default)]
pub(super) struct Pieces {
    text: String,
    /// Where each piece ends in the text.
    ends: Vec<u32>,
    pub(super) scores: Vec<f64>,
}

/// The fields of the object, but for its vocabulary.
#[derive(Default)]
pub(super) struct Settings {
    pub(super) unk_id: Option<usize>,
    pub(super) byte_fallback: bool,
}

impl Pieces {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, id: u32) -> &str {
        let id = id as usize;
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[id] as usize]
    }

    fn push(&mut self, piece: &str, score: f64) {
        self.text.push_str(piece);
        // `parse` sees to it that there are less than 4 GB of them.
        self.ends.push(self.text.len() as u32);
        self.scores.push(score);
    }

    /// The ids in the order of the bytes of their pieces; of equal pieces, lower ids first.
    pub(super) fn sorted(&self) -> Vec<u32> {
        // Most pieces begin with U+2581, and those that do are neighbours: they are sorted on their own, by what
        // follows. The first 8 bytes tell most pieces apart; the others are compared in full.
        let (mut marked, mut others) = (Vec::new(), Vec::new());
        for id in 0..self.len() as u32 {
            let piece = self.get(id);
            match piece.strip_prefix('\u{2581}') {
                Some(rest) => marked.push(sort_key(rest, id)),
                None => others.push(sort_key(piece, id)),
            }
        }
        self.sort(&mut marked);
        self.sort(&mut others);
        let id = |key: &u128| *key as u32;
        let (before, after) = others.split_at(others.partition_point(|key| self.get(id(key)) < "\u{2581}"));
        before.iter().chain(&marked).chain(after).map(id).collect()
    }

    fn sort(&self, keys: &mut [u128]) {
        keys.sort_unstable();
        for equal in keys.chunk_by_mut(|a, b| a >> 32 == b >> 32).filter(|equal| equal.len() > 1) {
            equal.sort_unstable_by_key(|&key| (self.get(key as u32), key as u32));
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

/// The first 8 bytes, and the id.
fn sort_key(piece: &str, id: u32) -> u128 {
    let mut start = [0; 8];
    let len = piece.len().min(8);
    start[..len].copy_from_slice(&piece.as_bytes()[..len]);
    u128::from(u64::from_be_bytes(start)) << 32 | u128::from(id)
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
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let len = rest.as_bytes().iter().take_while(|byte| is_part(byte)).count();
        self.at += len;
        // Rounded correctly, as `serde_json` does with its feature `float_roundtrip`, but faster.
        rest[..len].parse().ok().filter(|number: &f64| number.is_finite())
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
