//! From the characters of a piece to its first symbols.

/// How pieces are spelled.
pub(super) struct Spelling {
    /// Where prefix and suffix are empty, one; else four, by whether a character is first and last; see [`place`].
    characters: Vec<CharIds>,
    /// Put before all characters but the first, and after the last.
    prefix: String,
    suffix: String,
    /// Byte-level models: the symbol of each byte that is neither first nor last, [`NONE`] where there is none.
    byte_level: Option<Box<[u32; 256]>>,
    /// `byte_fallback`: the id of `<0x00>` and so on, [`NONE`] where there is none.
    fallback: Option<Box<[u32; 256]>>,
    /// The unknown token.
    unknown: Option<u32>,
    fuse_unknown: bool,
    /// The last character of the unknown token.
    unknown_end: Option<char>,
    /// Whether each character has a symbol, so that none is unknown.
    complete: bool,
}

/// No symbol.
pub(super) const NONE: u32 = u32::MAX;

/// What a model says about unknown characters.
pub(super) struct Unknown<'a> {
    pub(super) token: Option<(u32, &'a str)>,
    pub(super) fuse: bool,
    pub(super) fallback: bool,
}

impl Spelling {
    /// The spelling of a model with this vocabulary.
    pub(super) fn new<'a>(
        tokens: impl Iterator<Item = (&'a str, u32)>,
        (prefix, suffix): (&str, &str),
        unknown: &Unknown<'_>,
        byte_level: bool,
    ) -> Self {
        let places = if prefix.is_empty() && suffix.is_empty() { 1 } else { 4 };
        let mut characters: Vec<_> = (0..places).map(|_| CharIds::new()).collect();
        let mut fallback = Box::new([NONE; 256]);
        for (token, id) in tokens {
            for (place, ids) in characters.iter_mut().enumerate() {
                let (first, last) = (place & 1 != 0, place & 2 != 0);
                let rest = token.strip_prefix(if first { "" } else { prefix });
                let rest = rest.and_then(|rest| rest.strip_suffix(if last { suffix } else { "" }));
                if let Some(c) = rest.and_then(only_char) {
                    ids.set(c, id);
                }
            }
            if let Some(byte) = byte_of(token) {
                fallback[usize::from(byte)] = id;
            }
        }
        let fallback = unknown.fallback.then_some(fallback);
        let complete_fallback = fallback.as_ref().is_some_and(|ids| !ids.contains(&NONE));
        let complete_bytes =
            || (0..=255).all(|byte| characters.iter().all(|ids| ids.get(character_of(byte)) != NONE));
        let complete = complete_fallback || (byte_level && complete_bytes());
        Self {
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            byte_level: byte_level
                .then(|| Box::new(all_bytes().map(|byte| characters[0].get(character_of(byte))))),
            characters,
            fallback,
            unknown: unknown.token.map(|token| token.0),
            fuse_unknown: unknown.fuse,
            unknown_end: unknown.token.and_then(|token| token.1.chars().next_back()),
            complete,
        }
    }

    /// Whether no text has unknown characters.
    pub(super) fn complete(&self) -> bool {
        self.complete
    }

    /// Appends the symbols of a piece.
    #[inline]
    pub(super) fn spell(&self, piece: &str, ids: &mut Vec<u32>) {
        let start = ids.len();
        let all_known = self.characters.len() == 1 && {
            match &self.byte_level {
                Some(table) => ids.extend(piece.bytes().map(|byte| table[usize::from(byte)])),
                None => ids.extend(piece.chars().map(|c| self.characters[0].get(c))),
            }
            !ids[start..].contains(&NONE)
        };
        if !all_known {
            ids.truncate(start);
            match &self.byte_level {
                Some(_) => self.spell_with_care(piece.bytes().map(character_of), ids),
                None => self.spell_with_care(piece.chars(), ids),
            }
        }
    }

    /// [`Spelling::spell`] with unknown characters, prefix and suffix.
    #[cold]
    fn spell_with_care(&self, characters: impl Iterator<Item = char>, ids: &mut Vec<u32>) {
        let mut characters = characters.peekable();
        let mut first = true;
        // An unknown token that has yet to be appended. Byte tokens overtake it.
        let mut pending = None;
        while let Some(c) = characters.next() {
            let last = characters.peek().is_none();
            // One for all places, or one for each.
            let place = place(first, last) & (self.characters.len() - 1);
            let id = self.characters[place].get(c);
            if id != NONE {
                ids.extend(pending.take());
                ids.push(id);
            } else if !self.spell_bytes(c, first, last, ids) {
                if !self.fuse_unknown {
                    ids.extend(pending);
                }
                pending = self.unknown;
            }
            first = false;
        }
        ids.extend(pending);
    }

    /// Appends the byte tokens of a character, if there are tokens for all its bytes.
    fn spell_bytes(&self, c: char, first: bool, last: bool, ids: &mut Vec<u32>) -> bool {
        let Some(fallback) = &self.fallback else { return false };
        let start = ids.len();
        let prefix = if first { "" } else { &self.prefix };
        let suffix = if last { &self.suffix } else { "" };
        for part in [prefix, c.encode_utf8(&mut [0; 4]), suffix] {
            ids.extend(part.bytes().map(|byte| fallback[usize::from(byte)]));
        }
        let found = !ids[start..].contains(&NONE);
        if !found {
            ids.truncate(start);
        }
        found
    }

    /// The part of [`super::Bpe::splits_before`] that is about symbols.
    pub(super) fn cuts_before(&self, c: char) -> bool {
        self.byte_level.is_none()
            && self.characters.len() == 1
            && self.characters[0].get(c) != NONE
            && (self.complete || (self.unknown.is_some() && self.unknown_end != Some(c)))
            && !(self.fallback.is_some() && c == '>')
    }
}

fn place(first: bool, last: bool) -> usize {
    usize::from(first) | usize::from(last) << 1
}

/// The character of a string that has only one.
fn only_char(text: &str) -> Option<char> {
    let mut characters = text.chars();
    characters.next().filter(|_| characters.next().is_none())
}

/// The byte of a token like `<0x0A>`.
fn byte_of(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let upper = |byte: u8| matches!(byte, b'0'..=b'9' | b'A'..=b'F');
    let well_formed = digits.len() == 2 && digits.bytes().all(upper);
    well_formed.then(|| u8::from_str_radix(digits, 16).ok())?
}

/// The character that stands for a byte in byte-level vocabularies: itself where that is visible, else one from U+0100
/// on.
pub(super) fn character_of(byte: u8) -> char {
    let above = |n: u8| char::from_u32(0x100 + u32::from(n)).unwrap_or_default();
    match byte {
        0..=0x20 => above(byte),
        0x7F..=0xA0 => above(byte - 0x7F + 0x21),
        0xAD => above(0x43),
        _ => char::from(byte),
    }
}

/// The byte that a character of byte-level vocabularies stands for.
pub(super) fn byte_for(c: char) -> Option<u8> {
    match u32::from(c) {
        c @ (0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF) => Some(c as u8),
        c @ 0x100..=0x120 => Some((c - 0x100) as u8),
        c @ 0x121..=0x142 => Some((c - 0x121) as u8 + 0x7F),
        0x143 => Some(0xAD),
        _ => None,
    }
}

fn all_bytes() -> [u8; 256] {
    let mut bytes = [0; 256];
    bytes.iter_mut().zip(0..=255).for_each(|(byte, value)| *byte = value);
    bytes
}

/// A map from characters to ids, in pages of 256.
struct CharIds {
    /// Where the page of each 256 characters begins in `ids`. The first page is empty, for characters without ids.
    pages: Vec<u32>,
    ids: Vec<u32>,
}

const PAGE: usize = 256;

impl CharIds {
    fn new() -> Self {
        Self { pages: Vec::new(), ids: vec![NONE; PAGE] }
    }

    /// The id of a character, or [`NONE`].
    #[inline]
    fn get(&self, c: char) -> u32 {
        let page = self.pages.get(c as usize / PAGE).copied().unwrap_or(0);
        self.ids[page as usize + c as usize % PAGE]
    }

    fn set(&mut self, c: char, id: u32) {
        let page = c as usize / PAGE;
        if page >= self.pages.len() {
            self.pages.resize(page + 1, 0);
        }
        if self.pages[page] == 0 {
            // At most as many as there are characters.
            self.pages[page] = self.ids.len() as u32;
            self.ids.resize(self.ids.len() + PAGE, NONE);
        }
        self.ids[self.pages[page] as usize + c as usize % PAGE] = id;
    }
}
