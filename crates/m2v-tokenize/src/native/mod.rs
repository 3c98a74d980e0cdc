//! Native tokenizers: ids only, no `tokenizers` crate.
//!
//! [`NativeTokenizer::new`] reads the same `tokenizer.json`, and says no to what it has no code for. The exact
//! path ([`pipeline`]) does each step of the reference on strings; a fast path ([`words`]) cuts texts into chunks
//! that it looks up, and asks the exact path about those it meets for the first time.
//!
//! `tests/shapes.rs` lists the shapes of files that have to run here. Of those close to them, there is no code for
//! Metaspace with the scheme `first` where the reference would have to be asked what original character a part begins
//! with: after other pre-tokenizers, after normalizers that remove or join characters at the start, and where added
//! tokens cut normalised text ([`PreTokenizers::know_where_texts_begin`]); for expressions that
//! [`split_regex`] does not know; and for literal splits other than `MergedWithPrevious`.

mod added;
mod apart;
mod bert;
mod bpe;
mod cache;
mod characters;
mod config;
mod memo;
mod new_chunks;
mod normalize;
mod pieces;
mod pieces_by_length;
mod pipeline;
mod precompiled;
mod pretokenize;
mod scan;
mod split_regex;
mod trie;
mod unigram;
mod whole;
mod wordlevel;
mod wordpiece;
mod words;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::DerefMut;

use added::{Matcher, Segment};
use bpe::Bpe;
use config::{AddedToken, Config};
use normalize::{Normalizer, normalize};
use pieces::{Pieces, PiecesScratch};
use pipeline::{Model, ModelScratch, Pipeline};
use pretokenize::PreTokenizers;
use unigram::Unigram;
use wordlevel::WordLevel;
use wordpiece::WordPiece;
use words::{Words, WordsScratch};

use crate::arena::Arena;
use crate::error::{Error, Result};
use crate::json::{AddedIds, File, Tokens};
use crate::scratch::{Alone, Owner, Scratch};
use crate::tokenizer::{Tokenizer, encode_each, take_ids};
use crate::vocabulary::{Family, Vocabulary};

/// A tokenizer without the `tokenizers` crate.
pub(crate) struct NativeTokenizer {
    vocabulary: Vocabulary,
    /// Added tokens that are matched on the text as it is.
    tokens: Option<Matcher>,
    pipeline: Pipeline,
    fast: Fast,
    owner: Owner,
}

/// The fast path of a tokenizer.
enum Fast {
    Words(Words),
    Pieces(Pieces),
    /// None fits.
    None,
}

impl NativeTokenizer {
    /// Makes a tokenizer of a `tokenizer.json`; `None` if there is no native code for some part of it.
    pub(crate) fn new(file: &File<'_>, vocabulary: &Vocabulary, arena: &mut Arena) -> Result<Option<Self>> {
        let config: Config<'_> = file.read()?;
        if config.version.as_deref().is_some_and(|version| version != "1.0") {
            return Ok(None);
        }
        let (Some(normalizers), Some(pre_tokenizers)) = (config.normalizers(), config.pre_tokenizers())
        else {
            return Ok(None);
        };
        let normalizers = normalizers.into_iter().map(Normalizer::new).collect::<Result<Option<Vec<_>>>>()?;
        let (Some(normalizers), Some(pre_tokenizers)) = (normalizers, PreTokenizers::new(pre_tokenizers))
        else {
            return Ok(None);
        };
        let model = match (file.model.family(), pre_tokenizers.byte_level) {
            (Family::WordPiece, false) => WordPiece::new(&file.model, arena)?.map(Model::WordPiece),
            (Family::WordLevel, false) => Some(Model::WordLevel(WordLevel::new(&file.model)?)),
            (Family::Unigram, false) => Unigram::new(&file.model)?.map(Model::Unigram),
            (Family::Bpe, byte_level) => Bpe::new(&file.model, byte_level, arena)?.map(Model::Bpe),
            (_, true) | (Family::Other, _) => None,
        };
        let Some(model) = model else { return Ok(None) };
        let added = give_ids(config.added_tokens.unwrap_or_default(), &file.model.tokens);
        let Some((raw, normalised)) = matchers(added, &normalizers)? else { return Ok(None) };
        if !pre_tokenizers.know_where_texts_begin(&normalizers, normalised.is_some()) {
            return Ok(None);
        }
        let pipeline = Pipeline { normalizers, tokens: normalised, pre_tokenizers, model };
        let fast =
            match (Words::new(&pipeline, raw.as_ref(), &file.model.tokens, arena), Pieces::new(&pipeline)) {
                (Some(words), _) => Fast::Words(words),
                (None, Some(pieces)) => Fast::Pieces(pieces),
                (None, None) => Fast::None,
            };
        let vocabulary = vocabulary.clone();
        Ok(Some(Self { vocabulary, tokens: raw, pipeline, fast, owner: Owner::new() }))
    }

    /// Appends the ids of a part of a text; `first` if it begins where the text does.
    fn encode_text(
        &self,
        text: &str,
        first: bool,
        scratch: &mut Scratch,
        ids: &mut Vec<u32>,
    ) -> pipeline::Result<()> {
        match &self.fast {
            Fast::Words(words) => {
                let scratch: &mut WordsScratch = scratch.get(&self.owner, Words::scratch);
                if words.takes(text) {
                    let before = ids.len();
                    if words
                        .encode(&self.pipeline, &[text], &|_| false, scratch, ids, &mut Vec::new())
                        .is_ok()
                    {
                        return Ok(());
                    }
                    // A chunk does not stand apart, or alone it is an error. As a whole the text tells.
                    ids.truncate(before);
                }
                self.pipeline.encode(text, first, scratch.model(), ids)
            }
            Fast::Pieces(pieces) => {
                let scratch: &mut PiecesScratch = scratch.get(&self.owner, Pieces::scratch);
                pieces.encode(&self.pipeline, text, first, scratch, ids)
            }
            Fast::None => {
                let scratch: &mut ModelScratch = scratch.get(&self.owner, ModelScratch::default);
                self.pipeline.encode(text, first, scratch, ids)
            }
        }
    }

    fn has_tokens(&self, text: &str) -> bool {
        self.tokens.as_ref().is_some_and(|tokens| tokens.matches(text))
    }

    /// Whether the fast path takes a text and sees whether it has added tokens, or it has none.
    #[inline]
    fn is_plain(&self, words: &Words, text: &str) -> bool {
        // What may begin an added token, if that is one byte, the scanner sees on its way.
        let is_seen = self.tokens.as_ref().is_none_or(|tokens| tokens.first_byte().is_some());
        words.takes(text) && (is_seen || !self.has_tokens(text))
    }

    /// Appends the ids of texts that the fast path takes, and where each one's end. Those that have added tokens, which
    /// the scanner finds, take the other way.
    fn encode_plain(
        &self,
        words: &Words,
        mut texts: &[&str],
        has_tokens: &dyn Fn(&str) -> bool,
        scratch: &mut Scratch,
        ids: &mut Vec<u32>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        while !texts.is_empty() {
            let (ids_before, ends_before) = (ids.len(), ends.len());
            let scratch_of_words = scratch.get(&self.owner, Words::scratch);
            match words.encode(&self.pipeline, texts, has_tokens, scratch_of_words, ids, ends) {
                Ok(true) => break,
                Ok(false) => {
                    // Without what there is of the text that was refused.
                    ids.truncate(ends[ends_before..].last().copied().unwrap_or(ids_before));
                    let (refused, rest) = texts[ends.len() - ends_before..].split_at(1);
                    encode_each(self, refused, scratch, ids, ends)?;
                    texts = rest;
                }
                Err(_) => {
                    // One by one they say which it is.
                    ids.truncate(ids_before);
                    ends.truncate(ends_before);
                    return encode_each(self, texts, scratch, ids, ends);
                }
            }
        }
        Ok(())
    }
}

impl Tokenizer for NativeTokenizer {
    fn encode_into(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<u32>) -> Result<()> {
        let encoded = match &self.tokens {
            None => self.encode_text(text, true, scratch, ids),
            Some(tokens) => tokens.split(text, |segment| match segment {
                Segment::Text { text, first } => self.encode_text(text, first, scratch, ids),
                Segment::Token(id) => {
                    ids.push(id);
                    Ok(())
                }
            }),
        };
        encoded.map_err(|source| Error::Encode { bytes: text.len(), source })
    }

    fn encode_block_into(
        &self,
        texts: &[&str],
        scratch: &mut Scratch,
        ids: &mut Vec<u32>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        let Fast::Words(words) = &self.fast else {
            return encode_each(self, texts, scratch, ids, ends);
        };
        let has_tokens = |text: &str| self.has_tokens(text);
        let is_plain = |text: &str| self.is_plain(words, text);
        let mut left = texts;
        while !left.is_empty() {
            let plain = left.iter().position(|text| !is_plain(text)).unwrap_or(left.len());
            let (plain, others) = left.split_at(plain);
            self.encode_plain(words, plain, &has_tokens, scratch, ids, ends)?;
            let Some((other, rest)) = others.split_first() else { break };
            encode_each(self, &[other], scratch, ids, ends)?;
            left = rest;
        }
        Ok(())
    }

    fn with_ids(
        &self,
        text: &str,
        scratch: &mut dyn DerefMut<Target = Scratch>,
        take: &mut dyn FnMut(&mut [u32]),
    ) -> Result<()> {
        if let Fast::Words(words) = &self.fast
            && Words::may_be_alone(text)
            && self.is_plain(words, text)
            && words.with_ids(&self.pipeline, text, scratch, &self.owner, take)
        {
            return Ok(());
        }
        take_ids(scratch, take, |scratch, Alone { ids, ends }| {
            self.encode_block_into(&[text], scratch, ids, ends)
        })
    }

    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn implementation(&self) -> &str {
        "m2v, native"
    }
}

/// Added tokens with the [ids they get](AddedIds). Of a token that is listed twice, and of tokens that get the same id,
/// the last counts.
fn give_ids(tokens: Vec<AddedToken>, model: &Tokens<'_>) -> Vec<(u32, AddedToken)> {
    let mut ids = AddedIds::new(model);
    let ids: Vec<_> = tokens.iter().map(|token| ids.of(&token.content)).collect();
    let mut added: Vec<(u32, AddedToken)> = Vec::new();
    let mut places = HashMap::<u32, usize>::new();
    for (token, id) in tokens.into_iter().zip(ids) {
        let Some((id, _)) = id else { continue };
        match places.entry(id) {
            Entry::Occupied(place) => added[*place.get()].1 = token,
            Entry::Vacant(place) => {
                place.insert(added.len());
                added.push((id, token));
            }
        }
    }
    added
}

/// Matchers of added tokens: on the text as it is, and on the normalised text.
type Matchers = (Option<Matcher>, Option<Matcher>);

/// The matchers of added tokens; `None` if tokens cannot be told apart.
fn matchers(tokens: Vec<(u32, AddedToken)>, normalizers: &[Normalizer]) -> Result<Option<Matchers>> {
    let (mut raw, mut normalised) = (Vec::new(), Vec::new());
    for (id, token) in tokens {
        if token.normalized {
            let text = normalize(normalizers, token.content.as_str().into());
            let text = text.map_err(|error| Error::Unsupported(error.into()))?;
            normalised.push((text.into_owned(), id, token));
        } else {
            raw.push((token.content.clone(), id, token));
        }
    }
    let matcher = |patterns: Vec<_>| match patterns.is_empty() {
        true => Some(None),
        false => Matcher::new(patterns).map(Some),
    };
    Ok(matcher(raw).zip(matcher(normalised)))
}
