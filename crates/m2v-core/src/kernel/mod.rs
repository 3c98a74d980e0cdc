//! The hot loop: adding rows of a table.
//!
//! Rows are bytes that start anywhere; every kernel loads them unaligned. Sums are taken in f32, in the order
//! of the ids, without fused multiply-add and with one accumulator: any other order misses the reference by up
//! to 3e-4 on long repetitive texts.

mod scalar;

pub(crate) use scalar::{add_row, finish};
