//! From the `model` of a `tokenizer.json`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Bpe;
use super::pairs::{MAX_IDS, MAX_RANKS, Merge, Pairs};
use super::spelling::{Spelling, Unknown, byte_for};
use crate::error::{Error, Result};
use crate::json::Str;
use crate::strings::StringTable;

#[derive(Deserialize)]
struct Model<'a> {
    #[serde(borrow)]
    vocab: Vocab<'a>,
    #[serde(borrow)]
    merges: Merges<'a>,
    #[serde(default)]
    dropout: Option<f32>,
    #[serde(borrow, default)]
    unk_token: Option<Str<'a>>,
    #[serde(borrow, default)]
    continuing_subword_prefix: Option<Str<'a>>,
    #[serde(borrow, default)]
    end_of_word_suffix: Option<Str<'a>>,
    #[serde(default)]
    fuse_unk: Option<bool>,
    #[serde(default)]
    byte_fallback: Option<bool>,
    #[serde(default)]
    ignore_merges: Option<bool>,
}

/// Tokens and ids in the order of the file; of a token that is there twice, the last counts.
struct Vocab<'a>(Vec<(Str<'a>, u32)>);

/// The merges, in order.
struct Merges<'a>(Vec<Entry<'a>>);

enum Entry<'a> {
    /// `["a", "b"]`
    Pair(Str<'a>, Str<'a>),
    /// `"a b"`
    Line(Str<'a>),
}

impl Bpe {
    /// Reads a model; `None` if there is no native code for it.
    ///
    /// # Errors
    /// If `tokenizers` refuses it as well: broken JSON, merges of or into what is not a token, dropout outside of 0
    /// to 1.
    pub(crate) fn from_json(model: &RawValue, byte_level: bool) -> Result<Option<Self>> {
        let model: Model<'_> = serde_json::from_str(model.get()).map_err(Error::Json)?;
        if let Some(dropout) = model.dropout {
            if !(0.0..=1.0).contains(&dropout) {
                return Err(field("model.dropout", "a number from 0 to 1", dropout));
            } else if dropout != 0.0 {
                return Ok(None);
            }
        }
        let tokens = &model.vocab.0;
        let bytes = tokens.iter().map(|(token, _)| token.0.len()).sum();
        let mut ids = StringTable::with_capacity(tokens.len(), bytes);
        for (token, id) in tokens {
            ids.insert(token.0.as_bytes(), *id);
        }
        let affix = |affix: Option<Str<'_>>| affix.map_or(String::new(), |affix| affix.0.into_owned());
        let prefix = affix(model.continuing_subword_prefix);
        let suffix = affix(model.end_of_word_suffix);
        let unknown = model.unk_token.as_ref().map(|token| &*token.0);
        let unknown_id = unknown.and_then(|token| ids.get(token.as_bytes()));
        let unknowns = Unknown {
            token: unknown_id.zip(unknown),
            fuse: model.fuse_unk.unwrap_or_default(),
            fallback: model.byte_fallback.unwrap_or_default(),
        };
        let listed = || tokens.iter().map(|(token, id)| (&*token.0, *id));
        let spelling = Spelling::new(listed(), (&prefix, &suffix), &unknowns, byte_level);
        // A text with an unknown character is an error in `tokenizers`.
        let fails = unknown.is_some() && unknown_id.is_none() && !spelling.complete();
        let too_large = listed().any(|(_, id)| id >= MAX_IDS) || model.merges.0.len() >= MAX_RANKS as usize;
        if fails || too_large {
            return Ok(None);
        }
        let (merges, joined) = model.merges.read(tokens, &ids, prefix.len())?;
        let pairs = Pairs::new(&merges);
        let regular = prefix.is_empty() && ids.get(b"").is_none() && has_unique_ids(&ids);
        let pieces = match (model.ignore_merges.unwrap_or_default(), byte_level) {
            (false, _) => None,
            (true, false) => Some(ids),
            (true, true) => Some(to_bytes(listed(), tokens.len(), bytes)),
        };
        Ok(Some(Self { spelling, pairs, pieces, regular, joined }))
    }
}

impl Merges<'_> {
    /// The merges by id, and the characters that some merge puts after another character, sorted.
    fn read(
        &self,
        tokens: &[(Str<'_>, u32)],
        ids: &StringTable,
        prefix: usize,
    ) -> Result<(Vec<Merge>, Vec<char>)> {
        // Most vocabularies have the merged tokens in the order of the merges, of which some have several in a row for
        // the same token: it and the next are tried before a token is looked up. (Not if some are there twice, and it
        // might be the wrong one of them.)
        let distinct = ids.iter().count() == tokens.len();
        let mut last = 0..0;
        let mut merges = Vec::with_capacity(self.0.len());
        let mut joined = Vec::new();
        let mut text = Vec::new();
        for entry in &self.0 {
            let (left, right) = match entry {
                Entry::Pair(left, right) => (&*left.0, &*right.0),
                Entry::Line(line) if line.0.starts_with("#version") => continue,
                Entry::Line(line) => match line.0.split_once(' ') {
                    Some((left, right)) if !right.contains(' ') => (left, right),
                    _ => return Err(field("model.merges", "two tokens and a space between them", &line.0)),
                },
            };
            let expected = "tokens of the vocabulary that are one together";
            let id = |token: &[u8]| {
                ids.get(token).ok_or_else(|| field("model.merges", expected, String::from_utf8_lossy(token)))
            };
            text.clear();
            text.extend_from_slice(left.as_bytes());
            let Some(rest) = right.as_bytes().get(prefix..) else {
                return Err(field("model.merges", "a continuation with its prefix", right));
            };
            text.extend_from_slice(rest);
            let mut near = tokens.get(last).unwrap_or_default().iter();
            let guess = near.find(|token| distinct && token.0.0.as_bytes() == text);
            let merged = guess.map_or_else(|| id(&text), |token| Ok(token.1))?;
            last = merged as usize..merged as usize + 2;
            merges.push(Merge { left: id(left.as_bytes())?, right: id(right.as_bytes())?, merged });
            let first = right.chars().next();
            // Neighbours among the merges often begin alike.
            if first != left.chars().next_back() && first != joined.last().copied() {
                joined.extend(first);
            }
        }
        joined.sort_unstable();
        joined.dedup();
        Ok((merges, joined))
    }
}

fn has_unique_ids(ids: &StringTable) -> bool {
    let mut seen = Vec::new();
    ids.iter().all(|(_, id)| {
        let (word, bit) = (id as usize / 64, 1_u64 << (id % 64));
        if word >= seen.len() {
            seen.resize(word + 1, 0);
        }
        let new = seen[word] & bit == 0;
        seen[word] |= bit;
        new
    })
}

/// The tokens of a byte-level model that stand for bytes, as these bytes.
fn to_bytes<'a>(tokens: impl Iterator<Item = (&'a str, u32)>, count: usize, bytes: usize) -> StringTable {
    let mut table = StringTable::with_capacity(count, bytes);
    let mut text = Vec::new();
    for (token, id) in tokens {
        text.clear();
        text.extend(token.chars().map_while(byte_for));
        if text.len() == token.chars().count() {
            table.insert(&text, id);
        }
    }
    table
}

fn field(field: &'static str, expected: &'static str, found: impl fmt::Display) -> Error {
    Error::Field { field, expected, found: found.to_string() }
}

impl<'de: 'a, 'a> Deserialize<'de> for Vocab<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tokens;
        impl<'de> Visitor<'de> for Tokens {
            type Value = Vocab<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map from tokens to ids")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut tokens = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    tokens.push(entry);
                }
                Ok(Vocab(tokens))
            }
        }
        deserializer.deserialize_map(Tokens)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Merges<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let merges = Vec::deserialize(deserializer)?;
        let line = |entry: &Entry<'_>| matches!(entry, Entry::Line(_));
        if merges.iter().any(line) && !merges.iter().all(line) {
            return Err(serde::de::Error::custom("merges are strings or pairs of strings, not both"));
        }
        Ok(Self(merges))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Entry<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("two tokens")
            }

            fn visit_borrowed_str<E: serde::de::Error>(self, line: &'de str) -> Result<Self::Value, E> {
                Ok(Entry::Line(Str(line.into())))
            }

            fn visit_str<E: serde::de::Error>(self, line: &str) -> Result<Self::Value, E> {
                Ok(Entry::Line(Str(line.to_owned().into())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Self::Value, A::Error> {
                let missing = |found| serde::de::Error::invalid_length(found, &"two tokens");
                let left = pair.next_element()?.ok_or_else(|| missing(0))?;
                let right = pair.next_element()?.ok_or_else(|| missing(1))?;
                Ok(Entry::Pair(left, right))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
