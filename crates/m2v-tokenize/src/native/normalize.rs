//! Normalizers, as text to text: what `tokenizers` does to a `NormalizedString`, without its alignments.

use std::borrow::Cow;

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::UnicodeNormalization;
use unicode_normalization_alignments::char::{canonical_combining_class, is_combining_mark};

use super::config;
use super::precompiled::{self, Precompiled};
use crate::error::Result;

/// A normalizer.
pub(super) enum Normalizer {
    Bert(config::Bert),
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
    Lowercase,
    StripAccents,
    Strip {
        left: bool,
        right: bool,
    },
    Prepend(String),
    Replace {
        pattern: String,
        content: String,
    },
    /// ` {2,}` to something: what SentencePiece models do to runs of spaces.
    ReplaceSpaces(String),
    Precompiled(Box<Precompiled>),
}

impl Normalizer {
    /// `None` if there is no native code for it.
    pub(super) fn new(normalizer: config::Normalizer) -> Result<Option<Self>> {
        use config::{Normalizer as N, Pattern};
        Ok(Some(match normalizer {
            N::Bert(bert) => Self::Bert(bert),
            N::Nfc => Self::Nfc,
            N::Nfd => Self::Nfd,
            N::Nfkc => Self::Nfkc,
            N::Nfkd => Self::Nfkd,
            N::Lowercase => Self::Lowercase,
            N::StripAccents => Self::StripAccents,
            N::Strip { strip_left, strip_right } => Self::Strip { left: strip_left, right: strip_right },
            // With nothing to prepend the reference doubles the first character.
            N::Prepend { prepend } if prepend.is_empty() => return Ok(None),
            N::Prepend { prepend } => Self::Prepend(prepend),
            N::Replace { pattern: Pattern::String(pattern), content } if !pattern.is_empty() => {
                Self::Replace { pattern, content }
            }
            N::Replace { pattern: Pattern::Regex(pattern), content } if pattern == " {2,}" => {
                Self::ReplaceSpaces(content)
            }
            N::Precompiled { precompiled_charsmap } => {
                Self::Precompiled(Box::new(Precompiled::from_base64(precompiled_charsmap.as_deref())?))
            }
            _ => return Ok(None),
        }))
    }

    /// Whether cutting a text before or after ASCII white space cannot change what becomes of the parts:
    /// each character is mapped on its own, or together with combining marks that follow it.
    pub(super) fn is_local(&self) -> bool {
        matches!(
            self,
            Self::Bert(_)
                | Self::Nfc
                | Self::Nfd
                | Self::Nfkc
                | Self::Nfkd
                | Self::Lowercase
                | Self::StripAccents
        )
    }

    /// Whether it may make one character of two.
    pub(super) fn composes(&self) -> bool {
        matches!(self, Self::Nfc | Self::Nfkc | Self::Precompiled(_))
    }

    /// Whether a character, which it does not change alone, may be changed by others of which that is true too.
    pub(super) fn joins(&self, c: char) -> bool {
        match self {
            Self::Precompiled(_) => !precompiled::is_cluster(c),
            _ => joins(c),
        }
    }

    /// Whether it lower-cases.
    pub(super) fn lowers(&self) -> bool {
        match self {
            Self::Lowercase => true,
            Self::Bert(bert) => bert.lowercase,
            _ => false,
        }
    }

    /// Whether the first character of what becomes of a text counts, in the alignments of the reference, as made of
    /// the first of the text.
    pub(super) fn keeps_start(&self) -> bool {
        match self {
            // What is removed before the first character that stays is counted.
            Self::Bert(_) | Self::StripAccents | Self::ReplaceSpaces(_) | Self::Strip { left: true, .. } => {
                false
            }
            // What is inserted is made of the last character that it replaces.
            Self::Replace { pattern, content } => pattern.chars().count() == 1 && !content.is_empty(),
            Self::Prepend(_) => true,
            // Also what a table removes at the start: the reference does not count it.
            Self::Precompiled(_) => true,
            Self::Nfc
            | Self::Nfd
            | Self::Nfkc
            | Self::Nfkd
            | Self::Lowercase
            | Self::Strip { left: false, .. } => true,
        }
    }

    pub(super) fn apply<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        match self {
            Self::Bert(bert) => bert_normalize(*bert, &text).into(),
            // All four forms leave ASCII as it is.
            Self::Nfc | Self::Nfd | Self::Nfkc | Self::Nfkd | Self::StripAccents if text.is_ascii() => text,
            Self::Nfc => text.nfc().map(|(c, _)| c).collect::<String>().into(),
            Self::Nfd => text.nfd().map(|(c, _)| c).collect::<String>().into(),
            Self::Nfkc => text.nfkc().map(|(c, _)| c).collect::<String>().into(),
            Self::Nfkd => text.nfkd().map(|(c, _)| c).collect::<String>().into(),
            // Character by character: no final sigma.
            Self::Lowercase => text.chars().flat_map(char::to_lowercase).collect::<String>().into(),
            Self::StripAccents => text.chars().filter(|&c| !is_combining_mark(c)).collect::<String>().into(),
            Self::Strip { left, right } => {
                let mut part = &*text;
                part = if *left { part.trim_start() } else { part };
                part = if *right { part.trim_end() } else { part };
                part.to_owned().into()
            }
            Self::Prepend(_) if text.is_empty() => text,
            Self::Prepend(prefix) => format!("{prefix}{text}").into(),
            Self::Replace { pattern, content } if text.contains(pattern.as_str()) => {
                text.replace(pattern.as_str(), content).into()
            }
            Self::ReplaceSpaces(content) if text.contains("  ") => replace_space_runs(&text, content).into(),
            Self::Replace { .. } | Self::ReplaceSpaces(_) => text,
            Self::Precompiled(precompiled) => precompiled.normalized(&text).into(),
        }
    }
}

/// Whether a character may become one with the character before it, or change places with it.
fn joins(c: char) -> bool {
    let is_part_of_syllable =
        matches!(c, '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97F}' | '\u{D7B0}'..='\u{D7FF}');
    is_part_of_syllable || c.is_mark() || canonical_combining_class(c) != 0
}

/// How much longer a text may become: its length so many times, and some more. Forty steps that double it would take
/// all memory there is; the longest of Unicode's decompositions, of U+FDFA, makes 33 bytes of 3.
const TIMES: usize = 64;
const MORE: usize = 1 << 20;

/// The normalizers make too much of a text.
#[derive(Debug, thiserror::Error)]
#[error("its normalizers make a text more than {TIMES} times as long")]
pub(super) struct TooLong;

/// Applies normalizers, in order.
pub(super) fn normalize<'t>(normalizers: &[Normalizer], text: Cow<'t, str>) -> Result<Cow<'t, str>, TooLong> {
    let most = text.len().saturating_mul(TIMES).saturating_add(MORE);
    normalizers.iter().try_fold(text, |text, step| {
        let text = step.apply(text);
        if text.len() > most { Err(TooLong) } else { Ok(text) }
    })
}

/// Replaces each run of two and more spaces.
fn replace_space_runs(text: &str, content: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("  ") {
        out.push_str(&rest[..start]);
        out.push_str(content);
        rest = rest[start..].trim_start_matches(' ');
    }
    out + rest
}

/// BERT's normalizer: clean, put spaces around ideographs, strip accents, lower-case, in this order.
fn bert_normalize(bert: config::Bert, text: &str) -> String {
    let cleaned = text.chars().filter_map(|c| if bert.clean_text { clean(c) } else { Some(c) });
    let spaced = cleaned.flat_map(|c| {
        let space = (bert.handle_chinese_chars && is_chinese_char(c)).then_some(' ');
        space.into_iter().chain([c]).chain(space)
    });
    let lower = |c: char| {
        let lower = bert.lowercase.then(|| c.to_lowercase());
        let same = (!bert.lowercase).then_some(c);
        lower.into_iter().flatten().chain(same)
    };
    if bert.strip_accents.unwrap_or(bert.lowercase) {
        let spaced: String = spaced.collect();
        let decomposed = spaced.nfd().map(|(c, _)| c);
        decomposed.filter(|c| !c.is_mark_nonspacing()).flat_map(lower).collect()
    } else {
        spaced.flat_map(lower).collect()
    }
}

/// A space for white space, nothing for controls, the rest as it is.
fn clean(c: char) -> Option<char> {
    match c {
        '\t' | '\n' | '\r' => Some(' '),
        '\0' | '\u{fffd}' => None,
        _ if c.is_other() => None,
        _ if c.is_whitespace() => Some(' '),
        _ => Some(c),
    }
}

/// The blocks of ideographs as BERT lists them, gaps included.
fn is_chinese_char(c: char) -> bool {
    matches!(
        u32::from(c),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
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
