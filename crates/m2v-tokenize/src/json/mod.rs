//! What `tokenizer.json` says.

mod added_ids;
mod facts;
pub(crate) mod number;
mod reader;
mod tokens;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::arena::Arena;
use crate::error::{Error, Result};
use crate::vocabulary::Family;
pub(crate) use added_ids::{AddedIds, AddedToken};
use reader::Reader;
use tokens::Listed;
pub(crate) use tokens::Tokens;

/// A string that borrows from the JSON where it has no escapes.
#[derive(Deserialize, PartialEq, Eq, Hash, Clone)]
#[serde(transparent)]
pub(crate) struct Str<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A `tokenizer.json`.
pub(crate) struct File<'a> {
    json: &'a [u8],
    /// All but the model.
    fields: Fields<'a>,
    pub(crate) model: Model<'a>,
}

/// The model of a tokenizer.
pub(crate) struct Model<'a> {
    /// All but the vocabulary.
    fields: Fields<'a>,
    family: Family,
    pub(crate) tokens: Tokens<'a>,
}

/// The fields of an object.
struct Fields<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

/// A model as it was read.
struct Parts<'a> {
    fields: Fields<'a>,
    vocab: &'a str,
    /// The vocabulary, if it had the usual form.
    listed: Option<Listed<'a>>,
}

impl<'a> File<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self> {
        Self::parse_in(json, &mut Arena::default())
    }

    /// As [`File::parse`], with the tables in an arena.
    pub(crate) fn parse_in(json: &'a [u8], arena: &mut Arena) -> Result<Self> {
        let quick = str::from_utf8(json).ok().and_then(|json| Self::parts(Reader::new(json), arena));
        let (fields, model) = match quick {
            Some(parts) => parts,
            None => {
                let mut fields: Fields<'a> = serde_json::from_slice(json).map_err(Error::Json)?;
                let model = fields.take("model").ok_or_else(|| missing("model"))?;
                let mut model: Fields<'a> = serde_json::from_str(model.get()).map_err(Error::Json)?;
                let vocab = model.take("vocab").ok_or_else(|| missing("vocab"))?;
                (fields, Parts { fields: model, vocab: vocab.get(), listed: None })
            }
        };
        Ok(Self { json, fields, model: Model::new(model, arena)? })
    }

    /// Some of the fields besides the model.
    pub(crate) fn read<T: Deserialize<'a>>(&self) -> Result<T> {
        // Should it fail, the error is to say where in the file.
        self.fields.read().or_else(|_| serde_json::from_slice(self.json)).map_err(Error::Json)
    }

    /// The fields besides the model.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.fields.iter()
    }

    fn parts(mut reader: Reader<'a>, arena: &mut Arena) -> Option<(Fields<'a>, Parts<'a>)> {
        let (mut fields, mut model) = (Fields(Vec::new()), None);
        reader.fields(|reader, key| {
            if key == "model" && model.is_none() {
                model = Some(Parts::read(reader, arena)?);
                return Some(());
            }
            fields.0.push((key, reader.value()?));
            Some(())
        })?;
        let is_once = fields.find("model").is_none() && fields.repeated().is_none() && reader.is_done();
        Some((fields, model?)).filter(|_| is_once)
    }
}

impl<'a> Parts<'a> {
    fn read(reader: &mut Reader<'a>, arena: &mut Arena) -> Option<Self> {
        let (mut fields, mut vocab) = (Fields(Vec::new()), None);
        reader.fields(|reader, key| {
            if key == "vocab" && vocab.is_none() {
                let start = reader.position();
                let listed = Listed::read(reader, arena)?;
                vocab = Some((reader.since(start)?, listed));
                return Some(());
            }
            fields.0.push((key, reader.value()?));
            Some(())
        })?;
        let (vocab, listed) = vocab?;
        let is_once = fields.find("vocab").is_none() && fields.repeated().is_none();
        Some(Self { fields, vocab, listed: Some(listed) }).filter(|_| is_once)
    }
}

impl<'a> Model<'a> {
    fn new(parts: Parts<'a>, arena: &mut Arena) -> Result<Self> {
        #[derive(Deserialize)]
        struct Type<'a> {
            #[serde(borrow, default, rename = "type")]
            family: Option<Str<'a>>,
        }

        let Parts { fields, vocab, listed } = parts;
        let named: Type<'_> = fields.read().map_err(Error::Json)?;
        let is_list = vocab.starts_with('[');
        let family = match named.family.as_ref().map(|family| &*family.0) {
            Some("WordPiece") => Family::WordPiece,
            Some("Unigram") => Family::Unigram,
            Some("BPE") => Family::Bpe,
            Some("WordLevel") => Family::WordLevel,
            Some(other) => {
                return Err(Error::Field {
                    field: "model.type",
                    expected: "WordPiece, Unigram, BPE or WordLevel",
                    found: other.to_owned(),
                });
            }
            // Written before the field existed.
            None if is_list => Family::Unigram,
            None if fields.find("merges").is_some() => Family::Bpe,
            None if fields.find("max_input_chars_per_word").is_some() => Family::WordPiece,
            None => Family::WordLevel,
        };
        let is_unigram = family == Family::Unigram;
        let listed = match listed.filter(|_| is_list == is_unigram) {
            Some(listed) => listed,
            None => Listed::parse(vocab, is_unigram, arena)?,
        };
        Ok(Self { fields, family, tokens: Tokens::new(listed, arena) })
    }

    pub(crate) fn family(&self) -> Family {
        self.family
    }

    /// Some of the fields besides the vocabulary.
    pub(crate) fn read<T: Deserialize<'a>>(&self) -> Result<T> {
        self.fields.read().map_err(Error::Json)
    }

    /// The fields besides the vocabulary.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.fields.iter()
    }
}

impl<'a> Fields<'a> {
    /// A key that is there twice.
    fn repeated(&self) -> Option<&str> {
        let mut keys: Vec<&str> = self.iter().map(|field| field.0).collect();
        keys.sort_unstable();
        keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }

    fn find(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|field| field.0 == key).map(|field| field.1)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (&**key, *value))
    }

    fn take(&mut self, key: &str) -> Option<&'a RawValue> {
        let at = self.0.iter().position(|field| field.0 == key)?;
        Some(self.0.swap_remove(at).1)
    }

    fn read<T: Deserialize<'a>>(&self) -> serde_json::Result<T> {
        T::deserialize(MapDeserializer::new(self.0.iter().map(|(key, value)| (&**key, *value))))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Fields<'de>, M::Error> {
                let mut fields = Fields(Vec::new());
                while let Some((key, value)) = map.next_entry::<Str<'de>, _>()? {
                    fields.0.push((key.0, value));
                }
                match fields.repeated() {
                    None => Ok(fields),
                    Some(key) => Err(de::Error::custom(format_args!("duplicate field `{key}`"))),
                }
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fn missing(field: &'static str) -> Error {
    Error::Json(de::Error::missing_field(field))
}
