//! Native tokenizers: ids only, no `tokenizers` crate.
//!
//! [`NativeTokenizer::new`] reads the same `tokenizer.json`, and says no to what it has no code for. The exact
//! path ([`pipeline`]) does each step of the reference on strings; a fast path ([`words`]) cuts texts into chunks
//! that it looks up, and asks the exact path about those it meets for the first time.

mod added;
mod bpe;
mod cache;
mod config;
mod memo;
mod normalize;
mod pipeline;
mod precompiled;
mod pretokenize;
mod scan;
mod split_regex;
mod strings;
mod unigram;
mod wordlevel;
mod wordpiece;
mod words;

use std::collections::HashMap;

use added::{Matcher, Segment};
use config::{AddedToken, Config};
use normalize::Normalizer;
use pipeline::{Model, Pipeline};
use pretokenize::PreTokenizers;
use wordlevel::WordLevel;
use wordpiece::WordPiece;
use words::{Words, WordsScratch};

use crate::error::{Error, Result};
use crate::json;
use crate::scratch::{Owner, Scratch};
use crate::tokenizer::Tokenizer;
use crate::vocabulary::{Family, Vocabulary};

/// A tokenizer without the `tokenizers` crate.
pub(crate) struct NativeTokenizer {
    vocabulary: Vocabulary,
    /// Added tokens that are matched on the text as it is.
    tokens: Option<Matcher>,
    pipeline: Pipeline,
    words: Option<Words>,
    owner: Owner,
}

impl NativeTokenizer {
    /// Makes a tokenizer of a `tokenizer.json`; `None` if there is no native code for some part of it.
    pub(crate) fn new(json: &[u8], vocabulary: &Vocabulary) -> Result<Option<Self>> {
        let config = Config::parse(json)?;
        let file = json::File::parse(json)?;
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
        let family = vocabulary.family();
        let vocab = file.model.vocab(family)?;
        let (vocab, len) = vocab;
        let vocab: Vec<_> = vocab.into_iter().collect();
        let model = match family {
            Family::WordPiece if !pre_tokenizers.byte_level => {
                Model::WordPiece(WordPiece::new(config.model.get(), &vocab)?)
            }
            Family::WordLevel if !pre_tokenizers.byte_level => {
                Model::WordLevel(WordLevel::new(config.model.get(), &vocab)?)
            }
            _ => return Ok(None),
        };
        let ids: HashMap<&str, u32> = vocab.iter().map(|(token, id)| (&*token.0, *id)).collect();
        let added = with_ids(config.added_tokens.unwrap_or_default(), &ids, len);
        let Some((raw, normalised)) = matchers(added, &normalizers) else { return Ok(None) };
        let pipeline = Pipeline { normalizers, tokens: normalised, pre_tokenizers, model };
        let words = Words::new(&pipeline);
        let vocabulary = vocabulary.clone();
        Ok(Some(Self { vocabulary, tokens: raw, pipeline, words, owner: Owner::new() }))
    }

    fn encode_text(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<u32>) -> pipeline::Result<()> {
        match &self.words {
            Some(words) => {
                let scratch: &mut WordsScratch = scratch.get(&self.owner, Words::scratch);
                words.encode(&self.pipeline, text, scratch, ids)
            }
            None => self.pipeline.encode(text, ids),
        }
    }
}

impl Tokenizer for NativeTokenizer {
    fn encode_into(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<u32>) -> Result<()> {
        let encoded = match &self.tokens {
            None => self.encode_text(text, scratch, ids),
            Some(tokens) => tokens.split(text, |segment| match segment {
                Segment::Text(text) => self.encode_text(text, scratch, ids),
                Segment::Token(id) => {
                    ids.push(id);
                    Ok(())
                }
            }),
        };
        encoded.map_err(|source| Error::Encode { bytes: text.len(), source })
    }

    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn implementation(&self) -> &str {
        "m2v, native"
    }
}

/// Added tokens with the ids they get: the model's, or counted on from the length of the model's list; what the
/// file says is not read. Of a token that is listed twice, the last counts.
fn with_ids(tokens: Vec<AddedToken>, model: &HashMap<&str, u32>, len: usize) -> Vec<(u32, AddedToken)> {
    let mut next = u32::try_from(len).unwrap_or(u32::MAX);
    let mut added: Vec<(u32, AddedToken)> = Vec::new();
    for token in tokens.into_iter().filter(|token| !token.content.is_empty()) {
        let known = model.get(&*token.content).copied();
        match added.iter_mut().find(|(id, other)| Some(*id) == known || other.content == token.content) {
            Some(entry) => entry.1 = token,
            None => {
                let id = known.unwrap_or(next);
                next = next.saturating_add(u32::from(known.is_none()));
                added.push((id, token));
            }
        }
    }
    added
}

/// The matchers of added tokens: on the text as it is, and on the normalised text. `None` if tokens cannot be
/// told apart.
fn matchers(
    tokens: Vec<(u32, AddedToken)>,
    normalizers: &[Normalizer],
) -> Option<(Option<Matcher>, Option<Matcher>)> {
    let (mut raw, mut normalised) = (Vec::new(), Vec::new());
    for (id, token) in tokens {
        if token.normalized {
            let text = normalizers.iter().fold(token.content.as_str().into(), |text, step| step.apply(text));
            normalised.push((text.into_owned(), id, token));
        } else {
            raw.push((token.content.clone(), id, token));
        }
    }
    let matcher = |patterns: Vec<_>| match patterns.is_empty() {
        true => Some(None),
        false => Matcher::new(patterns).map(Some),
    };
    Some((matcher(raw)?, matcher(normalised)?))
}
