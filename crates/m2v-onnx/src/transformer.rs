//! The graph that has the inputs of a transformer: ids and a mask of the same shape.

use crate::encoder::Encoder;
use crate::error::Result;
use crate::graph::{Attribute, GraphBuilder};
use crate::tokens::Vectors;
use crate::value::{Axis, ElementType, Value};

/// Tokens that are summed at a time. Runtimes add in f32, one after the other: 8,192 tokens at once were up to 5e-6 off
/// after normalising (onnxruntime 1.32, repetitive texts), blocks of these 3e-7. Shorter texts are one block.
const BLOCK: i64 = 64;

/// Adds inputs and outputs; gives the embedding, `[batch_size, dim]`.
pub(crate) fn build(encoder: &Encoder<'_>, graph: &mut GraphBuilder) -> Result<Value> {
    let axes = [Axis::from("batch_size"), Axis::from("sequence_length")];
    let dim = Axis::from(encoder.table.dim());
    let ids = graph.input("input_ids", ElementType::I64, &axes)?;
    let attention = graph.input("attention_mask", ElementType::I64, &axes)?;

    let vectors = Vectors::new(graph, encoder.table, encoder.unk)?.of(graph, &ids)?;
    let [batch, sequence] = axes;
    let vectors = graph.output("last_hidden_state", &vectors, &[batch.clone(), sequence, dim.clone()])?;
    let mask = graph.to_f32(attention)?;
    let middle = graph.own_ints(&[1])?;
    let count = match encoder.normalize {
        true => None,
        false => {
            let counted = encoder.counted(graph, &ids, mask.clone())?;
            Some(graph.node("ReduceSum", &[counted, middle.clone()], &[])?)
        }
    };
    // [batch, blocks, sequence] · [batch, sequence, dim]: the sums as one matrix product.
    let blocks = blocks(graph, &ids)?;
    let row = graph.node("Unsqueeze", &[mask, middle.clone()], &[])?;
    let rows = graph.node("Mul", &[blocks, row], &[])?;
    let sums = graph.node("MatMul", &[rows, vectors], &[])?;
    let sum = graph.node("ReduceSum", &[sums, middle], &[("keepdims", Attribute::Int(0))])?;
    let embedding = encoder.embedding(graph, sum, count)?;
    graph.output("sentence_embedding", &embedding, &[batch, dim])
}

/// 1 where a token is in a block, `[blocks, sequence]`; at least one block.
///
/// `OneHot` does this too, but tract takes no number of blocks that follows from a shape.
fn blocks(graph: &mut GraphBuilder, ids: &Value) -> Result<Value> {
    let (zero, one, size) = (graph.own_int(0)?, graph.own_int(1)?, graph.own_int(BLOCK)?);
    let middle = graph.own_ints(&[1])?;
    let shape = graph.node("Shape", std::slice::from_ref(ids), &[])?;
    let length = graph.node("Gather", &[shape, one.clone()], &[])?;
    let position = graph.node("Range", &[zero.clone(), length.clone(), one.clone()], &[])?;
    let block = graph.node("Div", &[position, size.clone()], &[])?;
    let full = graph.node("Div", &[length, size], &[])?;
    let count = graph.node("Add", &[full, one.clone()], &[])?;
    let number = graph.node("Range", &[zero, count, one], &[])?;
    let number = graph.node("Unsqueeze", &[number, middle], &[])?;
    let is_in = graph.node("Equal", &[number, block], &[])?;
    graph.to_f32(is_in)
}
