//! Added tokens: literal pieces of text that become one id before anything else looks at them.

use daachorse::{DoubleArrayAhoCorasick, DoubleArrayAhoCorasickBuilder, MatchKind};

use super::config::AddedToken;
use super::pipeline::Result;

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
        if patterns.iter().any(|(text, ..)| text.is_empty()) {
            // Where that is found, only the automaton knows.
            first = (0..=u8::MAX).collect();
        }
        let with_index = patterns.iter().zip(0..).map(|((text, ..), index)| (text.as_str(), index));
        let automaton = DoubleArrayAhoCorasickBuilder::new()
            .match_kind(MatchKind::LeftmostLongest)
            .build_with_values(with_index)
            .ok()?;
        let (patterns, tokens) = patterns.into_iter().map(|(text, id, token)| (text, (id, token))).unzip();
        Some(Self { automaton, tokens, patterns, first })
    }

    /// The byte that all tokens begin with, if that is one.
    pub(super) fn first_byte(&self) -> Option<u8> {
        match *self.first {
            [first] => Some(first),
            _ => None,
        }
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
                memchr::memchr_iter(first, text.as_bytes()).any(begins)
            }
            _ => self.may_match(text.as_bytes()) && self.automaton.leftmost_find_iter(text).next().is_some(),
        }
    }

    /// Passes the text on in segments.
    ///
    /// # Errors
    /// [`Misplaced`], and those of `each`.
    pub(super) fn split<'t>(
        &self,
        text: &'t str,
        mut each: impl FnMut(Segment<'t>) -> Result<()>,
    ) -> Result<()> {
        if !self.may_match(text.as_bytes()) {
            return each(Segment::Text { text, first: true });
        }
        let (mut done, mut empty) = (0, None);
        // Spaces that the token before has taken.
        let mut taken = 0..0;
        for found in self.automaton.leftmost_find_iter(text) {
            let (mut start, mut end) = (found.start(), found.end());
            let (id, token) = &self.tokens[found.value() as usize];
            if start == end && (empty.replace(start) == Some(start) || !text.is_char_boundary(start)) {
                return Err(Misplaced::Nothing { content: token.content.clone(), at: start }.into());
            }
            if token.single_word && !is_single_word(text, start, end) {
                continue;
            }
            if token.lstrip {
                start = if done < start { done + text[done..start].trim_end().len() } else { done };
            }
            if token.rstrip {
                let from = if taken.contains(&end) { taken.end } else { end };
                taken = end..text.len() - text[from..].trim_start().len();
                end = taken.end;
            }
            if done < start {
                each(Segment::Text { text: &text[done..start], first: done == 0 })?;
            }
            if end < start {
                return Err(Misplaced::Taken { content: token.content.clone(), at: found.start() }.into());
            }
            // The reference cuts at one without length, and drops it.
            if start < end {
                each(Segment::Token(*id))?;
            }
            done = end;
        }
        if done == text.len() {
            return Ok(());
        }
        each(Segment::Text { text: &text[done..], first: done == 0 })
    }
}

/// An added token where none can be.
#[derive(Debug, thiserror::Error)]
enum Misplaced {
    /// Nothing is left of it once it is normalised, and it is found within a character, where the reference panics, or
    /// at the same place again and again, as happens where another token almost begins: then the reference never ends.
    #[error(
        "the added token {content:?} is empty once it is normalised, and found where none can be: at byte {at} of the \
         normalised text"
    )]
    Nothing { content: String, at: usize },
    /// It is white space, and ends before that which the token before it takes: the reference panics.
    #[error(
        "the added token {content:?} at byte {at} lies within the white space that the one before it takes"
    )]
    Taken { content: String, at: usize },
}

/// Whether neither neighbour of a match is part of a word.
fn is_single_word(text: &str, start: usize, end: usize) -> bool {
    // The tables are compiled in: `try_` cannot fail.
    let is_word = |c: char| regex_syntax::try_is_word_character(c).unwrap_or(false);
    !text[..start].ends_with(is_word) && !text[end..].starts_with(is_word)
}
