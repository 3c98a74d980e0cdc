//! 8-bit integers with a scale for each row.

use std::sync::atomic::{AtomicUsize, Ordering};

use half::{bf16, f16};
use m2v_core::{Checkpoint, Dtype, EmbeddingTable, Tensor};
use ndarray::Array1;
use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::cast::Number;
use crate::error::{Error, Result};
use crate::transform::{Context, Transform};

/// Makes the rows 8-bit integers, each with its own scale, max|x| ÷ 127, multiplied into `weights`.
///
/// model2vec, and sentence-transformers from 6.2, read the result unchanged. A value becomes
/// `round(x ÷ scale)`, half to even, in −127..=127. A row of zeros stays zeros, with scale 1. An int8 table is
/// not touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int8;

impl Transform for Int8 {
    /// # Errors
    /// [`Error::Value`] if the table or its weights hold NaN or an infinity, or a scale overflows f32.
    fn apply(&self, mut checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint> {
        let table = &checkpoint.table;
        let (embeddings, scales) = match table.dtype() {
            Dtype::F64 => quantize::<f64>(table, context),
            Dtype::F32 => quantize::<f32>(table, context),
            Dtype::F16 => quantize::<f16>(table, context),
            Dtype::BF16 => quantize::<bf16>(table, context),
            _ => return Ok(checkpoint),
        }?;
        let weights = weights(table, &scales)?;
        checkpoint.table = EmbeddingTable::try_new(embeddings, Some(weights), table.mapping().cloned())?;
        Ok(checkpoint)
    }
}

/// Rows between looks at the cancel flag.
const ROWS: usize = 1024;

fn quantize<S: Number>(table: &EmbeddingTable, context: &Context<'_>) -> Result<(Tensor, Vec<f32>)> {
    let (rows, dim) = (table.rows(), table.dim());
    let mut bytes = vec![0; rows * dim];
    let mut scales = vec![0.0; rows];
    let done = AtomicUsize::new(0);
    table
        .embeddings()
        .bytes()
        .par_chunks(dim * size_of::<S>())
        .zip(bytes.par_chunks_mut(dim))
        .zip(scales.par_iter_mut())
        .enumerate()
        .with_min_len(ROWS)
        .try_for_each(|(row, ((from, to), scale))| {
            if row.is_multiple_of(ROWS) {
                context.check()?;
            }
            let wrong = |value| Error::Value { tensor: "embeddings", row, value, dtype: Dtype::I8 };
            *scale = quantize_row::<S>(from, to).map_err(wrong)?;
            let now = done.fetch_add(1, Ordering::Relaxed) + 1;
            if now.is_multiple_of(ROWS) || now == rows {
                context.report(now, rows);
            }
            Ok::<(), Error>(())
        })?;
    Ok((Tensor::try_new(Dtype::I8, &[rows, dim], bytes.into())?, scales))
}

/// Quantises one row and gives its scale, or the value that has none.
fn quantize_row<S: Number>(from: &[u8], to: &mut [u8]) -> Result<f32, f64> {
    let values = || from.chunks_exact(size_of::<S>()).map(|bytes| S::read(bytes).to_f64());
    if let Some(value) = values().find(|value| !value.is_finite()) {
        return Err(value);
    }
    let largest = values().fold(0.0, |max: f64, value| max.max(value.abs()));
    let scale = (largest / 127.0) as f32;
    if !scale.is_finite() {
        return Err(largest);
    }
    if scale == 0.0 {
        to.fill(0);
        return Ok(1.0);
    }
    for (value, out) in values().zip(to) {
        let quantised = (value / f64::from(scale)).round_ties_even().clamp(-127.0, 127.0);
        *out = quantised as i8 as u8;
    }
    Ok(scale)
}

/// The scales of the rows, multiplied into the weights of the tokens that use them.
fn weights(table: &EmbeddingTable, scales: &[f32]) -> Result<Tensor> {
    let weight = |id: usize| {
        let row = table.row_of().map_or(id, |row_of| row_of[id] as usize);
        let old = table.weights_f32().map_or(1.0, |weights| weights[id]);
        let weight = old * scales[row];
        if weight.is_finite() {
            return Ok(weight);
        }
        Err(Error::Value { tensor: "weights", row: id, value: old.into(), dtype: Dtype::I8 })
    };
    let weights = (0..table.id_count()).map(weight).collect::<Result<Vec<f32>>>()?;
    Ok(Tensor::from_array(&Array1::from(weights)))
}
