//! The fast path of tokenizers that cut at white space: chunks of text, looked up.
//!
//! What it assumes, and [`Words::new`] checks: every normalizer maps characters on their own or with the combining
//! marks after them, ASCII to ASCII; the pre-tokenizer removes white space, and splits at each side of it, and
//! (BERT) of ASCII punctuation. White space and punctuation are not combining and begin no composition, so a text
//! can be cut there, the parts tokenised one by one, and each part remembered by its bytes. What a chunk becomes
//! the first time is what the exact path says.

use super::cache::{Cache, key};
use super::memo::Memo;
use super::normalize::Normalizer;
use super::pipeline::{Model, Pipeline, Result};
use super::pretokenize::PreTokenizer;
use super::scan::Scanner;

/// The fast path.
pub(super) struct Words {
    scanner: Scanner,
    /// Words of the vocabulary, shared by all threads.
    known: Known,
    /// Whether NUL, with which keys are padded, is removed by the normalizers.
    removes_nul: bool,
}

/// What a thread keeps between texts.
pub(super) struct WordsScratch {
    buffer: Vec<u8>,
    memo: Memo,
}

impl Words {
    /// The fast path of a pipeline, if it has the shape for it.
    pub(super) fn new(pipeline: &Pipeline) -> Option<Self> {
        if pipeline.tokens.is_some() || !pipeline.normalizers.iter().all(Normalizer::is_local) {
            return None;
        }
        let (punctuation, prefixed) = match *pipeline.pre_tokenizers.steps {
            [PreTokenizer::Bert] => (true, false),
            [PreTokenizer::Whitespace | PreTokenizer::WhitespaceSplit] => (false, false),
            // A U+2581 before each word, whether it is the first or not.
            [PreTokenizer::WhitespaceSplit, PreTokenizer::Metaspace { prepend: true, .. }] => (false, true),
            _ => return None,
        };
        let cleans = |step: &Normalizer| matches!(step, Normalizer::Bert(bert) if bert.clean_text);
        let lowers = |step: &Normalizer| match step {
            Normalizer::Lowercase => true,
            Normalizer::Bert(bert) => bert.lowercase,
            _ => false,
        };
        let removes_controls = pipeline.normalizers.first().is_some_and(cleans);
        let scanner = Scanner {
            punctuation,
            lowercase: pipeline.normalizers.iter().any(lowers),
            vertical: !removes_controls,
        };
        let known = if prefixed { Known::none() } else { Known::new(&pipeline.model, scanner) };
        Some(Self { scanner, known, removes_nul: removes_controls })
    }

    pub(super) fn scratch() -> WordsScratch {
        WordsScratch { buffer: Vec::new(), memo: Memo::new() }
    }

    /// Appends the ids of a text.
    pub(super) fn encode(
        &self,
        pipeline: &Pipeline,
        text: &str,
        scratch: &mut WordsScratch,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        if !self.removes_nul && memchr::memchr(0, text.as_bytes()).is_some() {
            return pipeline.encode(text, ids);
        }
        let WordsScratch { buffer, memo } = scratch;
        self.scanner.scan(text.as_bytes(), buffer, |bytes, start, len| {
            if let Some(id) = self.known.get(bytes, start, len) {
                ids.push(id);
                return Ok(());
            }
            if memo.append(bytes, start, len, ids) {
                return Ok(());
            }
            let before = ids.len();
            // Cut at ASCII: always whole characters.
            let chunk = str::from_utf8(&bytes[start..start + len])?;
            pipeline.encode(chunk, ids)?;
            if len <= Memo::LONGEST {
                memo.insert(bytes, start, len, &ids[before..]);
            }
            Ok(())
        })
    }
}

/// Words that are their own token.
struct Known {
    short: Cache<2>,
    long: Cache<4>,
}

impl Known {
    fn none() -> Self {
        Self { short: Cache::new(1), long: Cache::new(1) }
    }

    /// ASCII letters and digits, which no normalizer changes and no pre-tokenizer splits, and punctuation marks
    /// that stand alone.
    fn new(model: &Model, scanner: Scanner) -> Self {
        let mut words: Vec<(&[u8], u32)> = match model {
            Model::WordPiece(model) => {
                model.whole_words().filter(|(word, _)| word.len() <= model.max_chars()).collect()
            }
            Model::WordLevel(model) => model.words().collect(),
        };
        // Vocabularies list frequent words first: they get the lines that are not full yet.
        words.sort_unstable_by_key(|word| word.1);
        let is_plain = |word: &[u8]| match word {
            [mark] if mark.is_ascii_punctuation() => scanner.punctuation,
            word => word.iter().all(|byte| match byte {
                b'A'..=b'Z' => !scanner.lowercase,
                byte => byte.is_ascii_alphanumeric(),
            }),
        };
        let mut known = Self { short: Cache::new(words.len() / 2), long: Cache::new(words.len() / 32) };
        let mut padded = [0; Cache::<4>::LONGEST + 4];
        for (word, id) in words.into_iter().filter(|(word, id)| is_plain(word) && *id < u32::MAX) {
            let len = word.len();
            if len == 0 || len > Cache::<4>::LONGEST {
                continue;
            }
            padded[..len].copy_from_slice(word);
            // A full line leaves a word to the memo.
            let _ = if len <= Cache::<2>::LONGEST {
                known.short.try_insert(&key(&padded, 0, len), id + 1)
            } else {
                known.long.try_insert(&key(&padded, 0, len), id + 1)
            };
        }
        known
    }

    #[inline]
    fn get(&self, bytes: &[u8], start: usize, len: usize) -> Option<u32> {
        let value = if len <= Cache::<2>::LONGEST {
            self.short.get(&key(bytes, start, len))
        } else if len <= Cache::<4>::LONGEST {
            self.long.get(&key(bytes, start, len))
        } else {
            None
        };
        value.map(|value| value - 1)
    }
}
