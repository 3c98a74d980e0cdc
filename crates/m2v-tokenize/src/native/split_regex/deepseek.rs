//! DeepSeek-V3's expressions: `\p{N}{1,3}`, then ideographs and kana, then all else, each in a step of its own that
//! splits what the steps before have made, matches and what is between them alike.
//!
//! One scan does the three: numbers, and ideographs and kana, are classes that nothing else has, and end the text for
//! whatever stands before them. The third step leaves numbers whole, and splits ideographs and kana at the few
//! characters between them that are no letters. Unlike the other expressions this one does not match every character:
//! what is left over is a piece as well, up to where a match begins.

use super::classes::{CJK, CJK_OTHER, Classes, END, LETTER, NEWLINE, NUMBER, PUNCTUATION, SPACE, ascii_word};
use super::{Digits, GIVES_UP, Kind, SplitRegex};

const DIGITS: &str = r"\p{N}{1,3}";
const IDEOGRAPHS: &str = "[一-龥぀-ゟ゠-ヿ]+";
const OTHERS: &str = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##;

/// What ends the text of the third step.
const BREAK: u8 = END | NUMBER | CJK | CJK_OTHER;

/// Of ideographs and kana.
const UNASSIGNED: u8 = CJK | CJK_OTHER;

impl SplitRegex {
    /// The scanner for three expressions in a row; `None` if there is none.
    pub(crate) fn from_patterns([first, second, third]: [&str; 3]) -> Option<Self> {
        // Files hold line breaks or the escapes for them.
        let third = third.replace('\r', r"\r").replace('\n', r"\n");
        let known = first == DIGITS && second == IDEOGRAPHS && third == OTHERS;
        Some(Self { kind: Kind::DeepSeek, classes: Classes::deepseek()? }).filter(|_| known)
    }

    #[inline]
    pub(super) fn deepseek(&self, text: &[u8], start: usize) -> usize {
        if let Some(end) = ascii_word::<false>(text, start) {
            return end;
        }
        let (class, len) = self.classes.at(text, start);
        let body = start + len;
        if class & NUMBER != 0 {
            return self.digits(text, body, Digits::Three);
        }
        if class & (CJK | CJK_OTHER) != 0 {
            return self.ideographs(text, start);
        }
        if class & LETTER != 0 {
            return self.classes.run_of_letters::<false>(text, body, LETTER);
        }
        let (second, second_len) = self.classes.at(text, body);
        if class & PUNCTUATION != 0 {
            let letters = text[body..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            // No other than the marks of ASCII have one byte.
            return if len == 1 && letters > 0 { body + letters } else { self.marks(text, body) };
        }
        if class & NEWLINE == 0 && second & LETTER != 0 {
            return self.classes.run_of_letters::<false>(text, body + second_len, LETTER);
        }
        if text[start] == b' ' && second & PUNCTUATION != 0 {
            return self.marks(text, body + second_len);
        }
        if class & SPACE != 0 {
            return self.white_space(text, start);
        }
        self.left_over(text, body)
    }

    /// `[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|[\p{P}\p{S}]+` among ideographs and kana, or what is left over.
    fn ideographs(&self, text: &[u8], start: usize) -> usize {
        let (first, len) = self.kind(text, start);
        if first != UNASSIGNED {
            return self.run_of_kind(text, start, first);
        }
        let mut at = start + len;
        if self.kind(text, at).0 == CJK {
            return self.run_of_kind(text, at, CJK);
        }
        // Left over, up to what is not, or stands before letters.
        loop {
            let (kind, len) = self.kind(text, at);
            if kind != UNASSIGNED || self.kind(text, at + len).0 == CJK {
                return at;
            }
            at += len;
        }
    }

    /// Of an ideograph, or what is among them, [`CJK`], [`CJK_OTHER`] or both, else 0, and its length.
    fn kind(&self, text: &[u8], at: usize) -> (u8, usize) {
        let (class, len) = self.classes.at(text, at);
        (class & (CJK | CJK_OTHER), len)
    }

    /// The end of the run of characters of a kind, which is not 0.
    fn run_of_kind(&self, text: &[u8], mut at: usize, of: u8) -> usize {
        loop {
            let (kind, len) = self.kind(text, at);
            if kind != of {
                return at;
            }
            at += len;
        }
    }

    /// `[\p{P}\p{S}]+[\r\n]*`, the first of which ends at `at`.
    fn marks(&self, text: &[u8], at: usize) -> usize {
        self.classes.run(text, self.classes.run(text, at, PUNCTUATION), NEWLINE)
    }

    /// `\s*[\r\n]+|\s+(?!\S)|\s+`, where the text ends with the step's.
    fn white_space(&self, text: &[u8], start: usize) -> usize {
        let end = self.classes.run(text, start, SPACE);
        if let Some(end) = self.overflow(text, start, end) {
            return end;
        }
        let is_last = self.classes.at(text, end).0 & BREAK != 0;
        self.lines(if is_last { &text[..end] } else { text }, start)
    }

    /// The end of the step's text, if the regex engine gives up on the white space up to `end`; see [`GIVES_UP`].
    fn overflow(&self, text: &[u8], start: usize, end: usize) -> Option<usize> {
        let white = &text[start..end];
        if white.len() < GIVES_UP || white.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return None;
        }
        let characters = white.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        (characters >= GIVES_UP).then(|| self.classes.run_without(text, end, BREAK))
    }

    /// What no alternative matches, the first character of which ends at `at`.
    fn left_over(&self, text: &[u8], mut at: usize) -> usize {
        loop {
            let (class, len) = self.classes.at(text, at);
            // Before a letter or a mark, this character would be the prefix of a word.
            let next = self.classes.at(text, at + len).0;
            if class & SPACE != 0 {
                // It is left over as well if the engine gives up.
                let end = self.classes.run(text, at, SPACE);
                return self.overflow(text, at, end).unwrap_or(at);
            }
            if class != 0 || next & LETTER != 0 {
                return at;
            }
            at += len;
        }
    }
}
