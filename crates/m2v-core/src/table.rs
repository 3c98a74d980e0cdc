//! The embedding table and pooling over it.

use std::sync::Arc;

use ndarray::ArrayViewMut2;

use crate::dtype::Dtype;
use crate::error::{Error, Result, describe};
use crate::kernel::{self, Block, Isa, Job, Rows};
use crate::tensor::Tensor;

/// How [`EmbeddingTable::pool_into`] turns a sum into an embedding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolOptions {
    /// Divide each mean by its length (‖v‖₂ + 1e-32).
    pub normalize: bool,
}

impl PoolOptions {
    /// With or without normalisation; without is the default.
    #[must_use]
    pub fn with_normalize(self, normalize: bool) -> Self {
        Self { normalize, ..self }
    }
}

/// The vectors of all tokens, in the dtype they were stored in, with their optional weights and mapping.
///
/// The vector of a token is `embeddings[mapping[id]] × weights[id]`; without a mapping, `embeddings[id]`.
/// Everything is checked when a table is made, so that use needs no further checks but the range of ids.
#[derive(Clone, Debug)]
pub struct EmbeddingTable {
    embeddings: Tensor,
    weights: Option<Tensor>,
    mapping: Option<Tensor>,
    dim: usize,
    rows: usize,
    /// `weights` as the kernels take them.
    weights_f32: Option<Arc<[f32]>>,
    /// `mapping` as the kernels take it, each entry below `rows`.
    row_of: Option<Arc<[u32]>>,
    /// The widest kernels there are. To ask each time takes 60 instructions; a short text takes 4,000.
    isa: Isa,
}

impl PartialEq for EmbeddingTable {
    fn eq(&self, other: &Self) -> bool {
        (&self.embeddings, &self.weights, &self.mapping)
            == (&other.embeddings, &other.weights, &other.mapping)
    }
}

impl EmbeddingTable {
    /// Checks and keeps the three tensors of `model.safetensors`.
    ///
    /// * `embeddings`: `[rows, dim]`, floats or int8.
    /// * `weights`: `[tokens]`, floats. Without a mapping there must be as many as rows.
    /// * `mapping`: `[tokens]`, int32 or int64, every entry in `0..rows`.
    ///
    /// # Errors
    /// [`Error::Tensor`] naming the tensor, what it should be and what it is.
    pub fn try_new(embeddings: Tensor, weights: Option<Tensor>, mapping: Option<Tensor>) -> Result<Self> {
        let found = |tensor: &Tensor| describe(tensor.dtype(), tensor.shape());
        let (rows, dim) = match *embeddings.shape() {
            [rows, dim] if dim > 0 && embeddings.dtype().is_table() => (rows, dim),
            _ => {
                let expected = "[rows, dim], floats or int8, dim at least 1";
                return Err(Error::tensor("embeddings", expected, found(&embeddings)));
            }
        };
        let row_of = mapping.as_ref().map(|mapping| read_mapping(mapping, rows)).transpose()?;
        let weights_f32 = match &weights {
            None => None,
            Some(weights) => {
                if weights.shape().len() != 1 || !weights.dtype().is_float() {
                    return Err(Error::tensor("weights", "[tokens], floats", found(weights)));
                }
                if row_of.is_none() && weights.element_count() != rows {
                    return Err(Error::tensor(
                        "weights",
                        format!("{rows} entries, as many as rows"),
                        found(weights),
                    ));
                }
                Some(weights.to_f32()?.iter().copied().collect())
            }
        };
        let isa = Isa::best();
        Ok(Self { embeddings, weights, mapping, dim, rows, weights_f32, row_of, isa })
    }

    /// Columns: the length of a vector.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Rows: distinct vectors.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The element type of the rows.
    #[must_use]
    pub fn dtype(&self) -> Dtype {
        self.embeddings.dtype()
    }

    /// The table covers the token ids `0..id_count()`.
    #[must_use]
    pub fn id_count(&self) -> usize {
        let mapped = self.row_of.as_ref().map_or(self.rows, |row_of| row_of.len());
        self.weights_f32.as_ref().map_or(mapped, |weights| weights.len().min(mapped))
    }

    /// The rows, `[rows, dim]`.
    #[must_use]
    pub fn embeddings(&self) -> &Tensor {
        &self.embeddings
    }

    /// The factor of each token, `[tokens]`.
    #[must_use]
    pub fn weights(&self) -> Option<&Tensor> {
        self.weights.as_ref()
    }

    /// The row of each token, `[tokens]`.
    #[must_use]
    pub fn mapping(&self) -> Option<&Tensor> {
        self.mapping.as_ref()
    }

    /// [`EmbeddingTable::weights`] as f32, rounded once.
    #[must_use]
    pub fn weights_f32(&self) -> Option<&[f32]> {
        self.weights_f32.as_deref()
    }

    /// [`EmbeddingTable::mapping`] as row indices, all below [`EmbeddingTable::rows`].
    #[must_use]
    pub fn row_of(&self) -> Option<&[u32]> {
        self.row_of.as_deref()
    }

    /// Bytes of the three tensors.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        let tensors = [Some(&self.embeddings), self.weights.as_ref(), self.mapping.as_ref()];
        tensors.into_iter().flatten().map(|tensor| tensor.bytes().len()).sum()
    }

    /// Embeds a block of texts: the mean of each text's token vectors.
    ///
    /// Text `i` is `ids[ends[i - 1]..ends[i]]` (the first starts at 0), and its embedding goes to row `i` of
    /// `out`, `[ends.len(), dim]`. A text without ids gets zeros.
    ///
    /// The sum is taken in f32, in the order of the ids, and divided by their number: bit-identical to Python
    /// model2vec's `encode` on a float32 table. int8 rows without weights are added as integers, which gives the
    /// same bits for texts of up to 131,072 tokens and is more exact for longer ones. Normalised
    /// embeddings are rounded once less than v / (‖v‖₂ + 1e-32) is.
    ///
    /// On x86-64 this uses AVX2 or AVX-512 where the processor has them. Results are the same bits everywhere.
    ///
    /// # Errors
    /// [`Error::IdOutOfRange`], or [`Error::Shape`] if `ends` or `out` do not fit. `out` is then unspecified.
    #[inline]
    pub fn pool_into(
        &self,
        ids: &[u32],
        ends: &[usize],
        options: PoolOptions,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<()> {
        self.pool_into_on(self.isa, ids, ends, options, out)
    }

    /// As [`EmbeddingTable::pool_into`], with the kernels of one instruction set: for tests and benchmarks.
    ///
    /// # Errors
    /// As [`EmbeddingTable::pool_into`].
    #[doc(hidden)]
    pub fn pool_into_on(
        &self,
        isa: Isa,
        ids: &[u32],
        ends: &[usize],
        options: PoolOptions,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<()> {
        self.check(ids, ends.len(), &out)?;
        let last = ends.last().copied().unwrap_or(0);
        if let Some(pair) = ends.windows(2).find(|pair| pair[0] > pair[1]) {
            let what = "ascending ends: the one after another, at least";
            return Err(Error::Shape { what, expected: pair[0], found: pair[1] });
        }
        if last != ids.len() {
            return Err(Error::Shape { what: "last of the ends", expected: ids.len(), found: last });
        }
        let normalize = options.normalize;
        let block = Block { rows: self.kernel_rows(), ids };
        if let Some(out) = out.as_slice_mut() {
            kernel::pool(isa, Job { block, start: 0, ends, normalize, out });
            return Ok(());
        }
        // A caller's view with gaps between its rows or columns.
        let mut vector = vec![0.0; self.dim];
        let starts = std::iter::once(0).chain(ends.iter().copied());
        for ((start, end), mut row) in starts.zip(ends).zip(out.rows_mut()) {
            let ends = std::slice::from_ref(end);
            kernel::pool(isa, Job { block, start, ends, normalize, out: &mut vector });
            row.iter_mut().zip(&vector).for_each(|(out, &x)| *out = x);
        }
        Ok(())
    }

    /// Embeds one text: as [`EmbeddingTable::pool_into`] of a block of one, with less to check.
    ///
    /// ```
    /// use m2v_core::{EmbeddingTable, PoolOptions, Tensor};
    /// use ndarray::array;
    ///
    /// let table = EmbeddingTable::try_new(Tensor::from_array(&array![[1.0_f32, 0.0], [0.0, 1.0]]), None, None)?;
    /// let mut out = [0.0; 2];
    /// table.pool_one_into(&[0, 1, 1, 1], PoolOptions::default(), &mut out)?;
    /// assert_eq!(out, [0.25, 0.75]);
    /// # Ok::<(), m2v_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::IdOutOfRange`], or [`Error::Shape`] if `out` is not of [`EmbeddingTable::dim`]; `out` is then
    /// unspecified.
    #[inline]
    pub fn pool_one_into(&self, ids: &[u32], options: PoolOptions, out: &mut [f32]) -> Result<()> {
        if out.len() != self.dim {
            return Err(Error::Shape { what: "columns of the output", expected: self.dim, found: out.len() });
        }
        self.check_ids(ids)?;
        let block = Block { rows: self.kernel_rows(), ids };
        let job = Job { block, start: 0, ends: &[ids.len()], normalize: options.normalize, out };
        kernel::pool(self.isa, job);
        Ok(())
    }

    /// Looks up the vector of each token, row `i` of `out` (`[ids.len(), dim]`) for `ids[i]`. Never normalised.
    ///
    /// # Errors
    /// As [`EmbeddingTable::pool_into`].
    pub fn lookup_into(&self, ids: &[u32], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        // The mean of one vector is that vector, except that −0 becomes 0.
        let ends: Vec<usize> = (1..=ids.len()).collect();
        self.pool_into(ids, &ends, PoolOptions::default(), out)
    }

    fn check(&self, ids: &[u32], texts: usize, out: &ArrayViewMut2<'_, f32>) -> Result<()> {
        for (what, expected, found) in
            [("rows of the output", texts, out.nrows()), ("columns of the output", self.dim, out.ncols())]
        {
            if expected != found {
                return Err(Error::Shape { what, expected, found });
            }
        }
        self.check_ids(ids)
    }

    fn check_ids(&self, ids: &[u32]) -> Result<()> {
        let count = self.id_count();
        // Compared as what they are, twice as many fit in a register. Of more than there are u32, none is out.
        let least_out = u32::try_from(count).ok();
        let is_out = |id: u32| least_out.is_some_and(|least| id >= least);
        // All of them, in steps of many: which it is, if any, is looked for later.
        if ids.iter().fold(false, |found, &id| found | is_out(id))
            && let Some(id) = ids.iter().copied().find(|&id| is_out(id))
        {
            return Err(Error::IdOutOfRange { id, count });
        }
        Ok(())
    }

    fn kernel_rows(&self) -> Rows<'_> {
        Rows {
            bytes: self.embeddings.bytes(),
            dtype: self.dtype(),
            dim: self.dim,
            weights: self.weights_f32(),
            row_of: self.row_of(),
        }
    }
}

fn read_mapping(mapping: &Tensor, rows: usize) -> Result<Arc<[u32]>> {
    let found = describe(mapping.dtype(), mapping.shape());
    let wrong = |_| Error::tensor("mapping", "[tokens], int32 or int64", &found);
    let entries: Vec<i64> = match (mapping.dtype(), mapping.shape()) {
        (Dtype::I32, [_]) => {
            mapping.to_array::<i32>().map_err(wrong)?.iter().map(|&row| row.into()).collect()
        }
        (Dtype::I64, [_]) => mapping.to_array::<i64>().map_err(wrong)?.iter().copied().collect(),
        _ => return Err(Error::tensor("mapping", "[tokens], int32 or int64", found)),
    };
    entries
        .into_iter()
        .enumerate()
        .map(|(id, row)| match u32::try_from(row) {
            Ok(row) if (row as usize) < rows => Ok(row),
            _ => Err(Error::tensor("mapping", format!("entries in 0..{rows}"), format!("{row} at {id}"))),
        })
        .collect()
}
