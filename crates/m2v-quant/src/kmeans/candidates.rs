//! The near centres of each point, among which it is moved.

use ndarray::ArrayView2;
use rayon::iter::{IndexedParallelIterator, IntoParallelIterator, ParallelIterator};

use super::cells::{Cells, group, nearest};
use super::matrix::{Matrix, Nearest, Products};
use super::partition::{NONE, Partition};
use super::work::Work;
use crate::error::{Error, Result};

/// Centres that are kept for a point.
const KEPT: usize = 8;

/// A few near centres of each point, its own among them.
pub(super) struct Candidates {
    /// Centres kept for a point.
    pub(super) kept: usize,
    /// `kept` clusters a point.
    pub(super) ids: Vec<u32>,
    /// The square of the distance from each, when it was computed last.
    pub(super) distances: Vec<f32>,
}

impl Candidates {
    /// Finds the nearest centres of each point among those in the cells around it.
    pub(super) fn find(
        points: &Matrix,
        norms: &[f32],
        partition: &Partition,
        cells: &Cells,
        before: Option<&Self>,
        work: &Work<'_, '_>,
    ) -> Result<Self> {
        let kept = KEPT.min(partition.sizes.len());
        let mut ids = vec![NONE; points.rows() * kept];
        let mut distances = vec![f32::INFINITY; points.rows() * kept];
        let by_cell = ByCell::new(partition, cells, work)?;
        let blocks = by_cell_of_points(&mut ids, cells, kept).into_iter();
        let blocks: Vec<_> = blocks.zip(by_cell_of_points(&mut distances, cells, kept)).collect();
        blocks.into_par_iter().enumerate().try_for_each_init(
            Products::default,
            |products, (cell, block)| {
                work.check()?;
                let (ids, distances) = block;
                let first = cells.starts[cell];
                // About so far away are as many centres as are kept; where fewer are, fewer will be.
                if let Some(before) = before {
                    let known = before.distances[first * kept..].chunks_exact(kept);
                    for ((distances, known), norm) in
                        distances.chunks_exact_mut(kept).zip(known).zip(&norms[first..])
                    {
                        distances.fill(known.iter().fold(0.0, |max: f32, &x| max.max(x)) * 1.0001 - norm);
                    }
                }
                by_cell.find(points, cell, cells, products, ids, distances);
                let lists = ids.chunks_exact_mut(kept).zip(distances.chunks_exact_mut(kept));
                for (point, (ids, distances)) in lists.enumerate().map(|(i, lists)| (first + i, lists)) {
                    let own = partition.of[point];
                    distances.iter_mut().for_each(|value| *value = (*value + norms[point]).max(0.0));
                    // Room that was not filled, and the own cluster if it is not among the nearest.
                    let filled = ids.iter().take_while(|&&id| id != NONE).count();
                    ids[filled..].fill(own);
                    if !ids.contains(&own) {
                        ids[kept - 1] = own;
                    }
                }
                work.add(ids.len() / kept);
                Ok::<(), Error>(())
            },
        )?;
        Ok(Self { kept, ids, distances })
    }
}

impl Candidates {
    /// Where a point would go without its own cluster, and what that would add to the inertia; as far as distances
    /// are known.
    pub(super) fn next(&self, point: usize, partition: &Partition) -> (u32, f32) {
        let own = partition.of[point];
        let ids = &self.ids[point * self.kept..][..self.kept];
        let mut next = (own, f32::INFINITY);
        for (&id, &distance) in ids.iter().zip(&self.distances[point * self.kept..]) {
            let size = partition.sizes[id as usize];
            let cost = size / (size + 1.0) * distance;
            if id != own && cost < next.1 && size > 0.0 {
                next = (id, cost);
            }
        }
        next
    }
}

/// Cuts what holds `kept` values a point into the parts of the cells.
fn by_cell_of_points<'a, T>(mut values: &'a mut [T], cells: &Cells, kept: usize) -> Vec<&'a mut [T]> {
    let sizes = cells.starts.windows(2).map(|pair| (pair[1] - pair[0]) * kept);
    sizes.map(|size| values.split_off_mut(..size).unwrap_or_default()).collect()
}

/// The centres, those of one cell after those of another.
struct ByCell {
    starts: Vec<usize>,
    order: Vec<u32>,
    centres: Matrix,
    norms: Vec<f32>,
}

impl ByCell {
    fn new(partition: &Partition, cells: &Cells, work: &Work<'_, '_>) -> Result<Self> {
        let (cell, _) = nearest(&partition.centres, &cells.middles, 1, work)?;
        let (starts, order) = group(&cell, cells.middles.rows());
        let centres = partition.centres.gather(order.iter().map(|&cluster| cluster as usize));
        let norms = order.iter().map(|&cluster| partition.norms[cluster as usize]).collect();
        Ok(Self { starts, order, centres, norms })
    }

    /// Finds the candidates of the points of one cell: first in it, where the nearest mostly are, so that few
    /// of the others are taken in.
    fn find(
        &self,
        points: &Matrix,
        own: usize,
        cells: &Cells,
        products: &mut Products,
        ids: &mut [u32],
        values: &mut [f32],
    ) {
        let members = cells.starts[own]..cells.starts[own + 1];
        let kept = ids.len() / members.len().max(1);
        let mut offer = |cell: usize, asking: &[u32], rows: ArrayView2<'_, f32>| {
            let (start, end) = (self.starts[cell], self.starts[cell + 1]);
            let rows = products.of(rows, self.centres.block(start, end - start));
            for (&i, row) in asking.iter().zip(rows) {
                let ids = &mut ids[i as usize * kept..][..kept];
                let values = &mut values[i as usize * kept..][..kept];
                Nearest { ids, values }.offer(row, &self.norms[start..], |i| self.order[start + i]);
            }
        };
        let all: Vec<u32> = (0..members.len() as u32).collect();
        offer(own, &all, points.block(members.start, members.len()));
        let mut asking = vec![Vec::new(); cells.middles.rows()];
        for &i in &all {
            let near = &cells.near[(members.start + i as usize) * cells.probes..][1..cells.probes];
            near.iter().for_each(|&cell| asking[cell as usize].push(i));
        }
        for (cell, asking) in asking.iter().enumerate().filter(|(_, asking)| !asking.is_empty()) {
            let rows = points.gather(asking.iter().map(|&i| members.start + i as usize));
            offer(cell, asking, rows.block(0, asking.len()));
        }
    }
}
