//! The graph that takes the ids of all texts one after the other, and where each text begins.
//!
//! Texts are cut into chunks; all chunks are summed as one matrix product, then the chunks of each text. `ScatterND` with
//! `add` would take fewer nodes, but onnxruntime lets its threads add to the same row at once, and loses some of it.

use crate::encoder::Encoder;
use crate::error::Result;
use crate::graph::{Attribute, GraphBuilder};
use crate::tokens;
use crate::value::{Axis, ElementType, Value};

/// Tokens of a chunk, at most; shorter if the longest text is.
const CHUNK: i64 = 64;

/// Texts cut into chunks.
struct Chunks {
    /// Whether a text has that many chunks, and where a chunk of it is among all of them, `[batch, chunks of one]`.
    exists: Value,
    index: Value,
    /// The token at each place, and 1 where there is one, f32, `[chunks, width]`.
    ids: Value,
    mask: Value,
}

/// Adds inputs and outputs; gives the embedding, `[batch_size, dim]`.
pub(crate) fn build(encoder: &Encoder<'_>, graph: &mut GraphBuilder) -> Result<Value> {
    let batch = Axis::from("batch_size");
    let ids = graph.input("input_ids", ElementType::I64, &[Axis::from("num_tokens")])?;
    let offsets = graph.input("offsets", ElementType::I64, std::slice::from_ref(&batch))?;
    let chunks = cut(graph, &ids, &offsets)?;

    let middle = graph.own_ints(&[1])?;
    let vectors = tokens::vectors(graph, encoder.table, encoder.unk, &chunks.ids)?;
    let row = graph.node("Unsqueeze", &[chunks.mask.clone(), middle.clone()], &[])?;
    let sums = graph.node("MatMul", &[row, vectors], &[])?;
    let sums = graph.node("Squeeze", &[sums, middle.clone()], &[])?;
    let sum = chunks.sum(graph, sums, encoder.table.dim() as i64)?;
    let count = match encoder.normalize {
        true => None,
        false => {
            let counted = encoder.counted(graph, &chunks.ids, chunks.mask.clone())?;
            let counts = graph.node("ReduceSum", &[counted, middle], &[])?;
            Some(chunks.sum(graph, counts, 1)?)
        }
    };
    let embedding = encoder.embedding(graph, sum, count)?;
    graph.output("embeddings", &embedding, &[batch, encoder.table.dim().into()])
}

fn cut(graph: &mut GraphBuilder, ids: &Value, offsets: &Value) -> Result<Chunks> {
    let (axis_0, axis_1) = (graph.own_ints(&[0])?, graph.own_ints(&[1])?);
    let (zero, one) = (graph.own_int(0)?, graph.own_int(1)?);
    let concat = [("axis", Attribute::Int(0))];

    // Each text ends where the next begins, the last with the ids.
    let tokens = graph.node("Shape", std::slice::from_ref(ids), &[])?;
    let (second, last) = (graph.own_ints(&[1])?, graph.own_ints(&[i64::MAX])?);
    let next = graph.node("Slice", &[offsets.clone(), second, last, axis_0.clone()], &[])?;
    let ends = graph.node("Concat", &[next, tokens.clone()], &concat)?;
    let ends = graph.node("Min", &[ends, tokens.clone()], &[])?;
    let lengths = graph.node("Sub", &[ends.clone(), offsets.clone()], &[])?;
    let lengths = graph.node("Max", &[lengths, zero.clone()], &[])?;

    // At least 1, so that nothing divides by zero and no maximum is of nothing.
    let lengths_and_1 = graph.node("Concat", &[lengths.clone(), axis_1.clone()], &concat)?;
    let longest = graph.node("ReduceMax", &[lengths_and_1, axis_0.clone()], &[])?;
    let most = graph.own_ints(&[CHUNK])?;
    let width = graph.node("Min", &[longest.clone(), most], &[])?;
    let up = graph.node("Sub", &[width.clone(), one.clone()], &[])?;
    let mut chunks_of = |length: Value| -> Result<Value> {
        let rounded = graph.node("Add", &[length, up.clone()], &[])?;
        graph.node("Div", &[rounded, width.clone()], &[])
    };
    let (counts, most) = (chunks_of(lengths)?, chunks_of(longest)?);

    let mut range = |end: Value| -> Result<Value> {
        let end = graph.node("Squeeze", &[end, axis_0.clone()], &[])?;
        let range = graph.node("Range", &[zero.clone(), end, one.clone()], &[])?;
        graph.node("Unsqueeze", &[range, axis_0.clone()], &[])
    };
    let (numbers, places) = (range(most)?, range(width.clone())?);
    let mut column = |value: Value| graph.node("Unsqueeze", &[value, axis_1.clone()], &[]);
    let counts_column = column(counts.clone())?;
    let exists = graph.node("Less", &[numbers.clone(), counts_column], &[])?;

    // The chunks there are: text after text, each from its first to its last.
    let chunks = graph.node("NonZero", std::slice::from_ref(&exists), &[])?;
    let text = graph.node("Gather", &[chunks.clone(), zero.clone()], &[])?;
    let number = graph.node("Gather", &[chunks, one], &[])?;
    let begin = graph.node("Gather", &[offsets.clone(), text.clone()], &[])?;
    let skipped = graph.node("Mul", &[number, width], &[])?;
    let begin = graph.node("Add", &[begin, skipped], &[])?;
    let end = graph.node("Gather", &[ends, text], &[])?;
    let mut column = |value: Value| graph.node("Unsqueeze", &[value, axis_1.clone()], &[]);
    let (begin, end) = (column(begin)?, column(end)?);
    let position = graph.node("Add", &[begin, places], &[])?;
    let inside = graph.node("Less", &[position.clone(), end], &[])?;
    let mask = graph.to_f32(inside)?;
    // One more id than there are: what lies outside has somewhere to point to.
    let position = graph.node("Min", &[position, tokens], &[])?;
    let ids_and_0 = graph.node("Concat", &[ids.clone(), axis_0], &concat)?;
    let chunk_ids = graph.node("Gather", &[ids_and_0, position], &[])?;

    let through = graph.node("CumSum", &[counts.clone(), zero], &[])?;
    let first = graph.node("Sub", &[through, counts], &[])?;
    let first = graph.node("Unsqueeze", &[first, axis_1], &[])?;
    let index = graph.node("Add", &[first, numbers], &[])?;
    Ok(Chunks { exists, index, ids: chunk_ids, mask })
}

impl Chunks {
    /// The sum over the chunks of each text, `[batch, width]`, of what each chunk has, `[chunks, width]`.
    fn sum(&self, graph: &mut GraphBuilder, of_chunks: Value, width: i64) -> Result<Value> {
        let bytes = vec![0; width as usize * size_of::<f32>()];
        let nothing = m2v_core::Tensor::try_new(m2v_core::Dtype::F32, &[1, width as usize], bytes.into())?;
        let nothing = graph.constant(&format!("m2v.zeros_{width}"), &nothing)?;
        let ends = [("start", Attribute::Int(0)), ("end", Attribute::Int(1))];
        let count = graph.node("Shape", std::slice::from_ref(&of_chunks), &ends)?;
        let index = graph.node("Where", &[self.exists.clone(), self.index.clone(), count], &[])?;
        let values = graph.node("Concat", &[of_chunks, nothing], &[("axis", Attribute::Int(0))])?;
        let values = graph.node("Gather", &[values, index], &[])?;
        let middle = graph.own_ints(&[1])?;
        graph.node("ReduceSum", &[values, middle], &[("keepdims", Attribute::Int(0))])
    }
}
