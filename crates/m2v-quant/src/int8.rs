//! 8-bit integers with a scale for each row.

use half::{bf16, f16};
use m2v_core::{Checkpoint, Dtype, EmbeddingTable, Tensor};
use ndarray::Array1;

use crate::error::{Error, Result};
use crate::number::{BLOCK, Number, blocks};
use crate::output::rewrite;
use crate::transform::{Context, Transform};

/// Makes the rows 8-bit integers, each with its own scale, max|x| ÷ 127, multiplied into `weights`.
///
/// model2vec, and sentence-transformers from 6.2, read the result unchanged. A value becomes
/// `round(x ÷ scale)`, half to even, in −127..=127; computed in f32, of float64 tables in f64. A row of zeros stays
/// zeros, with scale 1. An int8 table is not touched. Needs no memory but for the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int8;

impl Transform for Int8 {
    /// # Errors
    /// [`Error::Value`] if the table or its weights hold NaN or an infinity, or a scale overflows f32.
    fn apply(&self, mut checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint> {
        let table = &checkpoint.table;
        let (embeddings, scales) = match table.dtype() {
            Dtype::F64 => quantize(table, context, quantize_row_f64),
            Dtype::F32 => quantize(table, context, quantize_row::<f32>),
            Dtype::F16 => quantize(table, context, quantize_row::<f16>),
            Dtype::BF16 => quantize(table, context, quantize_row::<bf16>),
            _ => return Ok(checkpoint),
        }?;
        let weights = weights(table, &scales)?;
        checkpoint.table = EmbeddingTable::try_new(embeddings, Some(weights), table.mapping().cloned())?;
        Ok(checkpoint)
    }
}

/// Quantises each row by `row`, which gives its scale, or the value that has none.
fn quantize(
    table: &EmbeddingTable,
    context: &Context<'_>,
    row: impl Fn(&[u8], &mut [f32; BLOCK], &mut [u8]) -> Result<f32, f64> + Sync,
) -> Result<(Tensor, Vec<f32>)> {
    let (dim, size) = (table.dim(), table.dtype().size());
    let mut scales = vec![0.0; table.rows()];
    let embeddings = rewrite(table, Dtype::I8, &mut scales, context, |first, from, to, scales| {
        let mut room = [0.0; BLOCK];
        let pairs = from.chunks_exact(dim * size).zip(to.chunks_exact_mut(dim));
        for (i, ((from, to), scale)) in pairs.zip(&mut *scales).enumerate() {
            let wrong =
                |value| Error::Value { tensor: "embeddings", row: first + i, value, dtype: Dtype::I8 };
            *scale = row(from, &mut room, to).map_err(wrong)?;
        }
        Ok(())
    })?;
    Ok((embeddings, scales))
}

/// A row of a type that f32 holds.
fn quantize_row<S: Number>(from: &[u8], room: &mut [f32; BLOCK], to: &mut [u8]) -> Result<f32, f64> {
    let mut most = 0.0f32;
    blocks::<S, f64>(from, |_, values| {
        most = most.max(largest(S::as_f32s(values, room))?);
        Ok(())
    })?;
    let scale = most / 127.0;
    if scale == 0.0 {
        to.fill(0);
        return Ok(1.0);
    }
    blocks::<S, f64>(from, |start, values| {
        let values = S::as_f32s(values, room).iter();
        values.zip(&mut to[start..]).for_each(|(&value, to)| *to = round(value / scale));
        Ok(())
    })?;
    Ok(scale)
}

/// A row of f64.
fn quantize_row_f64(from: &[u8], _: &mut [f32; BLOCK], to: &mut [u8]) -> Result<f32, f64> {
    let values = || from.chunks_exact(size_of::<f64>()).map(bytemuck::pod_read_unaligned::<f64>);
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

/// The largest absolute value, or one that is NaN or infinite.
pub(crate) fn largest(values: &[f32]) -> Result<f32, f64> {
    // As integers, absolute values are in order, and what is not finite is above all that is.
    let largest = values.iter().fold(0i32, |max, value| max.max(value.abs().to_bits() as i32));
    let largest = f32::from_bits(largest as u32);
    if largest.is_finite() {
        return Ok(largest);
    }
    Err(values.iter().find(|value| !value.is_finite()).map_or(f64::NAN, |&value| value.into()))
}

/// The nearest integer, half to even, as the bits of an i8. Takes −127.49 to 127.49; limits the rest.
pub(crate) fn round(value: f32) -> u8 {
    /// Above 2²³ floats are the integers, and the lowest bits of their significands count them.
    const INTEGERS: f32 = 12_582_912.0;
    let limited = if value < 127.0 { value } else { 127.0 };
    let limited = if limited > -127.0 { limited } else { -127.0 };
    (limited + INTEGERS).to_bits() as u8
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
