//! The nearest centre of every point, exactly.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::cells::{COLUMNS, POINTS};
use super::matrix::{Matrix, Products, below, distance};
use super::partition::{NONE, Partition};
use super::work::Work;
use crate::error::Result;

/// Puts every point into the cluster whose centre is nearest; of equally near ones its own, or the first.
/// Centres stay where they are. Gives by how much the inertia fell (infinity if a point was in no cluster).
pub(super) fn assign(points: &Matrix, partition: &mut Partition, work: &Work<'_, '_>) -> Result<f64> {
    let Partition { of, centres, norms, .. } = partition;
    let gains = of.par_chunks_mut(POINTS).enumerate().map_init(Products::default, |products, (block, of)| {
        work.check()?;
        let first = block * POINTS;
        let row = |i: usize| points.row(first + i);
        // What a centre has to come below: ‖c‖² − 2 x·c of the nearest so far. Rounding may let one pass that
        // is no nearer, so the distances themselves decide.
        let limit = |i: usize, centre: u32| {
            let centre = centre as usize;
            norms[centre] - 2.0 * super::matrix::dot(row(i), centres.row(centre))
        };
        let mut found: Vec<(u32, f32, f32)> = of
            .iter()
            .enumerate()
            .map(|(i, &own)| match own {
                NONE => (NONE, f32::INFINITY, f32::INFINITY),
                own => (own, limit(i, own), distance(row(i), centres.row(own as usize))),
            })
            .collect();
        let before: f64 = found.iter().map(|&(_, _, distance)| f64::from(distance)).sum();
        for start in (0..centres.rows()).step_by(COLUMNS) {
            let columns = COLUMNS.min(centres.rows() - start);
            let rows = products.of(points.block(first, of.len()), centres.block(start, columns));
            for (i, (products, found)) in rows.zip(&mut found).enumerate() {
                below(products, &norms[start..], found.1, |column, value| {
                    let centre = (start + column) as u32;
                    let distance = distance(row(i), centres.row(start + column));
                    if distance < found.2 {
                        *found = (centre, value, distance);
                    }
                    found.1
                });
            }
        }
        let mut after = 0.0;
        for (of, (centre, _, distance)) in of.iter_mut().zip(found) {
            *of = centre;
            after += f64::from(distance);
        }
        work.add(of.len());
        Ok(before - after)
    });
    Ok(gains.collect::<Result<Vec<_>>>()?.into_iter().sum())
}
