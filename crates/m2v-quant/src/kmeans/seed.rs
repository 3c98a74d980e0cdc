//! Where clusters start.

use std::ops::Range;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::Init;
use super::cells::Cells;
use super::matrix::{Matrix, distance};
use super::partition::NONE;
use super::random::Random;
use super::work::Work;
use crate::error::Result;

/// Points to start clusters from.
pub(super) struct Seeds {
    /// The points; fewer than asked for if others would repeat them.
    pub(super) points: Vec<u32>,
    /// The seed of each point, an index into `points`, or [`NONE`] if that is not known yet.
    pub(super) of: Vec<u32>,
}

/// Chooses `clusters` points.
pub(super) fn seed(
    points: &Matrix,
    cells: &Cells,
    clusters: usize,
    init: Init,
    random_seed: u64,
    work: &Work<'_, '_>,
) -> Result<Seeds> {
    match init {
        Init::KMeansPlusPlus => plus_plus(points, cells, clusters, random_seed, work),
        Init::Random => {
            let chosen = Random::new(random_seed, 1).choose(clusters, points.rows());
            // Of seeds at one place the first gets all points, even the other seeds.
            let of = vec![NONE; points.rows()];
            Ok(Seeds { points: chosen.into_iter().map(|point| point as u32).collect(), of })
        }
    }
}

/// k-means++ (Arthur & Vassilvitskii, 2007) within each cell: a cell gets seeds in proportion to the squared
/// distances of its points from its middle, which is what the whole algorithm gives it on average, and each
/// next seed is a point of the cell chosen with the square of its distance from the cell's seeds.
fn plus_plus(
    points: &Matrix,
    cells: &Cells,
    clusters: usize,
    random_seed: u64,
    work: &Work<'_, '_>,
) -> Result<Seeds> {
    let count = cells.middles.rows();
    let members = |cell: usize| cells.starts[cell]..cells.starts[cell + 1];
    let spread: Vec<f64> = (0..count)
        .into_par_iter()
        .map(|cell| {
            let middle = cells.middles.row(cell);
            members(cell).map(|point| f64::from(distance(points.row(point), middle))).sum()
        })
        .collect();
    let sizes: Vec<usize> = (0..count).map(|cell| members(cell).len()).collect();
    let quotas = quotas(&spread, &sizes, clusters);
    let found = (0..count).into_par_iter().map(|cell| {
        work.check()?;
        let mut random = Random::new(random_seed, 2 + cell as u64);
        let found = plus_plus_in(points, members(cell), quotas[cell], &mut random);
        work.add(members(cell).len());
        Ok(found)
    });
    let found = found.collect::<Result<Vec<_>>>()?;
    let mut seeds = Seeds { points: Vec::with_capacity(clusters), of: Vec::with_capacity(points.rows()) };
    for (size, (chosen, of)) in sizes.into_iter().zip(found) {
        let first = seeds.points.len() as u32;
        match chosen.is_empty() {
            true => seeds.of.extend(std::iter::repeat_n(NONE, size)),
            false => seeds.of.extend(of.iter().map(|of| first + of)),
        }
        seeds.points.extend(chosen);
    }
    Ok(seeds)
}

/// How many seeds each cell gets: `clusters` in all, in proportion to `spread`, at most one a member.
fn quotas(spread: &[f64], sizes: &[usize], clusters: usize) -> Vec<usize> {
    let total: f64 = spread.iter().sum();
    let (mut sum, mut given) = (0.0, 0);
    let mut quotas: Vec<usize> = spread
        .iter()
        .zip(sizes)
        .map(|(spread, &size)| {
            sum += spread;
            let until_here = if total > 0.0 { (sum / total * clusters as f64).round() as usize } else { 0 };
            let quota = until_here.saturating_sub(given).min(size);
            given += quota;
            quota
        })
        .collect();
    for (quota, size) in quotas.iter_mut().zip(sizes) {
        let more = (clusters - given).min(size - *quota);
        *quota += more;
        given += more;
    }
    quotas
}

/// At most `count` of the members, and which of them is nearest to each member.
fn plus_plus_in(
    points: &Matrix,
    members: Range<usize>,
    count: usize,
    random: &mut Random,
) -> (Vec<u32>, Vec<u32>) {
    let mut chosen = Vec::with_capacity(count);
    if count == 0 {
        return (chosen, Vec::new());
    }
    let row = |i: usize| points.row(members.start + i);
    let mut nearest = vec![0; members.len()];
    let mut distances = vec![f32::INFINITY; members.len()];
    let mut next = random.below(members.len());
    loop {
        let seed = row(next);
        let mut total = 0.0;
        for (i, (least, of)) in distances.iter_mut().zip(&mut nearest).enumerate() {
            let distance = distance(row(i), seed);
            if distance < *least {
                *least = distance;
                *of = chosen.len() as u32;
            }
            total += f64::from(*least);
        }
        chosen.push((members.start + next) as u32);
        if chosen.len() == count || total == 0.0 {
            return (chosen, nearest);
        }
        let mut left = random.unit() * total;
        for (i, &distance) in distances.iter().enumerate() {
            if distance > 0.0 {
                next = i;
                left -= f64::from(distance);
                if left < 0.0 {
                    break;
                }
            }
        }
    }
}
