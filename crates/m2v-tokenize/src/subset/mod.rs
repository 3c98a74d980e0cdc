//! A part of a vocabulary.

mod entries;
mod fill;
mod likely;
mod merges;
mod object;
mod renumber;
mod wordpiece;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer, ser};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::json::{AddedToken, File, Str, number};
use crate::vocabulary::{Family, Vocabulary};
use entries::Entries;
use merges::Merges;
use object::Object;
use renumber::{NewIds, for_each_id, id_of, renumber};

/// A part of the vocabulary of a `tokenizer.json`, and the tokenizer with that part alone.
///
/// It starts with what the tokenizer needs: tokens of a single character (also those that continue or end a word),
/// byte tokens, the unknown, the padding and all added tokens, those of the post-processor, and in Unigram the piece
/// with the lowest score, which the score of unknown characters depends on. [`Subset::keep`] adds others.
///
/// **A text keeps its ids** (but for their numbers) if all its tokens are kept:
/// * WordLevel: words are looked up as before.
/// * WordPiece: the longest match is there, and nothing longer was before. Except for an unknown word, whose
///   beginning may be gone so that another way leads through it: [`Subset::reconcile`].
/// * Unigram: each piece of the best segmentation is there with its score, ties go to the same one of those that
///   remain, and all others score what they did or less.
/// * BPE: a token is kept with those that it is merged of, and so are all merges among kept tokens: each step is the
///   one it was.
///
/// ```
/// use m2v_tokenize::{Subset, from_json};
///
/// let json = br#"{
///     "pre_tokenizer": {"type": "Whitespace"},
///     "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"one": 0, "?": 1, "two": 2, "a": 3}}
/// }"#;
/// let mut subset = Subset::new(json)?;
/// subset.keep(2);
/// let part = subset.to_tokenizer()?;
/// assert_eq!(part.ids, [1, 2, 3], "what the new ids 0, 1 and 2 were");
/// assert_eq!(from_json(&part.json)?.encode("a one two")?, [2, 0, 1]);
/// # Ok::<(), m2v_tokenize::Error>(())
/// ```
pub struct Subset<'a> {
    file: File<'a>,
    vocabulary: Vocabulary,
    entries: Entries,
    merges: Option<Merges<'a>>,
    affixes: Affixes,
    /// Added tokens that are not the model's. Their ids are counted on from the length of its list.
    added: HashMap<Cow<'a, str>, usize>,
}

/// What [`Subset::to_tokenizer`] makes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The `tokenizer.json`.
    pub json: Vec<u8>,
    /// The old id of each new one.
    pub ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    added_tokens: Option<Vec<AddedToken<'a>>>,
    #[serde(default)]
    post_processor: Value,
}

/// What marks the place of a token in its word; empty where there is nothing of the kind.
#[derive(Clone, Default)]
struct Affixes {
    /// Of tokens that continue a word.
    prefix: String,
    /// Of tokens that end a word.
    suffix: String,
}

#[derive(Deserialize)]
struct Settings<'a> {
    #[serde(borrow, default)]
    unk_token: Option<Str<'a>>,
    #[serde(borrow, default)]
    continuing_subword_prefix: Option<Str<'a>>,
    #[serde(borrow, default)]
    end_of_word_suffix: Option<Str<'a>>,
    #[serde(default)]
    unk_id: Option<u32>,
    #[serde(default)]
    byte_fallback: Option<bool>,
}

impl<'a> Subset<'a> {
    /// Starts with what the tokenizer needs.
    ///
    /// # Errors
    /// [`Error::Json`], or [`Error::Field`] if it is not a tokenizer, or if a model other than BPE has no unknown
    /// token among its own: texts with words that lose theirs could not be tokenised any more.
    pub fn new(json: &'a [u8]) -> Result<Self> {
        let file = File::parse(json)?;
        let vocabulary = Vocabulary::of_file(&file)?;
        let tokens = &file.model.tokens;
        let settings: Settings<'a> = file.model.read()?;
        let affix =
            |affix: Option<&Str<'a>>| affix.map_or(String::new(), |affix| affix.0.clone().into_owned());
        let prefix = affix(settings.continuing_subword_prefix.as_ref());
        let affixes = Affixes { prefix, suffix: affix(settings.end_of_word_suffix.as_ref()) };
        let entries = match file.model.family() {
            Family::Unigram => Entries::new(tokens.pieces().zip(0..)),
            _ => Entries::new(tokens.iter()),
        };
        let merges = match file.model.family() {
            Family::Bpe => Some(Merges::read(&file.model, &entries, affixes.clone())?),
            _ => None,
        };
        let Fields { added_tokens, mut post_processor } = file.read()?;
        let mut subset = Self { file, vocabulary, entries, merges, affixes, added: HashMap::new() };
        subset.keep_added(added_tokens.unwrap_or_default());
        subset.keep(subset.vocabulary.pad().id);
        for_each_id(&mut post_processor, &mut |id| id_of(id).into_iter().for_each(|id| subset.keep(id)));
        subset.keep_unknown(&settings)?;
        subset.keep_characters(settings.byte_fallback.unwrap_or_default());
        Ok(subset)
    }

    /// Keeps the token with an id, and what makes it reachable. An id that no token has is ignored.
    pub fn keep(&mut self, id: u32) {
        for place in self.entries.with_id(id) {
            self.keep_place(place);
        }
    }

    /// How many tokens are kept, added tokens included.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.entries.kept().count() + self.added.len()
    }

    /// Keeps what is missing for a text that has other ids than before: `before` in the whole vocabulary, `after` in
    /// this part of it, as old ids. Whether anything was missing that it knows of.
    ///
    /// That are the longest matches at the beginning of unknown WordPiece words: without them another way may lead
    /// through the word.
    pub fn reconcile(&mut self, before: &[u32], after: &[u32]) -> bool {
        let is_wordpiece = self.vocabulary.family() == Family::WordPiece;
        let Some(unk) = self.vocabulary.unk_id().filter(|_| is_wordpiece) else { return false };
        let kept = self.kept();
        for place in wordpiece::missing(&self.entries, &self.affixes.prefix, unk, before, after) {
            self.keep_place(place);
        }
        self.kept() > kept
    }

    /// The tokenizer with the kept tokens, numbered anew in the order of their ids. Ids of added tokens, of the
    /// post-processor, of padding and of Unigram's unknown piece follow; everything else stays as it is.
    ///
    /// # Errors
    /// [`Error::Json`] if a part of the file is not what it should be.
    pub fn to_tokenizer(&self) -> Result<Part> {
        let listed = u32::try_from(self.file.model.tokens.listed()).unwrap_or(u32::MAX);
        let added = (0..).take(self.added.len()).map(|nth: u32| listed.saturating_add(nth));
        let ids: Vec<u32> = self.entries.kept().map(|place| self.entries.id(place)).chain(added).collect();
        // Of two tokens with one id, the first counts.
        let mut new = NewIds::new();
        for (id, &old) in (0..).zip(&ids) {
            new.entry(old).or_insert(id);
        }
        let mut json = Object::new();
        for (key, value) in self.file.fields() {
            match key {
                "added_tokens" => json.field(key, &self.added_tokens(value)?)?,
                "post_processor" => {
                    let mut value: Value = parse(value)?;
                    for_each_id(&mut value, &mut |id| renumber(id, &new));
                    json.field(key, &value)?;
                }
                "padding" => {
                    let mut value: Value = parse(value)?;
                    value.get_mut("pad_id").into_iter().for_each(|id| renumber(id, &new));
                    json.field(key, &value)?;
                }
                _ => json.field(key, value)?,
            }
        }
        json.field("model", &self.model(&new)?)?;
        Ok(Part { json: String::from(Box::<str>::from(json.finish()?)).into_bytes(), ids })
    }

    /// Keeps a token and what makes it reachable; how many that are.
    fn keep_place(&mut self, place: usize) -> usize {
        let mut pending = vec![place];
        let mut kept = 0;
        while let Some(place) = pending.pop() {
            if self.entries.keep(place) {
                kept += 1;
                if let Some(merges) = &self.merges {
                    merges.parts_of(&self.entries, place, &mut pending);
                }
            }
        }
        kept
    }

    /// A token without what marks its place in a word, and whether that is inside of one.
    fn core(&self, place: usize) -> (&str, bool) {
        let Affixes { prefix, suffix } = &self.affixes;
        let text = self.entries.text(place);
        let (core, continues) = match text.strip_prefix(&**prefix) {
            Some(core) if !prefix.is_empty() => (core, true),
            _ => (text, false),
        };
        (core.strip_suffix(&**suffix).unwrap_or(core), continues)
    }

    fn keep_added(&mut self, tokens: Vec<AddedToken<'a>>) {
        for AddedToken { content: Str(content), .. } in tokens {
            match self.entries.find(&content) {
                Some(place) => {
                    self.keep_place(place);
                }
                None if content.is_empty() || self.added.contains_key(&content) => {}
                None => {
                    self.entries.count(content.chars().count());
                    self.added.insert(content, self.added.len());
                }
            }
        }
    }

    /// The unknown token, and the piece that the score of unknown characters is counted from.
    fn keep_unknown(&mut self, settings: &Settings<'_>) -> Result<()> {
        let family = self.file.model.family();
        let unknown = match (family, &settings.unk_token) {
            (Family::Unigram, _) => settings.unk_id.and_then(|id| self.entries.with_id(id).next()),
            (_, token) => token.as_ref().and_then(|token| self.entries.find(&token.0)),
        };
        if unknown.is_none() && family != Family::Bpe {
            return Err(Error::Field {
                field: if family == Family::Unigram { "model.unk_id" } else { "model.unk_token" },
                expected: "a token of the vocabulary, for what loses its tokens",
                found: "none".to_owned(),
            });
        }
        let scores = self.file.model.tokens.scores();
        let lowest = (0..scores.len()).min_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        for place in unknown.into_iter().chain(lowest) {
            self.keep_place(place);
        }
        Ok(())
    }

    /// Tokens of one character, whatever their place in a word, and those of bytes.
    fn keep_characters(&mut self, bytes: bool) {
        for place in 0..self.entries.len() {
            let (text, core) = (self.entries.text(place), self.core(place).0);
            let is_character = |text: &str| text.chars().take(2).count() == 1;
            if is_character(text) || is_character(core) || bytes && is_byte(text) {
                self.keep_place(place);
            }
        }
    }

    /// The list of added tokens with their new ids.
    fn added_tokens(&self, list: &RawValue) -> Result<Option<Vec<Map<String, Value>>>> {
        let mut list: Option<Vec<Map<String, Value>>> = parse(list)?;
        let model: Vec<usize> = self.entries.kept().collect();
        for token in list.iter_mut().flatten() {
            let content = token.get("content").and_then(Value::as_str).unwrap_or_default();
            let id = match self.entries.find(content) {
                Some(place) => model.binary_search(&place).ok(),
                None => self.added.get(content).map(|nth| model.len() + nth),
            };
            if let Some(id) = id {
                token.insert("id".to_owned(), id.into());
            }
        }
        Ok(list)
    }

    fn model(&self, new: &NewIds) -> Result<Box<RawValue>> {
        let mut json = Object::new();
        for (key, value) in self.file.model.fields() {
            match (key, &self.merges) {
                ("merges", Some(merges)) => json.field(key, &merges.kept(&self.entries))?,
                ("unk_id", _) => {
                    let mut value: Value = parse(value)?;
                    renumber(&mut value, new);
                    json.field(key, &value)?;
                }
                _ => json.field(key, value)?,
            }
        }
        json.field("vocab", &Vocab(self))?;
        json.finish()
    }
}

/// The `vocab` of the model.
struct Vocab<'s>(&'s Subset<'s>);

impl Serialize for Vocab<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Subset { file, entries, .. } = self.0;
        if file.model.family() == Family::Unigram {
            // Pieces are in the order of their ids, which are their places.
            let scores = file.model.tokens.scores();
            let score = |place: usize| RawValue::from_string(number::write(scores[place]));
            let pieces = entries.kept().map(|place| Ok((entries.text(place), score(place)?)));
            let pieces: serde_json::Result<Vec<_>> = pieces.collect();
            return serializer.collect_seq(pieces.map_err(ser::Error::custom)?);
        }
        serializer.collect_map(entries.kept().zip(0_u32..).map(|(place, id)| (entries.text(place), id)))
    }
}

impl fmt::Debug for Subset<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subset")
            .field("vocabulary", &self.vocabulary)
            .field("kept", &self.kept())
            .finish_non_exhaustive()
    }
}

/// Whether a token stands for a byte, as `<0x0A>` does.
fn is_byte(token: &str) -> bool {
    let digits = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    digits.is_some_and(|digits| digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a RawValue) -> Result<T> {
    serde_json::from_str(json.get()).map_err(Error::Json)
}
