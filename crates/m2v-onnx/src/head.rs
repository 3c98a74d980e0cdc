//! The graph of the heads that come with models.

use m2v_core::{Activation, Label, MlpHead, Tensor};

use crate::error::Result;
use crate::graph::{Attribute, GraphBuilder};
use crate::lower::Lower;
use crate::value::Value;

/// A head, for embeddings of length `dim`.
pub(crate) struct HeadGraph<'a> {
    pub(crate) head: &'a MlpHead,
    pub(crate) dim: usize,
}

impl Lower for HeadGraph<'_> {
    /// Weights become f32: runtimes lack kernels for other types, and it is what m2v-infer computes in.
    fn lower(&self, graph: &mut GraphBuilder, embedding: Value) -> Result<Value> {
        let mut value = embedding;
        for (i, layer) in self.head.layers().iter().enumerate() {
            if i > 0 {
                value = graph.node("Relu", &[value], &[])?;
            }
            let mut constant = |part: &str, tensor: &Tensor| -> Result<Value> {
                let tensor = Tensor::from_array(&tensor.to_f32()?);
                graph.constant(&format!("head.{i}.{part}"), &tensor)
            };
            let inputs = [value, constant("weight", &layer.weight)?, constant("bias", &layer.bias)?];
            value = graph.node("Gemm", &inputs, &[("transB", Attribute::Int(1))])?;
        }
        match self.head.activation() {
            Activation::Softmax => graph.node("Softmax", &[value], &[("axis", Attribute::Int(-1))]),
            Activation::Sigmoid => graph.node("Sigmoid", &[value], &[]),
            _ => Ok(value),
        }
    }

    fn output(&self) -> (&str, usize) {
        (self.head.output_name(), self.head.output_dim(self.dim))
    }

    fn classes(&self) -> Option<&[Label]> {
        self.head.classes()
    }
}
