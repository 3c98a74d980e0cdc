//! The nearest centre of every point, exactly.

use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::ParallelSliceMut;

use super::cells::{COLUMNS, POINTS};
use super::heads::Heads;
use super::matrix::{Matrix, Products, below, distance, dot};
use super::partition::{NONE, Partition};
use super::work::Work;
use crate::error::Result;

/// Puts every point into the cluster whose centre is nearest; of equally near ones its own, or the first.
/// Centres stay where they are. Gives by how much the inertia fell (infinity if a point was in no cluster).
pub(super) fn assign(points: &Matrix, partition: &mut Partition, work: &Work<'_, '_>) -> Result<f64> {
    let heads = Heads::choose(points, partition);
    let Partition { of, centres, norms, .. } = partition;
    let scratch = || (Products::default(), Matrix::zeros(POINTS, heads.as_ref().map_or(0, Heads::columns)));
    let gains = of.par_chunks_mut(POINTS).enumerate().map_init(scratch, |(products, rows), (block, of)| {
        work.check()?;
        let first = block * POINTS;
        let row = |i: usize| points.row(first + i);
        // What a centre has to come below: ‖c‖² − 2 x·c of the nearest so far. Rounding may let one pass that
        // is no nearer, so the distances themselves decide.
        let limit = |i: usize, centre: usize| norms[centre] - 2.0 * dot(row(i), centres.row(centre));
        let mut found: Vec<(u32, f32, f32)> = of
            .iter()
            .enumerate()
            .map(|(i, &own)| match own {
                NONE => (NONE, f32::INFINITY, f32::INFINITY),
                own => (own, limit(i, own as usize), distance(row(i), centres.row(own as usize))),
            })
            .collect();
        let before: f64 = found.iter().map(|&(_, _, distance)| f64::from(distance)).sum();
        if let Some(heads) = &heads {
            (0..of.len()).for_each(|i| heads.cut(row(i), rows.row_mut(i)));
        }
        for start in (0..centres.rows()).step_by(COLUMNS) {
            let columns = COLUMNS.min(centres.rows() - start);
            let (rows, centre_rows) = match &heads {
                Some(heads) => (rows.block(0, of.len()), heads.centres.block(start, columns)),
                None => (points.block(first, of.len()), centres.block(start, columns)),
            };
            for (i, (products, found)) in products.of(rows, centre_rows).zip(&mut found).enumerate() {
                below(products, &norms[start..], found.1, |column, _| {
                    let centre = start + column;
                    let distance = distance(row(i), centres.row(centre));
                    if distance < found.2 {
                        *found = (centre as u32, limit(i, centre), distance);
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
