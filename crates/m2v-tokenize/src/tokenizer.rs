//! The trait, and the choice of an implementation.

use std::ops::DerefMut;
use std::sync::Arc;

use crate::arena::Arena;
use crate::error::Result;
use crate::json::File;
use crate::native::NativeTokenizer;
use crate::scratch::{Alone, Scratch};
use crate::vocabulary::Vocabulary;

/// Turns a text into token ids. **The extension point of this crate.**
///
/// ```
/// use m2v_tokenize::{Error, Scratch, Tokenizer, Vocabulary};
///
/// /// One token for each byte.
/// struct Bytes(Vocabulary);
///
/// impl Bytes {
///     fn new() -> Self {
///         Self(Vocabulary::new(255, 1))
///     }
/// }
///
/// impl Tokenizer for Bytes {
///     fn encode_into(&self, text: &str, _: &mut Scratch, ids: &mut Vec<u32>) -> Result<(), Error> {
///         ids.extend(text.bytes().map(u32::from));
///         Ok(())
///     }
///
///     fn vocabulary(&self) -> &Vocabulary {
///         &self.0
///     }
/// }
///
/// assert_eq!(Bytes::new().encode("one")?, [111, 110, 101]);
/// assert_eq!(Bytes::new().vocabulary().len(), 256);
/// # Ok::<(), Error>(())
/// ```
pub trait Tokenizer: Send + Sync {
    /// Appends the ids of `text` to `ids`: no special tokens are added, nothing is truncated or padded, unknown
    /// tokens stay in.
    ///
    /// # Errors
    /// If the text cannot be tokenised; `ids` may then hold some of its ids.
    fn encode_into(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<u32>) -> Result<()>;

    /// Appends the ids of each of the texts to `ids`, one text after the other, and to `ends` how many ids there
    /// are up to the end of each. What [`Tokenizer::encode_into`] says of a text; a tokenizer may be faster with
    /// many at once.
    ///
    /// # Errors
    /// If a text cannot be tokenised, the one after the last that has an end; `ids` may then hold some of its ids.
    fn encode_block_into(
        &self,
        texts: &[&str],
        scratch: &mut Scratch,
        ids: &mut Vec<u32>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        encode_each(self, texts, scratch, ids, ends)
    }

    /// Hands the ids of a text to `take`, which may change them: exactly once, unless there is an error. What
    /// [`Tokenizer::encode_into`] says of a text. A tokenizer may be faster with a short one that comes alone: it can
    /// keep the ids on the stack, and look at the scratch only if it needs it, so that a shared one need only be
    /// borrowed then.
    ///
    /// ```
    /// use m2v_tokenize::{Scratch, Tokenizer};
    ///
    /// # let tokenizer = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/minilm-l6-64d/tokenizer.json");
    /// let tokenizer = m2v_tokenize::from_json(&std::fs::read(tokenizer)?)?;
    /// let (mut scratch, mut count) = (Scratch::default(), 0);
    /// tokenizer.with_ids("a query", &mut &mut scratch, &mut |ids| count = ids.len())?;
    /// assert_eq!(count, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the text cannot be tokenised; nothing is handed on then.
    fn with_ids(
        &self,
        text: &str,
        scratch: &mut dyn DerefMut<Target = Scratch>,
        take: &mut dyn FnMut(&mut [u32]),
    ) -> Result<()> {
        take_ids(scratch, take, |scratch, alone| self.encode_into(text, scratch, &mut alone.ids))
    }

    /// The facts about the vocabulary.
    fn vocabulary(&self) -> &Vocabulary;

    /// Which implementation runs, for reports: `m2v, native`, `tokenizers crate`, …
    fn implementation(&self) -> &str {
        "custom"
    }

    /// The ids of `text`; see [`Tokenizer::encode_into`], which is faster for many texts: this makes a [`Scratch`] for
    /// one.
    ///
    /// # Errors
    /// If the text cannot be tokenised.
    fn encode(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.encode_into(text, &mut Scratch::default(), &mut ids)?;
        Ok(ids)
    }
}

macro_rules! shared {
    ($($shared:ty),*) => {$(
        /// One that is chosen at run time, or that several models share, goes wherever any may.
        impl<T: Tokenizer + ?Sized> Tokenizer for $shared {
            fn encode_into(&self, text: &str, scratch: &mut Scratch, ids: &mut Vec<u32>) -> Result<()> {
                (**self).encode_into(text, scratch, ids)
            }

            fn encode_block_into(
                &self,
                texts: &[&str],
                scratch: &mut Scratch,
                ids: &mut Vec<u32>,
                ends: &mut Vec<usize>,
            ) -> Result<()> {
                (**self).encode_block_into(texts, scratch, ids, ends)
            }

            fn with_ids(
                &self,
                text: &str,
                scratch: &mut dyn DerefMut<Target = Scratch>,
                take: &mut dyn FnMut(&mut [u32]),
            ) -> Result<()> {
                (**self).with_ids(text, scratch, take)
            }

            fn vocabulary(&self) -> &Vocabulary {
                (**self).vocabulary()
            }

            fn implementation(&self) -> &str {
                (**self).implementation()
            }

            fn encode(&self, text: &str) -> Result<Vec<u32>> {
                (**self).encode(text)
            }
        }
    )*};
}

shared! { &T, Box<T>, Arc<T> }

/// Tokenises texts one by one.
pub(crate) fn encode_each<T: Tokenizer + ?Sized>(
    tokenizer: &T,
    texts: &[&str],
    scratch: &mut Scratch,
    ids: &mut Vec<u32>,
    ends: &mut Vec<usize>,
) -> Result<()> {
    for text in texts {
        tokenizer.encode_into(text, scratch, ids)?;
        ends.push(ids.len());
    }
    Ok(())
}

/// Hands the ids of a text that are encoded into the scratch to `take`.
pub(crate) fn take_ids(
    scratch: &mut Scratch,
    take: &mut dyn FnMut(&mut [u32]),
    encode: impl FnOnce(&mut Scratch, &mut Alone) -> Result<()>,
) -> Result<()> {
    let mut alone = std::mem::take(&mut scratch.alone);
    alone.ids.clear();
    alone.ends.clear();
    let encoded = encode(scratch, &mut alone);
    if encoded.is_ok() {
        take(&mut alone.ids);
    }
    scratch.alone = alone;
    encoded
}

/// Makes a tokenizer of a `tokenizer.json`.
///
/// # Errors
/// [`Error::Json`] or [`Error::Field`] if it is not a tokenizer, [`Error::Unsupported`] if the `tokenizers`
/// crate refuses it, [`Error::NotCompiled`] without the feature `hf`.
///
/// [`Error::Json`]: crate::Error::Json
/// [`Error::Field`]: crate::Error::Field
/// [`Error::Unsupported`]: crate::Error::Unsupported
/// [`Error::NotCompiled`]: crate::Error::NotCompiled
pub fn from_json(json: &[u8]) -> Result<Box<dyn Tokenizer>> {
    let mut arena = Arena::default();
    let file = File::parse_in(json, &mut arena)?;
    let vocabulary = Vocabulary::of_file(&file)?;
    if let Some(native) = NativeTokenizer::new(&file, &vocabulary, &mut arena)? {
        return Ok(Box::new(native));
    }
    #[cfg(feature = "hf")]
    return Ok(Box::new(crate::hf::HfTokenizer::new(json, vocabulary)?));
    #[cfg(not(feature = "hf"))]
    Err(crate::Error::NotCompiled(vocabulary.family()))
}
