//! Which cluster each point is in, and the clusters' centres.

use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::cells::group;
use super::matrix::{Matrix, distance, dot};

/// The cluster of a point that has none yet.
pub(super) const NONE: u32 = u32::MAX;

/// Which cluster each point is in, and the clusters' centres.
pub(super) struct Partition {
    pub(super) of: Vec<u32>,
    pub(super) centres: Matrix,
    /// ‖centre‖².
    pub(super) norms: Vec<f32>,
    pub(super) sizes: Vec<f32>,
}

impl Partition {
    /// Moves each centre to the mean of its points, summed in f64 in their order. That of an empty cluster
    /// stays.
    pub(super) fn update(&mut self, points: &Matrix) {
        let (starts, order) = group(&self.of, self.sizes.len());
        let stride = points.stride();
        let centres = self.centres.values_mut().par_chunks_mut(stride);
        let rest = self.norms.par_iter_mut().zip(self.sizes.par_iter_mut());
        centres.zip(rest).enumerate().with_min_len(64).for_each_init(
            || vec![0.0; stride],
            |sum, (cluster, (centre, (norm, size)))| {
                let members = &order[starts[cluster]..starts[cluster + 1]];
                *size = members.len() as f32;
                if !members.is_empty() {
                    sum.fill(0.0);
                    for &point in members {
                        let row = points.row(point as usize);
                        sum.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x));
                    }
                    let count = members.len() as f64;
                    centre.iter_mut().zip(&*sum).for_each(|(x, sum)| *x = (sum / count) as f32);
                }
                *norm = dot(centre, centre);
            },
        );
    }

    /// The square of each point's distance from its centre.
    pub(super) fn distances(&self, points: &Matrix) -> Vec<f32> {
        let mut distances = vec![0.0; self.of.len()];
        distances.par_iter_mut().zip(&self.of).enumerate().with_min_len(1024).for_each(
            |(point, (out, &cluster))| {
                *out = distance(points.row(point), self.centres.row(cluster as usize));
            },
        );
        distances
    }

    /// The sum of the squares of all points' distances from their centres.
    pub(super) fn inertia(&self, points: &Matrix) -> f64 {
        self.distances(points).iter().map(|&distance| f64::from(distance)).sum()
    }

    /// Starts each empty cluster anew at one of the points farthest from their centres, as scikit-learn does.
    /// While no point is away from its centre a cluster stays empty.
    pub(super) fn fill_empty(&mut self, points: &Matrix) {
        let empty: Vec<u32> =
            (0..self.sizes.len() as u32).filter(|&cluster| self.sizes[cluster as usize] == 0.0).collect();
        if empty.is_empty() {
            return;
        }
        let distances = self.distances(points);
        let mut far: Vec<u32> =
            (0..self.of.len() as u32).filter(|&point| distances[point as usize] > 0.0).collect();
        far.sort_by(|&a, &b| distances[b as usize].total_cmp(&distances[a as usize]));
        let mut left = empty.iter();
        let mut taken: Vec<u32> = Vec::new();
        for point in far {
            // A point at the place of another would start a cluster that cannot grow.
            let row = points.row(point as usize);
            if taken.iter().any(|&other| points.row(other as usize) == row) {
                continue;
            }
            let from = self.of[point as usize] as usize;
            if self.sizes[from] <= 1.0 {
                continue;
            }
            let Some(&cluster) = left.next() else { break };
            self.sizes[from] -= 1.0;
            self.sizes[cluster as usize] = 1.0;
            self.of[point as usize] = cluster;
            taken.push(point);
        }
        self.update(points);
    }
}
