//! Other float types.

use std::sync::atomic::{AtomicUsize, Ordering};

use half::{bf16, f16};
use m2v_core::{Checkpoint, Dtype, Element, EmbeddingTable, Tensor};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use crate::error::{Error, Result};
use crate::transform::{Context, Transform};

/// Casts the table to another float type, each value rounded once, to nearest even. Weights and mapping stay
/// as they are. A table that has the type already is not touched.
///
/// Takes any table; of int8 rows the scales stay in the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast(
    /// The type the table gets: F64, F32, F16 or BF16.
    pub Dtype,
);

/// Rows that one thread converts between looks at the cancel flag.
const ROWS: usize = 1024;

impl Transform for Cast {
    /// # Errors
    /// [`Error::CastTo`] if the type is not a float; [`Error::Value`] if the table holds NaN, an infinity or a
    /// number that the type cannot hold.
    fn apply(&self, mut checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint> {
        let table = &checkpoint.table;
        let to = self.0;
        if !to.is_float() {
            return Err(Error::CastTo(to));
        }
        if table.dtype() == to {
            return Ok(checkpoint);
        }
        let embeddings = match to {
            Dtype::F64 => cast_to::<f64>(table, context),
            Dtype::F32 => cast_to::<f32>(table, context),
            Dtype::F16 => cast_to::<f16>(table, context),
            _ => cast_to::<bf16>(table, context),
        }?;
        checkpoint.table =
            EmbeddingTable::try_new(embeddings, table.weights().cloned(), table.mapping().cloned())?;
        Ok(checkpoint)
    }
}

fn cast_to<T: Float>(table: &EmbeddingTable, context: &Context<'_>) -> Result<Tensor> {
    match table.dtype() {
        Dtype::F64 => cast::<f64, T>(table, context),
        Dtype::F32 => cast::<f32, T>(table, context),
        Dtype::F16 => cast::<f16, T>(table, context),
        Dtype::BF16 => cast::<bf16, T>(table, context),
        _ => cast::<i8, T>(table, context),
    }
}

fn cast<S: Number, T: Float>(table: &EmbeddingTable, context: &Context<'_>) -> Result<Tensor> {
    let mut bytes = vec![0; table.rows() * table.dim() * size_of::<T>()];
    let done = AtomicUsize::new(0);
    let (from, to) = (ROWS * table.dim() * size_of::<S>(), ROWS * table.dim() * size_of::<T>());
    table.embeddings().bytes().par_chunks(from).zip(bytes.par_chunks_mut(to)).enumerate().try_for_each(
        |(block, (from, to))| {
            context.check()?;
            let values = from.chunks_exact(size_of::<S>()).map(|bytes| S::read(bytes).to_f64());
            for (i, (value, out)) in values.zip(to.chunks_exact_mut(size_of::<T>())).enumerate() {
                let result = T::from_f64(value);
                if !result.to_f64().is_finite() {
                    let row = block * ROWS + i / table.dim();
                    return Err(Error::Value { tensor: "embeddings", row, value, dtype: T::DTYPE });
                }
                out.copy_from_slice(bytemuck::bytes_of(&result));
            }
            let rows = from.len() / (table.dim() * size_of::<S>());
            context.report(done.fetch_add(rows, Ordering::Relaxed) + rows, table.rows());
            Ok(())
        },
    )?;
    Ok(Tensor::try_new(T::DTYPE, &[table.rows(), table.dim()], bytes.into())?)
}

/// A number of a table; f64 holds each exactly.
pub(crate) trait Number: Element + Send + Sync {
    fn to_f64(self) -> f64;

    /// Reads one, at any alignment.
    fn read(bytes: &[u8]) -> Self {
        bytemuck::pod_read_unaligned(bytes)
    }
}

/// A float type to cast to.
trait Float: Number {
    /// Rounds once, to nearest even.
    fn from_f64(value: f64) -> Self;
}

impl Number for f64 {
    fn to_f64(self) -> f64 {
        self
    }
}

impl Number for f32 {
    fn to_f64(self) -> f64 {
        self.into()
    }
}

impl Number for f16 {
    fn to_f64(self) -> f64 {
        self.to_f32().into()
    }
}

impl Number for bf16 {
    fn to_f64(self) -> f64 {
        self.to_f32().into()
    }
}

impl Number for i8 {
    fn to_f64(self) -> f64 {
        self.into()
    }
}

impl Float for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }
}

impl Float for f32 {
    fn from_f64(value: f64) -> Self {
        value as Self
    }
}

impl Float for f16 {
    fn from_f64(value: f64) -> Self {
        Self::from_f32(round_to_odd(value))
    }
}

impl Float for bf16 {
    fn from_f64(value: f64) -> Self {
        Self::from_f32(round_to_odd(value))
    }
}

/// Rounds to f32 so that a second rounding, to a type with at least two bits less, gives what one rounding
/// from f64 would: an inexact result is the neighbour whose last bit is set (Boldo & Melquiond, "When double
/// rounding is odd", 2005). `half::f16::from_f64` rounds twice.
fn round_to_odd(value: f64) -> f32 {
    let nearest = value as f32;
    let wide = f64::from(nearest);
    if wide == value || nearest.is_nan() {
        return nearest;
    }
    let bits = nearest.to_bits();
    let towards_zero = if wide.abs() > value.abs() { bits - 1 } else { bits };
    f32::from_bits(towards_zero | 1)
}

#[cfg(test)]
mod tests {
    use super::{Float, round_to_odd};
    use half::f16;

    #[test]
    fn rounds_once() {
        // Just above the middle of two f16 numbers: f32 rounds to the middle, and from there it goes to the even one.
        let value = 1.0 + 2.0f64.powi(-11) + 2.0f64.powi(-40);
        assert_eq!(f16::from_f64(value).to_f32(), 1.0, "half rounds once by now: round_to_odd may go");
        assert_eq!(<f16 as Float>::from_f64(value).to_f32(), 1.0 + 2.0f32.powi(-10));
        assert_eq!(<f16 as Float>::from_f64(-value).to_f32(), -1.0 - 2.0f32.powi(-10));
        assert_eq!(round_to_odd(0.5), 0.5);
        assert_eq!(round_to_odd(1e300).to_bits(), f32::MAX.to_bits());
    }
}
