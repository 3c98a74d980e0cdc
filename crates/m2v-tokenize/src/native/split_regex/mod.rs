//! The regular expressions that byte-level BPE models split text with, as hand-written scanners.
//!
//! A `tokenizer.json` names its expression; [`SplitRegex::from_pattern`] knows those of GPT-2, of the cl100k family
//! (Llama 3, Qwen 2 to 3.5) and of the o200k family (GPT-4o, Llama 4, Mistral's Tekken) by their text,
//! [`SplitRegex::from_patterns`] the three of DeepSeek-V3. Each scanner looks at the first one or two characters of a
//! piece, which decide what alternative matches, and runs to its end.
//!
//! # Why the pieces are those of the regex engine
//! * The engine takes the first alternative that matches at a place. The letters, numbers, white space and the rest
//!   are disjoint classes, so that for GPT-2 and cl100k the first character after an optional prefix decides, and a
//!   greedy run of one class never has to give anything back; the exceptions (`\s*[\r\n]+`, `\s+(?!\S)`, and the
//!   upper and lower case of o200k, whose classes overlap) are worked out at the functions below.
//! * Every character is matched by some alternative, so that pieces follow each other without gaps; for DeepSeek see
//!   [`deepseek`].
//! * `(?i:…)` folds case as Unicode has it: `'ſ` (U+017F) is `'s`. No other letter of the contractions has a
//!   relative outside of ASCII.
//! * The classes come from the tables that the engine uses; see [`Classes`].
//! * `fancy-regex`, which `tokenizers` runs, keeps one entry on its stack for each character that `\s+` of
//!   `\s+(?!\S)` has matched, and gives up at a million; `tokenizers` then takes the rest of the text for one piece.
//!   [`GIVES_UP`] does the same.

mod classes;
mod deepseek;
mod pattern;
#[cfg(test)]
mod tests;

use classes::{Classes, END, LETTER, LOWER, MARK, NEWLINE, NUMBER, SPACE, UPPER, ascii_word};

/// A scanner for one of the expressions.
#[derive(Clone, Copy)]
pub(crate) struct SplitRegex {
    classes: &'static Classes,
    kind: Kind,
}

/// What the expressions differ in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `contraction| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
    Gpt2,
    /// `contraction|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    Cl100k {
        contractions: Case,
        digits: Digits,
        /// Marks are parts of words: `[\p{L}\p{M}]+`, `[^\s\p{L}\p{M}\p{N}]+`.
        marks: bool,
    },
    /// `[^\r\n\p{L}\p{N}]?UPPER*LOWER+contraction?|[^\r\n\p{L}\p{N}]?UPPER+LOWER*contraction?|\p{N}{1,digits}|
    /// ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`
    O200k {
        contractions: Option<Case>,
        digits: Digits,
        /// `[\r\n/]*` after symbols, not `[\r\n]*`.
        slashes: bool,
    },
    /// Three expressions, one after the other; see [`deepseek`].
    DeepSeek,
}

/// How contractions may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    /// `'s`
    Lower,
    /// `'s`, `'S`
    Ascii,
    /// `'s`, `'S`, `'ſ`
    Unicode,
}

/// How many digits a piece may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    One = 1,
    Three = 3,
}

/// This many white-space characters in `\s+(?!\S)` overflow the stack of the regex engine: a million entries, of
/// which two are used before.
const GIVES_UP: usize = 999_999;

impl SplitRegex {
    /// The expression of `ByteLevel`.
    pub(crate) const GPT2: &'static str =
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// The scanner for an expression; `None` if there is none.
    pub(crate) fn from_pattern(pattern: &str) -> Option<Self> {
        Some(Self { kind: Kind::from_pattern(pattern)?, classes: Classes::get()? })
    }

    /// The end of the piece that starts at `start`, which is the start of the text or the end of another piece, and
    /// not the end of the text.
    #[inline]
    pub(crate) fn next(&self, text: &str, start: usize) -> usize {
        let text = text.as_bytes();
        match self.kind {
            Kind::Gpt2 => self.gpt2(text, start),
            Kind::Cl100k { contractions, digits, marks } => {
                let word = if marks { LETTER | MARK } else { LETTER };
                self.cl100k(text, start, contractions, digits, word)
            }
            Kind::O200k { contractions, digits, slashes } => {
                self.o200k(text, start, contractions, digits, slashes)
            }
            Kind::DeepSeek => self.deepseek(text, start),
        }
    }

    #[inline]
    fn gpt2(&self, text: &[u8], start: usize) -> usize {
        if let Some(end) = ascii_word::<false>(text, start).or_else(|| contraction(text, start, Case::Lower))
        {
            return end;
        }
        let body = start + usize::from(text.get(start) == Some(&b' '));
        let (class, len) = self.classes.at(text, body);
        if class & LETTER != 0 {
            self.classes.run_of_letters::<false>(text, body + len, LETTER)
        } else if class & NUMBER != 0 {
            self.classes.run(text, body + len, NUMBER)
        } else if class & (SPACE | END) == 0 {
            self.classes.run_without(text, body + len, SPACE | LETTER | NUMBER)
        } else {
            self.spaces(text, start)
        }
    }

    #[inline]
    fn cl100k(&self, text: &[u8], start: usize, contractions: Case, digits: Digits, word: u8) -> usize {
        if let Some(end) = ascii_word::<false>(text, start).or_else(|| contraction(text, start, contractions))
        {
            return end;
        }
        let (class, len) = self.classes.at(text, start);
        // A mark that is part of words may also be the prefix of one; the end is the same.
        if class & word != 0 {
            return self.classes.run_of_letters::<false>(text, start + len, word);
        }
        if class & NUMBER != 0 {
            return self.digits(text, start + len, digits);
        }
        let body = start + len;
        let (second, len) = self.classes.at(text, body);
        if class & NEWLINE == 0 && second & word != 0 {
            return self.classes.run_of_letters::<false>(text, body + len, word);
        }
        self.symbols(text, start, word, false).unwrap_or_else(|| self.lines(text, start))
    }

    #[inline]
    fn o200k(
        &self,
        text: &[u8],
        start: usize,
        contractions: Option<Case>,
        digits: Digits,
        slashes: bool,
    ) -> usize {
        let with_contraction =
            |end| contractions.and_then(|case| contraction(text, end, case)).unwrap_or(end);
        if let Some(end) = ascii_word::<true>(text, start) {
            return with_contraction(end);
        }
        let (class, len) = self.classes.at(text, start);
        if class & NUMBER != 0 {
            return self.digits(text, start + len, digits);
        }
        // The optional prefix is taken first, each alternative tried with and without.
        let prefixed = (class & (NEWLINE | LETTER) == 0).then_some(start + len);
        let mut word = prefixed.and_then(|at| self.upper_then_lower(text, at));
        if class & (UPPER | LOWER) != 0 {
            word = word.or_else(|| self.upper_then_lower(text, start));
        }
        let word =
            word.or_else(|| prefixed.and_then(|at| self.upper(text, at))).or_else(|| self.upper(text, start));
        if let Some(end) = word {
            return with_contraction(end);
        }
        self.symbols(text, start, LETTER, slashes).unwrap_or_else(|| self.lines(text, start))
    }

    /// `UPPER*LOWER+`
    #[inline]
    fn upper_then_lower(&self, text: &[u8], start: usize) -> Option<usize> {
        let mut at = start;
        // `LOWER+` needs one character: what follows the run, or else what the run gives back, up to its last
        // character that is in both. What follows that one in the run is not, so `LOWER+` ends with it.
        let mut both = None;
        loop {
            let (class, len) = self.classes.at(text, at);
            if class & UPPER == 0 {
                if class & LOWER != 0 {
                    return Some(self.classes.run_of_letters::<true>(text, at + len, LOWER));
                }
                return both;
            }
            at += len;
            if class & LOWER != 0 {
                both = Some(at);
            }
        }
    }

    /// `UPPER+LOWER*`, where `UPPER*LOWER+` does not match: no lower-case letter can follow.
    #[inline]
    fn upper(&self, text: &[u8], start: usize) -> Option<usize> {
        let end = self.classes.run(text, start, UPPER);
        (end > start).then_some(end)
    }

    /// `\p{N}{1,digits}`, the first of which ends at `at`.
    #[inline]
    fn digits(&self, text: &[u8], mut at: usize, digits: Digits) -> usize {
        for _ in 1..digits as usize {
            let (class, len) = self.classes.at(text, at);
            if class & NUMBER == 0 {
                break;
            }
            at += len;
        }
        at
    }

    /// ` ?[^\s\p{L}\p{N}]+[\r\n]*`
    #[inline]
    fn symbols(&self, text: &[u8], start: usize, word: u8, slashes: bool) -> Option<usize> {
        let body = start + usize::from(text.get(start) == Some(&b' '));
        let mut end = self.classes.run_without(text, body, SPACE | NUMBER | word);
        if end == body {
            return None;
        }
        while let Some(b'\r' | b'\n') = text.get(end) {
            end += 1;
            // A slash before line breaks is one of the symbols.
            while slashes && text.get(end) == Some(&b'/') {
                end += 1;
            }
        }
        Some(end)
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`: the first runs over all white space and gives back what follows the last line
    /// break.
    #[inline]
    fn lines(&self, text: &[u8], start: usize) -> usize {
        let end = self.classes.run(text, start, SPACE);
        let last = text[start..end].iter().rposition(|byte| matches!(byte, b'\r' | b'\n'));
        last.map_or_else(|| self.spaces(text, start), |last| start + last + 1)
    }

    /// `\s+(?!\S)|\s+`: the last white-space character before something else is given back, unless it is the only
    /// one.
    #[inline]
    fn spaces(&self, text: &[u8], start: usize) -> usize {
        let (mut at, mut last, mut count) = (start, start, 0);
        loop {
            let (class, len) = self.classes.at(text, at);
            if class & SPACE == 0 {
                break;
            }
            (last, at, count) = (at, at + len, count + 1);
        }
        if count >= GIVES_UP || at == text.len() {
            text.len()
        } else if last == start {
            at
        } else {
            last
        }
    }
}

/// `'s|'t|'re|'ve|'m|'ll|'d`
#[inline]
fn contraction(text: &[u8], start: usize, case: Case) -> Option<usize> {
    if text.get(start) != Some(&b'\'') {
        return None;
    }
    let rest = &text[start + 1..];
    let lower = |byte: Option<&u8>| match case {
        Case::Lower => byte.copied(),
        Case::Ascii | Case::Unicode => byte.map(u8::to_ascii_lowercase),
    };
    let len = match (lower(rest.first()), lower(rest.get(1))) {
        (Some(b's' | b't' | b'm' | b'd'), _) => 1,
        (Some(b'r' | b'v'), Some(b'e')) | (Some(b'l'), Some(b'l')) => 2,
        _ if case == Case::Unicode && rest.starts_with("ſ".as_bytes()) => 2,
        _ => return None,
    };
    Some(start + 1 + len)
}
