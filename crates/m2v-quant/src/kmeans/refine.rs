//! Moves points from cluster to cluster while that lowers the inertia.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::candidates::Candidates;
use super::matrix::{Matrix, distance, dot};
use super::partition::Partition;
use super::work::Work;
use crate::error::Result;

/// Points that are looked at before the best of their moves are made. Fewer means fresher centres, more means
/// less waiting of threads for each other.
const BATCH: usize = 2048;
/// Points that one thread looks at.
const CHUNK: usize = 128;
/// A move has to pay by more than rounding could.
const WORTH: f32 = 1.0 - 1e-5;

/// When the distances of candidates were computed, against when centres moved.
struct Clock {
    now: u32,
    /// When the candidates of each point were looked at last; 0 for never.
    seen: Vec<u32>,
    /// When each centre moved last.
    moved: Vec<u32>,
}

/// Makes moves until a round over all points lowers the inertia by less than `least`.
///
/// A point moves from cluster a to b when that lowers the sum of squares, both centres moving with it:
/// n_b ÷ (n_b + 1) ‖x − b‖² < n_a ÷ (n_a − 1) ‖x − a‖² (Hartigan & Wong, 1979). It goes on where Lloyd's
/// steps stop (Telgarsky & Vattani, 2010), most so for small clusters, and never empties one.
/// Moves are looked for on all threads and then made one after another, each checked again.
pub(super) fn refine(
    points: &Matrix,
    norms: &[f32],
    partition: &mut Partition,
    candidates: &mut Candidates,
    least: f64,
    work: &Work<'_, '_>,
) -> Result<()> {
    let mut clock = Clock { now: 1, seen: vec![0; points.rows()], moved: vec![1; partition.sizes.len()] };
    for round in 0.. {
        let mut gain = 0.0;
        for first in (0..points.rows()).step_by(BATCH) {
            work.check()?;
            clock.now += 1;
            let wanted = look(points, norms, partition, candidates, first, &mut clock);
            if round == 0 {
                work.add(BATCH.min(points.rows() - first));
            }
            clock.now += 1;
            for (point, to) in wanted.into_iter().flatten() {
                let (point, to) = (point as usize, to as usize);
                let from = partition.of[point] as usize;
                if let Some(paid) = make_move(points, partition, point, to) {
                    gain += f64::from(paid);
                    (clock.moved[from], clock.moved[to]) = (clock.now, clock.now);
                }
            }
        }
        if gain <= least {
            break;
        }
    }
    Ok(())
}

/// The points of a batch that would move, and where to.
fn look(
    points: &Matrix,
    norms: &[f32],
    partition: &Partition,
    candidates: &mut Candidates,
    first: usize,
    clock: &mut Clock,
) -> Vec<Vec<(u32, u32)>> {
    let kept = candidates.kept;
    let end = (first + BATCH).min(points.rows());
    let (now, moved) = (clock.now, &clock.moved);
    let seen = clock.seen[first..end].par_chunks_mut(CHUNK);
    let distances = candidates.distances[first * kept..end * kept].par_chunks_mut(CHUNK * kept);
    let chunks = seen.zip(distances).enumerate().map(|(chunk, (seen, distances))| {
        let mut wanted = Vec::new();
        for (i, (seen, distances)) in seen.iter_mut().zip(distances.chunks_exact_mut(kept)).enumerate() {
            let point = first + chunk * CHUNK + i;
            let ids = &candidates.ids[point * kept..][..kept];
            let row = points.row(point);
            let mut changed = false;
            for (&id, distance) in ids.iter().zip(&mut *distances) {
                let centre = id as usize;
                if moved[centre] > *seen {
                    let product = dot(row, partition.centres.row(centre));
                    *distance = (norms[point] - 2.0 * product + partition.norms[centre]).max(0.0);
                    changed = true;
                }
            }
            *seen = now;
            if changed && let Some(to) = best(partition, partition.of[point], ids, distances) {
                wanted.push((point as u32, to));
            }
        }
        wanted
    });
    chunks.collect()
}

/// The candidate to which a move pays most, if any pays.
fn best(partition: &Partition, own: u32, ids: &[u32], distances: &[f32]) -> Option<u32> {
    let size = partition.sizes[own as usize];
    if size <= 1.0 {
        return None;
    }
    let (mut leaving, mut least, mut to) = (0.0, f32::INFINITY, own);
    for (&id, &distance) in ids.iter().zip(distances) {
        if id == own {
            leaving = size / (size - 1.0) * distance;
            continue;
        }
        let size = partition.sizes[id as usize];
        let joining = size / (size + 1.0) * distance;
        if joining < least {
            (least, to) = (joining, id);
        }
    }
    (least < leaving * WORTH).then_some(to)
}

/// Moves a point if that pays as the centres are now; gives by how much the inertia fell.
fn make_move(points: &Matrix, partition: &mut Partition, point: usize, to: usize) -> Option<f32> {
    let from = partition.of[point] as usize;
    let (size_from, size_to) = (partition.sizes[from], partition.sizes[to]);
    if size_from <= 1.0 || from == to {
        return None;
    }
    let row = points.row(point);
    let leaving = size_from / (size_from - 1.0) * distance(row, partition.centres.row(from));
    let joining = size_to / (size_to + 1.0) * distance(row, partition.centres.row(to));
    if joining >= leaving * WORTH {
        return None;
    }
    for (cluster, share) in [(from, -1.0 / (size_from - 1.0)), (to, 1.0 / (size_to + 1.0))] {
        let centre = partition.centres.row_mut(cluster);
        centre.iter_mut().zip(row).for_each(|(c, x)| *c += (x - *c) * share);
        partition.norms[cluster] = dot(centre, centre);
    }
    partition.sizes[from] -= 1.0;
    partition.sizes[to] += 1.0;
    partition.of[point] = to as u32;
    Some(leaving - joining)
}
