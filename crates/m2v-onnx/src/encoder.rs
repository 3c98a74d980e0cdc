//! The graph of the encoder.

use m2v_core::{Buffer, Dtype, EmbeddingTable, Tensor};
use m2v_tokenize::Vocabulary;

use crate::error::{Error, Result};
use crate::graph::{Attribute, GraphBuilder, Value};
use crate::lower::Lower;

/// Builds the graph: token vectors, their mean without padding and unknown tokens, and the head on top.
///
/// Unknown tokens have a zero vector here, so that clients that pool `last_hidden_state` themselves get the
/// same direction.
pub(crate) fn build(
    table: &EmbeddingTable,
    vocabulary: &Vocabulary,
    normalize: bool,
    head: Option<&dyn Lower>,
) -> Result<GraphBuilder> {
    let mut graph = GraphBuilder::new("m2v");
    let axes = ["batch_size", "sequence_length"];
    let dim = table.dim().to_string();
    let ids = graph.input("input_ids", Dtype::I64, &axes);
    let attention = graph.input("attention_mask", Dtype::I64, &axes);

    let vectors = token_vectors(&mut graph, table, vocabulary.unk_id(), &ids)?;
    let hidden_axes = [axes[0], axes[1], &dim];
    let vectors = graph.output("last_hidden_state", &vectors, Dtype::F32, &hidden_axes);
    let mask = token_mask(&mut graph, vocabulary.unk_id(), ids, attention);

    // [batch, 1, sequence] · [batch, sequence, dim]: the sum over the sequence as one matrix product.
    let middle = graph.constant_ints("axis_1", &[1]);
    let row = graph.node("Unsqueeze", &[mask.clone(), middle.clone()], &[]);
    let sum = graph.node("MatMul", &[row, vectors], &[]);
    let sum = graph.node("Squeeze", &[sum, middle.clone()], &[]);
    let divisor = if normalize {
        // The number of tokens cancels.
        let length = graph.node("ReduceL2", &[sum.clone(), middle], &[]);
        let epsilon = graph.constant_float("epsilon", 1e-32);
        graph.node("Add", &[length, epsilon], &[])
    } else {
        let count = graph.node("ReduceSum", &[mask, middle], &[]);
        let one = graph.constant_float("one", 1.0);
        graph.node("Max", &[count, one], &[])
    };
    let embedding = graph.node("Div", &[sum, divisor], &[]);
    let embedding = graph.output("sentence_embedding", &embedding, Dtype::F32, &[axes[0], &dim]);
    if let Some(head) = head {
        let value = head.lower(&mut graph, embedding)?;
        let (name, width) = head.output();
        graph.output(name, &value, Dtype::F32, &[axes[0], &width.to_string()]);
        if let Some(classes) = head.classes() {
            let classes = serde_json::to_string(classes).map_err(|source| Error::Lower(source.into()))?;
            graph.note("classes", classes);
        }
    }
    Ok(graph)
}

/// The vector of each token, f32 `[batch, sequence, dim]`; zeros for the unknown token.
fn token_vectors(
    graph: &mut GraphBuilder,
    table: &EmbeddingTable,
    unk: Option<u32>,
    ids: &Value,
) -> Result<Value> {
    let weights = token_weights(table, unk)?;
    // Without weights to set to zero, the row of the unknown token is written as zeros.
    let zero_row = unk.filter(|_| weights.is_none());
    let rows = table_constant(graph, table, zero_row)?;
    let row_ids = match table.row_of() {
        None => ids.clone(),
        Some(row_of) => {
            let bytes: Vec<u8> = row_of.iter().flat_map(|row| row.to_le_bytes()).collect();
            let mapping = graph.constant_parts("mapping", Dtype::I32, &[row_of.len()], vec![bytes.into()]);
            graph.node("Gather", &[mapping, ids.clone()], &[])
        }
    };
    let mut vectors = graph.node("Gather", &[rows.0, row_ids], &[]);
    if rows.1 != Dtype::F32 {
        vectors = graph.to_f32(vectors);
    }
    let Some(weights) = weights else { return Ok(vectors) };
    let weights = graph.constant("weights", &weights);
    let weights = graph.node("Gather", &[weights, ids.clone()], &[]);
    let last = graph.constant_ints("axis_last", &[-1]);
    let weights = graph.node("Unsqueeze", &[weights, last], &[]);
    Ok(graph.node("Mul", &[vectors, weights], &[]))
}

/// The weight of each token, 0 for the unknown one. Where tokens share rows a zero row would hit others too, so
/// weights are made if there are none.
fn token_weights(table: &EmbeddingTable, unk: Option<u32>) -> Result<Option<Tensor>> {
    let mut weights = match (table.weights_f32(), table.mapping(), unk) {
        (Some(weights), _, _) => weights.to_vec(),
        (None, Some(_), Some(_)) => vec![1.0; table.id_count()],
        _ => return Ok(None),
    };
    if let Some(weight) = unk.and_then(|unk| weights.get_mut(unk as usize)) {
        *weight = 0.0;
    }
    let bytes: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    Ok(Some(Tensor::try_new(Dtype::F32, &[weights.len()], bytes.into())?))
}

/// The table as a constant, and the dtype it has there.
fn table_constant(
    graph: &mut GraphBuilder,
    table: &EmbeddingTable,
    zero_row: Option<u32>,
) -> Result<(Value, Dtype)> {
    let converted;
    let rows = match table.dtype() {
        Dtype::F64 | Dtype::BF16 => {
            converted = Tensor::from_array(&table.embeddings().to_f32()?);
            &converted
        }
        _ => table.embeddings(),
    };
    let stride = table.dim() * rows.dtype().size();
    let bytes = rows.bytes();
    let parts = match zero_row.map(|row| row as usize * stride) {
        None => vec![bytes.clone()],
        Some(start) => {
            let end = start + stride;
            vec![bytes.slice(0..start), Buffer::from(vec![0; stride]), bytes.slice(end..bytes.len())]
        }
    };
    let dtype = rows.dtype();
    Ok((graph.constant_parts("embeddings", dtype, rows.shape(), parts), dtype))
}

/// 1 for tokens that count, 0 for padding and the unknown token, f32 `[batch, sequence]`.
fn token_mask(graph: &mut GraphBuilder, unk: Option<u32>, ids: Value, attention: Value) -> Value {
    let mask = graph.node("Cast", &[attention], &[("to", Attribute::Int(1))]);
    let Some(unk) = unk else { return mask };
    let unk = graph.constant_ints("unk_id", &[unk.into()]);
    let is_unk = graph.node("Equal", &[ids, unk], &[]);
    let known = graph.node("Not", &[is_unk], &[]);
    let known = graph.to_f32(known);
    graph.node("Mul", &[mask, known], &[])
}
