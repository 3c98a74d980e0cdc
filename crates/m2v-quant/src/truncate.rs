//! Fewer dimensions.

use m2v_core::{Checkpoint, EmbeddingTable, Tensor};

use crate::error::{Error, Result};
use crate::transform::{Context, Transform};

/// Keeps the first `dim` columns (`dimensionality` of the reference). Models trained with PCA or Matryoshka
/// losses have what matters most in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncate {
    /// Columns to keep, 1 to the columns of the table.
    pub dim: usize,
}

impl Transform for Truncate {
    /// # Errors
    /// [`Error::Dims`], or [`Error::HeadInput`] for a model with a head.
    fn apply(&self, mut checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint> {
        let table = &checkpoint.table;
        let (rows, columns) = (table.rows(), table.dim());
        if self.dim == 0 || self.dim > columns {
            return Err(Error::Dims { requested: self.dim, columns });
        }
        if self.dim == columns {
            return Ok(checkpoint);
        }
        if checkpoint.head.is_some() {
            return Err(Error::HeadInput { columns });
        }
        context.check()?;
        let size = table.dtype().size();
        let mut bytes = Vec::with_capacity(rows * self.dim * size);
        for row in table.embeddings().bytes().chunks_exact(columns * size) {
            bytes.extend_from_slice(&row[..self.dim * size]);
        }
        let embeddings = Tensor::try_new(table.dtype(), &[rows, self.dim], bytes.into())?;
        checkpoint.table =
            EmbeddingTable::try_new(embeddings, table.weights().cloned(), table.mapping().cloned())?;
        context.report(rows, rows);
        Ok(checkpoint)
    }
}
