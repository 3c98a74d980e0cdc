//! The graph of the encoder, whichever its inputs are.

use m2v_core::EmbeddingTable;
use m2v_tokenize::Vocabulary;

use crate::bag;
use crate::error::{Error, Result};
use crate::graph::GraphBuilder;
use crate::lower::Lower;
use crate::signature::Signature;
use crate::transformer;
use crate::value::{Axis, Value};

/// The model that becomes a graph.
pub(crate) struct Encoder<'a> {
    pub(crate) table: &'a EmbeddingTable,
    pub(crate) unk: Option<u32>,
    pub(crate) normalize: bool,
}

impl<'a> Encoder<'a> {
    pub(crate) fn new(table: &'a EmbeddingTable, vocabulary: &Vocabulary, normalize: bool) -> Self {
        Self { table, unk: vocabulary.unk_id(), normalize }
    }

    /// The graph with a signature, and the head on top.
    pub(crate) fn build(&self, signature: Signature, head: Option<&dyn Lower>) -> Result<GraphBuilder> {
        let mut graph = GraphBuilder::default();
        let embedding = match signature {
            Signature::Transformer => transformer::build(self, &mut graph)?,
            Signature::Bag => bag::build(self, &mut graph)?,
        };
        if let Some(head) = head {
            let value = head.lower(&mut graph, embedding)?;
            let (name, width) = head.output();
            graph.output(name, &value, &[Axis::from("batch_size"), width.into()])?;
            if let Some(classes) = head.classes() {
                let classes = serde_json::to_string(classes).map_err(|source| Error::Lower(source.into()))?;
                graph.note("classes", classes);
            }
        }
        Ok(graph)
    }

    /// 1 for tokens that count, 0 for the others, of the f32 `mask` of the tokens that are there.
    pub(crate) fn counted(&self, graph: &mut GraphBuilder, ids: &Value, mask: Value) -> Result<Value> {
        let Some(unk) = self.unk else { return Ok(mask) };
        let unk = graph.own_int(unk.into())?;
        let is_unk = graph.node("Equal", &[ids.clone(), unk], &[])?;
        let known = graph.node("Not", &[is_unk], &[])?;
        let known = graph.to_f32(known)?;
        graph.node("Mul", &[mask, known], &[])
    }

    /// The embedding, `[batch, dim]`, of the sum of a text's vectors and, unless it is normalised, the number of its
    /// tokens, `[batch, 1]`.
    pub(crate) fn embedding(
        &self,
        graph: &mut GraphBuilder,
        sum: Value,
        count: Option<Value>,
    ) -> Result<Value> {
        let divisor = match count {
            Some(count) => {
                let one = graph.constant_float("m2v.one", 1.0)?;
                graph.node("Max", &[count, one], &[])?
            }
            // The number of tokens cancels.
            None => {
                let axis = graph.own_ints(&[1])?;
                // MNN reads the axes of `ReduceL2` from an attribute that opset 18 no longer has, and gives the length
                // of a whole batch; onnxruntime's shape inference stops at it.
                let squares = graph.node("Mul", &[sum.clone(), sum.clone()], &[])?;
                let square = graph.node("ReduceSum", &[squares, axis], &[])?;
                let length = graph.node("Sqrt", &[square], &[])?;
                let epsilon = graph.constant_float("m2v.epsilon", 1e-32)?;
                graph.node("Add", &[length, epsilon], &[])?
            }
        };
        graph.node("Div", &[sum, divisor], &[])
    }
}
