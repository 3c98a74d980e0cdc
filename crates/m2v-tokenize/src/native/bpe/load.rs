//! From the `model` of a `tokenizer.json`.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use super::Bpe;
use super::pairs::{MAX_IDS, MAX_RANKS, Merge, Pairs};
use super::spelling::{Spelling, Unknown, byte_for};
use crate::arena::Arena;
use crate::dictionary::Dictionary;
use crate::error::{Error, Result};
use crate::json::{self, Str, Tokens};
use crate::token::Token;

#[derive(Deserialize)]
struct Model<'a> {
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

/// The merges, in order.
struct Merges<'a>(Vec<Entry<'a>>);

enum Entry<'a> {
    /// `["a", "b"]`
    Pair(Str<'a>, Str<'a>),
    /// `"a b"`
    Line(Str<'a>),
}

impl Bpe {
    /// Makes the model of its JSON; `None` if there is no native code for it.
    ///
    /// # Errors
    /// If `tokenizers` refuses it as well: broken JSON, merges of or into what is not a token, dropout outside of 0
    /// to 1.
    pub(crate) fn new(model: &json::Model<'_>, byte_level: bool, arena: &mut Arena) -> Result<Option<Self>> {
        let tokens = &model.tokens;
        let model: Model<'_> = model.read()?;
        if let Some(dropout) = model.dropout {
            if !(0.0..=1.0).contains(&dropout) {
                return Err(field("model.dropout", "a number from 0 to 1", dropout));
            } else if dropout != 0.0 {
                return Ok(None);
            }
        }
        let affix = |affix: Option<Str<'_>>| affix.map_or(String::new(), |affix| affix.0.into_owned());
        let prefix = affix(model.continuing_subword_prefix);
        let suffix = affix(model.end_of_word_suffix);
        let unknown = model.unk_token.as_ref().map(|token| &*token.0);
        let unknown_id = unknown.and_then(|token| tokens.id(token));
        let unknowns = Unknown {
            token: unknown_id.zip(unknown),
            fuse: model.fuse_unk.unwrap_or_default(),
            fallback: model.byte_fallback.unwrap_or_default(),
        };
        let spelling = Spelling::new(tokens.iter(), (&prefix, &suffix), &unknowns, byte_level);
        // A text with an unknown character is an error in `tokenizers`.
        let fails = unknown.is_some() && unknown_id.is_none() && !spelling.complete();
        let too_large =
            tokens.iter().any(|(_, id)| id >= MAX_IDS) || model.merges.0.len() >= MAX_RANKS as usize;
        if fails || too_large {
            return Ok(None);
        }
        let (merges, joined) = model.merges.read(tokens, prefix.len())?;
        let pairs = Pairs::new(&merges);
        let regular = prefix.is_empty() && tokens.id("").is_none() && has_unique_ids(tokens);
        let pieces = match (model.ignore_merges.unwrap_or_default(), byte_level) {
            (false, _) => None,
            (true, false) => Some(tokens.dictionary().clone()),
            (true, true) => Some(Arc::new(to_bytes(tokens, arena))),
        };
        Ok(Some(Self { spelling, pairs, pieces, regular, joined }))
    }
}

impl Merges<'_> {
    /// The merges by id, and the characters that some merge puts after another character, sorted.
    fn read(&self, tokens: &Tokens<'_>, prefix: usize) -> Result<(Vec<Merge>, Vec<char>)> {
        // Most vocabularies have the merged tokens in the order of the merges, of which some have several in a row for
        // the same token: it and the next are tried before a token is looked up.
        let mut last = 0;
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
                tokens
                    .dictionary()
                    .get(token)
                    .ok_or_else(|| field("model.merges", expected, String::from_utf8_lossy(token)))
            };
            text.clear();
            text.extend_from_slice(left.as_bytes());
            let Some(rest) = right.as_bytes().get(prefix..) else {
                return Err(field("model.merges", "a continuation with its prefix", right));
            };
            text.extend_from_slice(rest);
            let mut near = [last, last + 1].into_iter().filter_map(|place| tokens.nth(place));
            let guess = near.find(|token| token.0.as_bytes() == text);
            let merged = guess.map_or_else(|| id(&text), |token| Ok(token.1))?;
            last = merged as usize;
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

fn has_unique_ids(tokens: &Tokens<'_>) -> bool {
    let mut seen = Vec::new();
    tokens.iter().all(|(_, id)| {
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
fn to_bytes(tokens: &Tokens<'_>, arena: &mut Arena) -> Dictionary {
    let (mut bytes, mut found) = (Vec::new(), Vec::new());
    for (token, id) in tokens.iter() {
        let start = bytes.len();
        bytes.extend(token.chars().map_while(byte_for));
        if bytes.len() - start == token.chars().count() {
            found.push((start, bytes.len(), id));
        }
    }
    let mut table = Dictionary::with_capacity(found.len(), arena);
    let found = found.iter().map(|&(start, end, id)| Token { bytes: &bytes, start, end, id });
    table.extend(found, |_, _| ());
    table
}

fn field(field: &'static str, expected: &'static str, found: impl fmt::Display) -> Error {
    Error::Field { field, expected, found: found.to_string() }
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
