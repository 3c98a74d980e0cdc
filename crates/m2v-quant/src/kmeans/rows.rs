//! The rows of a table as points to cluster, and the means of clusters as rows of a table.

use m2v_core::{Dtype, EmbeddingTable, Tensor};
use ndarray::{CowArray, IxDyn};
use rayon::iter::{IndexedParallelIterator, ParallelIterator};
use rayon::slice::{ParallelSlice, ParallelSliceMut};

use super::cells::group;
use super::matrix::Matrix;
use crate::error::{Error, Result};
use crate::number::Float;
use crate::output::Output;

/// The rows of a table without mapping, and what they are divided by.
pub(super) struct Rows<'a> {
    values: CowArray<'a, f32, IxDyn>,
    dim: usize,
    /// The scales of int8 rows.
    scales: Option<&'a [f32]>,
    /// The weight of each row, if the rows are divided by it: their lengths.
    pub(super) weights: Option<Vec<f32>>,
    /// The rows that are clustered: without weights of their own, those whose length is not 0.
    pub(super) ids: Vec<u32>,
}

/// Rows that a thread takes at once. Sums go block after block, whatever thread makes them.
const BLOCK: usize = 1024;

impl<'a> Rows<'a> {
    /// Reads a table. Rows without weights, and of int8, are divided by their lengths.
    pub(super) fn read(table: &'a EmbeddingTable) -> Result<Self> {
        let dim = table.dim();
        let values = table.embeddings().to_f32()?;
        let divide = table.weights().is_none() || table.dtype() == Dtype::I8;
        let scales = table.weights_f32().filter(|_| table.dtype() == Dtype::I8);
        let weight = |(row, values): (usize, &[f32])| {
            let error = |tensor, value| Error::Value { tensor, row, value, dtype: Dtype::F32 };
            // Finite exactly if all values are: f64 holds the square of any f32.
            let length = values.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
            if !length.is_finite() {
                let value = values.iter().find(|value| !value.is_finite());
                return Err(error("embeddings", value.map_or(length, |&value| value.into())));
            }
            let scale = scales.map_or(1.0, |scales| f64::from(scales[row]));
            if !divide || length == 0.0 || scale == 0.0 {
                return Ok(0.0);
            }
            let weight = (length * scale + 1e-32f64.copysign(scale)) as f32;
            if weight.is_finite() { Ok(weight) } else { Err(error("weights", length * scale)) }
        };
        let rows = values.as_slice().unwrap_or_default().par_chunks_exact(dim);
        let weights = rows.enumerate().with_min_len(BLOCK).map(weight).collect::<Result<Vec<f32>>>()?;
        let used = |row: &u32| !divide || weights[*row as usize] != 0.0;
        let ids = (0..table.rows() as u32).filter(used).collect();
        Ok(Self { values, dim, scales, weights: divide.then_some(weights), ids })
    }

    /// The values of a row, as they are clustered.
    fn row(&self, row: usize) -> impl Iterator<Item = f64> {
        let values = &self.values.as_slice().unwrap_or_default()[row * self.dim..][..self.dim];
        let scale = self.scales.map_or(1.0, |scales| f64::from(scales[row]));
        let weight = self.weights.as_ref().map_or(1.0, |weights| f64::from(weights[row]));
        let by = scale / weight;
        values.iter().map(move |&x| f64::from(x) * by)
    }

    /// The rows that are clustered, moved so that their mean is 0 and scaled so that no square overflows or
    /// vanishes, with the columns in another order: that changes no cluster, and keeps f32 exact enough.
    pub(super) fn points(&self) -> Matrix {
        let dim = self.dim;
        let sums: Vec<Vec<f64>> = self
            .ids
            .par_chunks(BLOCK)
            .map(|ids| {
                let mut sums = vec![0.0; dim];
                for &id in ids {
                    sums.iter_mut().zip(self.row(id as usize)).for_each(|(sum, x)| *sum += x);
                }
                sums
            })
            .collect();
        let mut mean = vec![0.0; dim];
        for sums in sums {
            mean.iter_mut().zip(sums).for_each(|(mean, sum)| *mean += sum / self.ids.len() as f64);
        }
        let spread: Vec<(f64, Vec<f64>)> = self
            .ids
            .par_chunks(BLOCK)
            .map(|ids| {
                let (mut largest, mut squares) = (0.0f64, vec![0.0; dim]);
                for &id in ids {
                    for ((x, mean), square) in self.row(id as usize).zip(&mean).zip(&mut squares) {
                        largest = largest.max((x - mean).abs());
                        *square += (x - mean) * (x - mean);
                    }
                }
                (largest, squares)
            })
            .collect();
        let largest = spread.iter().fold(0.0, |max: f64, (largest, _)| max.max(*largest));
        let scale = if largest > 0.0 { (-largest.log2().ceil()).exp2() } else { 1.0 };
        // Columns in which points differ most come first.
        let variance = |column: usize| spread.iter().map(|(_, squares)| squares[column]).sum::<f64>();
        let variances: Vec<f64> = (0..dim).map(variance).collect();
        let mut columns: Vec<usize> = (0..dim).collect();
        columns.sort_by(|&a, &b| variances[b].total_cmp(&variances[a]));
        let mut places = vec![0; dim];
        columns.iter().enumerate().for_each(|(place, &column)| places[column] = place);
        let mut points = Matrix::zeros(self.ids.len(), dim);
        let stride = points.stride();
        let out = points.values_mut().par_chunks_exact_mut(stride).zip(&self.ids);
        out.with_min_len(BLOCK).for_each(|(out, &id)| {
            for ((x, mean), &place) in self.row(id as usize).zip(&mean).zip(&places) {
                out[place] = ((x - mean) * scale) as f32;
            }
        });
        points
    }

    /// The means of clusters as rows of a table: of rows `ids[i]` in cluster `of[i]`. Those of empty clusters are 0.
    pub(super) fn means<T: Float>(&self, of: &[u32], clusters: usize) -> Result<Tensor> {
        let (starts, order) = group(of, clusters);
        let mut output = Output::new(clusters * self.dim * size_of::<T>());
        let rows = output.bytes().par_chunks_exact_mut(self.dim * size_of::<T>()).enumerate();
        rows.with_min_len(64).for_each_init(
            || vec![0.0; self.dim],
            |sums, (cluster, out)| {
                sums.fill(0.0);
                let members = &order[starts[cluster]..starts[cluster + 1]];
                for &member in members {
                    let row = self.row(self.ids[member as usize] as usize);
                    sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                }
                let count = members.len().max(1) as f64;
                for (out, sum) in out.chunks_exact_mut(size_of::<T>()).zip(&*sums) {
                    out.copy_from_slice(bytemuck::bytes_of(&T::from_f64(sum / count)));
                }
            },
        );
        Ok(Tensor::try_new(T::DTYPE, &[clusters, self.dim], output.into_buffer())?)
    }
}
