//! Nodes that look up the vectors of tokens.

use m2v_core::{Buffer, Dtype, EmbeddingTable, Tensor};

use crate::distinct::Distinct;
use crate::error::Result;
use crate::export::graph_dtype;
use crate::graph::GraphBuilder;
use crate::pieces::{Piece, Rows};
use crate::value::{ElementType, Value};

/// Fewer tokens than these are looked up one by one, and bags of them summed at once: 255 were up to 1e-6 off, in rten.
const FEW: i64 = 128;

/// The vectors of tokens, f32; zeros for the unknown token, so that no sum of vectors need mask it, clients' own
/// included.
///
/// A float32 table takes its weights into its rows, which leaves one bare lookup: each product is rounded once, as
/// m2v-infer rounds it. Float16 and int8 rows would be rounded again; theirs are multiplied when they are looked up.
/// Tokens that share rows need their weights then too.
pub(crate) struct Vectors {
    rows: Value,
    mapping: Option<Value>,
    weights: Option<Value>,
}

impl Vectors {
    /// Adds the constants.
    pub(crate) fn new(graph: &mut GraphBuilder, table: &EmbeddingTable, unk: Option<u32>) -> Result<Self> {
        let keeps_dtype = graph_dtype(table.dtype()) == table.dtype();
        let becomes_f32 = graph_dtype(table.dtype()) == Dtype::F32;
        let folds = table.row_of().is_none() && becomes_f32;
        let weights = if folds { None } else { weights(table, unk)? };
        // Without weights to set to zero, the row of the unknown token is written as zeros.
        let zero = unk.filter(|_| weights.is_none());
        let makes_rows = !keeps_dtype || folds && table.weights().is_some();
        let rows = match makes_rows {
            true => made_rows(graph, table, zero)?,
            false => stored_rows(graph, table, zero)?,
        };
        let mapping = match table.row_of() {
            None => None,
            Some(row_of) => {
                let bytes: Vec<u8> = row_of.iter().flat_map(|row| row.to_le_bytes()).collect();
                let bytes = vec![Piece::Bytes(bytes.into())];
                Some(graph.constant_pieces("m2v.mapping", Dtype::I32, &[row_of.len()], bytes)?)
            }
        };
        let weights = weights.map(|weights| graph.constant("m2v.weights", &weights)).transpose()?;
        Ok(Self { rows, mapping, weights })
    }

    /// Those of `ids`, with one more axis.
    pub(crate) fn of(&self, graph: &mut GraphBuilder, ids: &Value) -> Result<Value> {
        if self.weights.is_none() {
            return self.of_few(graph, ids);
        }
        let few = are_few(graph, ids)?;
        graph.choose(&few, |graph| self.of_few(graph, ids), |graph| self.of_many(graph, ids))
    }

    /// The same, each looked up.
    pub(crate) fn of_few(&self, graph: &mut GraphBuilder, ids: &Value) -> Result<Value> {
        let row_ids = match &self.mapping {
            None => ids.clone(),
            Some(mapping) => graph.node("Gather", &[mapping.clone(), ids.clone()], &[])?,
        };
        let vectors = graph.node("Gather", &[self.rows.clone(), row_ids], &[])?;
        let vectors = graph.to_f32(vectors)?;
        let Some(weights) = &self.weights else { return Ok(vectors) };
        let weights = graph.node("Gather", &[weights.clone(), ids.clone()], &[])?;
        graph.node("Mul", &[vectors, weights], &[])
    }

    /// The same, what is multiplied made once for each different token.
    ///
    /// Words come again, and padding is one token: of a large batch most ids are not the first of their kind. Their
    /// rows are widened and multiplied in cache, and what is left to write is one bare lookup. Telling ids apart takes
    /// some twenty nodes, in onnxruntime as long as embedding a short text.
    pub(crate) fn of_many(&self, graph: &mut GraphBuilder, ids: &Value) -> Result<Value> {
        if self.weights.is_none() {
            return self.of_few(graph, ids);
        }
        let distinct = Distinct::of(graph, ids)?;
        let vectors = self.of_few(graph, &distinct.ids)?;
        graph.node("Gather", &[vectors, distinct.places], &[])
    }
}

/// Whether there are few of these ids, a bool without axes.
pub(crate) fn are_few(graph: &mut GraphBuilder, ids: &Value) -> Result<Value> {
    let count = graph.node_as("Size", std::slice::from_ref(ids), &[], ElementType::I64, &[])?;
    let few = graph.own_int(FEW)?;
    graph.node("Less", &[count, few], &[])
}

/// The weight of each token, `[tokens, 1]`, 0 for the unknown one. Where tokens share rows a zero row would hit others
/// too, so weights are made if there are none.
fn weights(table: &EmbeddingTable, unk: Option<u32>) -> Result<Option<Tensor>> {
    let mut weights = match (table.weights_f32(), table.mapping(), unk) {
        (Some(weights), _, _) => weights.to_vec(),
        (None, Some(_), Some(_)) => vec![1.0; table.id_count()],
        _ => return Ok(None),
    };
    if let Some(weight) = unk.and_then(|unk| weights.get_mut(unk as usize)) {
        *weight = 0.0;
    }
    let bytes: Vec<u8> = weights.iter().flat_map(|weight| weight.to_le_bytes()).collect();
    Ok(Some(Tensor::try_new(Dtype::F32, &[weights.len(), 1], bytes.into())?))
}

/// The rows as they are stored: shared, not copied.
fn stored_rows(graph: &mut GraphBuilder, table: &EmbeddingTable, zero: Option<u32>) -> Result<Value> {
    let rows = table.embeddings();
    let stride = table.dim() * rows.dtype().size();
    let bytes = rows.bytes();
    let parts = match zero.map(|row| row as usize * stride) {
        None => vec![bytes.clone()],
        Some(start) => {
            let end = start + stride;
            vec![bytes.slice(0..start), Buffer::from(vec![0; stride]), bytes.slice(end..bytes.len())]
        }
    };
    let parts = parts.into_iter().map(Piece::Bytes).collect();
    graph.constant_pieces("m2v.table", rows.dtype(), rows.shape(), parts)
}

/// The rows as f32, times the weights of the tokens they belong to unless they are shared.
fn made_rows(graph: &mut GraphBuilder, table: &EmbeddingTable, zero: Option<u32>) -> Result<Value> {
    let weights = table.weights().filter(|_| table.mapping().is_none()).cloned();
    let shape = [table.rows(), table.dim()];
    let table = EmbeddingTable::try_new(table.embeddings().clone(), weights, None)?;
    graph.constant_pieces("m2v.table", Dtype::F32, &shape, vec![Piece::Rows(Box::new(Rows { table, zero }))])
}
