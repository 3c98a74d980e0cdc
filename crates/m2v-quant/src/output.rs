//! Writing the rows of a table.

use std::sync::atomic::{AtomicUsize, Ordering};

use m2v_core::{Buffer, Dtype, EmbeddingTable, Tensor};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::error::Result;
use crate::transform::Context;

/// Rows that one thread takes between looks at the cancel flag.
pub(crate) const ROWS: usize = 1024;

/// As many rows of another type. `write` gets some of a table's at a time, in parallel: the number of the first, their
/// bytes, room for what they become, and their part of `beside`, which has an entry for each row.
pub(crate) fn rewrite<X: Send>(
    table: &EmbeddingTable,
    dtype: Dtype,
    beside: &mut [X],
    context: &Context<'_>,
    write: impl Fn(usize, &[u8], &mut [u8], &mut [X]) -> Result<()> + Sync,
) -> Result<Tensor> {
    let (rows, dim) = (table.rows(), table.dim());
    if rows == 0 {
        // Its columns take no memory, and may be more than can be multiplied.
        return Ok(Tensor::try_new(dtype, &[rows, dim], Buffer::default())?);
    }
    let mut output = Output::new(rows * dim * dtype.size());
    let done = AtomicUsize::new(0);
    let from = table.embeddings().bytes().par_chunks(ROWS * dim * table.dtype().size());
    let to = output.bytes().par_chunks_mut(ROWS * dim * dtype.size());
    let blocks = from.zip(to.zip(beside.par_chunks_mut(ROWS))).enumerate();
    blocks.try_for_each(|(block, (from, (to, beside)))| -> Result<()> {
        context.check()?;
        write(block * ROWS, from, to, beside)?;
        context.report(done.fetch_add(beside.len(), Ordering::Relaxed) + beside.len(), rows);
        Ok(())
    })?;
    Ok(Tensor::try_new(dtype, &[rows, dim], output.into_buffer())?)
}

/// The bytes of a table that is about to be written: zeros that were not touched yet, in huge pages where there are
/// some, since the first write to each page costs as much as to convert what it holds.
pub(crate) struct Output {
    floats: Vec<f32>,
    len: usize,
}

impl Output {
    pub(crate) fn new(len: usize) -> Self {
        let (floats, _) = m2v_core::zeros(1, len.div_ceil(size_of::<f32>())).into_raw_vec_and_offset();
        Self { floats, len }
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.floats)[..self.len]
    }

    /// The bytes to keep; not copied.
    pub(crate) fn into_buffer(self) -> Buffer {
        Buffer::from_owner(self)
    }
}

impl AsRef<[u8]> for Output {
    fn as_ref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.floats)[..self.len]
    }
}
