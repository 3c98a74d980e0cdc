//! The encoder: tokenise, look up, mean, normalise.

use std::fmt;
use std::ops::DerefMut;
use std::sync::Arc;

use m2v_core::{Checkpoint, Config, DEFAULT_MAX_LENGTH, EmbeddingTable, PoolOptions, Source};
use m2v_tokenize::Tokenizer;
use ndarray::{Array2, ArrayViewMut1, ArrayViewMut2, Axis};

use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::scratch::{Scratch, ScratchPool, is_huge};

/// How texts are encoded. A model brings those of its `config.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EncodeOptions {
    /// The number of tokens of a text that count; `None`: all. Texts are cut to `max_length × median token
    /// length` code points before and to `max_length` tokens after tokenising; unknown tokens, which are then
    /// dropped, count.
    pub max_length: Option<usize>,
    /// Divide each embedding by its length (‖v‖₂ + 1e-32).
    pub normalize: bool,
}

/// `max_length` 512, not normalised: what the reference does with a model that does not say.
impl Default for EncodeOptions {
    fn default() -> Self {
        Self { max_length: Some(DEFAULT_MAX_LENGTH), normalize: false }
    }
}

impl EncodeOptions {
    /// With another `max_length`.
    #[must_use]
    pub fn with_max_length(self, max_length: Option<usize>) -> Self {
        Self { max_length, ..self }
    }

    /// With or without normalisation.
    #[must_use]
    pub fn with_normalize(self, normalize: bool) -> Self {
        Self { normalize, ..self }
    }
}

impl From<&Config> for EncodeOptions {
    fn from(config: &Config) -> Self {
        Self { max_length: config.max_length(), normalize: config.normalize().unwrap_or(false) }
    }
}

/// The vectors of a text's tokens; see [`StaticModel::encode_as_sequence`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TokenEmbeddings {
    /// The tokens, unknown ones left out.
    pub ids: Vec<u32>,
    /// `[ids.len(), dim]`.
    pub embeddings: Array2<f32>,
}

/// A Model2Vec model: an embedding table, its tokenizer, and options.
///
/// Cloning shares table and tokenizer. All methods take `&self` and may run on any number of threads at once.
/// The calls to encode are in [`EncoderExt`](crate::EncoderExt).
#[derive(Clone)]
pub struct StaticModel {
    shared: Arc<Shared>,
    scratch: Arc<ScratchPool>,
    options: EncodeOptions,
}

/// Enough for a pool of any usual size.
const SCRATCHES: usize = 64;

struct Shared {
    table: EmbeddingTable,
    tokenizer: Box<dyn Tokenizer>,
}

impl StaticModel {
    /// Loads a model from a folder, memory, or any other [`Source`].
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Tokenize`] naming the file and what is wrong with it;
    /// [`Error::RowsAndTokens`] or [`Error::MappingAndTokens`] if table and tokenizer do not belong together.
    pub fn load(source: &dyn Source) -> Result<Self> {
        let (checkpoint, tokenizer) = Checkpoint::load_with(source, |json| m2v_tokenize::from_json(json))?;
        Self::from_parts(checkpoint.table, tokenizer?, EncodeOptions::from(&checkpoint.config))
    }

    /// Makes a model of a checkpoint, which a transform may have changed since it was loaded. The table is not
    /// copied.
    ///
    /// # Errors
    /// As [`StaticModel::load`].
    pub fn from_checkpoint(checkpoint: Checkpoint) -> Result<Self> {
        let tokenizer = m2v_tokenize::from_json(&checkpoint.tokenizer)?;
        Self::from_parts(checkpoint.table, tokenizer, EncodeOptions::from(&checkpoint.config))
    }

    /// Makes a model of a table and any tokenizer.
    ///
    /// # Errors
    /// [`Error::RowsAndTokens`] or [`Error::MappingAndTokens`] if they do not belong together.
    pub fn from_parts(
        table: EmbeddingTable,
        tokenizer: Box<dyn Tokenizer>,
        options: EncodeOptions,
    ) -> Result<Self> {
        let vocabulary = tokenizer.vocabulary();
        let (tokens, max_id) = (vocabulary.len(), vocabulary.max_id());
        let covered = table.id_count();
        if table.mapping().is_some() {
            if covered <= max_id as usize {
                return Err(Error::MappingAndTokens { covered, max_id });
            }
        } else if covered != tokens || covered <= max_id as usize {
            return Err(Error::RowsAndTokens { rows: covered, tokens, max_id });
        }
        let (shared, scratch) = (Shared { table, tokenizer }, ScratchPool::new(SCRATCHES));
        Ok(Self { shared: Arc::new(shared), scratch: Arc::new(scratch), options })
    }

    /// The same model with other options; shares everything else.
    #[must_use]
    pub fn with_options(&self, options: EncodeOptions) -> Self {
        Self { options, ..self.clone() }
    }

    /// The same model, which keeps what at most `limit` threads at once work in between calls, apart from what this
    /// one keeps; shares table and tokenizer. 64 if nobody says. What a further thread needs is made and dropped with
    /// each call, so that it knows no words from the one before.
    ///
    /// Each comes to 15 MB once it has seen some hundred thousand words that the vocabulary does not have, 64 of them
    /// to 1 GB. [`ScratchPool::clear`] gives it back.
    ///
    /// ```
    /// use m2v_infer::core::Dir;
    /// use m2v_infer::{Encoder, EncoderExt, StaticModel};
    ///
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/minilm-l6-64d");
    /// let model = StaticModel::load(&Dir::open(folder)?)?.with_scratch_limit(8);
    /// model.encode(&["a busy hour"])?;
    /// if let Some(pool) = model.scratch_pool() {
    ///     pool.clear(); // and a quiet one
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_scratch_limit(&self, limit: usize) -> Self {
        Self { scratch: Arc::new(ScratchPool::new(limit)), ..self.clone() }
    }

    /// The options it encodes with.
    #[must_use]
    pub fn options(&self) -> EncodeOptions {
        self.options
    }

    /// The embedding table.
    #[must_use]
    pub fn table(&self) -> &EmbeddingTable {
        &self.shared.table
    }

    /// The tokenizer. Its `encode` gives every id of a whole text; [`StaticModel::tokenize`] those that count.
    #[must_use]
    pub fn tokenizer(&self) -> &dyn Tokenizer {
        &*self.shared.tokenizer
    }

    /// The ids whose vectors `encode` averages: the text cut to `max_length`, unknown tokens dropped.
    ///
    /// # Errors
    /// [`Error::Tokenize`] if the text cannot be tokenised.
    pub fn tokenize(&self, text: &str) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        let mut scratch = self.scratch.borrow();
        let Scratch { tokenizer, ends, .. } = &mut *scratch;
        self.ids_into(&[text], self.options.max_length, tokenizer, &mut ids, ends)?;
        scratch.forget_after(&[text], self.options.max_length);
        Ok(ids)
    }

    /// One vector for each token, never normalised; an empty text gives `[0, dim]`.
    ///
    /// As in the reference's `encode_as_sequence`, the model's own `max_length` does not hold here: only the
    /// one that is passed.
    ///
    /// # Errors
    /// [`Error::Tokenize`] if the text cannot be tokenised.
    pub fn encode_as_sequence(&self, text: &str, max_length: Option<usize>) -> Result<TokenEmbeddings> {
        let mut ids = Vec::new();
        let mut scratch = self.scratch.borrow();
        let Scratch { tokenizer, ends, .. } = &mut *scratch;
        self.ids_into(&[text], max_length, tokenizer, &mut ids, ends)?;
        scratch.forget_after(&[text], max_length);
        let mut embeddings = Array2::zeros((ids.len(), self.dim()));
        self.shared.table.lookup_into(&ids, embeddings.view_mut())?;
        Ok(TokenEmbeddings { ids, embeddings })
    }

    /// Embeds one text; the tokenizer looks at the scratch if it needs it.
    #[inline(always)]
    fn embed_one(
        &self,
        text: &str,
        scratch: &mut dyn DerefMut<Target = m2v_tokenize::Scratch>,
        out: &mut [f32],
    ) -> Result<()> {
        let Shared { table, tokenizer } = &*self.shared;
        let vocabulary = tokenizer.vocabulary();
        let EncodeOptions { max_length, normalize } = self.options;
        let options = PoolOptions::default().with_normalize(normalize);
        let mut pooled = None;
        tokenizer.with_ids(vocabulary.cut(text, max_length), scratch, &mut |ids| {
            let most = max_length.unwrap_or(usize::MAX);
            let kept = keep_what_counts(ids, &mut [ids.len()], most, vocabulary.unk_id());
            pooled = Some(table.pool_one_into(&ids[..kept], options, out));
        })?;
        match pooled {
            Some(pooled) => Ok(pooled?),
            None => {
                let what = "texts whose ids a tokenizer handed on";
                Err(Error::Data(m2v_core::Error::Shape { what, expected: 1, found: 0 }))
            }
        }
    }

    /// Appends the ids of each text that count, and where they end. The order is the reference's: cut the text,
    /// tokenise, cut the ids, *then* drop the unknown ones.
    fn ids_into(
        &self,
        texts: &[&str],
        max_length: Option<usize>,
        scratch: &mut m2v_tokenize::Scratch,
        ids: &mut Vec<u32>,
        ends: &mut Vec<usize>,
    ) -> Result<()> {
        let tokenizer = &self.shared.tokenizer;
        let vocabulary = tokenizer.vocabulary();
        ids.clear();
        ends.clear();
        let cut = |text: &&str| vocabulary.cut(text, max_length).len() < text.len();
        if texts.iter().any(cut) {
            let texts: Vec<&str> = texts.iter().map(|text| vocabulary.cut(text, max_length)).collect();
            tokenizer.encode_block_into(&texts, scratch, ids, ends)?;
        } else {
            tokenizer.encode_block_into(texts, scratch, ids, ends)?;
        }
        let kept = keep_what_counts(ids, ends, max_length.unwrap_or(usize::MAX), vocabulary.unk_id());
        ids.truncate(kept);
        Ok(())
    }
}

impl Encoder for StaticModel {
    fn dim(&self) -> usize {
        self.shared.table.dim()
    }

    fn encode_block(
        &self,
        texts: &[&str],
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<()> {
        if let [text] = texts
            && !is_huge(text, self.options.max_length)
            && let (1, Some(out)) = (out.nrows(), out.as_slice_mut())
        {
            return self.embed_one(text, &mut &mut scratch.tokenizer, out);
        }
        let Scratch { tokenizer, ids, ends, .. } = scratch;
        // Not `and_then`: what two results are joined in is copied with wider reads than it was written with, and such
        // a read waits until all that was written before, the last output too, has left for the cache.
        if let Err(error) = self.ids_into(texts, self.options.max_length, tokenizer, ids, ends) {
            scratch.forget_after(texts, self.options.max_length);
            return Err(error);
        }
        let options = PoolOptions::default().with_normalize(self.options.normalize);
        let pooled = self.shared.table.pool_into(ids, ends, options, out);
        scratch.forget_after(texts, self.options.max_length);
        Ok(pooled?)
    }

    fn encode_one_into(&self, text: &str, out: &mut [f32]) -> Result<()> {
        if is_huge(text, self.options.max_length) {
            let out = ArrayViewMut1::from(out).insert_axis(Axis(0));
            return self.encode_block(&[text], &mut self.scratch.borrow(), out);
        }
        self.embed_one(text, &mut self.scratch.lazily(), out)
    }

    fn scratch_pool(&self) -> Option<&ScratchPool> {
        Some(&self.scratch)
    }
}

impl fmt::Debug for StaticModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table();
        f.debug_struct("StaticModel")
            .field("rows", &table.rows())
            .field("dim", &table.dim())
            .field("dtype", &table.dtype())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Keeps the first `max_length` ids of each text, and of these drops the unknown ones. How many there are then.
#[inline]
fn keep_what_counts(ids: &mut [u32], ends: &mut [usize], max_length: usize, unk: Option<u32>) -> usize {
    let mut start = 0;
    let is_long = |&end: &usize| end - std::mem::replace(&mut start, end) > max_length;
    // Few texts are long or have unknown tokens: to look for that is faster than to move the ids, and to look at all
    // of them, many at a time, faster than one after the other up to the first.
    if !ends.iter().any(is_long)
        && !unk.is_some_and(|unk| ids.iter().fold(false, |found, &id| found | (id == unk)))
    {
        return ids.len();
    }
    let (mut start, mut kept) = (0_usize, 0);
    for end in ends {
        for at in start..(*end).min(start.saturating_add(max_length)) {
            let id = ids[at];
            ids[kept] = id;
            kept += usize::from(Some(id) != unk);
        }
        start = std::mem::replace(end, kept);
    }
    kept
}

const _: fn() = || {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<StaticModel>();
};

#[cfg(test)]
mod tests {
    use super::keep_what_counts;

    #[test]
    fn cuts_ids_before_it_drops_unknown_ones() {
        for (max_length, expected_ids, expected_ends) in
            [(2, &[1, 4][..], [1, 1, 2, 2]), (3, &[1, 2, 4], [2, 2, 3, 3]), (9, &[1, 2, 3, 4], [3, 3, 4, 4])]
        {
            let (mut ids, mut ends) = (vec![0, 1, 2, 3, 4, 0], [4, 4, 5, 6]);
            let kept = keep_what_counts(&mut ids, &mut ends, max_length, Some(0));
            assert_eq!((&ids[..kept], ends), (expected_ids, expected_ends), "{max_length}");
        }
        for unk in [None, Some(9)] {
            let (mut ids, mut ends) = (vec![0, 1, 2], [0, 2, 3]);
            let kept = keep_what_counts(&mut ids, &mut ends, 2, unk);
            assert_eq!((&ids[..kept], ends), (&[0, 1, 2][..], [0, 2, 3]));
        }
        assert_eq!(keep_what_counts(&mut [], &mut [0], 2, Some(0)), 0);
    }

    #[test]
    fn drops_unknown_ids_of_a_text() {
        for (unk, expected) in [(None, &[0, 1, 0, 0, 2][..]), (Some(3), &[0, 1, 0, 0, 2]), (Some(0), &[1, 2])]
        {
            let mut ids = [0, 1, 0, 0, 2];
            let kept = keep_what_counts(&mut ids, &mut [5], usize::MAX, unk);
            assert_eq!(&ids[..kept], expected);
        }
    }
}
