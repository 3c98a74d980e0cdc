//! Names, dtypes and alignments of the tensors.

use m2v_core::half::{bf16, f16};
use m2v_core::{
    Buffer, Checkpoint, Dtype, Element, EmbeddingTable, PoolOptions, Tensor, ViewError, read_tensors,
};
use m2v_tests::{Result, assert_bits, small};
use ndarray::{Array1, Array2, Array3, array};
use proptest::prelude::*;

use crate::{vectors, with_tensors};

/// Whole numbers that every dtype of a table holds.
fn whole_numbers() -> Array2<i8> {
    // Beyond 127 the cast wraps around, which is as good.
    Array2::from_shape_fn((6, 5), |(row, column)| ((row * 31 + column * 17) % 251) as i8)
}

fn table_of<T: Element>(convert: impl Fn(i8) -> T) -> Tensor {
    Tensor::from_array(&whole_numbers().mapv(convert))
}

fn tables() -> [Tensor; 5] {
    [
        table_of(f64::from),
        table_of(f32::from),
        table_of(f16::from),
        table_of(|x| bf16::from_f32(x.into())),
        table_of(|x| x),
    ]
}

const DTYPES: [Dtype; 5] = [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::I8];

#[test]
fn every_dtype_stays_as_it_is_and_means_the_same() -> Result<()> {
    let expected = vectors(&Checkpoint::load(&with_tensors(&[("embeddings", &tables()[1])])?)?)?;
    assert!(expected.iter().any(|x| *x != 0.0));
    for (table, dtype) in tables().iter().zip(DTYPES) {
        let checkpoint = Checkpoint::load(&with_tensors(&[("embeddings", table)])?)?;
        assert_eq!(checkpoint.table.dtype(), dtype);
        assert_eq!(checkpoint.table.embeddings(), table);
        assert_bits(dtype.name(), vectors(&checkpoint)?.view(), expected.view());
    }
    Ok(())
}

#[test]
fn weights_of_every_dtype_are_factors_of_the_tokens() -> Result<()> {
    let table = &tables()[1];
    let factors = array![0.5, 1.0, -2.0, 0.0, 4.0, 0.25f32];
    let weighted = &whole_numbers().mapv(f32::from) * &factors.view().insert_axis(ndarray::Axis(1));
    let weighted = Tensor::from_array(&weighted);
    let expected = vectors(&Checkpoint::load(&with_tensors(&[("embeddings", &weighted)])?)?)?;
    let weights = [
        Tensor::from_array(&factors.mapv(f64::from)),
        Tensor::from_array(&factors),
        Tensor::from_array(&factors.mapv(f16::from_f32)),
        Tensor::from_array(&factors.mapv(bf16::from_f32)),
    ];
    for weights in &weights {
        for table in [table, &tables()[4]] {
            let checkpoint =
                Checkpoint::load(&with_tensors(&[("embeddings", table), ("weights", weights)])?)?;
            assert_eq!(checkpoint.table.weights(), Some(weights));
            assert_bits(weights.dtype().name(), vectors(&checkpoint)?.view(), expected.view());
        }
    }
    Ok(())
}

#[test]
fn a_mapping_of_either_dtype_gives_the_row_of_a_token() -> Result<()> {
    let rows = [3, 0, 3, 1, 1, 2];
    let whole = whole_numbers().mapv(f32::from);
    let spread =
        Tensor::from_array(&Array2::from_shape_fn((6, 5), |(token, column)| whole[[rows[token], column]]));
    let expected = vectors(&Checkpoint::load(&with_tensors(&[("embeddings", &spread)])?)?)?;
    let first_rows = Tensor::from_array(&whole.slice(ndarray::s![..4, ..]));
    // A mapping may be longer than the vocabulary.
    let mapping: Array1<i64> = rows.iter().map(|&row| row as i64).chain([0, 0]).collect();
    for mapping in [Tensor::from_array(&mapping), Tensor::from_array(&mapping.mapv(|row| row as i32))] {
        let checkpoint =
            Checkpoint::load(&with_tensors(&[("embeddings", &first_rows), ("mapping", &mapping)])?)?;
        assert_eq!(checkpoint.table.mapping(), Some(&mapping));
        assert_eq!((checkpoint.table.rows(), checkpoint.table.id_count()), (4, 8));
        assert_bits(mapping.dtype().name(), vectors(&checkpoint)?.view(), expected.view());
    }
    Ok(())
}

#[test]
fn the_table_goes_by_any_of_three_names() -> Result<()> {
    let [_, table, ..] = tables();
    let other = Tensor::from_array(&Array2::<f32>::zeros((6, 5)));
    let nothing_to_do_with_it = Tensor::from_array(&Array3::<f32>::zeros((1, 2, 3)));
    for tensors in [
        &[("embeddings", &table)][..],
        &[("embedding.weight", &table)],
        &[("0", &table)],
        &[("embeddings", &table), ("embedding.weight", &table)],
        &[("embeddings", &table), ("0", &other)],
        &[("embedding.weight", &table), ("0", &other), ("extra", &nothing_to_do_with_it)],
    ] {
        let names: Vec<_> = tensors.iter().map(|tensor| tensor.0).collect();
        assert_eq!(Checkpoint::load(&with_tensors(tensors)?)?.table.embeddings(), &table, "{names:?}");
    }
    Ok(())
}

#[test]
fn tables_are_equal_if_all_their_tensors_are() -> Result<()> {
    let [_, rows, halves, ..] = tables();
    let weights = |last: f32| Some(Tensor::from_array(&array![1.0, 2.0, 3.0, 4.0, 5.0, last]));
    let mapping = |last: i64| Some(Tensor::from_array(&array![0, 1, 2, 3, 4, last]));
    let table = |rows: &Tensor, weights, mapping| EmbeddingTable::try_new(rows.clone(), weights, mapping);
    let whole = table(&rows, weights(6.0), mapping(5))?;
    assert_eq!(whole, table(&rows, weights(6.0), mapping(5))?);
    for other in [
        table(&halves, weights(6.0), mapping(5))?,
        table(&rows, weights(7.0), mapping(5))?,
        table(&rows, weights(6.0), mapping(4))?,
        table(&rows, None, mapping(5))?,
        table(&rows, weights(6.0), None)?,
    ] {
        assert_ne!(whole, other);
    }
    Ok(())
}

/// Bytes at a multiple of 64.
#[repr(align(64))]
struct Aligned([u8; 512]);

impl AsRef<[u8]> for Aligned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// `bytes` in memory so that they start `offset` bytes after a multiple of 64.
fn at_offset(bytes: &[u8], offset: usize) -> Buffer {
    let (mut space, range) = (Aligned([0; 512]), offset..offset + bytes.len());
    space.0[range.clone()].copy_from_slice(bytes);
    Buffer::from_owner(space).slice(range)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_may_start_anywhere(
        offset in 0..64usize,
        weighted in any::<bool>(),
        ids in prop::collection::vec(0..6u32, 0..40),
    ) {
        for table in tables() {
            let weights = weighted.then(|| Tensor::from_array(&Array1::from_shape_fn(6, |i| i as f32 / 3.0)));
            let pool = |embeddings: Tensor| {
                let table = EmbeddingTable::try_new(embeddings, weights.clone(), None).unwrap();
                let mut out = Array2::zeros((1, 5));
                table.pool_into(&ids, &[ids.len()], PoolOptions::default(), out.view_mut()).unwrap();
                out
            };
            let moved = at_offset(table.bytes(), offset);
            prop_assert_eq!(moved.as_ptr() as usize % 64, offset);
            let moved = Tensor::try_new(table.dtype(), table.shape(), moved).unwrap();
            prop_assert_eq!(moved.to_f32().unwrap(), table.to_f32().unwrap());
            prop_assert_eq!(pool(moved), pool(table));
        }
    }
}

#[test]
fn a_view_is_given_only_where_one_may_start_and_only_of_the_type() -> Result<()> {
    let [_, table, ..] = tables();
    for offset in 0..16 {
        let moved = Tensor::try_new(table.dtype(), table.shape(), at_offset(table.bytes(), offset))?;
        match moved.try_view::<f32>() {
            Ok(view) => assert_eq!((view, offset % 4), (table.to_f32()?.view(), 0)),
            Err(error) => assert_eq!((error, offset % 4 > 0), (ViewError::Misaligned(Dtype::F32), true)),
        }
        let wrong = ViewError::Dtype { expected: Dtype::F64, found: Dtype::F32 };
        assert_eq!(moved.try_view::<f64>(), Err(wrong));
        assert_eq!(moved.to_array::<f64>(), Err(wrong));
    }
    Ok(())
}

#[test]
fn a_header_of_any_length_is_read() -> Result<()> {
    let files = small()?;
    let (_, file) = files.files().find(|file| file.0 == "model.safetensors").ok_or("no table")?;
    let header_end = 8 + u64::from_le_bytes(*file.first_chunk().ok_or("no header")?) as usize;
    let (header, data) = (&file[8..header_end], &file[header_end..]);
    let expected = read_tensors("whole", file)?;
    for padding in 0..16 {
        let header = [header, &b" ".repeat(padding)[..]].concat();
        let file = m2v_tests::tensor_file_with_header(&header, data);
        assert_eq!(read_tensors("padded", &file.into())?, expected);
    }
    Ok(())
}

#[test]
fn elements_are_taken_over() -> Result<()> {
    let values = vec![1.0_f32, -2.0, 3.5, 4.0, 5.0, 6.0];
    let address = values.as_ptr();
    let tensor = Tensor::from_vec(&[2, 3], values)?;
    let view = tensor.try_view::<f32>()?;
    assert_eq!(view, array![[1.0, -2.0, 3.5], [4.0, 5.0, 6.0]].into_dyn());
    assert_eq!(view.as_ptr(), address);
    for shape in [&[2, 2][..], &[7], &[], &[usize::MAX, 2]] {
        let error = Tensor::from_vec(shape, vec![0.0_f32; 6]).unwrap_err();
        assert!(matches!(error, m2v_core::Error::Tensor { .. }), "{error:?}");
    }
    // Of an array in any order.
    let array = Array2::from_shape_fn((3, 2), |(i, j)| (10 * i + j) as f64);
    assert_eq!(Tensor::from_array(&array.t()).try_view::<f64>()?, array.t().into_dyn());
    Ok(())
}
