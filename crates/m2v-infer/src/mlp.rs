//! The heads that come with models.

use m2v_core::{Activation, MlpHead};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut1, ArrayViewMut2, Ix1, Ix2};

use crate::error::{Error, Result};
use crate::head::{Head, Output, Task};
use crate::scratch::HeadScratch;

/// Up to so many texts a matrix product costs more than to go over the weights once for each.
const FEW: usize = 3;

/// A multi-layer perceptron: linear layers with ReLU between them, then softmax, sigmoid or nothing (`MLPHead` of the
/// reference), in f32. Up to rounding, a text gets the same scores alone as among others.
#[derive(Clone, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
    activation: Activation,
    output: Output,
    input_dim: usize,
}

/// `x · weightᵀ + bias`.
#[derive(Clone, Debug)]
struct Linear {
    /// `[in, out]`, row-major: the order in which a matrix product and a sum of rows read it fastest.
    weight_t: Array2<f32>,
    /// `[out]`.
    bias: Array1<f32>,
}

impl Mlp {
    /// Makes the head that `head` describes, for embeddings of length `dim`. Weights become f32.
    ///
    /// # Errors
    /// [`Error::Data`] if it does not fit on such embeddings.
    pub fn new(head: &MlpHead, dim: usize) -> Result<Self> {
        head.check_input(dim)?;
        let width = head.output_dim(dim);
        let task = match head.activation() {
            Activation::Sigmoid => Task::MultiLabel,
            Activation::Identity => Task::Regression,
            _ => Task::SingleLabel,
        };
        let output = match head.classes() {
            None => Output::unnamed(task, width),
            Some(classes) => Output::classifier(task, classes),
        };
        let layer = |layer: &m2v_core::Layer| {
            let (weight, bias) = (layer.weight.to_f32()?.into_owned(), layer.bias.to_f32()?.into_owned());
            let shape = |axes: &[usize]| m2v_core::Error::Shape {
                what: "axes of a layer",
                expected: 2,
                found: axes.len(),
            };
            let wrong = shape(weight.shape());
            let weight = weight.into_dimensionality::<Ix2>().map_err(|_| wrong)?;
            let weight_t = weight.t().as_standard_layout().into_owned();
            let wrong = shape(bias.shape());
            let bias = bias.into_dimensionality::<Ix1>().map_err(|_| wrong)?;
            Ok(Linear { weight_t, bias })
        };
        let layers = head.layers().iter().map(layer).collect::<Result<_>>()?;
        Ok(Self { layers, activation: head.activation(), output, input_dim: dim })
    }
}

impl Linear {
    /// `[texts, in]` to `[texts, out]`.
    fn apply(&self, input: &ArrayView2<'_, f32>, mut out: ArrayViewMut2<'_, f32>) {
        out.assign(&self.bias);
        if input.nrows() > FEW {
            general_mat_mul(1.0, input, &self.weight_t, 1.0, &mut out);
            return;
        }
        for (input, mut out) in input.rows().into_iter().zip(out.rows_mut()) {
            for (&x, weights) in input.iter().zip(self.weight_t.rows()) {
                out.scaled_add(x, &weights);
            }
        }
    }
}

impl Head for Mlp {
    fn output(&self) -> &Output {
        &self.output
    }

    fn score_block(
        &self,
        embeddings: ArrayView2<'_, f32>,
        scratch: &mut HeadScratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<()> {
        let rows = embeddings.nrows();
        for (what, expected, found) in [
            ("columns of the embeddings", self.input_dim, embeddings.ncols()),
            ("rows of the scores", rows, out.nrows()),
            ("columns of the scores", self.output.width(), out.ncols()),
        ] {
            if expected != found {
                return Err(Error::Data(m2v_core::Error::Shape { what, expected, found }));
            }
        }
        let Some((last, hidden)) = self.layers.split_last() else {
            out.assign(&embeddings);
            return Ok(());
        };
        let [latest, next] = &mut scratch.buffers;
        let mut width = self.input_dim;
        for (i, layer) in hidden.iter().enumerate() {
            let columns = layer.bias.len();
            let length = rows * columns;
            if next.len() < length {
                next.resize(length, 0.0);
            }
            let mut output =
                ArrayViewMut2::from_shape((rows, columns), &mut next[..length]).map_err(|_| shape(length))?;
            let input = if i == 0 { embeddings } else { matrix(latest, rows, width)? };
            layer.apply(&input, output.view_mut());
            // Not `max`, which would drop a NaN.
            output.mapv_inplace(|x| if x < 0.0 { 0.0 } else { x });
            std::mem::swap(latest, next);
            width = columns;
        }
        let input = if hidden.is_empty() { embeddings } else { matrix(latest, rows, width)? };
        last.apply(&input, out);
        Ok(())
    }

    fn to_probabilities(&self, mut scores: ArrayViewMut2<'_, f32>) {
        match self.activation {
            Activation::Softmax => scores.rows_mut().into_iter().for_each(softmax),
            Activation::Sigmoid => scores.mapv_inplace(sigmoid),
            _ => {}
        }
    }

    fn input_dim(&self) -> Option<usize> {
        Some(self.input_dim)
    }
}

/// The beginning of a buffer as a matrix.
fn matrix(buffer: &[f32], rows: usize, columns: usize) -> Result<ArrayView2<'_, f32>> {
    let length = rows * columns;
    Ok(ArrayView2::from_shape((rows, columns), &buffer[..length]).map_err(|_| shape(length))?)
}

fn shape(expected: usize) -> m2v_core::Error {
    m2v_core::Error::Shape { what: "scratch of the head", expected, found: 0 }
}

/// e^(x − max) / Σ e^(x − max).
fn softmax(mut scores: ArrayViewMut1<'_, f32>) {
    let largest = scores.iter().fold(f32::NEG_INFINITY, |largest, &x| largest.max(x));
    scores.mapv_inplace(|x| (x - largest).exp());
    let sum = scores.sum();
    scores.mapv_inplace(|x| x / sum);
}

/// 1 / (1 + e^−x), without overflow on either side.
fn sigmoid(x: f32) -> f32 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}
