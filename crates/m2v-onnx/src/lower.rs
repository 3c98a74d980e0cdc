//! The trait of heads that can be put into the graph.

use m2v_core::Label;

use crate::error::Result;
use crate::graph::GraphBuilder;
use crate::value::Value;

/// Adds itself to the graph, on top of the sentence embedding. **The extension point of this crate.**
///
/// ```
/// use m2v_core::Tensor;
/// use m2v_onnx::{Error, GraphBuilder, Lower, Value};
///
/// /// A score: the product with a fixed vector.
/// struct Score(Vec<f32>);
///
/// impl Lower for Score {
///     fn lower(&self, graph: &mut GraphBuilder, embedding: Value) -> Result<Value, Error> {
///         let column = ndarray::Array2::from_shape_fn((self.0.len(), 1), |(i, _)| self.0[i]);
///         let column = graph.constant("score.weight", &Tensor::from_array(&column))?;
///         graph.node("MatMul", &[embedding, column], &[])
///     }
///
///     fn output(&self) -> (&str, usize) {
///         ("score", 1)
///     }
/// }
/// ```
pub trait Lower: Send + Sync {
    /// Adds nodes that turn the sentence embedding, f32 `[batch_size, dim]`, into this head's output, f32
    /// `[batch_size, width]`.
    ///
    /// # Errors
    /// If the head cannot be expressed as a graph; those of [`GraphBuilder`] as they are.
    fn lower(&self, graph: &mut GraphBuilder, embedding: Value) -> Result<Value>;

    /// The name of the output and its width.
    fn output(&self) -> (&str, usize);

    /// What the columns of the output are called, for `metadata_props` and `id2label`; `None` if they are no classes.
    fn classes(&self) -> Option<&[Label]> {
        None
    }
}
