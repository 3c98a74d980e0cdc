//! 8-bit integers with one scale that is thrown away.

use half::{bf16, f16};
use m2v_core::{Checkpoint, Dtype, EmbeddingTable, Tensor};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSlice;

use crate::error::{Error, Result};
use crate::int8::round;
use crate::number::{BLOCK, Float, Number, blocks};
use crate::output::{ROWS, rewrite};
use crate::transform::{Context, Transform};

/// Makes the rows 8-bit integers with one scale for the whole table, max|x| ÷ 127, in the arithmetic and to the byte
/// of the reference (`quantize_embeddings(…, "int8")`), which does not keep the scale.
///
/// The table of a model that normalises points where it did, coarsely; lengths are lost. [`Int8`](crate::Int8) is
/// closer: use this where files have to equal those of Python. Weights and mapping stay as they are; an int8 table
/// is not touched. Needs no memory but for the result.
///
/// The scale is computed in the type of the table; values are rounded to f16, divided, rounded to f16 again, then to
/// integers, half to even. (bfloat16, which the reference cannot read, counts as float32.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Int8Global;

impl Transform for Int8Global {
    /// # Errors
    /// [`Error::Value`] if the table holds NaN, an infinity, what f16 cannot hold, or only values so small that the
    /// scale is 0. (The reference makes zeros or ±127 of those.)
    fn apply(&self, mut checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint> {
        let table = &checkpoint.table;
        let embeddings = match table.dtype() {
            Dtype::F64 => quantize::<f64>(table, context, |largest| largest / 127.0),
            Dtype::F32 => quantize::<f32>(table, context, |largest| (largest as f32 / 127.0).into()),
            Dtype::BF16 => quantize::<bf16>(table, context, |largest| (largest as f32 / 127.0).into()),
            Dtype::F16 => {
                quantize::<f16>(table, context, |largest| f16::from_f32(largest as f32 / 127.0).to_f64())
            }
            _ => return Ok(checkpoint),
        }?;
        checkpoint.table =
            EmbeddingTable::try_new(embeddings, table.weights().cloned(), table.mapping().cloned())?;
        Ok(checkpoint)
    }
}

fn quantize<S: Number>(
    table: &EmbeddingTable,
    context: &Context<'_>,
    scale: impl Fn(f64) -> f64,
) -> Result<Tensor> {
    let error = |row, value| Error::Value { tensor: "embeddings", row, value, dtype: Dtype::I8 };
    let (largest, at) = largest::<S>(table, context)?;
    let scale = scale(largest);
    if scale == 0.0 && largest > 0.0 {
        return Err(error(at, largest));
    }
    let integers = integers::<S>(scale);
    rewrite(table, Dtype::I8, &mut vec![(); table.rows()], context, |_, from, to, _| {
        if scale == 0.0 {
            return Ok(());
        }
        let mut halves = [f16::ZERO; BLOCK];
        blocks(from, |start, values: &[S]| {
            let halves = &mut halves[..values.len()];
            f16::convert(values, halves);
            let to = to[start..].iter_mut();
            to.zip(halves).for_each(|(to, half)| *to = integers[usize::from(half.to_bits())]);
            Ok(())
        })
    })
}

/// What each f16 becomes, by its bits: the reference rounds to f16 first.
fn integers<S: Number>(scale: f64) -> Box<[u8; 1 << 16]> {
    let mut integers = Box::new([0; 1 << 16]);
    for (bits, integer) in (0..=u16::MAX).zip(&mut *integers) {
        let half = f16::from_bits(bits);
        let quotient = match S::DTYPE {
            Dtype::F64 => <f16 as Float>::from_f64(half.to_f64() / scale),
            // Such a scale is an f32.
            _ => f16::from_f32(half.to_f32() / scale as f32),
        };
        *integer = round(quotient.to_f32());
    }
    integers
}

/// The largest absolute value and the row it is in.
fn largest<S: Number>(table: &EmbeddingTable, context: &Context<'_>) -> Result<(f64, usize)> {
    let dim = table.dim();
    if table.rows() == 0 {
        return Ok((0.0, 0));
    }
    let chunks = table.embeddings().bytes().par_chunks(ROWS * dim * size_of::<S>());
    let found = chunks.enumerate().map(|(chunk, bytes)| {
        context.check()?;
        let mut found = (0.0, 0);
        blocks(bytes, |start, values: &[S]| {
            let largest = largest_in(values);
            // Above, f16 rounds to infinity.
            if largest.is_nan() || largest >= 65_520.0 {
                let wrong = |value: &S| value.to_f64().is_nan() || value.to_f64().abs() >= 65_520.0;
                let at = values.iter().position(wrong).unwrap_or(0);
                let (row, value) = (chunk * ROWS + (start + at) / dim, values[at].to_f64());
                return Err(Error::Value { tensor: "embeddings", row, value, dtype: Dtype::I8 });
            }
            if largest > found.0 {
                let at = values.iter().position(|value| value.to_f64().abs() == largest).unwrap_or(0);
                found = (largest, chunk * ROWS + (start + at) / dim);
            }
            Ok(())
        })?;
        Ok(found)
    });
    let found = found.collect::<Result<Vec<_>>>()?;
    Ok(found.into_iter().fold((0.0, 0), |max, found| if found.0 > max.0 { found } else { max }))
}

/// The largest absolute value, NaN or infinite if one is.
fn largest_in<S: Number>(values: &[S]) -> f64 {
    if S::DTYPE == Dtype::F64 {
        let largest = values.iter().fold(0u64, |max, value| max.max(value.to_f64().abs().to_bits()));
        return f64::from_bits(largest);
    }
    let mut room = [0.0; BLOCK];
    crate::int8::largest(S::as_f32s(values, &mut room)).map_or_else(f64::abs, f64::from)
}
