//! The parts of `tokenizer.json` that say what its vocabulary is.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::strings::StringTable;
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

    /// The tokens of the model.
    pub(crate) fn tokens(&self, family: Family) -> Result<Tokens<'a>> {
        if family == Family::Unigram {
            let pieces: Vec<(Str<'a>, f64)> = serde_json::from_str(self.vocab.get()).map_err(Error::Json)?;
            let listed = pieces.len();
            let pieces = pieces.into_iter().zip(0..).map(|((piece, _), id)| (piece, id));
            return Ok(Tokens { listed, ..Tokens::new(listed, pieces) });
        }
        let vocab: Vocab<'a> = serde_json::from_str(self.vocab.get()).map_err(Error::Json)?;
        Ok(Tokens::new(vocab.0.len(), vocab.0.into_iter()))
    }
}

/// The tokens of a model and their ids; of one that is listed twice, the last id.
pub(crate) struct Tokens<'a> {
    /// In the order of the file.
    pub(crate) list: Vec<(Str<'a>, u32)>,
    /// Where in the list a token is.
    places: StringTable,
    /// How many are listed: pieces of Unigram that are there twice count twice.
    pub(crate) listed: usize,
}

impl<'a> Tokens<'a> {
    fn new(count: usize, tokens: impl Iterator<Item = (Str<'a>, u32)>) -> Self {
        let mut list: Vec<(Str<'a>, u32)> = Vec::with_capacity(count);
        let mut places = StringTable::with_capacity(count, 8 * count);
        for (token, id) in tokens {
            // More tokens than that are in no file: `u32` holds their ids.
            let place = places.get_or_insert(token.0.as_bytes(), list.len() as u32) as usize;
            match list.get_mut(place) {
                Some(known) => known.1 = id,
                None => list.push((token, id)),
            }
        }
        Self { listed: list.len(), list, places }
    }

    /// The id of a token.
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        let place = self.places.get(token.as_bytes())?;
        self.list.get(place as usize).map(|token| token.1)
    }
}

/// A JSON object of tokens and ids, in the order of the file.
struct Vocab<'a>(Vec<(Str<'a>, u32)>);

impl<'de: 'a, 'a> Deserialize<'de> for Vocab<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Vocab<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tokens and ids")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Vocab<'de>, M::Error> {
                let mut tokens = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    tokens.push(entry);
                }
                Ok(Vocab(tokens))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
