//! Clusters, against a naive oracle in f64 and against what every clustering has to be.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use m2v_core::half::{bf16, f16};
use m2v_core::{Checkpoint, Config, Dtype, Element, EmbeddingTable, Tensor};
use m2v_quant::{Context, Error, Init, Int8, KMeans, Transform};
use ndarray::{Array1, Array2, ArrayView2, Axis, array};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

/// Numbers from −1 to 1.
fn random(seed: u64, rows: usize, dim: usize) -> Array2<f32> {
    let mut state = seed;
    Array2::from_shape_simple_fn((rows, dim), || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    })
}

fn checkpoint<T: Element>(rows: &Array2<T>, weights: Option<Vec<f32>>) -> Checkpoint {
    let weights = weights.map(|weights| Tensor::from_array(&Array1::from(weights)));
    let table = EmbeddingTable::try_new(Tensor::from_array(rows), weights, None).unwrap();
    Checkpoint::new(Config::default(), table, b"{}")
}

fn apply(transform: &dyn Transform, checkpoint: &Checkpoint) -> EmbeddingTable {
    transform.apply(checkpoint.clone(), &mut Context::default()).unwrap().table
}

fn ones(rows: usize) -> Option<Vec<f32>> {
    Some(vec![1.0; rows])
}

fn centres(table: &EmbeddingTable) -> Array2<f64> {
    table.embeddings().to_f32().unwrap().mapv(f64::from).into_dimensionality().unwrap()
}

/// The vector of each token.
fn vectors(table: &EmbeddingTable) -> Array2<f32> {
    let ids: Vec<u32> = (0..table.id_count() as u32).collect();
    let mut out = Array2::zeros((ids.len(), table.dim()));
    table.lookup_into(&ids, out.view_mut()).unwrap();
    out
}

fn distance(a: ndarray::ArrayView1<'_, f64>, b: ndarray::ArrayView1<'_, f64>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// The inertia, and the largest excess of a distance over that of the nearest centre.
fn inertia(rows: ArrayView2<'_, f64>, table: &EmbeddingTable) -> (f64, f64) {
    let centres = centres(table);
    let (mut sum, mut excess) = (0.0, 0.0f64);
    for (row, &own) in rows.rows().into_iter().zip(table.row_of().unwrap()) {
        let own = distance(row, centres.row(own as usize));
        let nearest = centres.rows().into_iter().map(|centre| distance(row, centre)).fold(own, f64::min);
        sum += own;
        excess = excess.max(own - nearest);
    }
    (sum, excess)
}

/// Lloyd's algorithm from given rows, to its end.
fn lloyd(rows: ArrayView2<'_, f64>, start: &[usize]) -> f64 {
    let mut centres = rows.select(Axis(0), start);
    let mut last = f64::INFINITY;
    loop {
        let mut sums = Array2::<f64>::zeros(centres.dim());
        let mut sizes = vec![0.0; centres.nrows()];
        let mut sum = 0.0;
        for row in rows.rows() {
            let distances = centres.rows().into_iter().map(|centre| distance(row, centre)).enumerate();
            let (own, least) = distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            sum += least;
            sizes[own] += 1.0;
            let mut sum = sums.row_mut(own);
            sum += &row;
        }
        for ((mut centre, sum), size) in centres.rows_mut().into_iter().zip(sums.rows()).zip(sizes) {
            if size > 0.0 {
                centre.assign(&(&sum / size));
            }
        }
        if sum >= last {
            return sum;
        }
        last = sum;
    }
}

#[test]
fn is_better_than_the_best_of_ten_runs_of_lloyd() {
    for (rows, dim, clusters) in [(600, 8, 40), (2000, 20, 200), (1500, 3, 100)] {
        let points = random(rows as u64, rows, dim);
        let wide = points.mapv(f64::from);
        let best = (0..10)
            .map(|run| {
                let start: Vec<usize> =
                    (0..clusters).map(|i| (run * 7 + i * (rows / clusters)) % rows).collect();
                lloyd(wide.view(), &start)
            })
            .fold(f64::INFINITY, f64::min);
        for init in [Init::KMeansPlusPlus, Init::Random] {
            for seed in [42, 1, 2] {
                let transform = KMeans::new(clusters).with_init(init).with_seed(seed);
                let table = apply(&transform, &checkpoint(&points, ones(rows)));
                let (found, excess) = inertia(wide.view(), &table);
                assert!(found < best, "{rows} × {dim}, {clusters}, {init:?}: {found}, Lloyd's best {best}");
                assert!(excess < 1e-6, "a token is not at its nearest centre, by {excess}");
            }
        }
    }
}

#[test]
fn finds_clusters_that_are_there() {
    let middles = random(3, 30, 12) * 100.0;
    let points =
        Array2::from_shape_fn((3000, 12), |(i, j)| middles[[i * 7 % 30, j]] + (i + j) as f32 % 3.0 * 0.01);
    for init in [Init::KMeansPlusPlus, Init::Random] {
        let table =
            apply(&KMeans::new(30).with_init(init).with_tolerance(0.0), &checkpoint(&points, ones(3000)));
        let (found, _) = inertia(points.mapv(f64::from).view(), &table);
        // Each cluster of its own is within 0.02 in each direction; two in one would add 10⁴s.
        if init == Init::KMeansPlusPlus {
            assert!(found < 3000.0 * 12.0 * 1e-4, "{found}");
            let row_of = table.row_of().unwrap();
            assert!((0..3000).all(|i| row_of[i] == row_of[(i + 30) % 3000]));
        }
    }
}

#[test]
fn without_weights_they_are_the_lengths_of_the_rows() {
    let rows = random(5, 500, 10) * 3.0;
    let table = apply(&KMeans::new(60), &checkpoint(&rows, None));
    assert_eq!((table.rows(), table.id_count(), table.dtype()), (60, 500, Dtype::F32));
    assert_eq!(table.mapping().unwrap().dtype(), Dtype::I32);
    let lengths: Vec<f64> = rows
        .rows()
        .into_iter()
        .map(|row| row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt())
        .collect();
    for (&weight, length) in table.weights_f32().unwrap().iter().zip(&lengths) {
        assert!((f64::from(weight) - length).abs() <= length * 1e-7, "{weight} {length}");
    }
    let unit = Array2::from_shape_fn(rows.dim(), |(i, j)| f64::from(rows[[i, j]]) / lengths[i]);
    let (found, excess) = inertia(unit.view(), &table);
    assert!(excess < 1e-6 && found < lloyd(unit.view(), &(0..60).collect::<Vec<_>>()), "{found} {excess}");
}

#[test]
fn with_weights_the_rows_are_clustered_as_they_are() {
    let rows = random(6, 300, 7) * 50.0 + 1000.0;
    let weights: Vec<f32> = (0..300).map(|i| i as f32 - 20.0).collect();
    let table = apply(&KMeans::new(25), &checkpoint(&rows, Some(weights.clone())));
    assert_eq!(table.weights_f32().unwrap(), weights);
    let (found, excess) = inertia(rows.mapv(f64::from).view(), &table);
    assert!(excess < 0.1, "{excess}");
    assert!(found < lloyd(rows.mapv(f64::from).view(), &(0..25).collect::<Vec<_>>()));
}

#[test]
fn centres_have_the_dtype_of_the_table() {
    fn check<T: Element>(rows: &Array2<T>, bound: f32) {
        let table = apply(&KMeans::new(20), &checkpoint(rows, None));
        assert_eq!((table.dtype(), table.weights().unwrap().dtype()), (T::DTYPE, Dtype::F32));
        let wide = apply(&KMeans::new(20), &checkpoint(&random(7, 200, 5), None));
        assert_eq!(table.row_of().unwrap().len(), wide.row_of().unwrap().len());
        let cosines = vectors(&table);
        let exact = vectors(&checkpoint(rows, None).table);
        let cosine = |a: ndarray::ArrayView1<'_, f32>, b: ndarray::ArrayView1<'_, f32>| {
            a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
        };
        let mean =
            cosines.rows().into_iter().zip(exact.rows()).map(|(a, b)| cosine(a, b)).sum::<f32>() / 200.0;
        assert!(mean > bound, "{} {mean}", T::DTYPE);
    }
    let rows = random(7, 200, 5);
    check(&rows, 0.8);
    check(&rows.mapv(f64::from), 0.8);
    check(&rows.mapv(f16::from_f32), 0.8);
    check(&rows.mapv(bf16::from_f32), 0.8);
}

#[test]
fn as_many_clusters_as_rows_lose_nothing() {
    let rows = random(8, 70, 9);
    for transform in [KMeans::new(70), KMeans::new(70).with_init(Init::Random)] {
        let weighted = checkpoint(&rows, Some((0..70).map(|i| i as f32).collect()));
        assert_eq!(vectors(&apply(&transform, &weighted)), vectors(&weighted.table));
        let plain = checkpoint(&rows, None);
        let difference = vectors(&apply(&transform, &plain)) - vectors(&plain.table);
        assert!(difference.iter().all(|x| x.abs() < 3e-7), "one rounding by the length, one back");
    }
    // And one less than that costs one of the pairs.
    let table = apply(&KMeans::new(69), &checkpoint(&rows, ones(70)));
    let used: BTreeSet<u32> = table.row_of().unwrap().iter().copied().collect();
    assert_eq!(used.len(), 69);
}

#[test]
fn one_cluster_is_the_mean() {
    let rows = random(9, 333, 6);
    let table = apply(&KMeans::new(1), &checkpoint(&rows, ones(333)));
    let mean = rows.mapv(f64::from).mean_axis(Axis(0)).unwrap();
    assert!(distance(centres(&table).row(0), mean.view()) < 1e-14);
    assert!(table.row_of().unwrap().iter().all(|&row| row == 0));
}

#[test]
fn rows_of_zeros_stay_zeros_and_out_of_the_clusters() {
    let mut rows = random(10, 90, 4);
    for zero in [0, 17, 89] {
        rows.row_mut(zero).fill(0.0);
    }
    let table = apply(&KMeans::new(10), &checkpoint(&rows, None));
    let found = vectors(&table);
    for (i, row) in found.rows().into_iter().enumerate() {
        assert_eq!(row.iter().all(|&x| x == 0.0), [0, 17, 89].contains(&i), "{i}");
    }
    // The other rows have the clusters they would have alone.
    let others: Vec<usize> = (0..90).filter(|i| ![0, 17, 89].contains(i)).collect();
    let alone = apply(&KMeans::new(10), &checkpoint(&rows.select(Axis(0), &others), None));
    assert_eq!(alone.embeddings(), table.embeddings());
    // Nothing but zeros, and fewer others than clusters.
    let nothing = apply(&KMeans::new(2), &checkpoint(&Array2::<f32>::zeros((3, 2)), None));
    assert_eq!((nothing.rows(), vectors(&nothing)), (2, Array2::zeros((3, 2))));
    let few = array![[0f32, 0.0], [0.0, 2.0], [0.0, 0.0], [1.0, 0.0]];
    let table = apply(&KMeans::new(3), &checkpoint(&few, None));
    assert_eq!((table.rows(), vectors(&table)), (3, few));
    // With weights a row of zeros is a row as others.
    let weighted = apply(&KMeans::new(2), &checkpoint(&array![[0f32, 0.0], [0.0, 0.0], [4.0, 4.0]], ones(3)));
    assert_eq!(vectors(&weighted), array![[0f32, 0.0], [0.0, 0.0], [4.0, 4.0]]);
}

#[test]
fn rows_that_repeat_each_other_get_no_second_cluster() {
    // 12 different rows, 40 times each, and more clusters than those.
    let kinds = random(11, 12, 5);
    let rows = kinds.select(Axis(0), &(0..480).map(|i| i % 12).collect::<Vec<_>>());
    for init in [Init::KMeansPlusPlus, Init::Random] {
        for clusters in [12, 13, 200, 479] {
            let table = apply(&KMeans::new(clusters).with_init(init), &checkpoint(&rows, ones(480)));
            assert_eq!(table.rows(), clusters);
            let difference = vectors(&table) - &rows;
            assert!(difference.iter().all(|x| x.abs() < 1e-6), "{init:?} {clusters}");
        }
        let (found, _) = inertia(
            rows.mapv(f64::from).view(),
            &apply(&KMeans::new(11).with_init(init), &checkpoint(&rows, ones(480))),
        );
        let pairs = (0..12).flat_map(|a| (0..a).map(move |b| (a, b)));
        let wide = kinds.mapv(f64::from);
        // Two kinds share a centre: 40 × half the square of their distance, for the nearest two at best.
        let best =
            pairs.map(|(a, b)| 20.0 * distance(wide.row(a), wide.row(b))).fold(f64::INFINITY, f64::min);
        assert!(found < best * 3.0, "{found}, the best {best}");
    }
}

#[test]
fn parts_of_the_coarse_partition_may_be_empty() {
    // Most of its middles are at the row that repeats: one gets all points of that place, the others none.
    let mut rows = random(18, 4000, 8);
    (0..3000).for_each(|i| rows.row_mut(i).fill(0.5));
    let wide = rows.mapv(f64::from);
    for init in [Init::KMeansPlusPlus, Init::Random] {
        for seed in 0..3 {
            let transform = KMeans::new(300).with_init(init).with_seed(seed);
            let (found, excess) = inertia(wide.view(), &apply(&transform, &checkpoint(&rows, ones(4000))));
            assert!(found < lloyd(wide.view(), &(2900..3200).collect::<Vec<_>>()), "{init:?} {found}");
            assert!(excess < 1e-6, "{excess}");
        }
    }
}

#[test]
fn int8_is_dequantised_first() {
    let rows = random(12, 400, 16);
    let int8 = Int8.apply(checkpoint(&rows, None), &mut Context::default()).unwrap();
    let table = apply(&KMeans::new(50), &int8);
    assert_eq!((table.dtype(), table.rows()), (Dtype::F32, 50));
    let before = vectors(&int8.table);
    let float = apply(&KMeans::new(50), &checkpoint(&before, None));
    assert_eq!(table.row_of(), float.row_of());
    let difference = vectors(&table) - vectors(&float);
    assert!(difference.iter().all(|x| x.abs() < 1e-5));
    // Without weights, and with one that is 0 and one that is negative.
    let plain = array![[127i8, 0], [100, 1], [0, -127], [3, 4]];
    assert_eq!(apply(&KMeans::new(2), &checkpoint(&plain, None)).weights_f32().unwrap()[3], 5.0);
    let table = apply(&KMeans::new(3), &checkpoint(&plain, Some(vec![1.0, 0.0, -2.0, 0.5])));
    assert_eq!(vectors(&table), array![[127f32, 0.0], [0.0, 0.0], [0.0, 254.0], [1.5, 2.0]]);
}

#[test]
fn the_result_is_the_same_on_any_number_of_threads() {
    let rows = random(13, 9000, 24);
    let model = checkpoint(&rows, None);
    let on = |threads: usize, transform: &KMeans| {
        ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| apply(transform, &model))
    };
    for init in [Init::KMeansPlusPlus, Init::Random] {
        let transform = KMeans::new(300).with_init(init);
        let one = on(1, &transform);
        for threads in [2, 3, 7] {
            assert!(on(threads, &transform) == one, "{threads} threads, {init:?}");
        }
        assert!(on(2, &transform.clone().with_seed(42)) == one, "42 is the default");
        assert!(on(2, &transform.with_seed(43)) != one, "another seed, another result");
    }
}

#[test]
fn extreme_values_are_clustered_or_refused() {
    // Squares of these overflow or vanish in f32.
    for scale in [1e30f32, 1e-30] {
        let rows = random(14, 200, 6);
        let table = apply(&KMeans::new(20), &checkpoint(&(&rows * scale), ones(200)));
        let reference = apply(&KMeans::new(20), &checkpoint(&rows, ones(200)));
        let (found, _) = inertia((rows.mapv(f64::from) * f64::from(scale)).view(), &table);
        let (expected, _) = inertia(rows.mapv(f64::from).view(), &reference);
        let found = found / f64::from(scale) / f64::from(scale);
        assert!(found < expected * 1.1, "{found} {expected}");
    }
    for (row, bad) in [(3, f32::NAN), (0, f32::INFINITY), (4, f32::NEG_INFINITY)] {
        let mut rows = random(15, 5, 2);
        rows[[row, 1]] = bad;
        for weights in [None, ones(5)] {
            let error =
                KMeans::new(2).apply(checkpoint(&rows, weights), &mut Context::default()).unwrap_err();
            assert!(
                matches!(error, Error::Value { tensor: "embeddings", row: found, .. } if found == row),
                "{error}"
            );
        }
    }
    let huge = checkpoint(&array![[1e300f64, 0.0], [1.0, 0.0]], None);
    assert!(matches!(KMeans::new(1).apply(huge, &mut Context::default()), Err(Error::Value { row: 0, .. })));
    let long = checkpoint(&array![[1.0f32, 0.0], [f32::MAX, f32::MAX]], None);
    let error = KMeans::new(1).apply(long, &mut Context::default()).unwrap_err();
    assert!(matches!(error, Error::Value { tensor: "weights", row: 1, .. }), "{error}");
}

#[test]
fn impossible_requests_are_errors() {
    let model = checkpoint(&random(16, 10, 3), None);
    for requested in [0, 11] {
        let error = KMeans::new(requested).apply(model.clone(), &mut Context::default()).unwrap_err();
        assert!(matches!(error, Error::Clusters { rows: 10, .. }), "{error}");
        assert!(error.to_string().ends_with(&format!("found {requested}")), "{error}");
    }
    let small = KMeans::new(4).apply(model, &mut Context::default()).unwrap();
    let error = KMeans::new(4).apply(small, &mut Context::default()).unwrap_err();
    assert!(matches!(error, Error::Mapped { rows: 4, tokens: 10 }), "{error}");
    assert!(error.to_string().contains("already quantized"), "{error}");
}

#[test]
fn what_is_written_says_how_many_clusters() {
    let small = KMeans::new(4).apply(checkpoint(&random(16, 10, 3), None), &mut Context::default()).unwrap();
    assert_eq!(small.saved_config().get("vocabulary_quantization"), Some(&4.into()));
}

#[test]
fn reports_progress_and_stops_when_told() {
    let model = checkpoint(&random(17, 5000, 8), None);
    let seen = Mutex::new(Vec::new());
    let cancel = AtomicBool::new(false);
    let progress = |done, total| seen.lock().unwrap().push((done, total));
    KMeans::new(100).apply(model.clone(), &mut Context::default().with_progress(&progress)).unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.len() > 20 && seen.iter().all(|&(done, total)| done <= 5000 && total == 5000));
    let ends: Vec<usize> = (0..seen.len()).filter(|&i| seen[i].0 == 5000).collect();
    assert_eq!(ends, [seen.len() - 1], "all is done once, at the end");
    // Cancelled at the start, and after each tenth of the way.
    for tenth in 0..10 {
        cancel.store(tenth == 0, Ordering::Relaxed);
        let stop = |done, _| {
            cancel.fetch_or(done >= tenth * 500, Ordering::Relaxed);
        };
        let mut context = Context::default().with_progress(&stop).with_cancel(&cancel);
        let result = KMeans::new(100).apply(model.clone(), &mut context);
        assert!(matches!(result, Err(Error::Cancelled)), "{tenth}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_table_is_clustered(
        (rows, dim, values) in (1usize..200, 1usize..40)
            .prop_flat_map(|(r, d)| (Just(r), Just(d), prop::collection::vec(-3i8..4, r * d))),
        share in 0.0f64..1.0,
        weighted: bool,
        random_init: bool,
        seed: u64,
    ) {
        // Small integers: many rows are equal, some are zeros, ties are frequent.
        let table = Array2::from_shape_vec((rows, dim), values).unwrap().mapv(f32::from);
        let clusters = 1 + (share * rows as f64) as usize;
        let init = if random_init { Init::Random } else { Init::KMeansPlusPlus };
        let transform = KMeans::new(clusters.min(rows)).with_seed(seed).with_init(init);
        let before = checkpoint(&table, weighted.then(|| vec![1.0; rows]));
        let after = apply(&transform, &before);
        prop_assert_eq!(after.rows(), clusters.min(rows));
        prop_assert_eq!(after.id_count(), rows);
        prop_assert!(vectors(&after).iter().all(|x| x.is_finite()));
        let different: BTreeSet<Vec<i32>> =
            table.rows().into_iter().map(|row| row.iter().map(|&x| x as i32).collect()).collect();
        if weighted {
            let wide = table.mapv(f64::from);
            let (sum, excess) = inertia(wide.view(), &after);
            prop_assert!(excess < 1e-4, "{}", excess);
            let mean = wide.mean_axis(Axis(0)).unwrap();
            let one: f64 = wide.rows().into_iter().map(|row| distance(row, mean.view())).sum();
            prop_assert!(sum <= one + 1e-4, "{} {}", sum, one);
            if different.len() <= after.rows() {
                prop_assert!(sum < 1e-6, "{}", sum);
            }
        }
    }
}
