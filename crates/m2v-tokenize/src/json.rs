//! The parts of `tokenizer.json` that say what its vocabulary is.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::vocabulary::Family;

/// A string that borrows from the JSON where it has no escapes.
#[derive(Deserialize, PartialEq, Eq, Hash, Clone)]
#[serde(transparent)]
pub(crate) struct Str<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

#[derive(Deserialize)]
pub(crate) struct File<'a> {
    #[serde(borrow, default)]
    pub(crate) added_tokens: Option<Vec<AddedToken<'a>>>,
    #[serde(borrow, default)]
    pub(crate) padding: Option<Padding<'a>>,
    #[serde(borrow)]
    pub(crate) model: Model<'a>,
}

/// An added token. Its `id` in the file is not read: see [`crate::Vocabulary::from_json`].
#[derive(Deserialize)]
pub(crate) struct AddedToken<'a> {
    #[serde(borrow)]
    pub(crate) content: Str<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Padding<'a> {
    #[serde(borrow)]
    pub(crate) pad_token: Str<'a>,
}

#[derive(Deserialize)]
pub(crate) struct Model<'a> {
    #[serde(borrow, default, rename = "type")]
    family: Option<Str<'a>>,
    #[serde(borrow, default)]
    pub(crate) unk_token: Option<Str<'a>>,
    #[serde(default)]
    pub(crate) unk_id: Option<u32>,
    #[serde(borrow)]
    vocab: &'a RawValue,
    // Only whether they are there counts: they tell the family of files that do not name it.
    #[serde(borrow, default)]
    merges: Option<&'a RawValue>,
    #[serde(borrow, default)]
    max_input_chars_per_word: Option<&'a RawValue>,
}

impl<'a> File<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(Error::Json)
    }
}

impl<'a> Model<'a> {
    pub(crate) fn family(&self) -> Result<Family> {
        match self.family.as_ref().map(|family| &*family.0) {
            Some("WordPiece") => Ok(Family::WordPiece),
            Some("Unigram") => Ok(Family::Unigram),
            Some("BPE") => Ok(Family::Bpe),
            Some("WordLevel") => Ok(Family::WordLevel),
            Some(other) => Err(Error::Field {
                field: "model.type",
                expected: "WordPiece, Unigram, BPE or WordLevel",
                found: other.to_owned(),
            }),
            // Written before the field existed.
            None if self.vocab.get().starts_with('[') => Ok(Family::Unigram),
            None if self.merges.is_some() => Ok(Family::Bpe),
            None if self.max_input_chars_per_word.is_some() => Ok(Family::WordPiece),
            None => Ok(Family::WordLevel),
        }
    }

    /// The tokens of the model and their ids (of a piece that is listed twice, the last), and the length of
    /// the list.
    pub(crate) fn vocab(&self, family: Family) -> Result<(HashMap<Str<'a>, u32>, usize)> {
        if family != Family::Unigram {
            let tokens: HashMap<_, _> = serde_json::from_str(self.vocab.get()).map_err(Error::Json)?;
            let len = tokens.len();
            return Ok((tokens, len));
        }
        let pieces: Vec<(Str<'a>, f64)> = serde_json::from_str(self.vocab.get()).map_err(Error::Json)?;
        let len = pieces.len();
        Ok((pieces.into_iter().zip(0..).map(|((piece, _), id)| (piece, id)).collect(), len))
    }
}
