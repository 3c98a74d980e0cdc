//! DeepSeek-V3's expressions: `\p{N}{1,3}`, then ideographs and kana, then all else, each in a step of its own that
//! sees only what the steps before have left between their matches.
//!
//! One scan does the three: numbers, and ideographs and kana, are classes that nothing else has, and end the text for
//! whatever stands before them. Unlike the other expressions this one does not match every character: what is left
//! over is a piece as well, up to where a match begins.

use super::classes::{CJK, Classes, END, LETTER, MARK, NEWLINE, NUMBER, PUNCTUATION, SPACE, ascii_word};
use super::{Digits, GIVES_UP, Kind, SplitRegex};

const DIGITS: &str = r"\p{N}{1,3}";
const IDEOGRAPHS: &str = "[一-龥぀-ゟ゠-ヿ]+";
const OTHERS: &str = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##;

/// What ends the text of the third step.
const BREAK: u8 = END | NUMBER | CJK;

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
        if class & CJK != 0 {
            return self.classes.run(text, body, CJK);
        }
        let word = LETTER | MARK;
        if class & word != 0 {
            return self.classes.run_of_letters::<false>(text, body, word);
        }
        let (second, second_len) = self.classes.at(text, body);
        if class & PUNCTUATION != 0 {
            let letters = text[body..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
            // No other than the marks of ASCII have one byte.
            return if len == 1 && letters > 0 { body + letters } else { self.marks(text, body) };
        }
        if class & NEWLINE == 0 && second & word != 0 {
            return self.classes.run_of_letters::<false>(text, body + second_len, word);
        }
        if text[start] == b' ' && second & PUNCTUATION != 0 {
            return self.marks(text, body + second_len);
        }
        if class & SPACE != 0 {
            return self.white_space(text, start);
        }
        self.left_over(text, body)
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
            if class != 0 || next & (LETTER | MARK) != 0 {
                return at;
            }
            at += len;
        }
    }
}
