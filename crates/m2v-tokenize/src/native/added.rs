//! Added tokens: literal pieces of text that become one id before anything else looks at them.

use daachorse::{DoubleArrayAhoCorasick, DoubleArrayAhoCorasickBuilder, MatchKind};

use super::config::AddedToken;

/// A stretch of text, or an added token that was found in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'t> {
    /// `first`: it begins where the text does.
    Text {
        text: &'t str,
        first: bool,
    },
    Token(u32),
}

/// Tokens that are looked for one by one.
const FEW: usize = 8;

/// Finds a set of added tokens: the longest at the leftmost place, as `tokenizers` does.
pub(super) struct Matcher {
    automaton: DoubleArrayAhoCorasick<u32>,
    tokens: Vec<(u32, AddedToken)>,
    /// What is looked for.
    patterns: Vec<String>,
    /// Bytes that tokens begin with: without one of them a text holds none.
    first: Vec<u8>,
}

impl Matcher {
    /// Matches the patterns, each a token's text or its normalised form. `None` if they cannot be told apart.
    pub(super) fn new(patterns: Vec<(String, u32, AddedToken)>) -> Option<Self> {
        let mut first: Vec<u8> = patterns.iter().filter_map(|(text, ..)| text.bytes().next()).collect();
        first.sort_unstable();
        first.dedup();
        let with_index = patterns.iter().zip(0..).map(|((text, ..), index)| (text.as_str(), index));
        let automaton = DoubleArrayAhoCorasickBuilder::new()
            .match_kind(MatchKind::LeftmostLongest)
            .build_with_values(with_index)
            .ok()?;
        let (patterns, tokens) = patterns.into_iter().map(|(text, id, token)| (text, (id, token))).unzip();
        Some(Self { automaton, tokens, patterns, first })
    }

    fn may_match(&self, text: &[u8]) -> bool {
        match *self.first {
            [] => false,
            [a] => memchr::memchr(a, text).is_some(),
            [a, b] => memchr::memchr2(a, b, text).is_some(),
            [a, b, c] => memchr::memchr3(a, b, c, text).is_some(),
            _ => true,
        }
    }

    /// Whether there may be a token in the text; false if there is none.
    pub(super) fn matches(&self, text: &str) -> bool {
        match *self.first {
            // As those of BERT: texts have few such bytes, and the automaton looks at all.
            [first] if self.patterns.len() <= FEW => {
                let begins = |at: usize| {
                    let rest = &text.as_bytes()[at..];
                    self.patterns.iter().any(|pattern| rest.starts_with(pattern.as_bytes()))
                };
                holds(text.as_bytes(), first) && memchr::memchr_iter(first, text.as_bytes()).any(begins)
            }
            _ => self.may_match(text.as_bytes()) && self.automaton.leftmost_find_iter(text).next().is_some(),
        }
    }

    /// Passes the text on in segments.
    pub(super) fn split<'t, E>(
        &self,
        text: &'t str,
        mut each: impl FnMut(Segment<'t>) -> Result<(), E>,
    ) -> Result<(), E> {
        if !self.may_match(text.as_bytes()) {
            return each(Segment::Text { text, first: true });
        }
        let mut done = 0;
        for found in self.automaton.leftmost_find_iter(text) {
            let (mut start, mut end) = (found.start(), found.end());
            let (id, token) = &self.tokens[found.value() as usize];
            if token.single_word && !is_single_word(text, start, end) {
                continue;
            }
            if token.lstrip {
                // Spaces that the token before has taken are gone.
                start = text[..start].trim_end().len().max(done);
            }
            if token.rstrip {
                end = text.len() - text[end..].trim_start().len();
            }
            if done < start {
                each(Segment::Text { text: &text[done..start], first: done == 0 })?;
            }
            each(Segment::Token(*id))?;
            done = end;
        }
        if done == text.len() {
            return Ok(());
        }
        each(Segment::Text { text: &text[done..], first: done == 0 })
    }
}

/// Whether a text has some byte. Of 30 to 150 bytes, it takes less time to look at all than to look for the first: that
/// is 110 instructions more, of 1,200 for all of tokenising a text of 34 bytes.
#[inline]
fn holds(text: &[u8], byte: u8) -> bool {
    const ONES: u64 = u64::MAX / 0xFF;
    // The high bit of some byte is set if one of them is the byte.
    let look = |word: &[u8; 8]| {
        let difference = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
        difference.wrapping_sub(ONES) & !difference
    };
    // Some of the last eight are looked at twice.
    let Some(last) = text.last_chunk() else { return text.contains(&byte) };
    let found = text.as_chunks().0.iter().fold(look(last), |found, word| found | look(word));
    found & (ONES << 7) != 0
}

/// Whether neither neighbour of a match is part of a word.
fn is_single_word(text: &str, start: usize, end: usize) -> bool {
    // The tables are compiled in: `try_` cannot fail.
    let is_word = |c: char| regex_syntax::try_is_word_character(c).unwrap_or(false);
    !text[..start].ends_with(is_word) && !text[end..].starts_with(is_word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::holds;

    proptest! {
        #[test]
        fn a_byte_is_found_wherever_it_is(
            text in prop::collection::vec(prop::sample::select(vec![0, 1, 0x5A, 0x5B, 0x5C, 0x7F, 0x80, 0xDB, 0xFF]), 0..40),
            byte: u8,
            place: prop::sample::Index,
        ) {
            for byte in [byte, 0, 1, 0x5B, 0x80, 0xFF] {
                prop_assert_eq!(holds(&text, byte), text.contains(&byte));
                let mut with = text.clone();
                with.insert(place.index(text.len() + 1), byte);
                prop_assert!(holds(&with, byte));
            }
        }
    }
}
