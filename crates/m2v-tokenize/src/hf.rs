//! Any `tokenizer.json`, through the `tokenizers` crate.

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
        let mut inner = tokenizers::Tokenizer::from_bytes(json).map_err(Error::Unsupported)?;
        inner.with_padding(None);
        inner.with_truncation(None).map_err(Error::Unsupported)?;
        Ok(Self { inner, vocabulary })
    }
}

impl Tokenizer for HfTokenizer {
    fn encode_into(&self, text: &str, _: &mut Scratch, ids: &mut Vec<u32>) -> Result<()> {
        let error = |source| Error::Encode { bytes: text.len(), source };
        let encoding = self.inner.encode_fast(text, false).map_err(error)?;
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
