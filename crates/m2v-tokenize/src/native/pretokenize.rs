//! Pre-tokenizers: text to pieces.

use std::borrow::Cow;

use unicode_categories::UnicodeCategories;

use super::config::{self, PrependScheme};
use super::normalize::Normalizer;
use super::split_regex::SplitRegex;

/// A pre-tokenizer. `ByteLevel`'s mapping of bytes to characters is left out: byte-level models here read bytes.
pub(super) enum PreTokenizer {
    /// White space removed, each punctuation mark a piece of its own.
    Bert,
    /// Words, and runs of what is neither word nor white space.
    Whitespace,
    /// What stands between white space.
    WhitespaceSplit,
    Metaspace {
        replacement: char,
        prepend: PrependScheme,
        split: bool,
    },
    Regex(SplitRegex),
    /// Ends a piece after each of these.
    AfterEach(String),
    /// A space before a text that has none.
    PrefixSpace,
}

/// What a list of pre-tokenizers becomes.
pub(super) struct PreTokenizers {
    pub(super) steps: Vec<PreTokenizer>,
    /// Whether the model reads bytes.
    pub(super) byte_level: bool,
}

impl PreTokenizers {
    /// `None` if there is no native code for one.
    pub(super) fn new(list: Vec<config::PreTokenizer>) -> Option<Self> {
        use config::{Pattern, PreTokenizer as P};
        let mut steps = Vec::new();
        let mut byte_level = false;
        let mut list = list.into_iter();
        if let Some(regex) = in_three_steps(list.as_slice()) {
            steps.push(PreTokenizer::Regex(regex));
            list.nth(2);
        }
        for pre_tokenizer in list {
            if byte_level {
                // Nothing natively splits text whose bytes were mapped to other characters.
                return None;
            }
            match pre_tokenizer {
                P::Bert => steps.push(PreTokenizer::Bert),
                P::Whitespace => steps.push(PreTokenizer::Whitespace),
                P::WhitespaceSplit => steps.push(PreTokenizer::WhitespaceSplit),
                P::Metaspace(metaspace) => steps.push(new_metaspace(&metaspace, steps.is_empty())?),
                P::Split { pattern: Pattern::Regex(pattern), behavior, invert: false }
                    if behavior == "Isolated" =>
                {
                    steps.push(PreTokenizer::Regex(SplitRegex::from_pattern(&pattern)?));
                }
                P::Split { pattern: Pattern::String(pattern), behavior, invert: false }
                    if behavior == "MergedWithPrevious" && !pattern.is_empty() =>
                {
                    steps.push(PreTokenizer::AfterEach(pattern));
                }
                P::ByteLevel(level) => {
                    if level.add_prefix_space {
                        steps.push(PreTokenizer::PrefixSpace);
                    }
                    if level.use_regex {
                        steps.push(PreTokenizer::Regex(SplitRegex::from_pattern(SplitRegex::GPT2)?));
                    }
                    byte_level = true;
                }
                _ => return None,
            }
        }
        Some(Self { steps, byte_level })
    }

    /// Whether it is certain which parts of a text begin where the text does, for [`PrependScheme::First`].
    ///
    /// The reference asks from what place in the original text the first character of a part comes. Here that is the
    /// first place for the part that the text begins with, and for no other. It is so if nothing was normalised; else
    /// the normalizers must keep the first character in its place, as far as anybody sees
    /// ([`Normalizer::keeps_start`]), and no added token may cut what became of it in two.
    pub(super) fn know_where_texts_begin(&self, normalizers: &[Normalizer], tokens: bool) -> bool {
        let first = |step: &PreTokenizer| match step {
            PreTokenizer::Metaspace { prepend: PrependScheme::First, replacement, .. } => Some(*replacement),
            _ => None,
        };
        let Some(replacement) = self.steps.iter().find_map(first) else { return true };
        let Some((last, others)) = normalizers.split_last() else { return true };
        // What begins with the replacement gets no second one, wherever it comes from.
        let hides = |content: &str| content.starts_with([' ', replacement]);
        let last = match last {
            Normalizer::Replace { content, .. } | Normalizer::ReplaceSpaces(content) if hides(content) => {
                true
            }
            last => last.keeps_start(),
        };
        last && !tokens && others.iter().all(Normalizer::keeps_start)
    }

    /// The pieces of a part of a text, none of them empty; `first` if it begins where the text does.
    pub(super) fn split<'t>(&self, text: Cow<'t, str>, first: bool) -> Vec<Cow<'t, str>> {
        let mut pieces = vec![text];
        for step in &self.steps {
            let mut next = Vec::with_capacity(pieces.len());
            for piece in pieces {
                step.split(piece, first, &mut next);
            }
            next.retain(|piece| !piece.is_empty());
            pieces = next;
        }
        pieces.retain(|piece| !piece.is_empty());
        pieces
    }
}

/// DeepSeek's expressions, which stand in three steps.
fn in_three_steps(list: &[config::PreTokenizer]) -> Option<SplitRegex> {
    let [first, second, third, ..] = list else { return None };
    SplitRegex::from_patterns([isolated(first)?, isolated(second)?, isolated(third)?])
}

fn isolated(pre_tokenizer: &config::PreTokenizer) -> Option<&str> {
    match pre_tokenizer {
        config::PreTokenizer::Split { pattern: config::Pattern::Regex(pattern), behavior, invert: false }
            if behavior == "Isolated" =>
        {
            Some(pattern)
        }
        _ => None,
    }
}

fn new_metaspace(metaspace: &config::Metaspace, alone: bool) -> Option<PreTokenizer> {
    let prepend = metaspace.prepend_scheme.unwrap_or(PrependScheme::Always);
    match (metaspace.add_prefix_space, prepend) {
        // Refused by `tokenizers`.
        (Some(false), PrependScheme::First | PrependScheme::Always) => return None,
        // Depends on where each piece stood in the original text.
        (_, PrependScheme::First) if !alone => return None,
        _ => {}
    }
    let split = metaspace.split.unwrap_or(true);
    Some(PreTokenizer::Metaspace { replacement: metaspace.replacement, prepend, split })
}

impl PreTokenizer {
    fn split<'t>(&self, text: Cow<'t, str>, first: bool, out: &mut Vec<Cow<'t, str>>) {
        match self {
            Self::Bert => each_part(text, out, |text, push| {
                for word in text.split(char::is_whitespace) {
                    split_isolated(word, is_bert_punctuation, push);
                }
            }),
            Self::WhitespaceSplit => each_part(text, out, |text, push| {
                text.split(char::is_whitespace).for_each(push);
            }),
            Self::Whitespace => each_part(text, out, split_words),
            Self::Regex(regex) => each_part(text, out, |text, push| {
                let mut start = 0;
                while start < text.len() {
                    let end = regex.next(text, start);
                    push(&text[start..end]);
                    start = end;
                }
            }),
            Self::AfterEach(pattern) => each_part(text, out, |text, push| {
                text.split_inclusive(pattern.as_str()).for_each(push);
            }),
            Self::PrefixSpace if text.starts_with(' ') => out.push(text),
            Self::PrefixSpace => out.push(format!(" {text}").into()),
            Self::Metaspace { replacement, prepend, split } => {
                let mut text = text.replace(' ', replacement.encode_utf8(&mut [0; 4]));
                let prepend = match prepend {
                    PrependScheme::Always => true,
                    PrependScheme::First => first,
                    PrependScheme::Never => false,
                };
                if prepend && !text.starts_with(*replacement) {
                    text.insert(0, *replacement);
                }
                if !split {
                    return out.push(text.into());
                }
                // Each replacement character begins a piece.
                let mut start = 0;
                for (at, _) in text.match_indices(*replacement).filter(|found| found.0 > 0) {
                    out.push(text[start..at].to_owned().into());
                    start = at;
                }
                out.push(text[start..].to_owned().into());
            }
        }
    }
}

/// Splits a text into parts of itself, borrowed where the text is.
fn each_part<'t>(
    text: Cow<'t, str>,
    out: &mut Vec<Cow<'t, str>>,
    split: impl FnOnce(&str, &mut dyn FnMut(&str)),
) {
    match text {
        Cow::Owned(text) => split(&text, &mut |part| out.push(part.to_owned().into())),
        Cow::Borrowed(text) => {
            let base = text.as_ptr().addr();
            split(text, &mut |part| {
                // A part of `text`: borrow it for as long.
                let start = part.as_ptr().addr() - base;
                out.push(text[start..start + part.len()].into());
            });
        }
    }
}

/// Each character that `is` holds for is a part of its own.
fn split_isolated(text: &str, is: impl Fn(char) -> bool, push: &mut dyn FnMut(&str)) {
    let mut start = 0;
    for (at, found) in text.match_indices(is) {
        push(&text[start..at]);
        push(found);
        start = at + found.len();
    }
    push(&text[start..]);
}

fn is_bert_punctuation(c: char) -> bool {
    c.is_ascii_punctuation() || c.is_punctuation()
}

/// The regex `\w+|[^\w\s]+`.
fn split_words(text: &str, push: &mut dyn FnMut(&str)) {
    #[derive(PartialEq, Eq, Clone, Copy)]
    enum Class {
        Word,
        Space,
        Other,
    }
    let class = |c: char| {
        // The tables are compiled in: `try_` cannot fail.
        if regex_syntax::try_is_word_character(c).unwrap_or(false) {
            Class::Word
        } else if c.is_whitespace() {
            Class::Space
        } else {
            Class::Other
        }
    };
    let mut start = 0;
    let mut current = Class::Space;
    for (at, c) in text.char_indices() {
        let next = class(c);
        if next != current {
            if current != Class::Space {
                push(&text[start..at]);
            }
            (start, current) = (at, next);
        }
    }
    if current != Class::Space {
        push(&text[start..]);
    }
}
