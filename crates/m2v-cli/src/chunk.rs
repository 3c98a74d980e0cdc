//! A few thousand texts at a time.

use m2v_infer::Target;

/// How much one chunk may hold. At least one text always fits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Texts.
    pub(crate) texts: usize,
    /// Bytes of all texts together.
    pub(crate) bytes: usize,
}

/// Enough texts to keep many threads busy, few enough that their vectors take a few megabytes.
impl Default for Limits {
    fn default() -> Self {
        Self { texts: 4096, bytes: 1 << 20 }
    }
}

/// Texts, one after the other in one string, which is used again for the next ones.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    text: String,
    ends: Vec<usize>,
    /// What each text truly is, if the input says so.
    labels: Vec<Target>,
    first: u64,
    input_bytes: u64,
}

impl Chunk {
    /// Empties it; its first text will be number `first` of the input.
    pub(crate) fn reset(&mut self, first: u64) {
        // One huge text should not hold its memory for the rest of the run.
        self.text.clear();
        self.text.shrink_to(1 << 22);
        self.ends.clear();
        self.labels.clear();
        self.first = first;
        self.input_bytes = 0;
    }

    /// Adds a text that took `input_bytes` of the input.
    pub(crate) fn push(&mut self, text: &str, input_bytes: usize) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
        self.input_bytes += input_bytes as u64;
    }

    /// Says what the text that was added last truly is.
    pub(crate) fn push_label(&mut self, label: Target) {
        self.labels.push(label);
    }

    /// What each text truly is, if the input says so.
    pub(crate) fn labels(&self) -> &[Target] {
        &self.labels
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn is_full(&self, limits: Limits) -> bool {
        self.ends.len() >= limits.texts || self.text.len() >= limits.bytes
    }

    /// The number of texts.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The texts.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let mut start = 0;
        let text = |&end: &usize| &self.text[std::mem::replace(&mut start, end)..end];
        self.ends.iter().map(text).collect()
    }

    /// The number of text `i` in the input, counted from 1: in all input formats its line.
    pub(crate) fn number(&self, i: usize) -> u64 {
        self.first + i as u64
    }

    /// Bytes of the input that the texts took.
    pub(crate) fn input_bytes(&self) -> u64 {
        self.input_bytes
    }
}
