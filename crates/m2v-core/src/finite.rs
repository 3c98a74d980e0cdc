//! Tables without NaN and infinities.

use half::{bf16, f16};

use crate::dtype::{Dtype, Element};
use crate::error::Result;
use crate::table::EmbeddingTable;
use crate::tensor::Tensor;

/// The table with NaN replaced by 0 and ±∞ by the largest number of its dtype: what the reference does with the
/// encoder of a pipeline (`numpy.nan_to_num`). A table of finite numbers comes back as it is, sharing its bytes.
pub(crate) fn finite(table: EmbeddingTable) -> Result<EmbeddingTable> {
    let rows = table.embeddings();
    let replaced =
        match rows.dtype() {
            Dtype::F64 => replace::<f64>(rows, f64::is_finite, |x| {
                if x.is_nan() { 0.0 } else { x.clamp(f64::MIN, f64::MAX) }
            })?,
            Dtype::F32 => replace::<f32>(rows, f32::is_finite, |x| {
                if x.is_nan() { 0.0 } else { x.clamp(f32::MIN, f32::MAX) }
            })?,
            Dtype::F16 => replace::<f16>(rows, f16::is_finite, |x| {
                if x.is_nan() { f16::ZERO } else { x.clamp(f16::MIN, f16::MAX) }
            })?,
            Dtype::BF16 => replace::<bf16>(rows, bf16::is_finite, |x| {
                if x.is_nan() { bf16::ZERO } else { x.clamp(bf16::MIN, bf16::MAX) }
            })?,
            Dtype::I64 | Dtype::I32 | Dtype::I8 => None,
        };
    match replaced {
        None => Ok(table),
        Some(rows) => EmbeddingTable::try_new(rows, table.weights().cloned(), table.mapping().cloned()),
    }
}

fn replace<T: Element>(
    tensor: &Tensor,
    is_finite: fn(T) -> bool,
    replacement: fn(T) -> T,
) -> Result<Option<Tensor>> {
    let bytes = tensor.bytes();
    let value = |bytes: &[u8]| bytemuck::pod_read_unaligned::<T>(bytes);
    let chunks = || bytes.chunks_exact(size_of::<T>()).map(value);
    if chunks().all(is_finite) {
        return Ok(None);
    }
    let values: Vec<T> = chunks().map(|x| if is_finite(x) { x } else { replacement(x) }).collect();
    let bytes = bytemuck::cast_slice::<T, u8>(&values).to_vec();
    Tensor::try_new(tensor.dtype(), tensor.shape(), bytes.into()).map(Some)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn what_is_not_finite_becomes_finite_and_nothing_else_changes() {
        let table = |tensor| EmbeddingTable::try_new(tensor, None, None).unwrap();
        let hard = array![[f64::NAN, f64::INFINITY], [f64::NEG_INFINITY, -0.0]];
        let expected = array![[0.0, f64::MAX], [f64::MIN, -0.0]];
        let found = finite(table(Tensor::from_array(&hard))).unwrap();
        assert_eq!(found, table(Tensor::from_array(&expected)));
        let found = finite(table(Tensor::from_array(&hard.mapv(|x| x as f32)))).unwrap();
        assert_eq!(found.embeddings().to_f32().unwrap(), array![[0.0, f32::MAX], [f32::MIN, 0.0]].into_dyn());
        let found = finite(table(Tensor::from_array(&hard.mapv(f16::from_f64)))).unwrap();
        assert_eq!(found.embeddings().to_f32().unwrap(), array![[0.0, 65504.0], [-65504.0, 0.0]].into_dyn());
        let found = finite(table(Tensor::from_array(&hard.mapv(bf16::from_f64)))).unwrap();
        let largest = bf16::MAX.to_f32();
        assert_eq!(found.embeddings().to_f32().unwrap(), array![[0.0, largest], [-largest, 0.0]].into_dyn());
        let good = table(Tensor::from_array(&Array2::<f32>::ones((3, 2))));
        let same = finite(good.clone()).unwrap();
        assert!(std::ptr::eq(same.embeddings().bytes().as_ptr(), good.embeddings().bytes().as_ptr()));
    }
}
