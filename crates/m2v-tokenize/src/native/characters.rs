//! Chunks a character at a time, where what becomes of each character is the same in any text: that is asked once for
//! each and remembered, a page of 256 at a time.

use super::wordpiece::Word;

/// What becomes of a character.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    /// It was not met yet.
    New,
    /// It is part of a word, as it is.
    Same,
    /// It is part of a word, as the first of these bytes.
    Short([u8; 4], u8),
    /// It is part of a word, as these characters: a range of the pool.
    Text(u32, u8),
    /// Nothing.
    Removed,
    /// It separates words.
    Space,
    /// It is a word of its own, as these characters.
    Own(u32, u8),
    /// It cannot be said without what stands around it.
    Complex,
}

/// What becomes of a character; texts that are named go to a pool.
pub(super) type Classify<'a> = &'a dyn Fn(char, &mut String) -> Entry;

/// What became of characters that were met.
pub(super) struct Characters {
    pages: Vec<Option<Box<[Entry; 256]>>>,
    pool: String,
}

impl Characters {
    pub(super) fn new() -> Self {
        Self { pages: Vec::new(), pool: String::new() }
    }

    /// Appends the words of a text, which is UTF-8, to a buffer, and where each one stands. False, perhaps after some
    /// words, if the text has to go the exact way.
    pub(super) fn words(
        &mut self,
        classify: Classify<'_>,
        text: &[u8],
        buffer: &mut Vec<u8>,
        words: &mut Vec<Word>,
    ) -> bool {
        let mut start = buffer.len();
        let mut end_word = |buffer: &Vec<u8>| {
            if buffer.len() > start {
                words.push(Word { start, end: buffer.len() });
            }
            start = buffer.len();
        };
        // What is before `at` and was not appended stays as it is.
        let (mut at, mut appended) = (0, 0);
        while at < text.len() {
            let Some((c, len)) = first_char(&text[at..]) else { return false };
            let entry = self.entry(classify, c);
            let before = at;
            at += len;
            if entry == Entry::Same {
                continue;
            }
            buffer.extend_from_slice(&text[appended..before]);
            appended = at;
            match entry {
                Entry::Short(bytes, len) => {
                    let len = buffer.len() + usize::from(len);
                    buffer.extend_from_slice(&bytes);
                    buffer.truncate(len);
                }
                Entry::Text(start, len) => buffer.extend_from_slice(self.text(start, len)),
                Entry::Same | Entry::Removed => {}
                Entry::Space => end_word(buffer),
                Entry::Own(start, len) => {
                    end_word(buffer);
                    buffer.extend_from_slice(self.text(start, len));
                    end_word(buffer);
                }
                Entry::New | Entry::Complex => return false,
            }
        }
        buffer.extend_from_slice(&text[appended..]);
        end_word(buffer);
        true
    }

    /// Whether each character of a text, which is UTF-8, is [`Entry::Same`].
    pub(super) fn all_stay(&mut self, classify: Classify<'_>, text: &[u8]) -> bool {
        let mut at = 0;
        while at < text.len() {
            let Some((c, len)) = first_char(&text[at..]) else { return false };
            if self.entry(classify, c) != Entry::Same {
                return false;
            }
            at += len;
        }
        true
    }

    fn text(&self, start: u32, len: u8) -> &[u8] {
        &self.pool.as_bytes()[start as usize..][..usize::from(len)]
    }

    #[inline]
    fn entry(&mut self, classify: Classify<'_>, c: char) -> Entry {
        let (page, at) = ((u32::from(c) >> 8) as usize, (u32::from(c) & 0xFF) as usize);
        match self.pages.get(page) {
            Some(Some(entries)) if entries[at] != Entry::New => entries[at],
            _ => self.learn(classify, c, page, at),
        }
    }

    #[cold]
    fn learn(&mut self, classify: Classify<'_>, c: char, page: usize, at: usize) -> Entry {
        if self.pages.len() <= page {
            self.pages.resize(page + 1, None);
        }
        let entry = classify(c, &mut self.pool);
        self.pages[page].get_or_insert_with(|| Box::new([Entry::New; 256]))[at] = entry;
        entry
    }
}

/// The character that a text begins with, and its bytes. What is no UTF-8 may be any character or none: to check that
/// it is takes longer than all else that is done here.
#[inline]
fn first_char(text: &[u8]) -> Option<(char, usize)> {
    let bits = |at: usize| Some(u32::from(*text.get(at)? & 0x3F));
    let first = u32::from(*text.first()?);
    let (code, len) = match first {
        0..0x80 => (first, 1),
        0x80..0xE0 => ((first & 0x1F) << 6 | bits(1)?, 2),
        0xE0..0xF0 => ((first & 0x0F) << 12 | bits(1)? << 6 | bits(2)?, 3),
        _ => ((first & 0x07) << 18 | bits(1)? << 12 | bits(2)? << 6 | bits(3)?, 4),
    };
    Some((char::from_u32(code)?, len))
}

/// Keeps a text in the pool. The texts of all characters there are fit into 32 bits.
pub(super) fn intern(text: &str, pool: &mut String, entry: fn(u32, u8) -> Entry) -> Entry {
    let (Ok(start), Ok(len)) = (u32::try_from(pool.len()), u8::try_from(text.len())) else {
        return Entry::Complex;
    };
    pool.push_str(text);
    entry(start, len)
}

#[cfg(test)]
mod tests {
    use super::first_char;

    #[test]
    fn every_character_is_read() {
        for c in '\0'..=char::MAX {
            let text = format!("{c}é");
            assert_eq!(first_char(text.as_bytes()), Some((c, c.len_utf8())));
        }
    }
}
