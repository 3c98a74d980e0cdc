//! Tables of seeded random numbers.

use m2v_core::half::f16;
use m2v_core::ndarray::{Array1, Array2};
use m2v_core::{EmbeddingTable, Result, Tensor};

/// SplitMix64 (Steele, Lea & Flood, 2014): the same numbers on every machine.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// Bell-shaped around zero: the sum of four numbers of 16 bits.
    fn number(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = [0, 16, 32, 48].iter().map(|shift| (bits >> shift) & 0xffff).sum();
        (sum as f32 - 131_070.0) / 655_360.0
    }
}

/// A float16 table of random rows.
pub(crate) fn random(rows: usize, dim: usize) -> Result<EmbeddingTable> {
    EmbeddingTable::try_new(rows_of(rows, dim), None, None)
}

/// A float16 table whose random rows are shared by many tokens, each with a weight of its own: the shape that
/// vocabulary quantisation gives a model.
pub(crate) fn shared(tokens: usize, rows: usize, dim: usize) -> Result<EmbeddingTable> {
    let mut random = Random::new(2);
    let weights: Array1<f32> = (0..tokens).map(|_| 1.0 + random.number()).collect();
    // A remainder of a few thousand is below i32.
    let mapping: Array1<i32> = (0..tokens).map(|_| (random.next() % rows as u64) as i32).collect();
    let (weights, mapping) = (Tensor::from_array(&weights), Tensor::from_array(&mapping));
    EmbeddingTable::try_new(rows_of(rows, dim), Some(weights), Some(mapping))
}

fn rows_of(rows: usize, dim: usize) -> Tensor {
    let mut random = Random::new(1);
    Tensor::from_array(&Array2::from_shape_simple_fn((rows, dim), || f16::from_f32(random.number())))
}
