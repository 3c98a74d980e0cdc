//! Fewer rows: k-means clusters of the vocabulary.

mod assign;
mod candidates;
mod cells;
mod cluster;
mod heads;
mod matrix;
mod partition;
mod random;
mod refine;
mod rows;
mod seed;
mod swap;
mod work;

use half::{bf16, f16};
use m2v_core::{Checkpoint, Dtype, EmbeddingTable, Tensor};
use ndarray::Array1;

use self::cluster::{Clusters, cluster};
use self::rows::Rows;
use crate::error::{Error, Result};
use crate::transform::{Context, Transform};

/// Replaces the rows by the centres of `clusters` k-means clusters of them, with a `mapping` from tokens to
/// centres: the vocabulary quantization of the reference (`quantize_vocabulary`).
///
/// * A table without `weights` gets the length of each row (+ 1e-32) as its weight, f32, and the rows are divided by
///   it. Rows of zeros get weight 0 and have no part in the clusters, so their tokens keep the vector 0.
/// * With weights, these are kept and the rows clustered as they are.
/// * int8 rows are multiplied with their weights and then treated as a table without weights; the result is f32.
///
/// The centres have the table's type, `[clusters, dim]`; `mapping` is int32, the nearest centre of each token's row.
/// All is computed in f32, with sums in f64. The same seed gives the same model whatever the number of threads.
///
/// This is not Lloyd's algorithm, which the reference runs: single points move from cluster to cluster while that
/// lowers the inertia (Hartigan & Wong, "Algorithm AS 136", 1979), among a few near centres of each, and clusters that
/// save little are given up for ones that save more. It ends with every token at its nearest centre. On the rows of
/// all-MiniLM-L6-v2 at 64 dimensions the inertia is 0.997, 0.986 and 0.953 of the best of ten runs of scikit-learn at
/// 256, 1024 and 4096 clusters (mean of five seeds); 4096 take a twelfth of the time of one of these runs.
///
/// Besides the table it needs the rows twice in f32, three times if they have another type. 500,000 × 1,024 f32 into
/// 32,768 clusters took 80 seconds on two cores, and 6.0 GB with the table.
///
/// An empty cluster starts anew at the row farthest from its centre. With fewer distinct rows than clusters the inertia
/// is 0, and the centres that are left over are 0 or repeat others.
///
/// ```
/// use m2v_core::{Checkpoint, Config, EmbeddingTable, Tensor};
/// use m2v_quant::{Context, KMeans, Transform};
///
/// let rows = ndarray::array![[3.0f32, 0.0], [0.0, 2.0], [5.0, 0.0]];
/// let table = EmbeddingTable::try_new(Tensor::from_array(&rows), None, None)?;
/// let checkpoint = Checkpoint::new(Config::default(), table, b"{}");
///
/// let small = KMeans::new(2).apply(checkpoint, &mut Context::default())?.table;
/// assert_eq!((small.rows(), small.id_count()), (2, 3));
/// // The first and the last token have the same direction, and their lengths are in the weights.
/// let row_of = small.row_of().ok_or("no mapping")?;
/// assert_eq!(row_of[0], row_of[2]);
/// assert_eq!(small.weights_f32(), Some(&[3.0, 2.0, 5.0][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    clusters: usize,
    seed: u64,
    init: Init,
    tolerance: f64,
}

/// How [`KMeans`] chooses the rows to start from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Init {
    /// k-means++ (Arthur & Vassilvitskii, 2007), within each cell of a coarse partition of the rows.
    #[default]
    KMeansPlusPlus,
    /// Any rows with the same probability, as the reference does.
    Random,
}

impl KMeans {
    /// Makes so many clusters; 1 to the rows of the table.
    #[must_use]
    pub fn new(clusters: usize) -> Self {
        Self { clusters, seed: 42, init: Init::default(), tolerance: 1e-2 }
    }

    /// The number of clusters.
    #[must_use]
    pub fn clusters(&self) -> usize {
        self.clusters
    }

    /// Another seed than 42.
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Other rows to start from than k-means++ gives.
    #[must_use]
    pub fn with_init(self, init: Init) -> Self {
        Self { init, ..self }
    }

    /// Ends when giving every row its nearest centre, and giving up clusters for better ones, lowers the inertia by at
    /// most this part of it, instead of 0.01. Smaller takes longer for a little lower inertia; 0 goes on until nothing
    /// changes, or a hundred rounds.
    #[must_use]
    pub fn with_tolerance(self, tolerance: f64) -> Self {
        Self { tolerance, ..self }
    }
}

impl Transform for KMeans {
    /// # Errors
    /// [`Error::Clusters`] if there are fewer rows than clusters or no clusters are asked for, [`Error::Mapped`] if the
    /// table has a mapping already, [`Error::Value`] if it holds NaN, an infinity or what f32 cannot.
    fn apply(&self, mut checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint> {
        let table = &checkpoint.table;
        if table.mapping().is_some() {
            return Err(Error::Mapped { rows: table.rows(), tokens: table.id_count() });
        }
        if self.clusters == 0 || self.clusters > table.rows() {
            return Err(Error::Clusters { requested: self.clusters, rows: table.rows() });
        }
        context.check()?;
        let rows = Rows::read(table)?;
        let clusters = if self.clusters >= rows.ids.len() {
            let each: Vec<u32> = (0..rows.ids.len() as u32).collect();
            Clusters { of: each.clone(), nearest: each }
        } else {
            cluster(rows.points(), self, context)?
        };
        let centres = match table.dtype() {
            Dtype::F64 => rows.means::<f64>(&clusters.of, self.clusters),
            Dtype::F16 => rows.means::<f16>(&clusters.of, self.clusters),
            Dtype::BF16 => rows.means::<bf16>(&clusters.of, self.clusters),
            _ => rows.means::<f32>(&clusters.of, self.clusters),
        }?;
        let mut mapping = vec![0i32; table.rows()];
        for (&row, &cluster) in rows.ids.iter().zip(&clusters.nearest) {
            mapping[row as usize] = cluster as i32;
        }
        let mapping = Tensor::from_array(&Array1::from(mapping));
        let weights = match rows.weights {
            Some(weights) => Some(Tensor::from_array(&Array1::from(weights))),
            None => table.weights().cloned(),
        };
        let total = table.rows();
        checkpoint.table = EmbeddingTable::try_new(centres, weights, Some(mapping))?;
        context.report(total, total);
        Ok(checkpoint)
    }
}
