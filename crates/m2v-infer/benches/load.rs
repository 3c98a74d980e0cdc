//! From the folder of a model, read before, to its first embedding.
//!
//! ```sh
//! cargo bench -p m2v-infer --bench load
//! ```

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use criterion::{Criterion, criterion_group, criterion_main};
use m2v_core::{Checkpoint, Dir};
use m2v_infer::{EncoderExt, StaticModel};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/minilm-l6-64d");

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("load");
    group.bench_function("first-embedding", |bencher| {
        bencher.iter(|| {
            let model = StaticModel::load(&Dir::open(MODEL).unwrap()).unwrap();
            model.encode_one("A first sentence.").unwrap()
        });
    });
    group.bench_function("checkpoint", |bencher| {
        bencher.iter(|| Checkpoint::load(&Dir::open(MODEL).unwrap()).unwrap());
    });
    group.bench_function("tokenizer", |bencher| {
        let json = std::fs::read(format!("{MODEL}/tokenizer.json")).unwrap();
        bencher.iter(|| m2v_tokenize::from_json(&json).unwrap());
    });
}

criterion_group!(benches, load);
criterion_main!(benches);
