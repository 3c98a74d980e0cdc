//! The algorithm: seeds, moves among near centres, the nearest centre of all.

use super::KMeans;
use super::assign::assign;
use super::candidates::Candidates;
use super::cells::Cells;
use super::matrix::Matrix;
use super::partition::{NONE, Partition};
use super::random::Random;
use super::refine::refine;
use super::seed::seed;
use super::swap::swap;
use super::work::Work;
use crate::error::Result;
use crate::transform::Context;

/// Moves go on until a look at all points lowers the inertia by less than this part of it.
const MOVES: f64 = 2e-4;
/// Rounds of moves before the first look at all centres. In the first round the candidates are those near the
/// seeds, which the moves leave behind.
const FIRST: usize = 2;
/// Rounds after which the result is taken as it is.
const ROUNDS: usize = 100;

/// Clusters of points.
pub(super) struct Clusters {
    /// The cluster whose mean each point has a part in.
    pub(super) of: Vec<u32>,
    /// The cluster whose mean is nearest to each point. Few differ from `of`.
    pub(super) nearest: Vec<u32>,
}

/// Clusters points.
pub(super) fn cluster(points: Matrix, options: &KMeans, context: &Context<'_>) -> Result<Clusters> {
    let work = Work::new(points.rows(), context);
    let (cells, order) = Cells::build(&points, options.clusters, &mut Random::new(options.seed, 0), &work)?;
    // Sorted by cell, points are next to those whose centres they share.
    let sorted = points.gather(order.iter().map(|&point| point as usize));
    drop(points);
    let sorted = moved(&sorted, &cells, options, &work)?;
    let unsort = |sorted: &[u32]| {
        let mut of = vec![0; order.len()];
        order.iter().zip(sorted).for_each(|(&point, &cluster)| of[point as usize] = cluster);
        of
    };
    Ok(Clusters { of: unsort(&sorted.of), nearest: unsort(&sorted.nearest) })
}

/// Clusters points that are sorted by cell.
fn moved(points: &Matrix, cells: &Cells, options: &KMeans, work: &Work<'_, '_>) -> Result<Clusters> {
    let mut partition = seeded(points, cells, options, work)?;
    let norms = points.norms();
    let mut inertia = partition.inertia(points);
    let mut candidates: Option<Candidates> = None;
    let mut round = 0;
    loop {
        round += 1;
        let mut found = Candidates::find(points, &norms, &partition, cells, candidates.as_ref(), work)?;
        refine(points, &norms, &mut partition, &mut found, inertia * MOVES, work)?;
        partition.update(points);
        let mut result = None;
        let mut gain = f64::INFINITY;
        if round >= FIRST {
            inertia = partition.inertia(points);
            let of = partition.of.clone();
            gain = assign(points, &mut partition, work)?;
            result = Some(Clusters { of, nearest: partition.of.clone() });
            partition.update(points);
        }
        partition.fill_empty(points);
        gain += swap(points, &mut partition, &found);
        match result {
            Some(result) if gain <= inertia * options.tolerance || round == ROUNDS => return Ok(result),
            _ => {}
        }
        candidates = Some(found);
        inertia = partition.inertia(points);
    }
}

/// Puts each point into the cluster of a seed.
fn seeded(points: &Matrix, cells: &Cells, options: &KMeans, work: &Work<'_, '_>) -> Result<Partition> {
    let seeds = seed(points, cells, options.clusters, options.init, options.seed, work)?;
    // Where there are fewer seeds than clusters, clusters stay empty until there is a point for them.
    let point = |cluster| seeds.points.get(cluster).map_or(0, |&point| point as usize);
    let centres = points.gather((0..options.clusters).map(point));
    let norms = centres.norms();
    let sizes = vec![1.0; options.clusters];
    let mut partition = Partition { of: seeds.of, centres, norms, sizes };
    if partition.of.contains(&NONE) {
        assign(points, &mut partition, work)?;
    }
    partition.update(points);
    partition.fill_empty(points);
    Ok(partition)
}
