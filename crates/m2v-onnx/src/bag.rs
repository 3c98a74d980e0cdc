//! The graph that takes the ids of all texts one after the other, and where each text begins.
//!
//! Few tokens are summed as one matrix product. Of many, texts are cut into chunks; all chunks are summed as one batch
//! of products, then the chunks of each text. `ScatterND` with `add` would take fewer nodes, but onnxruntime lets its
//! threads add to the same row at once, and loses some of it.

use crate::encoder::Encoder;
use crate::error::Result;
use crate::graph::{Attribute, GraphBuilder};
use crate::tokens::{Vectors, are_few};
use crate::value::{Axis, ElementType, Value};

/// Tokens of a chunk, at most.
const CHUNK: i64 = 64;
/// Chunks of the longest text, at least, where it has as many tokens: of shorter chunks less is padding, of more chunks
/// more sums are added. (Of 1,024 sentences with up to 48 tokens, 3, 4 and 8 took the same time, 1 half as much again.)
const CHUNKS: i64 = 4;

/// The ids of all texts, and where each text begins and ends.
struct Texts {
    ids: Value,
    begins: Value,
    ends: Value,
    /// The number of ids, `[1]`.
    tokens: Value,
}

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
    let texts = Texts::new(graph, ids, offsets)?;

    let vectors = Vectors::new(graph, encoder.table, encoder.unk)?;
    let dim = encoder.table.dim();
    let few = are_few(graph, &texts.ids)?;
    let sum = graph.choose(
        &few,
        |graph| texts.sum_few(graph, &vectors),
        |graph| texts.cut(graph)?.sum(graph, &vectors, dim),
    )?;
    let count = match encoder.normalize {
        true => None,
        false => Some(texts.count(graph, encoder)?),
    };
    let embedding = encoder.embedding(graph, sum, count)?;
    graph.output("embeddings", &embedding, &[batch, dim.into()])
}

impl Texts {
    /// Each text ends where the next begins, the last with the ids.
    fn new(graph: &mut GraphBuilder, ids: Value, offsets: Value) -> Result<Self> {
        let tokens = graph.node("Shape", std::slice::from_ref(&ids), &[])?;
        let begins = graph.node("Min", &[offsets, tokens.clone()], &[])?;
        let (first_axis, second) = (graph.own_ints(&[0])?, graph.own_ints(&[1])?);
        let last = graph.own_ints(&[i64::MAX])?;
        let next = graph.node("Slice", &[begins.clone(), second, last, first_axis], &[])?;
        let ends = graph.node("Concat", &[next, tokens.clone()], &[("axis", Attribute::Int(0))])?;
        Ok(Self { ids, begins, ends, tokens })
    }

    /// The ids and one more: what lies outside has somewhere to point to, and no product is of nothing.
    fn ids_and_one(&self, graph: &mut GraphBuilder) -> Result<Value> {
        let zero = graph.own_ints(&[0])?;
        graph.node("Concat", &[self.ids.clone(), zero], &[("axis", Attribute::Int(0))])
    }

    /// The sum of each text, as one product of which token is whose, `[batch, tokens]`, and their vectors.
    fn sum_few(&self, graph: &mut GraphBuilder, vectors: &Vectors) -> Result<Value> {
        let (zero, one, axis_1) = (graph.own_int(0)?, graph.own_int(1)?, graph.own_ints(&[1])?);
        let ids = self.ids_and_one(graph)?;
        let end = graph.node_as("Size", std::slice::from_ref(&ids), &[], ElementType::I64, &[])?;
        let position = graph.node("Range", &[zero, end, one], &[])?;
        let begins = graph.node("Unsqueeze", &[self.begins.clone(), axis_1.clone()], &[])?;
        let ends = graph.node("Unsqueeze", &[self.ends.clone(), axis_1], &[])?;
        let has_begun = graph.node("LessOrEqual", &[begins, position.clone()], &[])?;
        let not_ended = graph.node("Less", &[position, ends], &[])?;
        let whose = graph.node("And", &[has_begun, not_ended], &[])?;
        let whose = graph.to_f32(whose)?;
        let vectors = vectors.of_few(graph, &ids)?;
        graph.node("MatMul", &[whose, vectors], &[])
    }

    /// The tokens of each text that are known, f32, `[batch, 1]`.
    fn count(&self, graph: &mut GraphBuilder, encoder: &Encoder<'_>) -> Result<Value> {
        let (zero, axis_1) = (graph.own_int(0)?, graph.own_ints(&[1])?);
        let mut column = |value: Value| {
            let value = graph.node("Unsqueeze", &[value, axis_1.clone()], &[])?;
            graph.to_f32(value)
        };
        let Some(unk) = encoder.unk else {
            let (begins, ends) = (column(self.begins.clone())?, column(self.ends.clone())?);
            return graph.node("Sub", &[ends, begins], &[]);
        };
        let unk = graph.own_int(unk.into())?;
        let ids = self.ids_and_one(graph)?;
        let is_unk = graph.node("Equal", &[ids, unk], &[])?;
        let known = graph.node("Not", &[is_unk], &[])?;
        let known = graph.node("Cast", &[known], &[("to", Attribute::Int(ElementType::I32 as i64))])?;
        let before = graph.node("CumSum", &[known, zero], &[("exclusive", Attribute::Int(1))])?;
        let to_begin = graph.node("Gather", &[before.clone(), self.begins.clone()], &[])?;
        let to_end = graph.node("Gather", &[before, self.ends.clone()], &[])?;
        let count = graph.node("Sub", &[to_end, to_begin], &[])?;
        let count = graph.node("Unsqueeze", &[count, axis_1], &[])?;
        graph.to_f32(count)
    }

    fn cut(&self, graph: &mut GraphBuilder) -> Result<Chunks> {
        let (axis_0, axis_1) = (graph.own_ints(&[0])?, graph.own_ints(&[1])?);
        let (zero, one) = (graph.own_int(0)?, graph.own_int(1)?);
        let concat = [("axis", Attribute::Int(0))];

        let lengths = graph.node("Sub", &[self.ends.clone(), self.begins.clone()], &[])?;
        let lengths = graph.node("Max", &[lengths, zero.clone()], &[])?;

        // No maximum is of nothing.
        let lengths_and_1 = graph.node("Concat", &[lengths.clone(), axis_1.clone()], &concat)?;
        let longest = graph.node("ReduceMax", &[lengths_and_1], &[])?;
        let (parts, most) = (graph.own_ints(&[CHUNKS])?, graph.own_ints(&[CHUNK])?);
        let part = graph.node("Div", &[longest.clone(), parts], &[])?;
        let part = graph.node("Max", &[part, one.clone()], &[])?;
        let width = graph.node("Min", &[part, most], &[])?;
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
        let begin = graph.node("Gather", &[self.begins.clone(), text.clone()], &[])?;
        let skipped = graph.node("Mul", &[number, width], &[])?;
        let begin = graph.node("Add", &[begin, skipped], &[])?;
        let end = graph.node("Gather", &[self.ends.clone(), text], &[])?;
        let mut column = |value: Value| graph.node("Unsqueeze", &[value, axis_1.clone()], &[]);
        let (begin, end) = (column(begin)?, column(end)?);
        let position = graph.node("Add", &[begin, places], &[])?;
        let inside = graph.node("Less", &[position.clone(), end], &[])?;
        let mask = graph.to_f32(inside)?;
        let position = graph.node("Min", &[position, self.tokens.clone()], &[])?;
        let ids = self.ids_and_one(graph)?;
        let ids = graph.node("Gather", &[ids, position], &[])?;

        // In int32: see `Distinct::of`.
        let counts = graph.node("Cast", &[counts], &[("to", Attribute::Int(ElementType::I32 as i64))])?;
        let first = graph.node("CumSum", &[counts, zero], &[("exclusive", Attribute::Int(1))])?;
        let first = graph.node("Cast", &[first], &[("to", Attribute::Int(ElementType::I64 as i64))])?;
        let first = graph.node("Unsqueeze", &[first, axis_1], &[])?;
        let index = graph.node("Add", &[first, numbers], &[])?;
        Ok(Chunks { exists, index, ids, mask })
    }
}

impl Chunks {
    /// The sum of each text, `[batch, dim]`: of the sums of its chunks.
    fn sum(&self, graph: &mut GraphBuilder, vectors: &Vectors, dim: usize) -> Result<Value> {
        let middle = graph.own_ints(&[1])?;
        let vectors = vectors.of_many(graph, &self.ids)?;
        let row = graph.node("Unsqueeze", &[self.mask.clone(), middle.clone()], &[])?;
        let sums = graph.node("MatMul", &[row, vectors], &[])?;
        let sums = graph.node("Squeeze", &[sums, middle.clone()], &[])?;
        // Where a text has no such chunk, zeros behind the last one.
        let zeros = m2v_core::Tensor::try_new(
            m2v_core::Dtype::F32,
            &[1, dim],
            vec![0; dim * size_of::<f32>()].into(),
        )?;
        let zeros = graph.constant("m2v.zeros", &zeros)?;
        let ends = [("start", Attribute::Int(0)), ("end", Attribute::Int(1))];
        let count = graph.node("Shape", std::slice::from_ref(&sums), &ends)?;
        let index = graph.node("Where", &[self.exists.clone(), self.index.clone(), count], &[])?;
        let sums = graph.node("Concat", &[sums, zeros], &[("axis", Attribute::Int(0))])?;
        let sums = graph.node("Gather", &[sums, index], &[])?;
        graph.node("ReduceSum", &[sums, middle], &[("keepdims", Attribute::Int(0))])
    }
}
