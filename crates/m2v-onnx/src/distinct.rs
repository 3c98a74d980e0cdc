//! Nodes that find the different ones among ids.

use crate::error::Result;
use crate::graph::{Attribute, GraphBuilder};
use crate::value::{ElementType, Value};

/// Places for each token in the table that finds the tokens that are alike.
const SLOTS: i64 = 4;

/// The different ones of some ids.
pub(crate) struct Distinct {
    /// Each once, `[distinct]`; some more often.
    pub(crate) ids: Value,
    /// Where among those each id is, of the shape of the ids.
    pub(crate) places: Value,
}

impl Distinct {
    /// Of all ids that are the same, the last one stands for all, found in a table in which each leaves its position.
    /// Where two different ids meet in the table, those that are not found stand for themselves. (The operator `Unique`
    /// does this too, but rten does not have it.)
    ///
    /// Slots and places are int32: of numbers that follow from a shape, tract computes int64 only before it runs.
    pub(crate) fn of(graph: &mut GraphBuilder, ids: &Value) -> Result<Self> {
        let (zero, one) = (graph.own_int(0)?, graph.own_int(1)?);
        let (first_axis, all, slots) =
            (graph.own_ints(&[0])?, graph.own_ints(&[-1])?, graph.own_ints(&[SLOTS])?);

        let flat = graph.node("Reshape", &[ids.clone(), all], &[])?;
        let length = graph.node("Shape", std::slice::from_ref(&flat), &[])?;
        let end = graph.node("Squeeze", &[length.clone(), first_axis.clone()], &[])?;
        let position = graph.node("Range", &[zero.clone(), end, one], &[])?;
        let axes = graph.axes(&flat).map(<[_]>::to_vec).unwrap_or_default();

        let to_i32 = [("to", Attribute::Int(ElementType::I32 as i64))];
        let slots = graph.node("Mul", &[length, slots], &[])?;
        let (id, divisor) = (
            graph.node("Cast", std::slice::from_ref(&flat), &to_i32)?,
            graph.node("Cast", std::slice::from_ref(&slots), &to_i32)?,
        );
        let slot = graph.node_as("Mod", &[id, divisor], &[], ElementType::I32, &axes)?;
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

        let number = graph.node("Cast", &[is_kept], &to_i32)?;
        let before = graph.node("CumSum", &[number, zero], &[("exclusive", Attribute::Int(1))])?;
        let places = graph.node("Gather", &[before, stands], &[])?;
        let shape = graph.node("Shape", std::slice::from_ref(ids), &[])?;
        let places = graph.node("Reshape", &[places, shape], &[])?;
        Ok(Self { ids: kept_ids, places })
    }
}
