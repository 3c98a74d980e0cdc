//! Tables and blocks of texts, made of a few numbers.

use m2v_core::half::{bf16, f16};
use m2v_core::ndarray::Array1;
use m2v_core::{Buffer, Dtype, EmbeddingTable, Tensor};
use proptest::prelude::*;

pub(crate) const DTYPES: [Dtype; 5] = [Dtype::F32, Dtype::F64, Dtype::F16, Dtype::BF16, Dtype::I8];

/// A table and a block of texts, made of a few numbers so that a failure can be read.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) dtype: Dtype,
    pub(crate) dim: usize,
    /// Where the table starts, counted from a multiple of 64.
    pub(crate) offset: usize,
    pub(crate) weighted: bool,
    pub(crate) mapped: bool,
    /// Any bits at all: NaN, infinities, subnormals.
    pub(crate) any_bits: bool,
    /// Ids of each text.
    pub(crate) texts: Vec<usize>,
    pub(crate) seed: u64,
}

const ROWS: usize = 37;

/// Ids of a table with a mapping.
pub(crate) const TOKENS: usize = 50;

impl Case {
    pub(crate) fn new(dtype: Dtype, dim: usize) -> Self {
        let texts = vec![1, 0, 5, 28, 2];
        Self { dtype, dim, offset: 0, weighted: false, mapped: false, any_bits: false, texts, seed: 1 }
    }

    pub(crate) fn table(&self) -> EmbeddingTable {
        let mut random = Random(self.seed);
        let bytes: Vec<u8> = (0..ROWS * self.dim).flat_map(|_| self.element(&mut random)).collect();
        let embeddings = tensor_at(self.offset, self.dtype, &[ROWS, self.dim], &bytes);
        let tokens = if self.mapped { TOKENS } else { ROWS };
        let weights = Array1::from_shape_fn(tokens, |_| random.float() + 1.5);
        let mapping = Array1::from_shape_fn(tokens, |_| (random.next() % ROWS as u64) as i32);
        EmbeddingTable::try_new(
            embeddings,
            self.weighted.then(|| Tensor::from_array(&weights)),
            self.mapped.then(|| Tensor::from_array(&mapping)),
        )
        .unwrap()
    }

    fn element(&self, random: &mut Random) -> Vec<u8> {
        let bits = random.next().to_le_bytes();
        let x = random.float();
        if self.any_bits || self.dtype == Dtype::I8 {
            return bits[..self.dtype.size()].to_vec();
        }
        match self.dtype {
            Dtype::F32 => x.to_le_bytes().to_vec(),
            Dtype::F64 => (f64::from(x) * 1.000_000_1).to_le_bytes().to_vec(),
            Dtype::F16 => f16::from_f32(x).to_le_bytes().to_vec(),
            _ => bf16::from_f32(x).to_le_bytes().to_vec(),
        }
    }

    /// The ids of its texts, and where each text ends.
    pub(crate) fn block(&self, table: &EmbeddingTable) -> (Vec<u32>, Vec<usize>) {
        let mut random = Random(self.seed + 1);
        let count: usize = self.texts.iter().sum();
        let ids = (0..count).map(|_| (random.next() % table.id_count() as u64) as u32).collect();
        let ends = self.texts.iter().scan(0, |end, n| {
            *end += n;
            Some(*end)
        });
        (ids, ends.collect())
    }
}

/// Any table and texts.
pub(crate) fn cases() -> impl Strategy<Value = Case> {
    let dtype = prop::sample::select(&DTYPES[..]);
    let dim = prop_oneof![1..=600usize, prop::sample::select(&DIMS[..])];
    let texts = prop::collection::vec(prop_oneof![0..=1usize, 0..60usize, 250..260usize, 0..700usize], 0..8);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (dtype, dim, 0..64usize, flags, texts, 1..u64::MAX / 2).prop_map(
        |(dtype, dim, offset, (weighted, mapped, any_bits), texts, seed)| Case {
            dtype,
            dim,
            offset,
            weighted,
            mapped,
            any_bits,
            texts,
            seed,
        },
    )
}

/// Dimensions that models have, and those at which the kernels change over.
const DIMS: [usize; 20] =
    [1, 7, 8, 16, 31, 32, 33, 63, 64, 65, 100, 127, 128, 256, 300, 384, 512, 600, 768, 1024];

/// Xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// In −1..1.
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// A tensor whose bytes start `offset` after a multiple of 64 and end where their allocation ends, so that
/// tools which watch memory see a kernel that reads on.
fn tensor_at(offset: usize, dtype: Dtype, shape: &[usize], bytes: &[u8]) -> Tensor {
    // An allocation starts at some multiple of 16: others are tried until the table starts where it should.
    let (mut random, mut others) = (Random(1), Vec::new());
    loop {
        let padding = offset % 16 + 16 * (random.next() % 4) as usize;
        let mut buffer = Vec::with_capacity(padding + bytes.len());
        buffer.resize(padding, 0);
        buffer.extend_from_slice(bytes);
        let found = (buffer.as_ptr() as usize + padding) % 64;
        let buffer = Buffer::from(buffer);
        if found == offset {
            let buffer = buffer.slice(padding..padding + bytes.len());
            return Tensor::try_new(dtype, shape, buffer).unwrap();
        }
        others.push(buffer);
    }
}
