//! Pooling, in time **per token**: each dtype with and without weights, on each instruction set.
//!
//! The ids are distributed as those of English prose are: over 30,000 rows, the 100 most frequent are half of
//! them. A text has 28 on average, a call 256 texts, as one of `EncoderExt::encode` has.
//!
//! ```sh
//! cargo bench -p m2v-core --bench pool            # everything, 5 minutes
//! cargo bench -p m2v-core --bench pool -- f16-256 # one case
//! ```

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use m2v_core::half::{bf16, f16};
use m2v_core::ndarray::{Array1, Array2};
use m2v_core::{Buffer, Dtype, EmbeddingTable, Isa, PoolOptions, Tensor};

const ROWS: usize = 30_000;
const TEXTS: usize = 256;
const BLOCKS: usize = 96;

/// Blocks of texts: their ids, and where each text ends.
struct Blocks(Vec<(Vec<u32>, Vec<usize>)>);

impl Blocks {
    fn new(random: &mut Random) -> Self {
        let mut cumulated: Vec<f64> = (0..ROWS).map(|rank| (rank as f64 + 2.0).powf(-1.13)).collect();
        for rank in 1..ROWS {
            cumulated[rank] += cumulated[rank - 1];
        }
        let id = |random: &mut Random| {
            let x = random.unit() * cumulated[ROWS - 1];
            cumulated.partition_point(|&sum| sum < x).min(ROWS - 1) as u32
        };
        let mut block = || {
            let (mut ids, mut ends) = (Vec::new(), Vec::new());
            for _ in 0..TEXTS {
                let length = 8 + (random.unit() * 41.0) as usize;
                ids.extend((0..length).map(|_| id(random)));
                ends.push(ids.len());
            }
            (ids, ends)
        };
        Self((0..BLOCKS).map(|_| block()).collect())
    }

    /// The time per token of `passes` passes.
    fn time(&self, isa: Isa, table: &EmbeddingTable, passes: u64) -> Duration {
        let mut out = Array2::zeros((TEXTS, table.dim()));
        let start = Instant::now();
        for _ in 0..passes {
            for (ids, ends) in &self.0 {
                let options = PoolOptions::default().with_normalize(true);
                table.pool_into_on(isa, ids, ends, options, out.view_mut()).unwrap();
                black_box(&mut out);
            }
        }
        let tokens: usize = self.0.iter().map(|(ids, _)| ids.len()).sum();
        start.elapsed().div_f64(tokens as f64)
    }
}

fn table(dtype: Dtype, dim: usize, weighted: bool, random: &mut Random) -> EmbeddingTable {
    // 24: where the tensor of a mapped file may well start.
    let mut bytes = vec![0; 24];
    for _ in 0..ROWS * dim {
        let x = random.unit() as f32 * 2.0 - 1.0;
        match dtype {
            Dtype::F32 => bytes.extend(x.to_le_bytes()),
            Dtype::F16 => bytes.extend(f16::from_f32(x).to_le_bytes()),
            Dtype::BF16 => bytes.extend(bf16::from_f32(x).to_le_bytes()),
            _ => bytes.extend(((x * 127.0) as i8).to_le_bytes()),
        }
    }
    let end = bytes.len();
    let rows = Tensor::try_new(dtype, &[ROWS, dim], Buffer::from(bytes).slice(24..end)).unwrap();
    let weights =
        weighted.then(|| Tensor::from_array(&Array1::from_shape_fn(ROWS, |_| random.unit() as f32)));
    EmbeddingTable::try_new(rows, weights, None).unwrap()
}

fn pool(criterion: &mut Criterion) {
    let mut random = Random(88_172_645_463_325_252);
    let blocks = Blocks::new(&mut random);
    for dim in [256, 64] {
        for dtype in [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::I8] {
            for weighted in [false, true] {
                let table = table(dtype, dim, weighted, &mut random);
                let bits = 8 * dtype.size();
                let kind = match dtype {
                    Dtype::BF16 => "bf",
                    Dtype::I8 => "int",
                    _ => "f",
                };
                let weights = if weighted { "-weights" } else { "" };
                let mut group = criterion.benchmark_group(format!("{kind}{bits}-{dim}{weights}"));
                group.sample_size(20).warm_up_time(Duration::from_millis(500));
                group.measurement_time(Duration::from_secs(3));
                for isa in Isa::all() {
                    group.bench_function(isa.to_string(), |bencher| {
                        bencher.iter_custom(|passes| blocks.time(isa, &table, passes));
                    });
                }
            }
        }
    }
}

/// Xorshift64*.
struct Random(u64);

impl Random {
    /// In 0..1.
    fn unit(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1u64 << 53) as f64
    }
}

criterion_group!(benches, pool);
criterion_main!(benches);
