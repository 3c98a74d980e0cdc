//! A coarse partition of the points, which says where near centres are.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::matrix::{Matrix, Nearest, Products};
use super::random::Random;
use super::work::Work;
use crate::error::Result;

/// Centres that a cell holds, about.
const CENTRES: usize = 64;
/// Cells around a point in which its candidates are looked for.
const PROBES: usize = 4;
/// Points of a cell that find its middle.
const SAMPLE: usize = 32;
/// Lloyd steps on that sample.
const STEPS: usize = 3;

/// The points in cells, as in an inverted file: a point's near centres are mostly in its near cells.
pub(super) struct Cells {
    pub(super) middles: Matrix,
    /// The points of cell `c` are `starts[c]..starts[c + 1]`, once they are sorted.
    pub(super) starts: Vec<usize>,
    /// The nearest cells of each point, sorted, its own first: [`Cells::probes`] of them.
    pub(super) near: Vec<u32>,
    pub(super) probes: usize,
}

impl Cells {
    /// Cells for so many clusters, and the order that sorts the points by cell.
    pub(super) fn build(
        points: &Matrix,
        clusters: usize,
        random: &mut Random,
        work: &Work<'_, '_>,
    ) -> Result<(Self, Vec<u32>)> {
        let count = clusters.div_ceil(CENTRES);
        let middles = middles(points, count, random, work)?;
        let probes = PROBES.min(count);
        let (near, _) = nearest(points, &middles, probes, work)?;
        work.add(points.rows());
        let own: Vec<u32> = near.iter().copied().step_by(probes).collect();
        let (starts, order) = group(&own, count);
        let near =
            order.iter().flat_map(|&point| &near[point as usize * probes..][..probes]).copied().collect();
        Ok((Self { middles, starts, near, probes }, order))
    }
}

/// The middles of `count` cells: a few Lloyd steps on a sample, from random points.
fn middles(points: &Matrix, count: usize, random: &mut Random, work: &Work<'_, '_>) -> Result<Matrix> {
    let sample = random.choose((count * SAMPLE).min(points.rows()), points.rows());
    let sample = points.gather(sample.into_iter());
    let mut middles = sample.gather(0..count);
    for _ in 0..STEPS {
        let (own, _) = nearest(&sample, &middles, 1, work)?;
        let mut sums = vec![0.0; count * points.stride()];
        let mut sizes = vec![0.0; count];
        for (row, &cell) in own.iter().enumerate() {
            sizes[cell as usize] += 1.0;
            let sum = &mut sums[cell as usize * points.stride()..][..points.stride()];
            sum.iter_mut().zip(sample.row(row)).for_each(|(sum, &x)| *sum += f64::from(x));
        }
        for (cell, sum) in sums.chunks_exact(points.stride()).enumerate() {
            if sizes[cell] > 0.0 {
                let middle = middles.row_mut(cell).iter_mut();
                middle.zip(sum).for_each(|(x, sum)| *x = (sum / sizes[cell]) as f32);
            }
        }
    }
    Ok(middles)
}

/// Sorts things by group: those of group `g` are `order[starts[g]..starts[g + 1]]`, ascending.
pub(super) fn group(of: &[u32], groups: usize) -> (Vec<usize>, Vec<u32>) {
    let mut starts = vec![0; groups + 1];
    of.iter().for_each(|&group| starts[group as usize + 1] += 1);
    (1..starts.len()).for_each(|i| starts[i] += starts[i - 1]);
    let mut next = starts.clone();
    let mut order = vec![0; of.len()];
    for (i, &group) in of.iter().enumerate() {
        order[next[group as usize]] = i as u32;
        next[group as usize] += 1;
    }
    (starts, order)
}

/// Points that are multiplied with centres at once. These blocks and not the threads decide how sums are
/// ordered, here and elsewhere.
pub(super) const POINTS: usize = 256;
/// Centres that are multiplied with points at once.
pub(super) const COLUMNS: usize = 512;

/// The `count` nearest centres of every point, nearest first, and the squares of their distances less ‖x‖².
pub(super) fn nearest(
    points: &Matrix,
    centres: &Matrix,
    count: usize,
    work: &Work<'_, '_>,
) -> Result<(Vec<u32>, Vec<f32>)> {
    let norms = centres.norms();
    let mut ids = vec![0; points.rows() * count];
    let mut values = vec![f32::INFINITY; points.rows() * count];
    let blocks = ids.par_chunks_mut(POINTS * count).zip(values.par_chunks_mut(POINTS * count));
    blocks.enumerate().try_for_each_init(Products::default, |products, (block, (ids, values))| {
        work.check()?;
        let points = points.block(block * POINTS, ids.len() / count);
        for start in (0..centres.rows()).step_by(COLUMNS) {
            let columns = COLUMNS.min(centres.rows() - start);
            let rows = products.of(points, centres.block(start, columns));
            let lists = ids.chunks_exact_mut(count).zip(values.chunks_exact_mut(count));
            for (row, (ids, values)) in rows.zip(lists) {
                Nearest { ids, values }.offer(row, &norms[start..], |i| (start + i) as u32);
            }
        }
        Ok::<(), crate::Error>(())
    })?;
    Ok((ids, values))
}
