//! The pooling kernels against a loop that says what they should do, bit for bit.
//!
//! Every property is tested for each instruction set; those the machine does not have are passed over.

#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test says what it passes over, and fails by panicking"
)]

mod case;

use case::{Case, DTYPES, TOKENS, cases};
use m2v_core::ndarray::{Array2, ArrayView2, Axis, s};
use m2v_core::{Dtype, EmbeddingTable, Isa, PoolOptions, Tensor};
use proptest::prelude::*;

fn as_mean() -> PoolOptions {
    PoolOptions::default()
}

fn as_unit() -> PoolOptions {
    PoolOptions::default().with_normalize(true)
}

fn pool(isa: Isa, table: &EmbeddingTable, ids: &[u32], ends: &[usize], options: PoolOptions) -> Array2<f32> {
    let mut out = Array2::from_elem((ends.len(), table.dim()), f32::NAN);
    table.pool_into_on(isa, ids, ends, options, out.view_mut()).unwrap();
    out
}

/// What the kernels should do.
fn sums(table: &EmbeddingTable, ids: &[u32], ends: &[usize]) -> Array2<f32> {
    let rows = table.embeddings().to_f32().unwrap().into_dimensionality().unwrap();
    let integers = table.dtype() == Dtype::I8 && table.weights().is_none();
    let row_of = |id: u32| table.row_of().map_or(id as usize, |row_of| row_of[id as usize] as usize);
    let mut out = Array2::zeros((ends.len(), table.dim()));
    let starts = [0].into_iter().chain(ends.iter().copied());
    for ((start, &end), mut out) in starts.zip(ends).zip(out.rows_mut()) {
        let mut exact = vec![0i64; table.dim()];
        for &id in &ids[start..end] {
            let weight = table.weights_f32().map(|weights| weights[id as usize]);
            for ((out, exact), x) in out.iter_mut().zip(&mut exact).zip(rows.row(row_of(id))) {
                match weight {
                    None if integers => *exact += *x as i64,
                    None => *out += x,
                    Some(weight) => *out += x * weight,
                }
            }
        }
        if integers {
            out.iter_mut().zip(exact).for_each(|(out, exact)| *out = exact as f32);
        }
    }
    out
}

fn counts(ends: &[usize]) -> impl Iterator<Item = usize> {
    let starts = [0].into_iter().chain(ends.iter().copied());
    ends.iter().zip(starts).map(|(end, start)| end - start)
}

fn mean(table: &EmbeddingTable, ids: &[u32], ends: &[usize]) -> Array2<f32> {
    let mut out = sums(table, ids, ends);
    for (mut row, count) in out.rows_mut().into_iter().zip(counts(ends)) {
        row.iter_mut().for_each(|x| *x /= count.max(1) as f32);
    }
    out
}

#[track_caller]
fn assert_same_bits(found: ArrayView2<'_, f32>, expected: ArrayView2<'_, f32>, what: &dyn std::fmt::Debug) {
    assert_eq!(found.shape(), expected.shape());
    for ((text, column), &expected) in expected.indexed_iter() {
        let found = found[[text, column]];
        // The bits of a NaN are nobody's promise.
        let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
        assert!(same, "text {text}, column {column}: {found:e}, not {expected:e}: {what:?}");
    }
}

fn find(name: &str) -> Option<Isa> {
    let isa = Isa::all().find(|isa| isa.to_string() == name);
    if isa.is_none() {
        eprintln!("passed over: this machine has no {name}");
    }
    isa
}

macro_rules! kernels {
    ($($isa:ident),*) => {$(
        mod $isa {
            use super::*;

            fn isa() -> Option<Isa> {
                find(stringify!($isa))
            }

            proptest! {
                #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..Default::default() })]

                #[test]
                fn means_are_exact(case in cases()) {
                    isa().into_iter().for_each(|isa| super::means_are_exact(isa, &case));
                }

                #[test]
                fn unit_vectors_are_the_same_everywhere(case in cases()) {
                    isa().into_iter().for_each(|isa| super::unit_vectors_are_the_same_everywhere(isa, &case));
                }
            }

            kernels! { @tests
                every_alignment every_dimension long_texts_of_int8_do_not_overflow
                more_int8_rows_than_an_i32_can_hold extreme_values_are_normalized nothing_to_do outputs_with_gaps
            }
        }
    )*};
    (@tests $($test:ident)*) => {$(
        #[test]
        fn $test() {
            isa().into_iter().for_each(super::$test);
        }
    )*};
}

kernels!(scalar, avx2, avx512);

fn means_are_exact(isa: Isa, case: &Case) {
    let table = case.table();
    let (ids, ends) = case.block(&table);
    let found = pool(isa, &table, &ids, &ends, as_mean());
    assert_same_bits(found.view(), mean(&table, &ids, &ends).view(), case);
}

fn unit_vectors_are_the_same_everywhere(isa: Isa, case: &Case) {
    let table = case.table();
    let (ids, ends) = case.block(&table);
    let found = pool(isa, &table, &ids, &ends, as_unit());
    let scalar = Isa::all().next().unwrap();
    assert_same_bits(found.view(), pool(scalar, &table, &ids, &ends, as_unit()).view(), case);
    if case.any_bits {
        return;
    }
    for (found, mean) in found.rows().into_iter().zip(mean(&table, &ids, &ends).rows()) {
        let length = mean.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt() + 1e-32;
        for (&found, &x) in found.iter().zip(mean) {
            assert!((f64::from(found) - f64::from(x) / length).abs() < 2e-7, "{case:?}");
        }
    }
}

fn every_alignment(isa: Isa) {
    for dtype in DTYPES {
        for (dim, weighted) in [(31, false), (64, true), (100, false), (256, false), (300, true)] {
            let case = Case { weighted, mapped: weighted, ..Case::new(dtype, dim) };
            (0..64).for_each(|offset| means_are_exact(isa, &Case { offset, ..case.clone() }));
        }
    }
}

fn every_dimension(isa: Isa) {
    for dtype in DTYPES {
        for dim in (1..=600).chain([768, 1024, 1536]) {
            // The offset of a mapped file.
            let case = Case { offset: 24, texts: vec![1, 6], ..Case::new(dtype, dim) };
            means_are_exact(isa, &case);
            means_are_exact(isa, &Case { weighted: true, seed: 2, ..case });
        }
    }
}

/// Kernels add 256 rows in an i16.
fn long_texts_of_int8_do_not_overflow(isa: Isa) {
    for value in [-128i8, 127] {
        let table = Tensor::from_array(&Array2::from_elem((1, 100), value));
        let table = EmbeddingTable::try_new(table, None, None).unwrap();
        // From 131,073 rows on the sum need not be an f32 any more: it is rounded once.
        for count in [1, 2, 255, 256, 257, 511, 512, 513, 70_000, 131_072, 200_001] {
            let ids = vec![0; count];
            let found = pool(isa, &table, &ids, &[count], as_mean());
            let expected = (i64::from(value) * count as i64) as f32 / count as f32;
            assert!(found.iter().all(|&x| x == expected), "{value} × {count}: {found}");
        }
    }
    let case = Case { texts: vec![3, 100_000, 1, 777], ..Case::new(Dtype::I8, 33) };
    means_are_exact(isa, &case);
}

fn more_int8_rows_than_an_i32_can_hold(isa: Isa) {
    let count = i32::MAX as usize / 127 + 100;
    let table = Tensor::from_array(&Array2::from_elem((1, 64), 127i8));
    let table = EmbeddingTable::try_new(table, None, None).unwrap();
    let found = pool(isa, &table, &vec![0; count], &[count], as_mean());
    let expected = (127 * count as i64) as f32 / count as f32;
    assert!(found.iter().all(|&x| x == expected), "{found}, not {expected}");
}

fn extreme_values_are_normalized(isa: Isa) {
    let unit = |value: f32, count: usize| {
        let table = Tensor::from_array(&Array2::from_elem((1, 100), value));
        let table = EmbeddingTable::try_new(table, None, None).unwrap();
        pool(isa, &table, &vec![0; count], &[count], as_unit())[[0, 99]]
    };
    // Neither the square nor the sum of squares is an f32.
    assert!((unit(1e30, 3) - 0.1).abs() < 1e-7);
    assert!((unit(1e-25, 3) - 0.1).abs() < 1e-7);
    // The length of the sum is no f32, that of the mean is.
    assert!((unit(3e37, 10) - 0.1).abs() < 1e-7);
    // 1e-32 is added to the length of the mean, however many rows there are.
    for count in [1, 1024] {
        let tiny = 2f32.powi(-110);
        assert!((unit(tiny, count) - tiny / (10.0 * tiny + 1e-32)).abs() < 1e-7);
    }
    assert_eq!(unit(0.0, 3), 0.0);
    assert_eq!(unit(-0.0, 3).to_bits(), 0);
    // The mean's length is more than an f32 can hold, as it is in the reference.
    assert_eq!(unit(f32::MAX, 1), 0.0);
    assert!(unit(f32::INFINITY, 1).is_nan());
    assert!(unit(f32::NAN, 2).is_nan());
}

fn nothing_to_do(isa: Isa) {
    for dtype in DTYPES {
        let empty =
            |rows: usize| Tensor::try_new(dtype, &[rows, 256], vec![0; rows * 256 * dtype.size()].into());
        let table = EmbeddingTable::try_new(empty(0).unwrap(), None, None).unwrap();
        assert_eq!(pool(isa, &table, &[], &[], as_mean()).shape(), [0, 256]);
        assert_eq!(pool(isa, &table, &[], &[0, 0], as_unit()), Array2::<f32>::zeros((2, 256)));
        let table = EmbeddingTable::try_new(empty(1).unwrap(), None, None).unwrap();
        assert_eq!(pool(isa, &table, &[0], &[0, 1, 1], as_unit()), Array2::<f32>::zeros((3, 256)));
    }
}

fn outputs_with_gaps(isa: Isa) {
    let case = Case::new(Dtype::F16, 100);
    let table = case.table();
    let (ids, ends) = case.block(&table);
    let expected = mean(&table, &ids, &ends);
    let mut wide = Array2::from_elem((2 * ends.len(), 203), 7.0);
    let (columns, rows) = (s![.., 3..103], s![..;2, 3..;2]);
    table
        .pool_into_on(isa, &ids, &ends, as_mean(), wide.slice_mut(columns).slice_mut(s![..ends.len(), ..]))
        .unwrap();
    assert_same_bits(wide.slice(columns).slice(s![..ends.len(), ..]), expected.view(), &"gaps between rows");
    table.pool_into_on(isa, &ids, &ends, as_mean(), wide.slice_mut(rows)).unwrap();
    assert_same_bits(wide.slice(rows), expected.view(), &"gaps between rows and columns");
    for options in [as_mean(), as_unit()] {
        let expected = pool(isa, &table, &ids, &ends, options);
        let mut turned = Array2::from_elem((100, ends.len()), 7.0);
        table.pool_into_on(isa, &ids, &ends, options, turned.view_mut().reversed_axes()).unwrap();
        assert_same_bits(turned.t(), expected.view(), &"one column after another");
    }
}

#[test]
fn a_text_alone_is_pooled_as_in_a_block() {
    for (dtype, weighted, mapped) in DTYPES
        .into_iter()
        .flat_map(|dtype| [false, true].map(|weighted| (dtype, weighted)))
        .flat_map(|(dtype, weighted)| [false, true].map(|mapped| (dtype, weighted, mapped)))
    {
        let case = Case { weighted, mapped, ..Case::new(dtype, 100) };
        let table = case.table();
        let (ids, ends) = case.block(&table);
        for options in [as_mean(), as_unit()] {
            let expected = pool(Isa::best(), &table, &ids, &ends, options);
            let mut start = 0;
            for (&end, expected) in ends.iter().zip(expected.rows()) {
                let mut found = Array2::from_elem((1, 100), f32::NAN);
                table.pool_one_into(&ids[start..end], options, found.as_slice_mut().unwrap()).unwrap();
                assert_same_bits(found.view(), expected.insert_axis(Axis(0)), &case);
                start = end;
            }
        }
    }
}

#[test]
fn a_lookup_is_the_mean_of_one() {
    for dtype in DTYPES {
        for dim in [5, 40, 100, 256] {
            let case = Case { weighted: true, mapped: true, ..Case::new(dtype, dim) };
            let table = case.table();
            let ids: Vec<u32> = (0..TOKENS as u32).rev().collect();
            let ends: Vec<usize> = (1..=TOKENS).collect();
            let mut found = Array2::zeros((TOKENS, dim));
            table.lookup_into(&ids, found.view_mut()).unwrap();
            assert_same_bits(found.view(), mean(&table, &ids, &ends).view(), &case);
        }
    }
}

#[test]
fn kernels_are_listed_narrowest_first() {
    let names: Vec<_> = Isa::all().map(|isa| isa.to_string()).collect();
    assert!(["scalar", "avx2", "avx512"].starts_with(&names.iter().map(String::as_str).collect::<Vec<_>>()));
    assert_eq!(Some(Isa::best()), Isa::all().last());
}
