//! The tokens of a model, and which of them are kept.

use std::ops::Range;

/// The tokens of a model in the order of their ids.
pub(super) struct Entries {
    tokens: Vec<Entry>,
    /// Places in `tokens`, in the order of the texts.
    by_text: Vec<u32>,
    kept: Vec<bool>,
    /// How many kept tokens have each length in characters; added tokens count too.
    lengths: Vec<usize>,
}

struct Entry {
    text: Box<str>,
    id: u32,
}

impl Entries {
    pub(super) fn new<'t>(tokens: impl Iterator<Item = (&'t str, u32)>) -> Self {
        let mut tokens: Vec<_> = tokens.map(|(text, id)| Entry { text: text.into(), id }).collect();
        tokens.sort_by_key(|entry| entry.id);
        let mut by_text: Vec<u32> = (0..).take(tokens.len()).collect();
        by_text.sort_by(|a, b| tokens[*a as usize].text.cmp(&tokens[*b as usize].text));
        let kept = vec![false; tokens.len()];
        Self { tokens, by_text, kept, lengths: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn text(&self, place: usize) -> &str {
        &self.tokens[place].text
    }

    /// The length of a token in characters.
    pub(super) fn characters(&self, place: usize) -> usize {
        self.text(place).chars().count()
    }

    pub(super) fn id(&self, place: usize) -> u32 {
        self.tokens[place].id
    }

    pub(super) fn is_kept(&self, place: usize) -> bool {
        self.kept[place]
    }

    /// The places of the kept tokens, in the order of their ids.
    pub(super) fn kept(&self) -> impl Iterator<Item = usize> {
        (0..self.len()).filter(|&place| self.kept[place])
    }

    /// How many kept tokens have each length.
    pub(super) fn lengths(&self) -> &[usize] {
        &self.lengths
    }

    /// The places of the tokens with an id: one, in files that make sense.
    pub(super) fn with_id(&self, id: u32) -> Range<usize> {
        let start = self.tokens.partition_point(|entry| entry.id < id);
        start..self.tokens.partition_point(|entry| entry.id <= id)
    }

    /// The place of the token with a text; of several pieces of Unigram the last, whose id counts.
    pub(super) fn find(&self, text: &str) -> Option<usize> {
        self.with_text(text).last().map(|&place| place as usize)
    }

    /// Keeps the token at a place, and those with the same text; whether that is new.
    pub(super) fn keep(&mut self, place: usize) -> bool {
        if self.kept[place] {
            return false;
        }
        let range = self.range_of(&self.tokens[place].text);
        for &place in &self.by_text[range] {
            self.kept[place as usize] = true;
        }
        self.count(self.characters(place));
        true
    }

    /// Counts a token of a length among those that are kept.
    pub(super) fn count(&mut self, length: usize) {
        if length >= self.lengths.len() {
            self.lengths.resize(length + 1, 0);
        }
        self.lengths[length] += 1;
    }

    fn with_text(&self, text: &str) -> &[u32] {
        &self.by_text[self.range_of(text)]
    }

    fn range_of(&self, text: &str) -> Range<usize> {
        let text_at = |place: &u32| &*self.tokens[*place as usize].text;
        let start = self.by_text.partition_point(|place| text_at(place) < text);
        start..start + self.by_text[start..].iter().take_while(|place| text_at(place) == text).count()
    }
}
