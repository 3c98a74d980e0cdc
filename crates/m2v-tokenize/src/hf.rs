//! Any `tokenizer.json`, through the `tokenizers` crate.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokenizers::{NormalizedString, Normalizer as _};

use crate::error::{Error, Result};
use crate::scratch::Scratch;
use crate::tokenizer::Tokenizer;
use crate::vocabulary::Vocabulary;

/// A tokenizer of the `tokenizers` crate, with truncation and padding switched off.
pub(crate) struct HfTokenizer {
    inner: tokenizers::Tokenizer,
    vocabulary: Vocabulary,
}

impl HfTokenizer {
    pub(crate) fn new(json: &[u8], vocabulary: Vocabulary) -> Result<Self> {
        let parse = || tokenizers::Tokenizer::from_bytes(json);
        let mut inner = guarded(parse).map_err(Error::Unsupported)?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(Error::Unsupported)?;
        guarded(|| refuse_empty_tokens(&inner)).map_err(Error::Unsupported)?;
        Ok(Self { inner, vocabulary })
    }
}

/// Refuses added tokens of which the normalizer leaves nothing: the crate finds them in every text without end.
fn refuse_empty_tokens(tokenizer: &tokenizers::Tokenizer) -> tokenizers::Result<()> {
    let Some(normalizer) = tokenizer.get_normalizer() else { return Ok(()) };
    for token in tokenizer.get_added_tokens_decoder().into_values().filter(|token| token.normalized) {
        let mut content = NormalizedString::from(&*token.content);
        normalizer.normalize(&mut content)?;
        if content.is_empty() {
            return Err(
                format!("added token {:?}: the normalizer leaves nothing of it", token.content).into()
            );
        }
    }
    Ok(())
}

/// Makes a panic an error: the `tokenizers` crate panics on some broken files, a few of them only when it
/// encodes. All it changes when it encodes are caches, which it locks.
fn guarded<T>(run: impl FnOnce() -> tokenizers::Result<T>) -> tokenizers::Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
        Err(format!("the tokenizers crate panicked: {message}").into())
    })
}

impl Tokenizer for HfTokenizer {
    fn encode_into(&self, text: &str, _: &mut Scratch, ids: &mut Vec<u32>) -> Result<()> {
        let error = |source| Error::Encode { bytes: text.len(), source };
        let encoding = guarded(|| self.inner.encode_fast(text, false)).map_err(error)?;
        ids.extend_from_slice(encoding.get_ids());
        Ok(())
    }

    fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    fn implementation(&self) -> &str {
        "tokenizers crate"
    }
}
