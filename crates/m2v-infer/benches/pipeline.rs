//! Texts a second of a classifier on one thread: 256 dimensions, one hidden layer of 512 units, three classes.
//!
//! ```sh
//! cargo bench -p m2v-infer --bench pipeline
//! cargo bench -p m2v-infer --bench pipeline -- --python .venv/bin/python   # with model2vec==0.10.0: the ratio
//! ```
//!
//! Both sides load the same folder (`target/bench-pipeline`, written by `Pipeline::save`; random weights, the
//! tokenizer of the shipped model) and predict the same texts, `benches/peers/corpus/prose.txt`, in one call. The
//! fastest of many passes counts, by the clock: whatever else the machine does only makes passes slower. The sides take
//! turns.
//!
//! On a Xeon with AVX-512: 241,000 texts a second, Python 17,400: 14 times as many. With AVX2 alone 153,000: 9 times.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use m2v_core::{Activation, Checkpoint, Config, Dir, DirSink, EmbeddingTable, MlpHead, Sink, Tensor};
use m2v_infer::{EncoderExt, Pipeline, StaticModel};
use ndarray::{Array1, Array2};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const DIM: usize = 256;
const HIDDEN: usize = 512;
const PASSES: usize = 15;
const ROUNDS: usize = 5;

/// Numbers in −1..1 (splitmix64).
fn random(seed: &mut u64) -> f32 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 40) as f32 / (1 << 23) as f32 - 1.0
}

fn write_pipeline(folder: &Path) {
    let shipped =
        Checkpoint::load(&Dir::open(Path::new(ROOT).join("models/minilm-l6-64d")).unwrap()).unwrap();
    let seed = &mut 5;
    let mut matrix = |rows, columns| Array2::from_shape_simple_fn((rows, columns), || random(seed) / 4.0);
    let table = Tensor::from_array(&matrix(shipped.table.rows(), DIM));
    let layers = [(HIDDEN, DIM), (3, HIDDEN)].map(|(out, input)| {
        (Tensor::from_array(&matrix(out, input)), Tensor::from_array(&Array1::<f32>::zeros(out)))
    });
    let classes = vec!["one".into(), "two".into(), "three".into()];
    let mut config = Config::default();
    config.set_normalize(true);
    let table = EmbeddingTable::try_new(table, None, None).unwrap();
    let mut checkpoint = Checkpoint::new(config, table, shipped.tokenizer);
    checkpoint.head = Some(MlpHead::try_new(layers.to_vec(), Activation::Softmax, Some(classes)).unwrap());
    let mut sink = DirSink::replace(folder).unwrap();
    Pipeline::from_checkpoint(checkpoint).unwrap().save(&mut sink).unwrap();
    sink.finish().unwrap();
}

/// Texts a second in the fastest of several passes.
fn rate(texts: usize, mut pass: impl FnMut()) -> f64 {
    let mut seconds = || {
        let start = Instant::now();
        pass();
        start.elapsed().as_secs_f64()
    };
    texts as f64 / (0..PASSES).map(|_| seconds()).fold(f64::INFINITY, f64::min)
}

fn python_rate(python: &str, folder: &Path, texts: &Path) -> f64 {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/pipeline.py");
    let mut command = Command::new(python);
    for threads in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"] {
        command.env(threads, "1");
    }
    command.env("TOKENIZERS_PARALLELISM", "false").arg(script).arg(folder).arg(texts).arg(PASSES.to_string());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

fn main() {
    let args: Vec<String> = env::args().collect();
    let python = args.iter().position(|arg| arg == "--python").map(|at| args[at + 1].clone());
    let folder = PathBuf::from(ROOT).join("target/bench-pipeline");
    let file = Path::new(ROOT).join("benches/peers/corpus/prose.txt");
    write_pipeline(&folder);
    let read = fs::read_to_string(&file).unwrap();
    let texts: Vec<&str> = read.lines().collect();
    let pipeline = Pipeline::load(&Dir::open(&folder).unwrap()).unwrap();
    let encoder = StaticModel::load(&Dir::open(&folder).unwrap()).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let encode = || drop(pool.install(|| encoder.encode(&texts)).unwrap());
    let predict = || drop(pool.install(|| pipeline.predict(&texts)).unwrap());
    let (mut ours, mut alone, mut theirs) = (0.0f64, 0.0f64, 0.0f64);
    for _ in 0..ROUNDS {
        ours = ours.max(rate(texts.len(), predict));
        alone = alone.max(rate(texts.len(), encode));
        if let Some(python) = &python {
            theirs = theirs.max(python_rate(python, &folder, &file));
        }
    }
    println!("encode alone   {alone:>9.0} texts/s");
    println!("predict        {ours:>9.0} texts/s");
    if python.is_some() {
        println!("Python         {theirs:>9.0} texts/s");
        println!("ratio          {:>9.1}", ours / theirs);
    }
}
