//! BERT's normalizer and pre-tokenizer in one go, a character at a time.
//!
//! Both look at characters one by one, with one exception: decomposing sorts combining marks that follow each other.
//! Non-spacing marks are removed afterwards; a character that brings any other mark is [`Entry::Complex`], and a
//! text that holds one goes the exact way. For all others, what the exact path makes of the character alone is what
//! it is in any text: [`Characters`](super::characters::Characters) remembers it.

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::UnicodeNormalization;
use unicode_normalization_alignments::char::canonical_combining_class;

use super::characters::{Entry, intern};
use super::config;
use super::normalize::Normalizer;

/// What the exact path makes of a character alone.
pub(super) fn classify(bert: config::Bert, c: char, pool: &mut String) -> Entry {
    let one = c.to_string();
    let strips = bert.strip_accents.unwrap_or(bert.lowercase);
    if strips {
        let is_kept_mark = |c: char| canonical_combining_class(c) != 0 && !c.is_mark_nonspacing();
        if one.nfd().any(|(c, _)| is_kept_mark(c)) {
            return Entry::Complex;
        }
    }
    let normalised = Normalizer::Bert(bert).apply(one.as_str().into());
    let core = normalised.trim_matches(char::is_whitespace);
    let is_punctuation = |c: char| c.is_ascii_punctuation() || c.is_punctuation();
    let has_punctuation = core.contains(is_punctuation);
    let is_padded = core.len() != normalised.len();
    match core.chars().count() {
        0 if normalised.is_empty() => Entry::Removed,
        0 => Entry::Space,
        _ if core.contains(char::is_whitespace) => Entry::Complex,
        1 if is_padded || has_punctuation => intern(core, pool, Entry::Own),
        _ if has_punctuation => Entry::Complex,
        _ if is_padded => intern(core, pool, Entry::Own),
        _ if core == one => Entry::Same,
        _ => match core.as_bytes() {
            [a] => Entry::Short([*a, 0, 0, 0], 1),
            [a, b] => Entry::Short([*a, *b, 0, 0], 2),
            [a, b, c] => Entry::Short([*a, *b, *c, 0], 3),
            _ => intern(core, pool, Entry::Text),
        },
    }
}
