//! A smaller vocabulary.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

use m2v_core::{Checkpoint, Dtype, EmbeddingTable, Tensor};
use m2v_tokenize::{Scratch, Subset, Tokenizer, from_json};
use ndarray::Array1;
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use crate::error::{Error, Result};
use crate::transform::{Context, Transform};

/// Keeps the tokens that some texts use, with what the tokenizer needs: a smaller table, and a `tokenizer.json` to go
/// with it.
///
/// [`Subset`] says which tokens a tokenizer needs, single characters among them, so that what is left can spell any
/// text that the whole vocabulary could spell. Where there is room for them within two fifths of the vocabulary, it
/// also keeps tokens that other texts of the kind are likely to use, unless told [otherwise](Self::with_likely). If the
/// model cuts texts (`max_length`), more are kept until the median token length is what it was, as that says where.
///
/// **Each of the texts keeps its vector**, bit for bit, with the model's own `max_length` or with none: each is
/// tokenised with both tokenizers before this returns. So does any other text of kept tokens; where others would be
/// needed, a text is spelled with shorter ones.
///
/// ```
/// use m2v_core::{Checkpoint, Config, EmbeddingTable, Tensor};
/// use m2v_quant::{Context, Prune, Transform};
///
/// let tokenizer = br#"{
///     "pre_tokenizer": {"type": "Whitespace"},
///     "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "one": 1, "two": 2, "six": 3}}
/// }"#;
/// let rows = Tensor::from_array(&ndarray::array![[0.0f32], [0.1], [0.2], [0.6]]);
/// let checkpoint = Checkpoint::new(Config::default(), EmbeddingTable::try_new(rows, None, None)?, tokenizer);
///
/// let texts = |_: &str| Ok(vec!["six two".to_owned()]);
/// let mut context = Context::default().with_texts(&texts);
/// let pruned = Prune::new("numbers").apply(checkpoint, &mut context)?;
/// assert_eq!(pruned.table.embeddings().to_f32()?, ndarray::array![[0.0], [0.2], [0.6]].into_dyn());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prune {
    texts: String,
    likely: bool,
}

impl Prune {
    /// Prunes to the texts that the [context](Context::with_texts) has under a name.
    #[must_use]
    pub fn new(texts: impl Into<String>) -> Self {
        Self { texts: texts.into(), likely: true }
    }

    /// What the context calls the texts.
    #[must_use]
    pub fn texts(&self) -> &str {
        &self.texts
    }

    /// Whether to keep tokens that the texts do not use and others of the kind are likely to
    /// ([`Subset::keep_likely`]). Without them the table is as small as these texts allow, and other texts lose more.
    #[must_use]
    pub fn with_likely(self, likely: bool) -> Self {
        Self { likely, ..self }
    }

    /// Whether likely tokens are kept.
    #[must_use]
    pub fn keeps_likely(&self) -> bool {
        self.likely
    }
}

impl Transform for Prune {
    /// # Errors
    /// [`Error::Texts`] if there are no texts, [`Error::Tokenize`] for a tokenizer that is broken or cannot do without
    /// its tokens, [`Error::Pruned`] if it would do something else (of a sane file none does), and
    /// [`Error::Data`] if the table does not cover its ids.
    fn apply(&self, mut checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint> {
        let texts = context.texts(&self.texts)?;
        if texts.is_empty() {
            let source = "no texts; expected those whose tokens are to be kept".into();
            return Err(Error::Texts { name: self.texts.clone(), source });
        }
        let whole = from_json(&checkpoint.tokenizer)?;
        let max_length = checkpoint.config.max_length();
        let corpus = Corpus { texts: &texts, max_length, whole: &*whole, context };
        let mut subset = Subset::new(&checkpoint.tokenizer)?;
        let used = corpus.used()?;
        used.iter().for_each(|(id, _)| subset.keep(*id));
        if self.likely {
            subset.keep_likely(&used, max_length.is_some());
        }
        let part = loop {
            if max_length.is_some() {
                subset.keep_median_token_length();
            }
            let part = subset.to_tokenizer()?;
            let differences = corpus.differences(&*from_json(&part.json)?, &part.ids)?;
            let Some(first) = differences.first() else { break part };
            let mut changed = false;
            for Difference { before, after, .. } in &differences {
                changed |= subset.reconcile(before, after);
            }
            if !changed {
                return Err(Error::Pruned { name: self.texts.clone(), text: first.text });
            }
        };
        checkpoint.table = select(&checkpoint.table, &part.ids)?;
        checkpoint.tokenizer = part.json.into();
        Ok(checkpoint)
    }
}

/// Texts that one thread tokenises between looks at the cancel flag.
const BLOCK: usize = 256;

/// The texts whose vectors stay.
struct Corpus<'a> {
    texts: &'a [String],
    max_length: Option<usize>,
    whole: &'a dyn Tokenizer,
    context: &'a Context<'a>,
}

/// A text that has other tokens than before, both as old ids.
struct Difference {
    text: usize,
    before: Vec<u32>,
    after: Vec<u32>,
}

impl Corpus<'_> {
    /// The ids that occur, sorted, and how often.
    fn used(&self) -> Result<Vec<(u32, usize)>> {
        let maps = self.map(|text, scratch, (ids, used): &mut (Vec<u32>, HashMap<u32, usize>)| {
            ids.clear();
            self.encode(self.whole, text, scratch, ids)?;
            ids.iter().for_each(|&id| *used.entry(id).or_default() += 1);
            Ok(())
        })?;
        let mut used = BTreeMap::new();
        for (id, count) in maps.into_iter().flat_map(|(_, used)| used) {
            *used.entry(id).or_default() += count;
        }
        Ok(used.into_iter().collect())
    }

    /// The texts that a tokenizer gives other ids, of which `old` has the old ones.
    fn differences(&self, part: &dyn Tokenizer, old: &[u32]) -> Result<Vec<Difference>> {
        let found = self.map(|text, scratch, found: &mut Vec<Difference>| {
            let (mut before, mut after) = (Vec::new(), Vec::new());
            self.encode(self.whole, text, scratch, &mut before)?;
            self.encode(part, text, scratch, &mut after)?;
            after.iter_mut().for_each(|id| *id = old[*id as usize]);
            if before != after {
                found.push(Difference { text, before, after });
            }
            Ok(())
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Appends the ids of a text: all of them, and those of the text as it is cut, whose last tokens may be others.
    fn encode(
        &self,
        tokenizer: &dyn Tokenizer,
        text: usize,
        scratch: &mut Scratch,
        ids: &mut Vec<u32>,
    ) -> Result<()> {
        let text = &*self.texts[text];
        let cut = tokenizer.vocabulary().cut(text, self.max_length);
        tokenizer.encode_into(text, scratch, ids)?;
        if cut.len() < text.len() {
            tokenizer.encode_into(cut, scratch, ids)?;
        }
        Ok(())
    }

    /// Calls `each` with the index of each text, in parallel; what it collected of the blocks, in order.
    fn map<T: Default + Send>(
        &self,
        each: impl Fn(usize, &mut Scratch, &mut T) -> Result<()> + Sync,
    ) -> Result<Vec<T>> {
        let done = AtomicUsize::new(0);
        let block = |scratch: &mut Scratch, (block, texts): (usize, &[String])| {
            self.context.check()?;
            let mut collected = T::default();
            for text in (block * BLOCK..).take(texts.len()) {
                each(text, scratch, &mut collected)?;
            }
            let before = done.fetch_add(texts.len(), Ordering::Relaxed);
            self.context.report(before + texts.len(), self.texts.len());
            Ok(collected)
        };
        self.texts.par_chunks(BLOCK).enumerate().map_init(Scratch::default, block).collect()
    }
}

/// The vectors of some ids, numbered anew in this order. Rows that no token uses any more are left out.
fn select(table: &EmbeddingTable, ids: &[u32]) -> Result<EmbeddingTable> {
    let count = table.id_count();
    if let Some(&id) = ids.iter().find(|&&id| id as usize >= count) {
        return Err(m2v_core::Error::IdOutOfRange { id, count }.into());
    }
    let weights = table.weights().map(|weights| gather(weights, ids)).transpose()?;
    let (Some(mapping), Some(row_of)) = (table.mapping(), table.row_of()) else {
        return Ok(EmbeddingTable::try_new(gather(table.embeddings(), ids)?, weights, None)?);
    };
    let mut rows: Vec<u32> = ids.iter().map(|&id| row_of[id as usize]).collect();
    let old = rows.clone();
    rows.sort_unstable();
    rows.dedup();
    let new = old.into_iter().map(|row| rows.partition_point(|&kept| kept < row));
    let mapping = match mapping.dtype() {
        Dtype::I64 => Tensor::from_array(&Array1::from_iter(new.map(|row| row as i64))),
        // A row of a table with such a mapping has an int32 for its number, and a smaller one now.
        _ => Tensor::from_array(&Array1::from_iter(new.map(|row| row as i32))),
    };
    Ok(EmbeddingTable::try_new(gather(table.embeddings(), &rows)?, weights, Some(mapping))?)
}

/// Some of the rows, or elements, of a tensor.
fn gather(tensor: &Tensor, rows: &[u32]) -> Result<Tensor> {
    let mut shape = tensor.shape().to_vec();
    let size = shape[1..].iter().product::<usize>() * tensor.dtype().size();
    shape[0] = rows.len();
    let mut bytes = Vec::with_capacity(rows.len() * size);
    for &row in rows {
        bytes.extend_from_slice(&tensor.bytes()[row as usize * size..][..size]);
    }
    Ok(Tensor::try_new(tensor.dtype(), &shape, bytes.into())?)
}
