//! The fast path of tokenizers whose pieces depend on what stands around them: the text is normalised and split as
//! a whole, and only what becomes of each piece is remembered.
//!
//! It assumes that a model makes the same of a piece wherever it stands, which is what a pre-tokenizer is for. Where
//! there is none, BPE with U+2581 for spaces is cut further, if no merge goes across that mark ([`Cut::BeforeMark`]).
//! Texts that are one piece have no fast path: there is nothing to remember. Pieces longer than [`Memo::LONGEST`] are
//! tokenised each time.

use std::borrow::Cow;

use super::memo::Memo;
use super::pipeline::{Model, ModelScratch, Pipeline, Result};
use super::pretokenize::PreTokenizer;
use super::split_regex::SplitRegex;

/// The fast path.
pub(super) struct Pieces {
    cut: Cut,
}

/// Where pieces end.
enum Cut {
    /// Where an expression says, after a space was put before the text or not.
    Regex { regex: SplitRegex, prefix_space: bool },
    /// Where the pre-tokenizers say, and before each U+2581 that follows another character: a model that merges nothing
    /// across it has no need for the whole text. See [`super::bpe::Bpe::splits_before`].
    BeforeMark,
    /// Where the pre-tokenizers say.
    PreTokenizers,
}

/// What a thread keeps between texts.
pub(super) struct PiecesScratch {
    /// A text and padding.
    buffer: Vec<u8>,
    memo: Memo,
    model: ModelScratch,
}

/// Bytes after a piece that are read with it.
const PADDING: usize = 64;

const MARK: char = '\u{2581}';

impl Pieces {
    /// The fast path of a pipeline, if it has the shape for it.
    pub(super) fn new(pipeline: &Pipeline) -> Option<Self> {
        let cut = match (&*pipeline.pre_tokenizers.steps, &pipeline.model) {
            ([PreTokenizer::Regex(regex)], _) => Cut::Regex { regex: *regex, prefix_space: false },
            ([PreTokenizer::PrefixSpace, PreTokenizer::Regex(regex)], _) => {
                Cut::Regex { regex: *regex, prefix_space: true }
            }
            (
                [] | [PreTokenizer::Metaspace { split: false, .. } | PreTokenizer::AfterEach(_)],
                Model::Bpe(bpe),
            ) if bpe.splits_before(MARK) => Cut::BeforeMark,
            // The whole text is one piece: nothing to remember.
            ([], _) => return None,
            _ => Cut::PreTokenizers,
        };
        Some(Self { cut })
    }

    pub(super) fn scratch() -> PiecesScratch {
        PiecesScratch { buffer: Vec::new(), memo: Memo::new(), model: ModelScratch::default() }
    }

    /// Appends the ids of a part of a text; `first` if it begins where the text does.
    pub(super) fn encode(
        &self,
        pipeline: &Pipeline,
        text: &str,
        first: bool,
        scratch: &mut PiecesScratch,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        pipeline.normalise(text, first, ids, |text, first, ids| {
            self.encode_normalised(pipeline, text, first, scratch, ids)
        })
    }

    #[inline]
    fn encode_normalised(
        &self,
        pipeline: &Pipeline,
        mut text: Cow<'_, str>,
        first: bool,
        scratch: &mut PiecesScratch,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        match &self.cut {
            Cut::Regex { regex, prefix_space } => {
                if *prefix_space && !text.starts_with(' ') {
                    text = Cow::Owned(format!(" {text}"));
                }
                scratch.fill(&text);
                let mut start = 0;
                while start < text.len() {
                    let end = regex.next(&text, start);
                    scratch.append(pipeline, &text, start, end, ids)?;
                    start = end;
                }
            }
            Cut::BeforeMark => {
                for text in pipeline.pre_tokenizers.split(text, first) {
                    scratch.fill(&text);
                    let mut start = 0;
                    let mut after = 0;
                    for (at, mark) in text.match_indices(MARK) {
                        if at > after {
                            scratch.append(pipeline, &text, start, at, ids)?;
                            start = at;
                        }
                        after = at + mark.len();
                    }
                    scratch.append(pipeline, &text, start, text.len(), ids)?;
                }
            }
            Cut::PreTokenizers => {
                for piece in pipeline.pre_tokenizers.split(text, first) {
                    scratch.fill(&piece);
                    scratch.append(pipeline, &piece, 0, piece.len(), ids)?;
                }
            }
        }
        Ok(())
    }
}

impl PiecesScratch {
    fn fill(&mut self, text: &str) {
        self.buffer.clear();
        self.buffer.extend_from_slice(text.as_bytes());
        self.buffer.extend_from_slice(&[0; PADDING]);
    }

    /// Appends the ids of a piece of the text that the buffer holds.
    #[inline]
    fn append(
        &mut self,
        pipeline: &Pipeline,
        text: &str,
        start: usize,
        end: usize,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        let len = end - start;
        let hash = (len <= Memo::LONGEST).then(|| Memo::hash(&self.buffer, start, len));
        let place = hash.map_or(0, |hash| self.memo.find(hash, &self.buffer, start, len));
        if place != 0 {
            self.memo.append(place, ids);
            return Ok(());
        }
        let before = ids.len();
        let piece = &text[start..end];
        pipeline.model.tokenize(piece, &mut self.model, ids)?;
        if let Some(hash) = hash {
            self.memo.insert(hash, &self.buffer, start, len, &ids[before..]);
        }
        Ok(())
    }
}
