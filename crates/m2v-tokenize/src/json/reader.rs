//! A reader for the shapes that large parts of `tokenizer.json` have.
//!
//! Loading a tokenizer is mostly reading its vocabulary. Knowing what comes next reads that several times as fast as
//! asking does. Whatever is not expected is `None`, and left to `serde_json`, which also finds the words for an
//! error.

use std::borrow::Cow;
use std::hint::select_unpredictable;

use serde::Deserialize;

use super::number;

/// A position in JSON.
pub(super) struct Reader<'a> {
    json: &'a str,
    at: usize,
    usual: Usual,
}

/// How the last usual field went on behind the colon.
#[derive(Clone, Copy)]
struct Usual {
    space: bool,
    digits: usize,
}

/// A string in JSON.
pub(super) enum Text {
    /// As it stands there.
    Plain { start: usize, end: usize },
    /// It had escapes.
    Escaped(String),
}

impl<'a> Reader<'a> {
    pub(super) fn new(json: &'a str) -> Self {
        Self { json, at: 0, usual: Usual { space: false, digits: 1 } }
    }

    /// Whether nothing is left.
    pub(super) fn is_done(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The next byte that is not white space.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        let bytes = self.json.as_bytes();
        loop {
            match bytes.get(self.at)? {
                // An indentation, mostly.
                b' ' => self.at += bytes[self.at..].first_chunk().map_or(1, |word| run(b' ', word)),
                b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    /// Goes past this byte, if it comes next.
    #[inline]
    pub(super) fn next(&mut self, byte: u8) -> Option<()> {
        if self.peek()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// Calls `each` for the fields of an object, at their values.
    pub(super) fn fields(
        &mut self,
        mut each: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>,
    ) -> Option<()> {
        self.elements([b'{', b'}'], |reader| {
            let key = reader.string()?;
            reader.next(b':')?;
            each(reader, key)
        })
    }

    /// Calls `each` for the elements between two brackets, at each.
    #[inline]
    pub(super) fn elements(
        &mut self,
        [open, close]: [u8; 2],
        mut each: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.next(open)?;
        if self.next(close).is_some() {
            return Some(());
        }
        loop {
            each(self)?;
            if self.next(b',').is_none() {
                return self.next(close);
            }
        }
    }

    /// Goes past a field of the usual form, no escapes in its name, a short unsigned number and a comma, if one comes
    /// next. Where its name begins and ends, and the number.
    #[inline]
    pub(super) fn usual_field(&mut self) -> Option<(usize, usize, u32)> {
        let bytes = self.json.as_bytes();
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let short = plain_of(bytes.get(start..)?.first_chunk()?);
        let end = start + if short < WINDOW { short } else { plain(&bytes[start..]) };
        let rest: &[u8; 11] = bytes.get(end..)?.first_chunk()?;
        if rest[..2] != [b'"', b':'] {
            return None;
        }
        // Where the next field begins follows from how this one goes on: as the last one did, the processor guesses,
        // and is through with the next before it knows.
        let Usual { mut space, digits: mut len } = self.usual;
        let mut digits = rest[2 + usize::from(space)..].first_chunk()?;
        if (rest[2] == b' ') != space || !are_digits(digits, len) {
            space = rest[2] == b' ';
            digits = rest[2 + usize::from(space)..].first_chunk()?;
            len = count_digits(digits);
            self.usual = Usual { space, digits: len.clamp(1, 7) };
        }
        let is_number = len == 1 || (len > 1 && digits[0] != b'0');
        if !is_number || digits.get(len) != Some(&b',') {
            return None;
        }
        let number = number(digits, len);
        self.at = end + 2 + usize::from(space) + len + 1;
        Some((start, end, number))
    }

    /// A string.
    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
        Some(match self.text()? {
            Text::Plain { start, end } => Cow::Borrowed(self.json.get(start..end)?),
            Text::Escaped(text) => Cow::Owned(text),
        })
    }

    /// As [`Reader::string`].
    #[inline]
    pub(super) fn text(&mut self) -> Option<Text> {
        self.next(b'"')?;
        let start = self.at;
        let bytes = self.json.as_bytes();
        self.at += plain(&bytes[start..]);
        if *bytes.get(self.at)? == b'"' {
            let end = self.at;
            self.at += 1;
            return Some(Text::Plain { start, end });
        }
        self.at = start - 1;
        self.value().map(Text::Escaped)
    }

    /// An unsigned number without fraction and exponent.
    #[inline]
    pub(super) fn unsigned(&mut self) -> Option<u32> {
        self.peek()?;
        let digits = &self.json.as_bytes()[self.at..];
        let (number, len) = match digits.first_chunk().map(|word| (word, count_digits(word))) {
            Some((word, len @ 1..8)) => (number(word, len), len),
            _ => {
                let is_other = |byte: &u8| !byte.is_ascii_digit();
                let len = digits.iter().position(is_other).unwrap_or(digits.len());
                // What is too large for 32 bits is so for `parse` as well.
                (str::from_utf8(&digits[..len]).ok()?.parse().ok()?, len)
            }
        };
        let ends = !matches!(digits.get(len), Some(b'.' | b'e' | b'E'));
        let is_number = len > 0 && (len == 1 || digits[0] != b'0');
        self.at += len;
        Some(number).filter(|_| ends && is_number)
    }

    /// A number at the end of a list.
    pub(super) fn last_number(&mut self) -> Option<f64> {
        self.peek()?;
        let rest = self.json.get(self.at..)?;
        let len = memchr::memchr(b']', rest.as_bytes())?;
        let text = rest[..len].trim_ascii_end();
        self.at += len;
        number::read(text)
    }

    /// Any value.
    pub(super) fn value<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let mut values = serde_json::Deserializer::from_str(self.json.get(self.at..)?).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    /// The text between a position and this one.
    pub(super) fn since(&self, start: usize) -> Option<&'a str> {
        self.json.get(start..self.at)
    }

    /// Where the reader is, behind white space.
    pub(super) fn position(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// All of the JSON.
    pub(super) fn json(&self) -> &'a str {
        self.json
    }
}

const ONES: u64 = u64::MAX / 0xFF;
const HIGH: u64 = ONES << 7;

/// How many bytes at the start are this one.
#[inline]
fn run(byte: u8, word: &[u8; 8]) -> usize {
    (u64::from_le_bytes(*word) ^ (u64::from(byte) * ONES)).trailing_zeros() as usize / 8
}

/// Digits as numbers, and the high bit of each byte that is none: the lowest of them is right, though others may be
/// wrong.
#[inline]
fn digits(word: &[u8; 8]) -> (u64, u64) {
    let digits = u64::from_le_bytes(*word) ^ (u64::from(b'0') * ONES);
    (digits, (digits | digits.wrapping_add((0x80 - 10) * ONES)) & HIGH)
}

/// How many digits are at the start.
#[inline]
fn count_digits(word: &[u8; 8]) -> usize {
    digits(word).1.trailing_zeros() as usize / 8
}

/// Whether just so many digits, at most 7, are at the start.
#[inline]
fn are_digits(word: &[u8; 8], len: usize) -> bool {
    digits(word).1 << (8 * (7 - len)) == 1 << 63
}

/// The number that so many digits, 1 to 8, at the start are.
#[inline]
fn number(word: &[u8; 8], len: usize) -> u32 {
    // Zeros before it, then pairs of digits, of pairs, and of fours.
    let digits = digits(word).0 << (8 * (8 - len));
    let pairs = (digits * 10 + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    (fours * 10_000 + (fours >> 32)) as u32
}

/// How many bytes come before a quotation mark, a backslash or a control character.
fn plain(bytes: &[u8]) -> usize {
    let mut len = 0;
    for window in bytes.as_chunks::<WINDOW>().0 {
        let plain = plain_of(window);
        len += plain;
        if plain < WINDOW {
            return len;
        }
    }
    let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    bytes[len..].iter().position(ends).map_or(bytes.len(), |at| len + at)
}

/// Most tokens are not longer.
const WINDOW: usize = 16;

/// As [`plain`], without a branch that depends on the bytes: how long tokens are cannot be predicted.
#[inline]
fn plain_of(bytes: &[u8; WINDOW]) -> usize {
    // The lowest bit that is set belongs to the first such byte, though others may be wrong.
    let plain = |word: u64| {
        let below = |word: u64, bound: u64| word.wrapping_sub(bound * ONES) & !word;
        let equal = |byte: u8| below(word ^ (u64::from(byte) * ONES), 1);
        let found = (equal(b'"') | equal(b'\\') | below(word, 0x20)) & HIGH;
        found.trailing_zeros() as usize / 8
    };
    let both = u128::from_le_bytes(*bytes);
    let (low, high) = (plain(both as u64), plain((both >> 64) as u64));
    select_unpredictable(low < 8, low, 8 + high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Reader, plain};

    proptest! {
        #[test]
        fn plain_ends_where_a_search_does(bytes: Vec<u8>, letters in prop::collection::vec(b'#'..b'[', 0..40)) {
            for bytes in [[&letters, &*bytes].concat(), bytes] {
                let end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
                prop_assert_eq!(plain(&bytes), end.unwrap_or(bytes.len()));
            }
        }

        #[test]
        fn numbers_are_those_of_serde(text in "-?[0-9]{0,12}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,2})?") {
            let exact: Option<u32> = serde_json::from_str(&text).ok();
            let json = format!("{text}]");
            let mut reader = Reader::new(&json);
            if let Some(number) = reader.unsigned() {
                prop_assert_eq!(Some(number), exact);
            }
            let list: Option<[f64; 1]> = serde_json::from_str(&format!("[{json}")).ok();
            // Which of two beside each other it is hangs on a feature of `serde_json`: see `number`.
            let is_near = |(a, b): (f64, f64)| (a - b).abs() <= 1e-15 * b.abs();
            let found = Reader::new(&json).last_number();
            prop_assert_eq!(found.is_some(), list.is_some());
            prop_assert!(found.zip(list.map(|list| list[0])).is_none_or(is_near), "{:?} {:?}", found, list);
        }

        #[test]
        fn strings_are_those_of_serde(text: String, end in "[\\\\\"a\u{1}]{0,3}") {
            for json in [serde_json::to_string(&text).unwrap(), format!("\"{text}{end}\"")] {
                let exact: Option<String> = serde_json::from_str(&json).ok();
                let mut reader = Reader::new(&json);
                let found = reader.string().filter(|_| reader.is_done());
                prop_assert_eq!(found.as_deref(), exact.as_deref());
            }
        }
    }
}
