//! Chunks that are one word as they are, where the pre-tokenizer cuts at white space only.
//!
//! A chunk none of whose characters is changed alone, and none of which joins another, stays as it is: normalizers
//! that may be here map each character on its own, or with those after it that it is composed with.

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::canonical_combining_class;

use super::characters::Entry;
use super::normalize::{Normalizer, normalize};

/// What becomes of a character: [`Entry::Same`], or [`Entry::Complex`] for all that may not stay as it is. `prefix` is
/// what a word gets before it if it does not begin with that, and is cut before.
pub(super) fn classify(normalizers: &[Normalizer], prefix: &str, c: char) -> Entry {
    let one = c.encode_utf8(&mut [0; 4]).to_owned();
    let is_kept = || normalize(normalizers, one.as_str().into()).is_ok_and(|normalised| normalised == one);
    if joins(c) || c.is_whitespace() || prefix.contains(c) || !is_kept() {
        return Entry::Complex;
    }
    Entry::Same
}

/// Whether a character may become one with the character before it, or change places with it.
fn joins(c: char) -> bool {
    let is_part_of_syllable =
        matches!(c, '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97F}' | '\u{D7B0}'..='\u{D7FF}');
    is_part_of_syllable || c.is_mark() || canonical_combining_class(c) != 0
}

#[cfg(test)]
mod tests {
    use unicode_normalization_alignments::UnicodeNormalization;
    use unicode_normalization_alignments::char::decompose_canonical;

    use super::joins;

    /// Of whatever two characters are composed, the second is one that joins.
    #[test]
    fn what_characters_are_composed_with_joins() {
        let mut compositions = 0;
        for c in '\0'..=char::MAX {
            let mut parts = Vec::new();
            decompose_canonical(c, |part| parts.push(part));
            if let [_, others @ ..] = &*parts {
                let again: String = parts.iter().collect::<String>().nfc().map(|(c, _)| c).collect();
                compositions += usize::from(again.chars().eq([c]));
                assert!(others.iter().all(|&other| joins(other)), "{parts:?}");
            }
        }
        // All syllables of Hangul, and some hundreds more.
        assert!(compositions > 11_172 + 500, "{compositions}");
    }
}
