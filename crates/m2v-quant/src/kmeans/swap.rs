//! Gives up clusters that save little for new ones that save more.

use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::candidates::Candidates;
use super::cells::group;
use super::matrix::Matrix;
use super::partition::Partition;

/// Gives the points of some clusters to the next nearest, and starts those clusters anew at points that are far
/// from their centres: wherever the first costs less than the second saves. Moves alone cannot do that, since every
/// step on the way costs.
///
/// Gives by how much the inertia falls, about: more, once points have moved to the new centres. Each cluster has a part
/// in one exchange at most, so that what they cost and save adds up.
pub(super) fn swap(points: &Matrix, partition: &mut Partition, candidates: &Candidates) -> f64 {
    let own = partition.distances(points);
    let others: Vec<(u32, f32)> = (0..own.len())
        .into_par_iter()
        .with_min_len(1024)
        .map(|point| candidates.next(point, partition))
        .collect();
    let clusters = partition.sizes.len();
    let mut costs = vec![0.0f32; clusters];
    for ((&cluster, own), (_, other)) in partition.of.iter().zip(&own).zip(&others) {
        costs[cluster as usize] += (other - own).max(0.0);
    }
    let saved = |point: u32| {
        let size = partition.sizes[partition.of[point as usize] as usize];
        if size > 1.0 { own[point as usize] * size / (size - 1.0) } else { 0.0 }
    };
    let mut cheap: Vec<u32> = (0..clusters as u32).collect();
    cheap.sort_by(|&a, &b| costs[a as usize].total_cmp(&costs[b as usize]));
    let least = costs[cheap[0] as usize];
    let mut far: Vec<u32> = (0..own.len() as u32).filter(|&point| saved(point) > least).collect();
    far.sort_by(|&a, &b| saved(b).total_cmp(&saved(a)));
    let mut far = far.into_iter().peekable();
    let (starts, order) = group(&partition.of, clusters);
    let mut busy = vec![false; clusters];
    let (mut swaps, mut gain) = (Vec::new(), 0.0);
    for cluster in cheap {
        let members = &order[starts[cluster as usize]..starts[cluster as usize + 1]];
        let target = |&member: &u32| others[member as usize].0 as usize;
        if busy[cluster as usize] || members.iter().any(|member| busy[target(member)]) {
            continue;
        }
        let free = |&point: &u32| {
            let from = partition.of[point as usize];
            from != cluster && !busy[from as usize]
        };
        while far.next_if(|point| busy[partition.of[*point as usize] as usize]).is_some() {}
        let Some(&point) = far.peek().filter(|point| free(point)) else { continue };
        let paid = saved(point) - costs[cluster as usize];
        if paid <= 0.0 {
            break;
        }
        gain += f64::from(paid);
        busy[cluster as usize] = true;
        busy[partition.of[point as usize] as usize] = true;
        members.iter().for_each(|member| busy[target(member)] = true);
        swaps.push((cluster, point));
    }
    for &(cluster, point) in &swaps {
        for &member in &order[starts[cluster as usize]..starts[cluster as usize + 1]] {
            partition.of[member as usize] = others[member as usize].0;
        }
        partition.of[point as usize] = cluster;
    }
    if !swaps.is_empty() {
        partition.update(points);
    }
    gain
}
