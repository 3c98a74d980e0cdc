//! A step before int8.

use m2v_core::{Checkpoint, EmbeddingTable, Tensor};
use m2v_quant::{Context, Error, Transform};

/// Cuts values to ±`limit`, so that few large ones do not make the steps of int8 coarse for all.
#[derive(Clone, Copy, Debug)]
pub struct Clip {
    /// The largest absolute value that stays.
    pub limit: f32,
}

impl Transform for Clip {
    fn apply(&self, mut checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint, Error> {
        context.check()?;
        let table = &checkpoint.table;
        let rows = table.embeddings().to_f32()?.mapv(|value| value.clamp(-self.limit, self.limit));
        let (weights, mapping) = (table.weights().cloned(), table.mapping().cloned());
        checkpoint.table = EmbeddingTable::try_new(Tensor::from_array(&rows), weights, mapping)?;
        context.report(checkpoint.table.rows(), checkpoint.table.rows());
        Ok(checkpoint)
    }
}
