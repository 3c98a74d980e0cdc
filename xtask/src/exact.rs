//! What other runtimes are held to.

use m2v_infer::{Encoder, StaticModel};
use ndarray::{Array2, Axis};

use crate::error::Result;
use crate::interrupt;

/// The embeddings of texts with sums in f64; `done` is told how many are. In f32, the order of thousands of additions
/// shows in the sixth digit.
pub(crate) fn exact(model: &StaticModel, texts: &[String], done: &dyn Fn(usize)) -> Result<Array2<f32>> {
    let options = model.options();
    let mut out = Array2::zeros((texts.len(), model.dim()));
    for (i, (text, mut out)) in texts.iter().zip(out.rows_mut()).enumerate() {
        interrupt::check()?;
        let vectors = model.encode_as_sequence(text, options.max_length)?.embeddings.mapv(f64::from);
        done(i + 1);
        let Some(mean) = vectors.mean_axis(Axis(0)) else { continue };
        let length = if options.normalize { mean.dot(&mean).sqrt() + 1e-32 } else { 1.0 };
        out.assign(&mean.mapv(|x| (x / length) as f32));
    }
    Ok(out)
}
