//! Each transform on small tables, against arithmetic done here.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

use m2v_core::half::{bf16, f16};
use m2v_core::{Activation, Buffer, Checkpoint, Config, Dtype, EmbeddingTable, MlpHead, Tensor};
use m2v_quant::{Cast, Context, Error, Int8, Int8Global, Transform, Truncate, compare};
use ndarray::{Array1, Array2, array};
use proptest::prelude::*;

fn checkpoint(embeddings: &Tensor, weights: Option<Tensor>, mapping: Option<Tensor>) -> Checkpoint {
    let table = EmbeddingTable::try_new(embeddings.clone(), weights, mapping).unwrap();
    Checkpoint::new(Config::default(), table, b"{}")
}

fn apply(transform: &dyn Transform, checkpoint: &Checkpoint) -> Result<Checkpoint, Error> {
    transform.apply(checkpoint.clone(), &mut Context::default())
}

/// The vector of each token.
fn vectors(table: &EmbeddingTable) -> Array2<f32> {
    let ids: Vec<u32> = (0..table.id_count() as u32).collect();
    let mut out = Array2::zeros((ids.len(), table.dim()));
    table.lookup_into(&ids, out.view_mut()).unwrap();
    out
}

proptest! {
    #[test]
    fn int8_is_within_half_a_step_of_every_value(
        (rows, dim, values) in (1usize..6, 1usize..20)
            .prop_flat_map(|(r, d)| (Just(r), Just(d), prop::collection::vec(-1e4f32..1e4, r * d))),
        weights in prop::collection::vec(-10f32..10.0, 6),
        mapping in prop::collection::vec(0i32..6, 6),
        weighted: bool,
        mapped: bool,
    ) {
        let table = Tensor::from_array(&Array2::from_shape_vec((rows, dim), values).unwrap());
        let mapping: Vec<i32> = mapping.iter().map(|&row| row % rows as i32).collect();
        let tokens = if mapped { 6 } else { rows };
        let weights = weighted.then(|| Tensor::from_array(&Array1::from(weights[..tokens].to_vec())));
        let mapping = mapped.then(|| Tensor::from_array(&Array1::from(mapping)));
        let before = checkpoint(&table, weights, mapping);
        let after = apply(&Int8, &before).unwrap();
        prop_assert_eq!(after.table.dtype(), Dtype::I8);
        prop_assert_eq!(after.table.mapping(), before.table.mapping());
        let (before, after) = (vectors(&before.table), vectors(&after.table));
        for (before, after) in before.rows().into_iter().zip(after.rows()) {
            let step = before.iter().fold(0f32, |max, x| max.max(x.abs())) / 127.0;
            for (b, a) in before.iter().zip(after) {
                prop_assert!((b - a).abs() <= step * 0.5001 + 1e-35, "{b} became {a}, a step is {step}");
            }
        }
    }
}

#[test]
fn int8_takes_the_largest_value_of_each_row_to_127_and_rounds_half_to_even() {
    let table = Tensor::from_array(&array![
        [254.0f32, -1.0, 3.0, 5.0],
        [0.0, 0.0, 0.0, 0.0],
        [-127.0, 2.5, 3.5, 0.4]
    ]);
    let after = apply(&Int8, &checkpoint(&table, None, None)).unwrap().table;
    let rows = after.embeddings().to_array::<i8>().unwrap().into_owned();
    // −1 ÷ 2 is half way to −1, and goes to 0; 3 ÷ 2 to 2, 5 ÷ 2 to 2.
    assert_eq!(rows, array![[127i8, 0, 2, 2], [0, 0, 0, 0], [-127, 2, 4, 0]].into_dyn());
    assert_eq!(after.weights_f32().unwrap(), [2.0, 1.0, 1.0]);
}

#[test]
fn an_int8_table_and_a_table_of_the_same_type_are_not_touched() {
    let int8 = checkpoint(&Tensor::from_array(&array![[1i8, 2]]), None, None);
    assert_eq!(apply(&Int8, &int8).unwrap().table, int8.table);
    let float = checkpoint(&Tensor::from_array(&array![[1f32, 2.0]]), None, None);
    let cast = apply(&Cast(Dtype::F32), &float).unwrap().table;
    assert!(std::ptr::eq(cast.embeddings().bytes().as_ptr(), float.table.embeddings().bytes().as_ptr()));
    let cut = apply(&Truncate { dim: 2 }, &float).unwrap().table;
    assert!(std::ptr::eq(cut.embeddings().bytes().as_ptr(), float.table.embeddings().bytes().as_ptr()));
}

/// The values each type has: no rounding.
#[test]
fn every_type_is_cast_to_every_other() {
    let rows = array![[1f32, -0.5, 96.0], [0.0, 2.25, -3.5]];
    let as_dtype = |dtype: Dtype| match dtype {
        Dtype::F64 => Tensor::from_array(&rows.mapv(f64::from)),
        Dtype::F32 => Tensor::from_array(&rows),
        Dtype::F16 => Tensor::from_array(&rows.mapv(f16::from_f32)),
        _ => Tensor::from_array(&rows.mapv(bf16::from_f32)),
    };
    let dtypes = [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16];
    for (from, to) in dtypes.into_iter().flat_map(|from| dtypes.map(|to| (from, to))) {
        let cast = apply(&Cast(to), &checkpoint(&as_dtype(from), None, None)).unwrap().table;
        assert_eq!(cast.embeddings(), &as_dtype(to), "{from} to {to}");
    }
}

#[test]
fn casting_int8_rows_to_floats_changes_no_vector() {
    let weights = Tensor::from_array(&array![0.25f32, 3.0]);
    let int8 = checkpoint(&Tensor::from_array(&array![[1i8, -127], [5, 6]]), Some(weights), None);
    for dtype in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16] {
        let float = apply(&Cast(dtype), &int8).unwrap();
        assert_eq!(float.table.dtype(), dtype);
        assert_eq!(vectors(&float.table), vectors(&int8.table));
    }
}

#[test]
fn one_scale_for_all_rows_is_forgotten() {
    let table = array![[254.0f32, -1.0], [3.0, -127.2]];
    for table in [
        Tensor::from_array(&table),
        Tensor::from_array(&table.mapv(f64::from)),
        Tensor::from_array(&table.mapv(f16::from_f32)),
        Tensor::from_array(&table.mapv(bf16::from_f32)),
    ] {
        let weights = Some(Tensor::from_array(&array![0.5f32, 7.0]));
        let before = checkpoint(&table, weights, None);
        let after = apply(&Int8Global, &before).unwrap().table;
        assert_eq!(after.embeddings().to_array::<i8>().unwrap(), array![[127i8, 0], [2, -64]].into_dyn());
        assert_eq!(after.weights(), before.table.weights());
    }
    let int8 = checkpoint(&Tensor::from_array(&array![[1i8, 2]]), None, None);
    assert_eq!(apply(&Int8Global, &int8).unwrap().table, int8.table);
    let zeros = checkpoint(&Tensor::from_array(&array![[0f32, -0.0]]), None, None);
    assert_eq!(&**apply(&Int8Global, &zeros).unwrap().table.embeddings().bytes(), [0, 0]);
    // Beyond what f16 rounds to its largest number, and so small that f16 has no scale for it.
    for (bad, good) in [(65_520.0f64, 65_519.0), (f64::NAN, 1.0), (f64::NEG_INFINITY, 1.0)] {
        for (value, fits) in [(bad, false), (good, true)] {
            let table = Tensor::from_array(&Array2::from_shape_fn((700, 3), |at| {
                if at == (690, 2) { value } else { 0.5 }
            }));
            match apply(&Int8Global, &checkpoint(&table, None, None)) {
                Ok(_) => assert!(fits, "{value}"),
                Err(Error::Value { tensor: "embeddings", row: 690, dtype: Dtype::I8, .. }) => assert!(!fits),
                Err(error) => panic!("{error}"),
            }
        }
    }
    // Infinities of every type.
    for infinite in [f32::INFINITY, f32::NEG_INFINITY] {
        let table = array![[0.5f32, 1.0], [2.0, infinite]];
        for table in [
            Tensor::from_array(&table),
            Tensor::from_array(&table.mapv(f16::from_f32)),
            Tensor::from_array(&table.mapv(bf16::from_f32)),
        ] {
            let error = apply(&Int8Global, &checkpoint(&table, None, None)).unwrap_err();
            assert!(matches!(error, Error::Value { row: 1, .. }), "{error}");
        }
    }
    let tiny = Tensor::from_array(&array![[f16::ZERO], [f16::from_bits(1)]]);
    assert!(matches!(apply(&Int8Global, &checkpoint(&tiny, None, None)), Err(Error::Value { row: 1, .. })));
}

#[test]
fn a_table_without_rows_may_have_any_number_of_columns() {
    let none = Tensor::try_new(Dtype::F32, &[0, 1 << 52], m2v_core::Buffer::default()).unwrap();
    let none = checkpoint(&none, None, None);
    for transform in [&Cast(Dtype::F16) as &dyn Transform, &Int8, &Int8Global] {
        assert_eq!(apply(transform, &none).unwrap().table.embeddings().shape(), [0, 1 << 52]);
    }
}

#[test]
fn bytes_that_start_anywhere_are_read() {
    let rows = Array2::from_shape_fn((40, 77), |(i, j)| (i as f32 - 20.0) * (j as f32 + 0.3));
    let wide = rows.mapv(f64::from);
    let f16s = rows.mapv(f16::from_f32);
    for aligned in [Tensor::from_array(&rows), Tensor::from_array(&wide), Tensor::from_array(&f16s)] {
        let transforms: [&dyn Transform; 5] =
            [&Int8, &Int8Global, &Cast(Dtype::F32), &Cast(Dtype::BF16), &Cast(Dtype::F64)];
        for transform in transforms {
            let expected = apply(transform, &checkpoint(&aligned, None, None)).unwrap().table;
            for offset in 1..9 {
                let mut bytes = vec![0; offset];
                bytes.extend_from_slice(aligned.bytes());
                let bytes = Buffer::from(bytes).slice(offset..offset + aligned.bytes().len());
                let moved = Tensor::try_new(aligned.dtype(), aligned.shape(), bytes).unwrap();
                assert_eq!(apply(transform, &checkpoint(&moved, None, None)).unwrap().table, expected);
            }
        }
    }
}

#[test]
fn truncate_keeps_the_first_columns_whatever_the_dtype() {
    let rows = array![[1f32, 2.0, 3.0], [4.0, 5.0, 6.0]];
    let weights = || Some(Tensor::from_array(&array![2f32, 0.5]));
    for table in [
        Tensor::from_array(&rows),
        Tensor::from_array(&rows.mapv(f64::from)),
        Tensor::from_array(&rows.mapv(f16::from_f32)),
        Tensor::from_array(&rows.mapv(|x| x as i8)),
    ] {
        let before = checkpoint(&table, weights(), None);
        let after = apply(&Truncate { dim: 2 }, &before).unwrap();
        assert_eq!(after.table.dtype(), table.dtype());
        assert_eq!(vectors(&after.table), array![[2f32, 4.0], [2.0, 2.5]]);
        assert_eq!(after.saved_config().get("hidden_dim"), Some(&2.into()));
    }
}

#[test]
fn values_that_cannot_be_held_are_errors_that_say_where() {
    for (bad, position) in [(f32::NAN, 0), (f32::INFINITY, 1), (f32::NEG_INFINITY, 1)] {
        let mut rows = array![[1f32, 2.0], [3.0, 4.0]];
        rows[[position, 1]] = bad;
        let table = checkpoint(&Tensor::from_array(&rows), None, None);
        for transform in [&Int8 as &dyn Transform, &Cast(Dtype::F16), &Cast(Dtype::F64)] {
            let error = apply(transform, &table).unwrap_err();
            assert!(
                matches!(error, Error::Value { tensor: "embeddings", row, .. } if row == position),
                "{error}"
            );
        }
    }
    // Rows are taken in blocks, and counted from the first of all.
    for dtype in [Dtype::F32, Dtype::F64] {
        let rows = Array2::from_shape_fn((3000, 300), |at| if at == (2917, 299) { f32::NAN } else { 0.5 });
        let rows = match dtype {
            Dtype::F32 => Tensor::from_array(&rows),
            _ => Tensor::from_array(&rows.mapv(f64::from)),
        };
        for transform in [&Int8 as &dyn Transform, &Cast(Dtype::F16)] {
            let error = apply(transform, &checkpoint(&rows, None, None)).unwrap_err();
            assert!(matches!(error, Error::Value { row: 2917, value, .. } if value.is_nan()), "{error}");
        }
    }
    let large = checkpoint(&Tensor::from_array(&array![[1f32], [65_520.0]]), None, None);
    let error = apply(&Cast(Dtype::F16), &large).unwrap_err();
    assert_eq!(error.to_string(), "tensor `embeddings`: 65520 in row 1 cannot be quantised to float16");
    assert!(apply(&Cast(Dtype::BF16), &large).is_ok());
    let huge = checkpoint(&Tensor::from_array(&array![[1e300f64]]), None, None);
    assert!(matches!(apply(&Int8, &huge), Err(Error::Value { row: 0, .. })));
    let weights = Some(Tensor::from_array(&array![1f32, f32::NAN]));
    let weighted = checkpoint(&Tensor::from_array(&array![[1f32], [2.0]]), weights, None);
    assert!(matches!(apply(&Int8, &weighted), Err(Error::Value { tensor: "weights", row: 1, .. })));
}

#[test]
fn impossible_requests_are_errors() {
    let mut table = checkpoint(&Tensor::from_array(&array![[1f32, 2.0]]), None, None);
    for requested in [0, 3] {
        let error = apply(&Truncate { dim: requested }, &table).unwrap_err();
        assert!(matches!(error, Error::Dims { columns: 2, .. }), "{error}");
        assert!(error.to_string().contains(&format!("found {requested}")));
    }
    assert!(matches!(apply(&Cast(Dtype::I8), &table), Err(Error::CastTo(Dtype::I8))));
    // Nor does it pass for the step that makes int8 tables.
    let step = m2v_quant::Step::from(Cast(Dtype::I8));
    assert!(step != Int8.into() && step.to_string().parse::<m2v_quant::Recipe>().is_err(), "{step}");
    let layer = (Tensor::from_array(&array![[1f32, 1.0]]), Tensor::from_array(&array![0f32]));
    table.head = Some(MlpHead::try_new(vec![layer], Activation::Identity, None).unwrap());
    assert!(matches!(apply(&Truncate { dim: 1 }, &table), Err(Error::HeadInput { columns: 2 })));
    assert_eq!(apply(&Int8, &table).unwrap().head, table.head, "a head stays on a quantised encoder");
}

#[test]
fn reports_progress_and_stops_when_told() {
    let table = checkpoint(&Tensor::from_array(&Array2::<f32>::ones((5000, 3))), None, None);
    for transform in [&Int8 as &dyn Transform, &Cast(Dtype::F16), &Truncate { dim: 2 }] {
        let seen = Mutex::new(Vec::new());
        let progress = |done, total| seen.lock().unwrap().push((done, total));
        transform.apply(table.clone(), &mut Context::default().with_progress(&progress)).unwrap();
        let seen = seen.into_inner().unwrap();
        assert!(
            seen.contains(&(5000, 5000)) && seen.iter().all(|&(done, total)| done <= 5000 && total == 5000)
        );
        let cancel = AtomicBool::new(true);
        let result = transform.apply(table.clone(), &mut Context::default().with_cancel(&cancel));
        assert!(matches!(result, Err(Error::Cancelled)));
    }
}

#[test]
fn compare_interpolates_the_percentile_as_numpy_does() {
    // Cosines 1.0 and 0.0 … numpy.percentile([0, 1, 1], 1) is 0.02.
    let before = array![[1f32, 0.0], [1.0, 0.0], [0.0, 2.0]];
    let after = array![[2f32, 0.0], [0.0, 3.0], [0.0, 2.0]];
    let loss = compare(before.view(), after.view()).unwrap();
    assert_eq!((loss.texts, loss.cosine_min, loss.cosine_mean), (3, 0.0, 2.0 / 3.0));
    assert!((loss.cosine_p1 - 0.02).abs() < 1e-12, "{loss}");
    assert_eq!(loss.max_abs_diff, 3.0);
}

#[test]
fn compare_defines_zero_vectors_and_shows_nan() {
    let zero = array![[0f32, 0.0]];
    let one = array![[1f32, 0.0]];
    let nan = array![[f32::NAN, 0.0]];
    assert_eq!(compare(zero.view(), zero.view()).unwrap().cosine_min, 1.0);
    assert_eq!(compare(zero.view(), one.view()).unwrap().cosine_min, 0.0);
    let loss = compare(one.view(), nan.view()).unwrap();
    assert!(loss.cosine_min.is_nan() && loss.max_abs_diff.is_nan());
    assert!(loss.recall_at_10.is_nan());
    assert!(matches!(compare(one.view(), Array2::zeros((2, 2)).view()), Err(Error::Compare { .. })));
    assert!(matches!(compare(one.view(), Array2::zeros((1, 3)).view()), Err(Error::Compare { .. })));
    let none = Array2::zeros((0, 2));
    assert!(matches!(compare(none.view(), none.view()), Err(Error::Compare { .. })));
}

#[test]
fn columns_that_were_cut_are_lost() {
    let (before, after) = (array![[3f32, 4.0], [0.0, 2.0]], array![[3f32], [0.0]]);
    let loss = compare(before.view(), after.view()).unwrap();
    assert_eq!((loss.cosine_min, loss.cosine_mean, loss.max_abs_diff), (0.0, 0.3, 4.0));
}

/// By definition: every similarity in f64, and sorted.
fn recall_at_10(before: &Array2<f32>, after: &Array2<f32>) -> f64 {
    let similarities = |vectors: &Array2<f32>| {
        let mut vectors = vectors.mapv(f64::from);
        for mut row in vectors.rows_mut() {
            let length = row.dot(&row).sqrt();
            row.mapv_inplace(|x| if length == 0.0 { 0.0 } else { x / length });
        }
        vectors.dot(&vectors.t())
    };
    let (old, new) = (similarities(before), similarities(after));
    let nearest = |similarities: &Array2<f64>, i: usize| {
        let mut others: Vec<usize> = (0..before.nrows()).filter(|&j| j != i).collect();
        others.sort_by(|&a, &b| similarities[[i, b]].total_cmp(&similarities[[i, a]]));
        others.truncate(10);
        others
    };
    let shares = (0..before.nrows()).map(|i| {
        let right = nearest(&old, i);
        let tenth = right.last().map_or(0.0, |&j| old[[i, j]]) - 1e-6;
        nearest(&new, i).iter().filter(|&&j| old[[i, j]] >= tenth).count() as f64 / right.len() as f64
    });
    shares.sum::<f64>() / before.nrows() as f64
}

#[test]
fn recall_is_what_its_definition_says() {
    let mut state = 7u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as f32 / (1u64 << 30) as f32 - 1.0
    };
    // More texts than are compared at a time.
    for (texts, dim, noise) in [(2, 3, 0.5), (11, 4, 0.5), (70, 8, 0.2), (2100, 4, 0.01), (300, 16, 1.0)] {
        let before = Array2::from_shape_simple_fn((texts, dim), &mut random);
        let after = before.mapv(|x| x + noise * random());
        let (found, expected) =
            (compare(before.view(), after.view()).unwrap().recall_at_10, recall_at_10(&before, &after));
        // A similarity within rounding of the tenth may fall on either side.
        assert!((found - expected).abs() <= 2.0 / (10 * texts) as f64, "{texts}: {found} {expected}");
        assert!(texts < 12 || (found > 0.1 && found < 1.0), "{found} shows nothing");
        // To the last bit: what loses nothing passes any bound.
        let nothing = compare(before.view(), before.view()).unwrap();
        assert_eq!((nothing.cosine_min, nothing.cosine_mean, nothing.recall_at_10), (1.0, 1.0, 1.0));
        let fewer = before.slice(ndarray::s![.., ..dim.div_ceil(2)]).to_owned();
        let (found, expected) =
            (compare(before.view(), fewer.view()).unwrap().recall_at_10, recall_at_10(&before, &fewer));
        assert!((found - expected).abs() <= 2.0 / (10 * texts) as f64, "{texts}: {found} {expected}");
    }
}
