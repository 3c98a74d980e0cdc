//! The fast path of tokenizers that cut at white space: chunks of text, looked up.
//!
//! What it assumes, and [`Words::new`] checks: every normalizer maps characters on their own or with the combining
//! marks after them, ASCII to ASCII; the pre-tokenizer removes white space, and splits at each side of it, and
//! (BERT) of ASCII punctuation. White space and punctuation are not combining and begin no composition, so a text
//! can be cut there, the parts tokenised one by one, and each part remembered by its bytes. What a chunk becomes
//! the first time is what the exact path says.

use std::sync::Arc;

use super::bert::Characters;
use super::cache::Cache;
use super::config::{self, PrependScheme};
use super::memo::Memo;
use super::normalize::Normalizer;
use super::pipeline::{Model, ModelScratch, Pipeline, Result};
use super::pretokenize::PreTokenizer;
use super::scan::{ScanBuffer, Scanner};
use crate::dictionary::Dictionary;
use crate::json::Tokens;
use crate::key::{key, key_of};

/// The fast path.
pub(super) struct Words {
    scanner: Scanner,
    /// Words of the vocabulary, shared by all threads.
    known: Known,
    /// BERT's normalizer, if it and BERT's pre-tokenizer are all there is.
    bert: Option<config::Bert>,
    /// Whether each word gets a prefix.
    prefixed: bool,
    /// Whether NUL, with which keys are padded, is removed by the normalizers.
    removes_nul: bool,
}

/// What a thread keeps between texts.
pub(super) struct WordsScratch {
    buffer: ScanBuffer,
    miss: Miss,
}

/// What is needed for chunks that are met for the first time.
struct Miss {
    memo: Memo,
    characters: Characters,
    model: ModelScratch,
}

impl Words {
    /// The fast path of a pipeline, if it has the shape for it.
    pub(super) fn new(pipeline: &Pipeline, tokens: &Tokens<'_>) -> Option<Self> {
        let splits_spaces =
            matches!(pipeline.pre_tokenizers.steps.first(), Some(PreTokenizer::WhitespaceSplit));
        // How long a run of spaces is does not count where spaces only separate.
        let is_local = |step: &Normalizer| match step {
            Normalizer::ReplaceSpaces(content) => splits_spaces && content == " ",
            step => step.is_local(),
        };
        if pipeline.tokens.is_some() || !pipeline.normalizers.iter().all(is_local) {
            return None;
        }
        let (punctuation, prefixed) = match *pipeline.pre_tokenizers.steps {
            [PreTokenizer::Bert] => (true, false),
            [PreTokenizer::Whitespace | PreTokenizer::WhitespaceSplit] => (false, false),
            // A U+2581 before each word, whether it is the first or not.
            [
                PreTokenizer::WhitespaceSplit,
                PreTokenizer::Metaspace { prepend: PrependScheme::Always, .. },
            ] => (false, true),
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
        let known = if prefixed { Known::none() } else { Known::new(&pipeline.model, tokens, scanner) };
        let bert = match *pipeline.normalizers {
            [Normalizer::Bert(bert)] if punctuation => Some(bert),
            _ => None,
        };
        Some(Self { scanner, known, bert, prefixed, removes_nul: removes_controls })
    }

    pub(super) fn scratch() -> WordsScratch {
        let miss = Miss { memo: Memo::new(), characters: Characters::new(), model: ModelScratch::default() };
        WordsScratch { buffer: ScanBuffer::new(), miss }
    }

    /// Appends the ids of a text.
    pub(super) fn encode(
        &self,
        pipeline: &Pipeline,
        text: &str,
        scratch: &mut WordsScratch,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        let has_nul = || memchr::memchr(0, text.as_bytes()).is_some();
        if text.len() > Scanner::LONGEST || (!self.removes_nul && has_nul()) {
            return pipeline.encode(text, true, &mut scratch.miss.model, ids);
        }
        let WordsScratch { buffer, miss } = scratch;
        self.scanner.scan(text.as_bytes(), self.known.short.short(), buffer, |chunks| {
            let mut done = 0;
            while let Some(values) = chunks.values.get(done..) {
                let known = values.iter().position(|&value| value.cast_signed() <= 0).unwrap_or(values.len());
                ids.extend(values[..known].iter().map(|value| value - 1));
                done += known;
                if known == values.len() {
                    break;
                }
                let (start, len) = chunks.span(done);
                self.encode_chunk(pipeline, chunks.bytes, start, len, miss, ids)?;
                done += 1;
            }
            Ok(())
        })
    }

    /// Appends the ids of a chunk that is no short word of the vocabulary.
    fn encode_chunk(
        &self,
        pipeline: &Pipeline,
        bytes: &[u8],
        start: usize,
        len: usize,
        miss: &mut Miss,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        let memo = &miss.memo;
        if len <= Memo::SHORT {
            if memo.append_short(&key(bytes, start, len), ids) {
                return Ok(());
            }
        } else if len <= Memo::MEDIUM {
            let key = key(bytes, start, len);
            if let Some(value) = self.known.medium.get(&key) {
                ids.push(value - 1);
                return Ok(());
            }
            if memo.append_medium(&key, ids) {
                return Ok(());
            }
        } else if len <= Memo::LONGEST && memo.append_long(&key(bytes, start, len), ids) {
            return Ok(());
        }
        // Met for the first time, or too long to remember.
        let before = ids.len();
        // Cut at ASCII: always whole characters.
        self.encode_new(pipeline, str::from_utf8(&bytes[start..start + len])?, miss, ids)?;
        if len <= Memo::LONGEST {
            miss.memo.insert(bytes, start, len, &ids[before..]);
        }
        Ok(())
    }

    /// Appends the ids of a chunk by the shortest way there is.
    #[cold]
    fn encode_new(
        &self,
        pipeline: &Pipeline,
        chunk: &str,
        miss: &mut Miss,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        // Letters and digits, lower-cased by the scanner: no normalizer changes them, no pre-tokenizer splits them.
        if !self.prefixed && chunk.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return pipeline.model.tokenize(chunk, &mut miss.model, ids);
        }
        let before = ids.len();
        if let Some(bert) = self.bert {
            let model = &mut miss.model;
            let each = |word: &str| pipeline.model.tokenize(word, model, ids);
            if miss.characters.words(bert, chunk, each)? {
                return Ok(());
            }
            ids.truncate(before);
        }
        pipeline.encode(chunk, false, &mut miss.model, ids)
    }
}

/// Words that are their own token.
struct Known {
    /// Negative values are none; see [`Dictionary::short`].
    short: Arc<Dictionary>,
    medium: Cache<4>,
}

impl Known {
    fn none() -> Self {
        Self { short: Arc::new(Dictionary::with_capacity(0)), medium: Cache::new(1) }
    }

    /// ASCII letters and digits, which no normalizer changes and no pre-tokenizer splits, and punctuation marks
    /// that stand alone.
    fn new(model: &Model, tokens: &Tokens<'_>, scanner: Scanner) -> Self {
        let (words, longest) = match model {
            Model::WordPiece(model) => (model.tokens(), model.max_chars()),
            Model::WordLevel(model) => (model.words(), usize::MAX),
            // A word may be more probable, or merged, in pieces.
            Model::Bpe(_) | Model::Unigram(_) => return Self::none(),
        };
        let mut short = words.clone();
        if !scanner.punctuation {
            // Nobody has shown that no normalizer changes them.
            let marks = (0..0x80_u8).filter(u8::is_ascii_punctuation);
            let short = Arc::make_mut(&mut short);
            marks.for_each(|mark| short.hide(&[mark]));
        }
        let words = || tokens.iter().map(|(word, id)| (word.as_bytes(), id));
        if longest < Memo::SHORT {
            let short = Arc::make_mut(&mut short);
            words().filter(|word| word.0.len() > longest).for_each(|word| short.hide(word.0));
        }
        let is_medium = |word: &[u8]| {
            let range = Memo::SHORT + 1..=Memo::MEDIUM.min(longest);
            range.contains(&word.len()) && word.iter().all(u8::is_ascii_alphanumeric)
        };
        let mut medium = Cache::new(tokens.len() / 32);
        for (word, id) in words().filter(|(word, id)| is_medium(word) && *id < u32::MAX) {
            // A full line leaves a word to the memo.
            let _ = medium.try_insert(&key_of(word), id + 1);
        }
        Self { short, medium }
    }
}
