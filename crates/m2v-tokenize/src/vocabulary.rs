//! What a model needs to know about its tokenizer's vocabulary.

use std::fmt;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::json::{AddedIds, AddedToken, File, Str};

/// The algorithm of a tokenizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// Longest match from the left, `##` before continuations (BERT).
    WordPiece,
    /// The most probable segmentation (SentencePiece).
    Unigram,
    /// Byte-pair encoding.
    Bpe,
    /// Whole words.
    WordLevel,
    /// None of these: a tokenizer that has no `tokenizer.json`.
    Other,
}

/// Prints the name in `tokenizer.json`: `WordPiece`, `Unigram`, `BPE`, `WordLevel`; or else `other`.
impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WordPiece => "WordPiece",
            Self::Unigram => "Unigram",
            Self::Bpe => "BPE",
            Self::WordLevel => "WordLevel",
            Self::Other => "other",
        })
    }
}

/// A token with a role.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpecialToken {
    /// Its id.
    pub id: u32,
    /// Its text.
    pub content: String,
    /// Whether it is an added token that the file calls special: wherever a text has it, it is one token.
    pub special: bool,
}

/// The facts about a vocabulary, added tokens included, that models depend on.
///
/// ```
/// use m2v_tokenize::Vocabulary;
///
/// let json = br#"{"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1, "word": 2}}}"#;
/// let vocabulary = Vocabulary::from_json(json)?;
/// assert_eq!((vocabulary.len(), vocabulary.max_id(), vocabulary.unk_id()), (3, 2, Some(0)));
/// assert_eq!(vocabulary.median_token_length(), 1);
/// # Ok::<(), m2v_tokenize::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vocabulary {
    family: Family,
    len: usize,
    max_id: u32,
    median_token_length: usize,
    unk: Option<SpecialToken>,
    pad: SpecialToken,
}

/// What a file says besides its model.
#[derive(Deserialize)]
struct Extra<'a> {
    #[serde(borrow, default)]
    added_tokens: Option<Vec<AddedToken<'a>>>,
    #[serde(borrow, default)]
    padding: Option<Padding<'a>>,
}

#[derive(Deserialize)]
struct Padding<'a> {
    #[serde(borrow)]
    pad_token: Str<'a>,
}

/// What models say about unknown tokens.
#[derive(Deserialize)]
struct Unknown<'a> {
    #[serde(borrow, default)]
    unk_token: Option<Str<'a>>,
    #[serde(default)]
    unk_id: Option<u32>,
}

/// Names a padding token goes by, most usual first.
const PAD_TOKENS: [&str; 4] = ["[PAD]", "<pad>", "<|pad|>", "<|endoftext|>"];

impl Vocabulary {
    /// Reads the facts from a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Json`], or [`Error::Field`] for a model that is none of the four [families](Family) or has no
    /// tokens.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        Self::of_file(&File::parse(json)?)
    }

    /// The facts about a vocabulary that comes from elsewhere: ids from 0 to `max_id`, of [`Family::Other`], without an
    /// unknown token; batches are padded with the token 0. `median_token_length` as
    /// [there](Self::median_token_length); it is at least 1; where texts are not cut before they are tokenised, any
    /// large number will do.
    ///
    /// ```
    /// use m2v_tokenize::{Family, Vocabulary};
    ///
    /// let bytes = Vocabulary::new(255, 1).with_unk(256, "?");
    /// assert_eq!((bytes.len(), bytes.family(), bytes.unk_id()), (257, Family::Other, Some(256)));
    /// ```
    #[must_use]
    pub fn new(max_id: u32, median_token_length: usize) -> Self {
        let pad = SpecialToken { id: 0, content: "[PAD]".to_owned(), special: false };
        let (len, median_token_length) = ((max_id as usize).saturating_add(1), median_token_length.max(1));
        Self { family: Family::Other, len, max_id, median_token_length, unk: None, pad }
    }

    /// With a token for what is not in the vocabulary. If its id is above the largest, it and all between are new.
    #[must_use]
    pub fn with_unk(self, id: u32, content: impl Into<String>) -> Self {
        Self { unk: Some(SpecialToken { id, content: content.into(), special: false }), ..self.up_to(id) }
    }

    /// With a token to pad batches with. If its id is above the largest, it and all between are new.
    #[must_use]
    pub fn with_pad(self, id: u32, content: impl Into<String>) -> Self {
        Self { pad: SpecialToken { id, content: content.into(), special: false }, ..self.up_to(id) }
    }

    /// With an id, and if it is above the largest all between.
    fn up_to(self, id: u32) -> Self {
        match id.checked_sub(self.max_id) {
            Some(more) if more > 0 => {
                Self { len: self.len.saturating_add(more as usize), max_id: id, ..self }
            }
            _ => self,
        }
    }

    pub(crate) fn of_file(file: &File<'_>) -> Result<Self> {
        let (family, tokens) = (file.model.family(), &file.model.tokens);
        let Extra { added_tokens, padding } = file.read()?;
        let Unknown { unk_token, unk_id } = file.model.read()?;
        if let (Family::Unigram, Some(id)) = (family, unk_id)
            && id as usize >= tokens.listed()
        {
            let found = id.to_string();
            return Err(Error::Field { field: "model.unk_id", expected: "the id of a piece", found });
        }
        let (mut ids, mut more) = (AddedIds::new(tokens), Vec::new());
        for added in added_tokens.iter().flatten().map(|added| &*added.content.0) {
            if let Some((id, true)) = ids.of(added) {
                more.push((added, id));
            }
        }
        let all = || tokens.iter().chain(more.iter().copied());
        let empty = || Error::Field {
            field: "model.vocab",
            expected: "at least one token",
            found: "none".to_owned(),
        };
        let max_id = more.iter().map(|token| token.1).chain(tokens.max_id()).max().ok_or_else(empty)?;
        let specials = || added_tokens.iter().flatten().filter(|added| added.special == Some(true));
        let special = |id: u32, content: &str| SpecialToken {
            id,
            content: content.to_owned(),
            special: specials().any(|added| added.content.0 == content),
        };
        let by_content = |content: &str| {
            let added = || more.iter().find(|(token, _)| *token == content).map(|token| token.1);
            tokens.id(content).or_else(added).map(|id| special(id, content))
        };
        let by_id = |id: u32| {
            // Should two tokens share the id, always the same one of them.
            let contents = all().filter(|token| token.1 == id).map(|token| token.0);
            contents.min().map(|content| special(id, content))
        };
        let unk = match (family, &unk_token) {
            // The id counts, even if its piece is listed again under a later one.
            (Family::Unigram, _) => unk_id.map(|id| by_id(id).unwrap_or_else(|| special(id, "<unk>"))),
            (_, Some(token)) => by_content(&token.0),
            (_, None) => None,
        };
        let padding = padding.as_ref().map(|padding| &*padding.pad_token.0);
        let pad = padding
            .into_iter()
            .chain(PAD_TOKENS)
            .find_map(by_content)
            .or_else(|| unk.clone())
            .or_else(|| specials().find_map(|added| by_content(&added.content.0)))
            .or_else(|| by_id(0))
            .or_else(|| by_id(max_id))
            .ok_or_else(empty)?;
        // How many tokens there are of each length.
        let mut lengths = tokens.lengths().to_vec();
        for length in more.iter().map(|token| token.0.chars().count()) {
            if length >= lengths.len() {
                lengths.resize(length + 1, 0);
            }
            lengths[length] += 1;
        }
        let (len, median_token_length) = (tokens.len() + more.len(), median(&lengths));
        Ok(Self { family, len, max_id, median_token_length, unk, pad })
    }

    /// The algorithm.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// The number of distinct tokens (`len(tokenizer.get_vocab())`).
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The largest id; above `len() - 1` where the ids have holes.
    #[must_use]
    pub fn max_id(&self) -> u32 {
        self.max_id
    }

    /// The token for what is not in the vocabulary: `unk_token` of WordPiece, BPE and WordLevel, `unk_id` of
    /// Unigram; `None` if the model names none or names one that is not in the vocabulary.
    #[must_use]
    pub fn unk(&self) -> Option<&SpecialToken> {
        self.unk.as_ref()
    }

    /// The id of [`Vocabulary::unk`].
    #[must_use]
    pub fn unk_id(&self) -> Option<u32> {
        self.unk.as_ref().map(|unk| unk.id)
    }

    /// The token to pad batches with: the one the file pads with, else one with a usual name (`[PAD]`, `<pad>`,
    /// …), else the unknown token, else the first special one, else the token with id 0, which may be a word. It is
    /// masked, so its vector never counts.
    #[must_use]
    pub fn pad(&self) -> &SpecialToken {
        &self.pad
    }

    /// The median length of the tokens in Unicode code points, rounded down (`median_token_length` of Python
    /// model2vec, which cuts texts at `max_length × median_token_length` code points).
    #[must_use]
    pub fn median_token_length(&self) -> usize {
        self.median_token_length
    }

    /// A text as Python model2vec cuts it before it is tokenised: to `max_length` times the
    /// [median token length](Self::median_token_length), in code points. `None`: the whole text.
    ///
    /// ```
    /// let json = r#"{"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "ño": 1, "word": 2}}}"#;
    /// let vocabulary = m2v_tokenize::Vocabulary::from_json(json.as_bytes())?;
    /// assert_eq!(vocabulary.median_token_length(), 2);
    /// assert_eq!(vocabulary.cut("año, word", Some(2)), "año,");
    /// assert_eq!(vocabulary.cut("año, word", None), "año, word");
    /// # Ok::<(), m2v_tokenize::Error>(())
    /// ```
    #[inline]
    #[must_use]
    pub fn cut<'t>(&self, text: &'t str, max_length: Option<usize>) -> &'t str {
        match max_length {
            Some(length) => first_chars(text, length.saturating_mul(self.median_token_length)),
            None => text,
        }
    }
}

/// The first `count` code points of a text.
#[inline]
fn first_chars(text: &str, count: usize) -> &str {
    // A text has at most as many code points as bytes.
    if text.len() <= count { text } else { first_chars_of_longer(text, count) }
}

fn first_chars_of_longer(text: &str, count: usize) -> &str {
    text.char_indices().nth(count).map_or(text, |(end, _)| &text[..end])
}

/// The median, rounded down, of values that occur so many times; of an even count, the mean of the middle two.
pub(crate) fn median(counts: &[usize]) -> usize {
    let count: usize = counts.iter().sum();
    let nth = |place: usize| {
        let mut seen = 0;
        let reaches = |count: &usize| {
            seen += count;
            seen > place
        };
        counts.iter().position(reaches).unwrap_or(0)
    };
    usize::midpoint(nth(count.saturating_sub(1) / 2), nth(count / 2))
}

#[cfg(test)]
mod tests {
    use super::{Vocabulary, first_chars};

    #[test]
    fn pads_with_what_is_no_word_if_it_can() {
        for (added, padding, vocabulary, expected) in [
            ("", r#""padding": {"pad_token": "b"},"#, r#""[PAD]": 1, "b": 2"#, ("b", false)),
            ("", r#""padding": {"pad_token": "c"},"#, r#""[PAD]": 1, "b": 2"#, ("[PAD]", false)),
            (r#"{"content": "[PAD]", "special": true}"#, "", r#""[PAD]": 1"#, ("[PAD]", true)),
            (r#"{"content": "<pad>", "special": false}"#, "", r#""b": 1"#, ("<pad>", false)),
            (r#"{"content": "<x>"}, {"content": "</s>", "special": true}"#, "", r#""b": 1"#, ("</s>", true)),
            ("", "", r#""b": 1"#, ("a", false)),
        ] {
            let json = format!(
                r#"{{"added_tokens": [{added}], {padding} "model": {{"type": "BPE", "merges": [],
                   "vocab": {{"a": 0, {vocabulary}}}}}}}"#
            );
            let vocabulary = Vocabulary::from_json(json.as_bytes()).unwrap();
            let pad = vocabulary.pad();
            assert_eq!((&*pad.content, pad.special), expected, "{json}");
        }
    }

    #[test]
    fn cuts_at_code_points() {
        assert_eq!(first_chars("añb", 0), "");
        assert_eq!(first_chars("añb", 2), "añ");
        assert_eq!(first_chars("añb", 3), "añb");
        assert_eq!(first_chars("añb", usize::MAX), "añb");
    }
}
