//! Other float types.

use half::{bf16, f16};
use m2v_core::{Checkpoint, Dtype, EmbeddingTable, Tensor};

use crate::error::{Error, Result};
use crate::number::{BLOCK, Float, Number, blocks};
use crate::output::rewrite;
use crate::transform::{Context, Transform};

/// Casts the table to another float type, each value rounded once, to nearest even. Weights and mapping stay
/// as they are. A table that has the type already is not touched.
///
/// Takes any table; of int8 rows the scales stay in the weights. Needs no memory but for the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast(
    /// The type the table gets: F64, F32, F16 or BF16.
    pub Dtype,
);

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
    let dim = table.dim();
    rewrite(table, T::DTYPE, &mut vec![(); table.rows()], context, |first, from, to, _| {
        blocks(from, |start, values: &[S]| {
            let convert = |to: &mut [T]| {
                T::convert(values, to);
                if T::all_finite(to) {
                    return Ok(());
                }
                let wrong = to.iter().position(|value| !value.to_f64().is_finite()).unwrap_or(0);
                let (row, value) = (first + (start + wrong) / dim, values[wrong].to_f64());
                Err(Error::Value { tensor: "embeddings", row, value, dtype: T::DTYPE })
            };
            let to = &mut to[start * size_of::<T>()..][..values.len() * size_of::<T>()];
            if let Ok(to) = bytemuck::try_cast_slice_mut(to) {
                return convert(to);
            }
            let mut converted = [T::zeroed(); BLOCK];
            let converted = &mut converted[..values.len()];
            convert(converted)?;
            to.copy_from_slice(bytemuck::cast_slice(converted));
            Ok(())
        })
    })
}
