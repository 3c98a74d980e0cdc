//! Ids, ends and output arrays that do not fit.

use m2v_core::{EmbeddingTable, Error, PoolOptions, Tensor};
use m2v_infer::{Encoder, EncoderExt, Scratch, StaticModel};
use m2v_tests::{Result, small};
use ndarray::{Array1, Array2};

use crate::{data, says};

/// Three rows of two columns.
fn table() -> EmbeddingTable {
    EmbeddingTable::try_new(Tensor::from_array(&Array2::<f32>::ones((3, 2))), None, None).unwrap()
}

#[track_caller]
fn pool_refused(table: &EmbeddingTable, ids: &[u32], ends: &[usize], shape: (usize, usize)) -> Error {
    let mut out = Array2::zeros(shape);
    table.pool_into(ids, ends, PoolOptions::default(), out.view_mut()).unwrap_err()
}

#[test]
fn an_output_of_another_shape_is_refused() -> Result<()> {
    let model = StaticModel::load(&small()?)?;
    let texts = ["a", "bb", "ccc"];
    for (shape, what, expected, found) in [
        ((2, 16), "rows", 3, 2),
        ((4, 16), "rows", 3, 4),
        ((3, 15), "columns", 16, 15),
        ((3, 0), "columns", 16, 0),
    ] {
        let mut out = Array2::zeros(shape);
        let by_ext = model.encode_into(&texts, out.view_mut()).unwrap_err();
        let by_block = model.encode_block(&texts, &mut Scratch::default(), out.view_mut()).unwrap_err();
        for error in [by_ext, by_block] {
            assert!(
                matches!(data(&error), Error::Shape { expected: e, found: f, .. } if (*e, *f) == (expected, found)),
                "{error:?}"
            );
            says(&error, &[what, "of the output", &format!("expected {expected}, found {found}")]);
        }
    }
    Ok(())
}

#[test]
fn pooling_into_another_shape_is_refused() {
    let error = pool_refused(&table(), &[0, 1], &[1, 2], (3, 2));
    assert!(matches!(error, Error::Shape { expected: 2, found: 3, .. }), "{error:?}");
    says(&error, &["rows of the output"]);
    let error = pool_refused(&table(), &[0, 1], &[1, 2], (2, 3));
    assert!(matches!(error, Error::Shape { expected: 2, found: 3, .. }), "{error:?}");
    says(&error, &["columns of the output"]);
}

#[test]
fn one_text_into_another_length_is_refused() -> Result<()> {
    let model = StaticModel::load(&small()?)?;
    for len in [0, 15, 17] {
        let mut out = vec![0.0; len];
        let pooled = model.table().pool_one_into(&[0], PoolOptions::default(), &mut out).unwrap_err();
        let encoded = model.encode_one_into("a", &mut out).unwrap_err();
        for error in [&pooled, data(&encoded)] {
            assert!(matches!(error, Error::Shape { expected: 16, found, .. } if *found == len), "{error:?}");
            says(error, &["columns of the output"]);
        }
    }
    let error = table().pool_one_into(&[0, 3], PoolOptions::default(), &mut [0.0; 2]).unwrap_err();
    assert!(matches!(error, Error::IdOutOfRange { id: 3, count: 3 }), "{error:?}");
    Ok(())
}

#[test]
fn looking_up_into_another_shape_is_refused() {
    for shape in [(1, 2), (2, 1)] {
        let mut out = Array2::zeros(shape);
        let error = table().lookup_into(&[0, 1], out.view_mut()).unwrap_err();
        assert!(matches!(error, Error::Shape { expected: 2, found: 1, .. }), "{error:?}");
    }
}

#[test]
fn an_id_beyond_the_table_is_refused() {
    for id in [3, 4, u32::MAX] {
        let error = pool_refused(&table(), &[0, id], &[2], (1, 2));
        assert!(matches!(error, Error::IdOutOfRange { count: 3, id: found } if found == id), "{error:?}");
        says(&error, &[&id.to_string(), "covers 3 ids"]);
        let mut out = Array2::zeros((1, 2));
        let error = table().lookup_into(&[id], out.view_mut()).unwrap_err();
        assert!(matches!(error, Error::IdOutOfRange { count: 3, .. }), "{error:?}");
    }
}

#[test]
fn an_id_beyond_the_mapping_or_the_weights_is_refused() -> Result<()> {
    let row = Tensor::from_array(&Array2::<f32>::ones((1, 2)));
    let mapping = Tensor::from_array(&Array1::<i32>::zeros(5));
    let weights = Tensor::from_array(&Array1::<f32>::ones(4));
    for (weights, count) in [(None, 5), (Some(weights), 4)] {
        let table = EmbeddingTable::try_new(row.clone(), weights, Some(mapping.clone()))?;
        assert_eq!(table.id_count(), count);
        let mut out = Array2::zeros((1, 2));
        table.pool_into(&[count as u32 - 1], &[1], PoolOptions::default(), out.view_mut())?;
        let error = pool_refused(&table, &[count as u32], &[1], (1, 2));
        assert!(matches!(error, Error::IdOutOfRange { count: found, .. } if found == count), "{error:?}");
    }
    Ok(())
}

#[test]
fn ends_that_do_not_cover_the_ids_are_refused() {
    for (ends, found) in [(&[1][..], 1), (&[1, 4], 4), (&[0], 0), (&[1, usize::MAX], usize::MAX)] {
        let error = pool_refused(&table(), &[0, 1, 2], ends, (ends.len(), 2));
        assert!(matches!(error, Error::Shape { expected: 3, found: f, .. } if f == found), "{error:?}");
        says(&error, &["ends", "expected 3", &format!("found {found}")]);
    }
    let error = pool_refused(&table(), &[0], &[], (0, 2));
    assert!(matches!(error, Error::Shape { expected: 1, found: 0, .. }), "{error:?}");
}

#[test]
fn ends_that_do_not_ascend_are_refused() {
    for (ends, before, after) in [(&[2, 1, 3][..], 2, 1), (&[4, 3], 4, 3), (&[0, 3, 2, 3], 3, 2)] {
        let error = pool_refused(&table(), &[0, 1, 2], ends, (ends.len(), 2));
        assert!(
            matches!(error, Error::Shape { expected: e, found: f, .. } if (e, f) == (before, after)),
            "{error:?}"
        );
        says(&error, &["ascend", &format!("expected {before}, found {after}")]);
    }
}
