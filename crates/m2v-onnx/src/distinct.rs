//! Looks up what many tokens have in common once.

use crate::error::Result;
use crate::graph::{Attribute, GraphBuilder};
use crate::value::{ElementType, Value};

/// Fewer tokens than these are looked up one by one.
const FEW: i64 = 256;
/// Places for each token in the table that finds the tokens that are alike.
const SLOTS: i64 = 4;

/// What `lookup` makes of `ids`, f32 with one more axis, made once for each different id where there are many.
///
/// Words come again, and padding is one token: of a large batch most ids are not the first of their kind. Whatever
/// `lookup` does to a row is then done in cache, and what is left to write is one bare lookup: in onnxruntime 1.5 to 2
/// times as fast, for 1,024 texts. Telling ids apart takes some twenty nodes, each of 0.5 µs: as long as a single text.
pub(crate) fn lookup(
    graph: &mut GraphBuilder,
    ids: &Value,
    lookup: impl Fn(&mut GraphBuilder, &Value) -> Result<Value>,
) -> Result<Value> {
    let count = graph.node_as("Size", std::slice::from_ref(ids), &[], ElementType::I64, &[])?;
    let few = graph.own_int(FEW)?;
    let are_few = graph.node("Less", &[count, few], &[])?;
    let each = |graph: &mut GraphBuilder| lookup(graph, ids);
    let once = |graph: &mut GraphBuilder| {
        let distinct = distinct(graph, ids)?;
        let rows = lookup(graph, &distinct.ids)?;
        graph.node("Gather", &[rows, distinct.places], &[])
    };
    graph.choose(&are_few, each, once)
}

/// The different ones of some ids.
struct Distinct {
    /// Each once, `[distinct]`.
    ids: Value,
    /// Where among those each id is, of the shape of the ids.
    places: Value,
}

/// Of all ids that are the same, the last one stands for all, found in a table in which each leaves its position. Where
/// two different ids meet in the table, the earlier ones stand for themselves. (The operator `Unique` does this too, but
/// rten does not have it.)
fn distinct(graph: &mut GraphBuilder, ids: &Value) -> Result<Distinct> {
    let (zero, one) = (graph.own_int(0)?, graph.own_int(1)?);
    let (first_axis, all, slots) = (graph.own_ints(&[0])?, graph.own_ints(&[-1])?, graph.own_ints(&[SLOTS])?);

    let flat = graph.node("Reshape", &[ids.clone(), all], &[])?;
    let length = graph.node("Shape", std::slice::from_ref(&flat), &[])?;
    let end = graph.node("Squeeze", &[length.clone(), first_axis.clone()], &[])?;
    let position = graph.node("Range", &[zero.clone(), end, one], &[])?;
    let axes = graph.axes(&flat).map(<[_]>::to_vec).unwrap_or_default();

    let slots = graph.node("Mul", &[length, slots], &[])?;
    let slot = graph.node_as("Mod", &[flat.clone(), slots.clone()], &[], ElementType::I64, &axes)?;
    let table = graph.node("Expand", &[zero.clone(), slots], &[])?;
    let max = [("reduction", Attribute::Text("max".to_owned()))];
    let table_axes = graph.axes(&table).map(<[_]>::to_vec).unwrap_or_default();
    let entries = [table, slot.clone(), position.clone()];
    let table = graph.node_as("ScatterElements", &entries, &max, ElementType::I64, &table_axes)?;

    let last = graph.node("Gather", &[table, slot], &[])?;
    let id_there = graph.node("Gather", &[flat.clone(), last.clone()], &[])?;
    let is_same = graph.node("Equal", &[id_there, flat.clone()], &[])?;
    let stands = graph.node("Where", &[is_same, last, position.clone()], &[])?;

    let is_kept = graph.node("Equal", &[stands.clone(), position], &[])?;
    let kept = graph.node("NonZero", std::slice::from_ref(&is_kept), &[])?;
    let kept = graph.node("Squeeze", &[kept, first_axis], &[])?;
    let kept_ids = graph.node("Gather", &[flat, kept], &[])?;

    let number = graph.node("Cast", &[is_kept], &[("to", Attribute::Int(ElementType::I64 as i64))])?;
    let before = graph.node("CumSum", &[number, zero], &[("exclusive", Attribute::Int(1))])?;
    let places = graph.node("Gather", &[before, stands], &[])?;
    let shape = graph.node("Shape", std::slice::from_ref(ids), &[])?;
    let places = graph.node("Reshape", &[places, shape], &[])?;
    Ok(Distinct { ids: kept_ids, places })
}
