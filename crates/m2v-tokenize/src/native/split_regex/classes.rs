//! What kind of character each one is, as the regex engine has it.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// `\p{L}`
pub(super) const LETTER: u8 = 1;
/// `\p{N}`
pub(super) const NUMBER: u8 = 1 << 1;
/// `\s`
pub(super) const SPACE: u8 = 1 << 2;
/// `\p{M}`
pub(super) const MARK: u8 = 1 << 3;
/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
pub(super) const UPPER: u8 = 1 << 4;
/// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
pub(super) const LOWER: u8 = 1 << 5;
/// `[\r\n]`
pub(super) const NEWLINE: u8 = 1 << 6;
/// No character: the text is over.
pub(super) const END: u8 = 1 << 7;
/// In DeepSeek's table nothing has case, and [`LETTER`] is `[\p{L}\p{M}]`. `[\p{P}\p{S}]`:
pub(super) const PUNCTUATION: u8 = UPPER;
/// In DeepSeek's table, what its second expression matches, without `[\p{P}\p{S}]`.
pub(super) const CJK: u8 = LOWER;
/// In DeepSeek's table, what its second expression matches, without `[\p{L}\p{M}]`. What is not assigned has both
/// flags.
pub(super) const CJK_OTHER: u8 = MARK;

/// The flags of all characters.
///
/// They are read from the tables of `regex-syntax`, the same ones (Cargo resolves one 0.8) that the regex engine
/// of the `tokenizers` crate is made with, so that they know the same version of Unicode.
pub(super) struct Classes {
    ascii: [u8; 128],
    /// The page of each 256 characters; pages that are alike are stored once.
    pages: Vec<u16>,
    flags: Vec<u8>,
}

const PAGE: usize = 256;
const CHARACTERS: usize = 0x11_0000;

impl Classes {
    /// The flags of all characters, made once.
    pub(super) fn get() -> Option<&'static Self> {
        static CLASSES: LazyLock<Option<Classes>> = LazyLock::new(|| {
            Classes::new([
                (r"\p{L}", LETTER),
                (r"\p{N}", NUMBER),
                (r"\s", SPACE),
                (r"\p{M}", MARK),
                (r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", UPPER),
                (r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", LOWER),
                (r"[\r\n]", NEWLINE),
            ])
        });
        CLASSES.as_ref()
    }

    /// The flags that DeepSeek's expressions tell apart, made once.
    pub(super) fn deepseek() -> Option<&'static Self> {
        static CLASSES: LazyLock<Option<Classes>> = LazyLock::new(|| {
            Classes::new([
                (r"[[\p{L}\p{M}]--[一-龥぀-ゟ゠-ヿ]]", LETTER),
                (r"\p{N}", NUMBER),
                (r"\s", SPACE),
                (r"[[\p{P}\p{S}]--[一-龥぀-ゟ゠-ヿ]]", PUNCTUATION),
                (r"[[一-龥぀-ゟ゠-ヿ]--[\p{P}\p{S}]]", CJK),
                (r"[[一-龥぀-ゟ゠-ヿ]--[\p{L}\p{M}]]", CJK_OTHER),
                (r"[\r\n]", NEWLINE),
            ])
        });
        CLASSES.as_ref()
    }

    /// `None` if `regex-syntax` was built without the tables.
    fn new(patterns: [(&str, u8); 7]) -> Option<Self> {
        let mut all = vec![0; CHARACTERS];
        for (pattern, flag) in patterns {
            let hir = regex_syntax::parse(pattern).ok()?;
            let HirKind::Class(Class::Unicode(class)) = hir.kind() else { return None };
            for range in class.ranges() {
                let (first, last) = (range.start() as usize, range.end() as usize);
                all[first..=last].iter_mut().for_each(|flags| *flags |= flag);
            }
        }
        let mut ascii = [0; 128];
        ascii.copy_from_slice(&all[..128]);
        let (mut pages, mut flags) = (Vec::new(), Vec::new());
        let mut known = HashMap::new();
        for page in all.chunks_exact(PAGE) {
            let next = u16::try_from(known.len()).ok()?;
            let index = *known.entry(page).or_insert_with(|| {
                flags.extend_from_slice(page);
                next
            });
            pages.push(index);
        }
        Some(Self { ascii, pages, flags })
    }

    /// The flags and the length of the character at `at`; [`END`] and 0 at the end of the text.
    #[inline]
    pub(super) fn at(&self, text: &[u8], at: usize) -> (u8, usize) {
        match text.get(at) {
            Some(&byte) if byte < 0x80 => (self.ascii[usize::from(byte)], 1),
            Some(&byte) => self.wide(text, at, byte),
            None => (END, 0),
        }
    }

    /// [`Classes::at`] for a character of two bytes or more.
    #[inline]
    fn wide(&self, text: &[u8], at: usize, first: u8) -> (u8, usize) {
        // Texts are valid UTF-8.
        let next = |n| text.get(at + n).map_or(0, |&byte| usize::from(byte & 0x3F));
        let first = usize::from(first);
        let (c, len) = match first {
            ..0xE0 => ((first & 0x1F) << 6 | next(1), 2),
            0xE0..0xF0 => ((first & 0x0F) << 12 | next(1) << 6 | next(2), 3),
            _ => ((first & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3), 4),
        };
        let page = usize::from(self.pages.get(c / PAGE).copied().unwrap_or(0));
        (self.flags.get(page * PAGE + c % PAGE).copied().unwrap_or(0), len)
    }

    /// The end of the run of characters with one of these flags.
    #[inline]
    pub(super) fn run(&self, text: &[u8], mut at: usize, flags: u8) -> usize {
        loop {
            let (class, len) = self.at(text, at);
            if class & flags == 0 {
                return at;
            }
            at += len;
        }
    }

    /// The end of the run of characters with none of these flags.
    #[inline]
    pub(super) fn run_without(&self, text: &[u8], mut at: usize, flags: u8) -> usize {
        loop {
            let (class, len) = self.at(text, at);
            if class & (flags | END) != 0 {
                return at;
            }
            at += len;
        }
    }

    /// [`Classes::run`] for flags that all ASCII letters (`LOWER`: the small ones) have, and no other ASCII.
    #[inline]
    pub(super) fn run_of_letters<const LOWER: bool>(&self, text: &[u8], mut at: usize, flags: u8) -> usize {
        loop {
            while let Some(&eight) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
                let letters = leading_letters::<LOWER>(u64::from_le_bytes(eight)) as usize;
                at += letters;
                if letters < 8 {
                    break;
                }
            }
            // Not an ASCII letter, or one of the last eight bytes.
            loop {
                let (class, len) = self.at(text, at);
                if class & flags == 0 {
                    return at;
                }
                at += len;
                if text.get(at).is_some_and(u8::is_ascii_alphabetic) {
                    break;
                }
            }
        }
    }
}

/// The end of an ASCII word of up to six letters, after a space or another letter, that an ASCII character ends: nearly
/// all English pieces, without a branch that depends on their length. `LOWER`: only the first letter may be a capital,
/// and there is another. `None` for whatever else is at `start`.
#[inline]
pub(super) fn ascii_word<const LOWER: bool>(text: &[u8], start: usize) -> Option<usize> {
    let bytes = u64::from_le_bytes(*text.get(start..)?.first_chunk::<8>()?);
    let first = bytes as u8;
    let space = first == b' ';
    let mut rest = bytes >> 8;
    let mut end = 1;
    if LOWER && space {
        let capital = u32::from((rest as u8).is_ascii_uppercase());
        rest >>= 8 * capital;
        end += capital;
    }
    let letters = leading_letters::<LOWER>(rest);
    let next = rest >> (8 * letters) & 0xFF;
    end += letters;
    // `|` and `&`: one branch.
    let starts = space | first.is_ascii_alphabetic();
    let enough = (letters > 0) | !(space | LOWER);
    // `next` is one of the eight bytes.
    (starts & enough & (end < 8) & (next < 0x80)).then_some(start + end as usize)
}

/// How many of the bytes, from the lowest on, are ASCII letters, up to the first that is not.
#[inline]
fn leading_letters<const LOWER: bool>(bytes: u64) -> u32 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let low = bytes & !HIGH;
    let low = if LOWER { low } else { low | (0x20 * ONES) };
    // Each sum stays within its byte and reaches the high bit from `a` on, or after `z`.
    let from_a = low + (0x80 - b'a' as u64) * ONES;
    let after_z = low + (0x7F - b'z' as u64) * ONES;
    let others = !(from_a & !after_z & !bytes) & HIGH;
    others.trailing_zeros() / 8
}
