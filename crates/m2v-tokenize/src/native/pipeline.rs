//! The whole way, step by step: normalise, find added tokens, split, tokenise. Exact for any text, not fast;
//! the fast paths hand it the chunks that they do not know yet.

use std::borrow::Cow;

use super::added::{Matcher, Segment};
use super::bpe::{Bpe, BpeScratch};
use super::normalize::{Normalizer, normalize};
use super::pretokenize::PreTokenizers;
use super::unigram::{Unigram, UnigramScratch};
use super::wordlevel::WordLevel;
use super::wordpiece::{WordPiece, WordPieceScratch};

/// Why a text cannot be tokenised.
pub(super) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The model has no token for what a text holds.
#[derive(Debug, thiserror::Error)]
#[error("it holds what is not in the vocabulary, and the model has no unknown token")]
pub(super) struct MissingUnknown;

/// The model of a tokenizer.
pub(super) enum Model {
    WordPiece(WordPiece),
    WordLevel(WordLevel),
    Bpe(Bpe),
    Unigram(Unigram),
}

/// What models work in.
#[derive(Default)]
pub(super) struct ModelScratch {
    bpe: BpeScratch,
    unigram: UnigramScratch,
    pub(super) wordpiece: WordPieceScratch,
}

impl Model {
    /// Appends the ids of a piece.
    pub(super) fn tokenize(&self, piece: &str, scratch: &mut ModelScratch, ids: &mut Vec<u32>) -> Result<()> {
        match self {
            Self::WordPiece(model) => model.tokenize(piece, &mut scratch.wordpiece, ids)?,
            Self::WordLevel(model) => model.tokenize(piece, ids)?,
            Self::Bpe(model) => model.tokenize(piece, &mut scratch.bpe, ids),
            Self::Unigram(model) => model.tokenize(piece, &mut scratch.unigram, ids)?,
        }
        Ok(())
    }
}

/// Everything after the added tokens that are matched on the text as it is.
pub(super) struct Pipeline {
    pub(super) normalizers: Vec<Normalizer>,
    /// Added tokens that are matched on the normalised text.
    pub(super) tokens: Option<Matcher>,
    pub(super) pre_tokenizers: PreTokenizers,
    pub(super) model: Model,
}

impl Pipeline {
    /// Appends the ids of a part of a text; `first` if it begins where the text does.
    pub(super) fn encode(
        &self,
        text: &str,
        first: bool,
        scratch: &mut ModelScratch,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        self.normalise(text, first, ids, |text, first, ids| {
            let mut pieces = self.pre_tokenizers.split(text, first).into_iter();
            pieces.try_for_each(|piece| self.model.tokenize(&piece, scratch, ids))
        })
    }

    /// Normalises a part of a text, appends the ids of added tokens, and calls `each` for what is between them: never
    /// for nothing, before which no pre-tokenizer puts a prefix.
    #[inline]
    pub(super) fn normalise(
        &self,
        text: &str,
        first: bool,
        ids: &mut Vec<u32>,
        mut each: impl FnMut(Cow<'_, str>, bool, &mut Vec<u32>) -> Result<()>,
    ) -> Result<()> {
        let normalised = normalize(&self.normalizers, text.into())?;
        match &self.tokens {
            _ if normalised.is_empty() => Ok(()),
            None => each(normalised, first, ids),
            Some(tokens) => tokens.split(&normalised, |segment| match segment {
                Segment::Token(id) => {
                    ids.push(id);
                    Ok(())
                }
                Segment::Text { text, first: starts } => each(text.into(), first && starts, ids),
            }),
        }
    }
}
