//! An encoder on top of another.

use m2v_infer::ndarray::{Array1, ArrayViewMut2, Axis};
use m2v_infer::{Encoder, EncoderExt, Error, Scratch, ScratchPool};

/// Takes the mean of a sample's vectors out of every vector, so that unrelated texts have cosines near 0.
#[derive(Debug)]
pub struct Centred<E> {
    encoder: E,
    mean: Array1<f32>,
}

impl<E: Encoder> Centred<E> {
    /// Measures the mean on some texts.
    ///
    /// # Errors
    /// If one of them cannot be encoded.
    pub fn new(encoder: E, sample: &[&str]) -> Result<Self, Error> {
        let mean = encoder.encode(sample)?.sum_axis(Axis(0)) / sample.len().max(1) as f32;
        Ok(Self { encoder, mean })
    }
}

impl<E: Encoder> Encoder for Centred<E> {
    fn dim(&self) -> usize {
        self.encoder.dim()
    }

    fn encode_block(
        &self,
        texts: &[&str],
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Error> {
        self.encoder.encode_block(texts, scratch, out.view_mut())?;
        out -= &self.mean;
        Ok(())
    }

    fn scratch_pool(&self) -> Option<&ScratchPool> {
        self.encoder.scratch_pool()
    }
}
