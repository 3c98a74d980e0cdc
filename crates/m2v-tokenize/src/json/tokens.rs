//! The vocabulary of a model.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Str;
use super::facts::Facts;
use super::number;
use super::reader::{Reader, Text};
use crate::arena::Arena;
use crate::column::Column;
use crate::dictionary::Dictionary;
use crate::error::{Error, Result};
use crate::token::Token;

/// The tokens of a model and their ids.
pub(crate) struct Tokens<'a> {
    listed: Listed<'a>,
    /// Without those that are listed again later, should there be any.
    distinct: Option<Column<[u32; 3]>>,
    dictionary: Arc<Dictionary>,
    facts: Facts,
}

/// Tokens in the order of the file.
pub(super) struct Listed<'a> {
    json: &'a str,
    /// Tokens that had escapes, one after the other.
    unescaped: String,
    entries: Column<[u32; 3]>,
    /// The pieces of Unigram have scores; their ids are their places.
    scores: Vec<f64>,
}

/// A token, in a column of such numbers.
#[derive(Clone, Copy)]
struct Entry {
    /// Where it is in the JSON; behind its end: in what is unescaped.
    at: u32,
    len: u32,
    id: u32,
}

impl From<[u32; 3]> for Entry {
    #[inline]
    fn from([at, len, id]: [u32; 3]) -> Self {
        Self { at, len, id }
    }
}

impl<'a> Listed<'a> {
    fn new(json: &'a str, arena: &mut Arena) -> Self {
        // A usual entry takes a dozen bytes or more.
        let entries = arena.open(json.len() / 12);
        Self { json, unescaped: String::new(), entries, scores: Vec::new() }
    }

    /// Reads an object of tokens and ids, or a list of pairs of a piece and its score.
    pub(super) fn read(reader: &mut Reader<'a>, arena: &mut Arena) -> Option<Self> {
        let mut listed = Self::new(reader.json(), arena);
        if reader.peek() == Some(b'{') {
            reader.elements([b'{', b'}'], |reader| {
                while let Some((start, end, id)) = reader.usual_field() {
                    listed.push_plain(start, end - start, id)?;
                }
                let token = reader.text()?;
                reader.next(b':')?;
                let id = reader.unsigned()?;
                listed.push(token, id)
            })?;
        } else {
            reader.elements([b'[', b']'], |reader| {
                reader.next(b'[')?;
                let piece = reader.text()?;
                reader.next(b',')?;
                let score = reader.last_number()?;
                reader.next(b']')?;
                listed.push_piece(piece, score)
            })?;
        }
        arena.close(&mut listed.entries);
        Some(listed)
    }

    /// As [`Listed::read`], with the words for an error.
    pub(super) fn parse(vocab: &'a str, is_unigram: bool, arena: &mut Arena) -> Result<Self> {
        let too_large = || Error::Field {
            field: "model.vocab",
            expected: "less than 4 GiB",
            found: format!("{} bytes", vocab.len()),
        };
        let mut listed = Self::new("", arena);
        let text = |token: Str<'_>| Text::Escaped(token.0.into_owned());
        if is_unigram {
            let pieces: Vec<(Str<'a>, &RawValue)> = serde_json::from_str(vocab).map_err(Error::Json)?;
            for (piece, score) in pieces {
                let score = match number::read(score.get()) {
                    Some(score) => score,
                    // It says what is there instead.
                    None => serde_json::from_str(score.get()).map_err(Error::Json)?,
                };
                listed.push_piece(text(piece), score).ok_or_else(too_large)?;
            }
        } else {
            let ids: Ids<'a> = serde_json::from_str(vocab).map_err(Error::Json)?;
            ids.0
                .into_iter()
                .try_for_each(|(token, id)| listed.push(text(token), id))
                .ok_or_else(too_large)?;
        }
        arena.close(&mut listed.entries);
        Ok(listed)
    }

    fn push(&mut self, token: Text, id: u32) -> Option<()> {
        match token {
            Text::Plain { start, end } => self.push_plain(start, end - start, id),
            Text::Escaped(text) => {
                self.unescaped.push_str(&text);
                self.push_plain(self.json.len() + self.unescaped.len() - text.len(), text.len(), id)
            }
        }
    }

    #[inline]
    fn push_plain(&mut self, at: usize, len: usize, id: u32) -> Option<()> {
        self.entries.push([at.try_into().ok()?, len.try_into().ok()?, id]);
        Some(())
    }

    fn push_piece(&mut self, piece: Text, score: f64) -> Option<()> {
        self.scores.push(score);
        self.push(piece, u32::try_from(self.scores.len() - 1).ok()?)
    }

    /// Bytes that hold a token, and where in them it is.
    fn span(&self, entry: Entry) -> (&[u8], usize, usize) {
        let (at, len) = (entry.at as usize, entry.len as usize);
        match at.checked_sub(self.json.len()) {
            None => (self.json.as_bytes(), at, at + len),
            Some(at) => (self.unescaped.as_bytes(), at, at + len),
        }
    }

    fn tokens(&self) -> impl Iterator<Item = Token<'_>> + Clone {
        self.entries.iter().map(|entry| self.token(entry.into()))
    }

    fn token(&self, entry: Entry) -> Token<'_> {
        let (bytes, start, end) = self.span(entry);
        Token { bytes, start, end, id: entry.id }
    }

    fn text(&self, entry: Entry) -> &str {
        let (at, len) = (entry.at as usize, entry.len as usize);
        match at.checked_sub(self.json.len()) {
            None => &self.json[at..at + len],
            Some(at) => &self.unescaped[at..at + len],
        }
    }
}

impl<'a> Tokens<'a> {
    pub(super) fn new(listed: Listed<'a>, arena: &mut Arena) -> Self {
        let mut dictionary = Dictionary::with_capacity(listed.entries.len(), arena);
        let (mut again, mut facts) = (false, Facts::default());
        dictionary.extend(listed.tokens(), |token, inserted| {
            again |= inserted.again;
            facts.add(token, inserted.is_short);
        });
        let distinct = again.then(|| {
            let mut seen = HashSet::new();
            let first = listed.entries.iter().filter(|&entry| seen.insert(listed.text(entry.into())));
            let last = |entry: Entry| dictionary.get(listed.text(entry).as_bytes()).unwrap_or(entry.id);
            let mut distinct = Column::default();
            first.for_each(|entry| distinct.push([entry[0], entry[1], last(entry.into())]));
            facts = Facts::default();
            for token in distinct.iter().map(|entry| listed.token(entry.into())) {
                facts.add(token, dictionary.has_short(token.text()));
            }
            distinct
        });
        Self { listed, distinct, dictionary: Arc::new(dictionary), facts }
    }

    /// The tokens and their ids in the order of the file; of one that is listed twice, the last id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.entries().iter().map(Entry::from).map(|entry| (self.listed.text(entry), entry.id))
    }

    /// The largest id; `None` without tokens.
    pub(crate) fn max_id(&self) -> Option<u32> {
        self.facts.max_id
    }

    /// How many tokens there are of each length in characters.
    pub(crate) fn lengths(&self) -> &[usize] {
        &self.facts.lengths
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    /// The token at a place in the list.
    pub(crate) fn nth(&self, place: usize) -> Option<(&str, u32)> {
        self.entries().get(place).map(Entry::from).map(|entry| (self.listed.text(entry), entry.id))
    }

    /// How many are listed: one that is there twice counts twice among the pieces of Unigram, once elsewhere.
    pub(crate) fn listed(&self) -> usize {
        self.scores().len().max(self.len())
    }

    /// The pieces of Unigram, and again those that are listed twice.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = &str> {
        self.listed.entries.iter().map(|entry| self.listed.text(entry.into()))
    }

    /// As [`Tokens::iter`], where they stand, and whether each is among the dictionary's [short](Dictionary::short)
    /// ones.
    pub(crate) fn all(&self) -> impl Iterator<Item = (Token<'_>, bool)> {
        let mut others = self.facts.others.iter().copied().peekable();
        let is_short = move |place| others.next_if_eq(&place).is_none();
        self.entries().iter().map(|entry| self.listed.token(entry.into())).zip((0..).map(is_short))
    }

    /// The one at a place in the list, where it stands.
    ///
    /// # Panics
    /// If there are not so many.
    pub(crate) fn at(&self, place: usize) -> Token<'_> {
        self.listed.token(self.entries().at(place).into())
    }

    /// Those that are not among the dictionary's short ones.
    pub(crate) fn others(&self) -> impl Iterator<Item = Token<'_>> {
        self.facts.others.iter().map(|&place| self.at(place))
    }

    /// The scores of [`Tokens::pieces`]; none in other models.
    pub(crate) fn scores(&self) -> &[f64] {
        &self.listed.scores
    }

    /// The id of a token.
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        self.dictionary.get(token.as_bytes())
    }

    /// The ids of all tokens.
    pub(crate) fn dictionary(&self) -> &Arc<Dictionary> {
        &self.dictionary
    }

    fn entries(&self) -> &Column<[u32; 3]> {
        self.distinct.as_ref().unwrap_or(&self.listed.entries)
    }
}

/// A JSON object of tokens and ids, in the order of the file.
struct Ids<'a>(Vec<(Str<'a>, u32)>);

impl<'de: 'a, 'a> Deserialize<'de> for Ids<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Ids<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tokens and ids")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Ids<'de>, M::Error> {
                let mut tokens = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    tokens.push(entry);
                }
                Ok(Ids(tokens))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}
