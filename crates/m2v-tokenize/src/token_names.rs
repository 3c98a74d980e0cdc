//! From ids to tokens, and back.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use crate::dictionary::Dictionary;
use crate::error::Result;
use crate::json::{AddedIds, AddedToken, File};
use crate::vocabulary::{Family, Vocabulary};

/// The token of each id and the id of each token, added tokens included, as they stand in a `tokenizer.json`: `##ing`,
/// `▁the`, `Ġthe`.
///
/// No tokenizer keeps these: they are read when they are asked for. The answers are those of `id_to_token` and
/// `token_to_id` in the `tokenizers` crate, but for two:
/// * An added token that is looked for in normalised text has the text of the file, as in `get_vocab`; since version
///   0.23, `id_to_token` of the reference gives that text normalised.
/// * Of tokens of the model that share an id it is always the same one; the reference takes any, from run to run.
///
/// ```
/// use m2v_tokenize::TokenNames;
///
/// let json = br###"{
///     "added_tokens": [{"id": 3, "content": "<tag>"}],
///     "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "sing": 1, "##ing": 2}}
/// }"###;
/// let names = TokenNames::from_json(json)?;
/// assert_eq!(names.id_to_token(2), Some("##ing"));
/// assert_eq!(names.token_to_id("<tag>"), Some(3));
/// assert_eq!((names.id_to_token(4), names.token_to_id("ing")), (None, None));
/// # Ok::<(), m2v_tokenize::Error>(())
/// ```
#[derive(Clone)]
pub struct TokenNames {
    names: BTreeMap<u32, Box<str>>,
    /// The ids of the model's tokens.
    model: Arc<Dictionary>,
    /// The ids of all others.
    added: HashMap<Box<str>, u32>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default)]
    added_tokens: Option<Vec<AddedToken<'a>>>,
}

impl TokenNames {
    /// Reads the tokens of a `tokenizer.json`.
    ///
    /// # Errors
    /// As [`Vocabulary::from_json`].
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let file = File::parse(json)?;
        // Only for its errors: what is no tokenizer there is none here.
        Vocabulary::of_file(&file)?;
        let Fields { added_tokens } = file.read()?;
        let tokens = &file.model.tokens;
        let mut names: BTreeMap<u32, &str> = match file.model.family() {
            // A piece that is listed twice has two ids, of which only the last is its own.
            Family::Unigram => (0..).zip(tokens.pieces()).collect(),
            _ => tokens.iter().map(|(token, id)| (id, token)).collect(),
        };
        let (mut ids, mut added) = (AddedIds::new(tokens), HashMap::new());
        for token in added_tokens.iter().flatten().map(|token| &*token.content.0) {
            let Some((id, is_new)) = ids.of(token) else { continue };
            // The last with an id has it, in the reference too; it may be one of a token of the model.
            names.insert(id, token);
            if is_new {
                added.insert(token.into(), id);
            }
        }
        let names = names.into_iter().map(|(id, token)| (id, token.into())).collect();
        Ok(Self { names, model: Arc::clone(tokens.dictionary()), added })
    }

    /// The token with an id; `None` if there is none.
    #[must_use]
    pub fn id_to_token(&self, id: u32) -> Option<&str> {
        self.names.get(&id).map(|token| &**token)
    }

    /// The id of a token, which has to be spelled as in the file; `None` if there is no such token. A piece that
    /// Unigram lists twice has its last id.
    #[must_use]
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.model.get(token.as_bytes()).or_else(|| self.added.get(token).copied())
    }

    /// How many ids have a token. Not [`Vocabulary::len`] where tokens share an id, or a piece of Unigram has two.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// All ids that have a token, from the smallest to the largest, and their tokens.
    ///
    /// ```
    /// let json = br#"{"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"one": 4, "?": 0}}}"#;
    /// let names = m2v_tokenize::TokenNames::from_json(json)?;
    /// assert!(names.iter().eq([(0, "?"), (4, "one")]));
    /// # Ok::<(), m2v_tokenize::Error>(())
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u32, &str)> {
        self.names.iter().map(|(id, token)| (*id, &**token))
    }
}

impl fmt::Debug for TokenNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenNames").field("len", &self.len()).finish_non_exhaustive()
    }
}
