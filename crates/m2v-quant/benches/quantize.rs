//! Casts of a large table, and clusters of the shipped model.
//!
//! ```text
//! cargo bench -p m2v-quant --bench quantize                  # m2v alone
//! pip install "model2vec[quantization]==0.10.0"              # and next to the reference, in the same run:
//! python crates/m2v-quant/benches/python/reference.py
//! ```

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use m2v_core::{Checkpoint, Config, Dir, Dtype, EmbeddingTable, Tensor};
use m2v_quant::{Cast, Context, Init, Int8, Int8Global, KMeans, Transform};

const ROWS: usize = 500_000;
const DIM: usize = 256;

fn casts(criterion: &mut Criterion) {
    let mut state = 1u32;
    let values = (0..ROWS * DIM).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    });
    let bytes = values.flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
    let table = Tensor::try_new(Dtype::F32, &[ROWS, DIM], bytes.into()).unwrap();
    let table = EmbeddingTable::try_new(table, None, None).unwrap();
    let checkpoint = Checkpoint::new(Config::default(), table, b"{}");
    let mut group = criterion.benchmark_group("cast");
    group.throughput(Throughput::Elements((ROWS * DIM) as u64)).sample_size(10);
    let transforms: [(&str, &dyn Transform); 5] = [
        ("float32-float16", &Cast(Dtype::F16)),
        ("float32-bfloat16", &Cast(Dtype::BF16)),
        ("float32-float64", &Cast(Dtype::F64)),
        ("float32-int8", &Int8),
        ("float32-int8-global", &Int8Global),
    ];
    for (name, transform) in transforms {
        group.bench_function(name, |bencher| {
            bencher.iter_with_large_drop(|| {
                transform.apply(checkpoint.clone(), &mut Context::default()).unwrap()
            });
        });
    }
}

fn clusters(criterion: &mut Criterion) {
    let model = Dir::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/minilm-l6-64d")).unwrap();
    let model = Checkpoint::load(&model).unwrap();
    let model = Cast(Dtype::F32).apply(model, &mut Context::default()).unwrap();
    let mut group = criterion.benchmark_group("kmeans");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    for (name, init) in [("plus-plus", Init::KMeansPlusPlus), ("random", Init::Random)] {
        for clusters in [256, 1024, 4096] {
            let mut seed = 0;
            group.bench_function(format!("{name}-{clusters}"), |bencher| {
                bencher.iter_with_large_drop(|| {
                    seed += 1;
                    let transform = KMeans::new(clusters).with_init(init).with_seed(seed);
                    transform.apply(model.clone(), &mut Context::default()).unwrap()
                });
            });
        }
    }
}

criterion_group!(benches, casts, clusters);
criterion_main!(benches);
