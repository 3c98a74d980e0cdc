//! Whose neighbours are still the nearest.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, Slice};
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use crate::error::Result;
use crate::transform::Context;

/// Texts whose neighbours are looked for at a time, and texts they are compared with at a time: the similarities of
/// both encodings take 1 MiB.
const QUERIES: usize = 64;
const CANDIDATES: usize = 2048;

/// Similarities as close as this are equal: sums of products of float32 numbers say no more.
const TIE: f32 = 1e-6;

/// The mean share of each text's `k` nearest neighbours after that were among its `k` nearest before, or as near as
/// the last of these. Exact; every text is compared with every other.
pub(crate) fn recall(
    before: ArrayView2<'_, f32>,
    after: ArrayView2<'_, f32>,
    k: usize,
    context: &Context<'_>,
) -> Result<f64> {
    let texts = before.nrows();
    let k = k.min(texts - 1);
    if before.iter().chain(after).any(|x| !x.is_finite()) {
        return Ok(f64::NAN);
    }
    if k == 0 {
        return Ok(1.0);
    }
    let vectors = [unit_rows(before), unit_rows(after)];
    let starts: Vec<usize> = (0..texts).step_by(QUERIES).collect();
    let tiles = || [(); 2].map(|()| Array2::zeros((QUERIES, CANDIDATES)));
    let done = AtomicUsize::new(0);
    let found = |tiles: &mut [Array2<f32>; 2], start: usize| {
        context.check()?;
        let queries = start..texts.min(start + QUERIES);
        let mut nearest: Vec<Nearest> = queries.clone().map(|_| Nearest::new(k)).collect();
        for start in (0..texts).step_by(CANDIDATES) {
            let candidates = start..texts.min(start + CANDIDATES);
            let [before, after] = tiles.each_mut();
            let before = similarities(&vectors[0], queries.clone(), candidates.clone(), before);
            let after = similarities(&vectors[1], queries.clone(), candidates.clone(), after);
            let rows = before.rows().into_iter().zip(after.rows());
            for ((query, nearest), (before, after)) in queries.clone().zip(&mut nearest).zip(rows) {
                let pairs = before.into_iter().zip(after);
                for (candidate, (&before, &after)) in candidates.clone().zip(pairs) {
                    if candidate != query {
                        nearest.see(before, after);
                    }
                }
            }
        }
        context.report(done.fetch_add(queries.len(), Ordering::Relaxed) + queries.len(), texts);
        Ok(nearest.iter().map(Nearest::found).sum::<usize>())
    };
    let found = starts.into_par_iter().with_max_len(1).map_init(tiles, found).sum::<Result<usize>>()?;
    Ok(found as f64 / (texts * k) as f64)
}

/// The products of some rows with others, `[queries, candidates]`, in a corner of `tile`.
fn similarities<'t>(
    vectors: &Array2<f32>,
    queries: Range<usize>,
    candidates: Range<usize>,
    tile: &'t mut Array2<f32>,
) -> ArrayView2<'t, f32> {
    let (rows, columns) = (queries.len(), candidates.len());
    let mut corner = tile.slice_axis_mut(Axis(0), Slice::from(..rows));
    corner.slice_axis_inplace(Axis(1), Slice::from(..columns));
    let left = vectors.slice_axis(Axis(0), Slice::from(queries));
    let right = vectors.slice_axis(Axis(0), Slice::from(candidates));
    general_mat_mul(1.0, &left, &right.t(), 0.0, &mut corner);
    let mut corner = tile.view();
    corner.slice_axis_inplace(Axis(0), Slice::from(..rows));
    corner.slice_axis_inplace(Axis(1), Slice::from(..columns));
    corner
}

/// The nearest neighbours of a text among those seen so far.
struct Nearest {
    /// The greatest similarities before, descending.
    before: Vec<f32>,
    /// The greatest similarities after, descending, each with the one before. Of equal ones, the first seen.
    after: Vec<(f32, f32)>,
}

impl Nearest {
    fn new(k: usize) -> Self {
        Self { before: vec![f32::NEG_INFINITY; k], after: vec![(f32::NEG_INFINITY, 0.0); k] }
    }

    #[inline]
    fn see(&mut self, before: f32, after: f32) {
        if self.before.last().is_some_and(|&last| before > last) {
            let place = self.before.partition_point(|&other| other >= before);
            self.before[place..].rotate_right(1);
            self.before[place] = before;
        }
        if self.after.last().is_some_and(|&(last, _)| after > last) {
            let place = self.after.partition_point(|&(other, _)| other >= after);
            self.after[place..].rotate_right(1);
            self.after[place] = (after, before);
        }
    }

    fn found(&self) -> usize {
        let last = self.before.last().copied().unwrap_or(f32::NEG_INFINITY);
        self.after.iter().filter(|&&(_, before)| before >= last - TIE).count()
    }
}

/// The rows divided by their lengths; a row of zeros, which is similar to nothing, stays.
fn unit_rows(rows: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut out = Array2::zeros(rows.dim());
    for (row, mut out) in rows.rows().into_iter().zip(out.rows_mut()) {
        let length = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
        if length > 0.0 {
            out.zip_mut_with(&row, |out, &x| *out = (f64::from(x) / length) as f32);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, ArrayView2, array};

    fn recall(before: ArrayView2<'_, f32>, after: ArrayView2<'_, f32>, k: usize) -> f64 {
        super::recall(before, after, k, &super::Context::default()).unwrap()
    }

    #[test]
    fn what_is_equally_near_counts() {
        // Before, all others are equally near to the first; after, some came nearer.
        let before =
            array![[1f32, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]];
        assert_eq!(recall(before.view(), before.view(), 1), 1.0);
        let mut after = before.clone();
        after[[3, 0]] = 0.5;
        // Of the first, any neighbour is right; of the others, the twin is found.
        assert_eq!(recall(before.view(), after.view(), 1), 1.0);
        after[[1, 1]] = 0.0;
        after[[1, 0]] = 1.0;
        // The second is now next to the first: its twin has lost it, and it its twin.
        assert_eq!(recall(before.view(), after.view(), 1), 3.0 / 5.0);
    }

    #[test]
    fn few_texts_and_zeros_are_defined() {
        let one = array![[1f32, 2.0]];
        assert_eq!(recall(one.view(), one.view(), 10), 1.0);
        let two = array![[1f32, 2.0], [-1.0, 0.5]];
        assert_eq!(recall(two.view(), Array2::zeros((2, 1)).view(), 10), 1.0);
        assert!(recall(two.view(), array![[1f32], [f32::INFINITY]].view(), 10).is_nan());
    }
}
