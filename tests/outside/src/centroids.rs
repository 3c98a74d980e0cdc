//! A classifier that runs in a pipeline and in a graph.

use m2v_core::{Label, Tensor};
use m2v_infer::ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};
use m2v_infer::{Encoder, EncoderExt, Error, Head, HeadScratch, Output, Task};
use m2v_onnx::{GraphBuilder, Lower, Value};

/// The class whose examples' mean has the largest product with a text's vector.
#[derive(Clone, Debug)]
pub struct Centroids {
    /// `[dim, classes]`.
    means: Array2<f32>,
    output: Output,
}

impl Centroids {
    /// Learns the means of some examples.
    ///
    /// # Errors
    /// If one cannot be encoded.
    pub fn fit(encoder: &impl Encoder, examples: &[(&str, &str)]) -> Result<Self, Error> {
        let mut classes: Vec<&str> = examples.iter().map(|(_, class)| *class).collect();
        classes.sort_unstable();
        classes.dedup();
        let mut means = Array2::zeros((encoder.dim(), classes.len()));
        for (class, mut mean) in classes.iter().zip(means.columns_mut()) {
            let texts: Vec<&str> =
                examples.iter().filter(|(_, of)| of == class).map(|(text, _)| *text).collect();
            let sum = encoder
                .encode(&texts)?
                .rows()
                .into_iter()
                .fold(Array1::zeros(encoder.dim()), |sum: Array1<f32>, row| sum + row);
            mean.assign(&(sum / texts.len() as f32));
        }
        let labels: Vec<Label> = classes.into_iter().map(Label::from).collect();
        Ok(Self { means, output: Output::classifier(Task::SingleLabel, labels) })
    }
}

impl Head for Centroids {
    fn output(&self) -> &Output {
        &self.output
    }

    fn score_block(
        &self,
        embeddings: ArrayView2<'_, f32>,
        _: &mut HeadScratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Error> {
        out.assign(&embeddings.dot(&self.means));
        Ok(())
    }

    fn input_dim(&self) -> Option<usize> {
        Some(self.means.nrows())
    }
}

impl Lower for Centroids {
    fn lower(&self, graph: &mut GraphBuilder, embedding: Value) -> Result<Value, m2v_onnx::Error> {
        let means = graph.constant("centroids.means", &Tensor::from_array(&self.means))?;
        graph.node("MatMul", &[embedding, means], &[])
    }

    fn output(&self) -> (&str, usize) {
        ("scores", self.output.width())
    }

    fn classes(&self) -> Option<&[Label]> {
        self.output.classes()
    }
}
