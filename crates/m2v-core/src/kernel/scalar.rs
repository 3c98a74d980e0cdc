//! Portable kernels; what every other one is compared with.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::dtype::Dtype;

/// Adds `row × weight`, each product rounded to f32 first, to the accumulators.
///
/// `row` holds `sum.len()` elements of `dtype`, at any alignment.
pub(crate) fn add_row(dtype: Dtype, sum: &mut [f32], row: &[u8], weight: Option<f32>) {
    match dtype {
        Dtype::F32 => add(sum, row, weight, f32::from_le_bytes),
        Dtype::F64 => add(sum, row, weight, |bytes| f64::from_le_bytes(bytes) as f32),
        Dtype::F16 => add_f16(sum, row, weight),
        Dtype::BF16 => add(sum, row, weight, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        Dtype::I8 => add(sum, row, weight, |[byte]: [u8; 1]| f32::from(byte as i8)),
        // `EmbeddingTable::try_new` lets no other type through.
        Dtype::I32 | Dtype::I64 => debug_assert!(false, "{dtype} is not the type of a table"),
    }
}

fn add<const N: usize>(sum: &mut [f32], row: &[u8], weight: Option<f32>, widen: impl Fn([u8; N]) -> f32) {
    let (elements, _) = row.as_chunks::<N>();
    match weight {
        None => sum.iter_mut().zip(elements).for_each(|(sum, &x)| *sum += widen(x)),
        Some(weight) => sum.iter_mut().zip(elements).for_each(|(sum, &x)| *sum += widen(x) * weight),
    }
}

/// Half precision is widened a few registers at a time: `half` picks the processor's instruction once a slice.
fn add_f16(sum: &mut [f32], row: &[u8], weight: Option<f32>) {
    const STEP: usize = 64;
    let (mut halves, mut wide) = ([f16::ZERO; STEP], [0.0; STEP]);
    for (sum, row) in sum.chunks_mut(STEP).zip(row.chunks(2 * STEP)) {
        let (halves, wide) = (&mut halves[..sum.len()], &mut wide[..sum.len()]);
        for (half, &bytes) in halves.iter_mut().zip(row.as_chunks::<2>().0) {
            *half = f16::from_le_bytes(bytes);
        }
        halves.convert_to_f32_slice(wide);
        match weight {
            None => sum.iter_mut().zip(wide).for_each(|(sum, x)| *sum += *x),
            Some(weight) => sum.iter_mut().zip(wide).for_each(|(sum, x)| *sum += *x * weight),
        }
    }
}

/// Turns a sum of `count` rows into their mean, and divides that by its length if asked to.
pub(crate) fn finish(sum: &mut [f32], count: usize, normalize: bool) {
    if count == 0 {
        return;
    }
    let count = count as f32;
    sum.iter_mut().for_each(|x| *x /= count);
    if normalize {
        // Squares in f64: no overflow for any f32, and the result is the rounded true length.
        let mut squares = [0.0f64; 8];
        let (chunks, rest) = sum.as_chunks::<8>();
        for chunk in chunks {
            squares.iter_mut().zip(chunk).for_each(|(square, &x)| *square += f64::from(x) * f64::from(x));
        }
        squares.iter_mut().zip(rest).for_each(|(square, &x)| *square += f64::from(x) * f64::from(x));
        let length = squares.iter().sum::<f64>().sqrt() as f32 + 1e-32;
        sum.iter_mut().for_each(|x| *x /= length);
    }
}
