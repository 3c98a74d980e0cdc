//! Tokenising, in time **per text**, and building a tokenizer.
//!
//! `cold` is the first pass of a scratch over the texts, `warm` are later ones. `scan` has no words but those of the
//! vocabulary: nothing is left but to cut the text and look its words up.
//!
//! ```sh
//! cargo bench -p m2v-tokenize --bench ids                # everything, 3 minutes
//! cargo bench -p m2v-tokenize --bench ids -- wordpiece   # one family
//! ```

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use m2v_tokenize::{Scratch, Tokenizer, from_json};

const FAMILIES: [(&str, &str); 7] = [
    ("wordpiece", "models/minilm-l6-64d"),
    ("unigram", "tests/fixtures/models/unigram"),
    ("unigram-precompiled", "tests/fixtures/models/unigram-precompiled"),
    ("bpe-byte-level", "tests/fixtures/models/bpe-byte-level"),
    ("bpe-split-regex", "tests/fixtures/models/bpe-split-regex"),
    ("bpe-byte-fallback", "tests/fixtures/models/bpe-byte-fallback"),
    ("word-level", "tests/fixtures/models/word-level"),
];

const CORPORA: [&str; 3] = ["prose", "messy", "udhr"];

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap()
}

/// The time per text of a pass.
fn pass(tokenizer: &dyn Tokenizer, texts: &[&str], scratch: &mut Scratch, ids: &mut Vec<u32>) -> Duration {
    let start = Instant::now();
    for text in texts {
        ids.clear();
        tokenizer.encode_into(text, scratch, ids).unwrap();
        black_box(&ids);
    }
    start.elapsed().div_f64(texts.len() as f64)
}

fn ids(criterion: &mut Criterion) {
    for (family, folder) in FAMILIES {
        let tokenizer = from_json(read(&format!("{folder}/tokenizer.json")).as_bytes()).unwrap();
        let mut group = criterion.benchmark_group(family);
        group.sample_size(20).warm_up_time(Duration::from_millis(300));
        group.measurement_time(Duration::from_secs(1));
        let mut ids = Vec::new();
        for corpus in CORPORA {
            let corpus_text = read(&format!("benches/peers/corpus/{corpus}.txt"));
            let texts: Vec<&str> = corpus_text.lines().collect();
            group.bench_function(format!("{corpus}/cold"), |bencher| {
                bencher.iter_custom(|passes| {
                    let mut once = || pass(&*tokenizer, &texts, &mut Scratch::default(), &mut ids);
                    (0..passes).map(|_| once()).sum()
                });
            });
            let mut scratch = Scratch::default();
            pass(&*tokenizer, &texts, &mut scratch, &mut ids);
            group.bench_function(format!("{corpus}/warm"), |bencher| {
                bencher.iter_custom(|passes| {
                    (0..passes).map(|_| pass(&*tokenizer, &texts, &mut scratch, &mut ids)).sum()
                });
            });
        }
    }
}

fn scan(criterion: &mut Criterion) {
    let (_, folder) = FAMILIES[0];
    let tokenizer = from_json(read(&format!("{folder}/tokenizer.json")).as_bytes()).unwrap();
    let prose = read("benches/peers/corpus/prose.txt");
    let is_known = |word: &&str| tokenizer.encode(word).unwrap().len() == 1;
    let texts: Vec<String> = prose
        .lines()
        .map(|line| line.split_whitespace().filter(is_known).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
    let (mut scratch, mut ids) = (Scratch::default(), Vec::new());
    let bytes: usize = texts.iter().map(|text| text.len()).sum();
    let mut group = criterion.benchmark_group(format!("scan/{}-bytes-a-text", bytes / texts.len()));
    group.bench_function("prose", |bencher| {
        bencher.iter_custom(|passes| {
            (0..passes).map(|_| pass(&*tokenizer, &texts, &mut scratch, &mut ids)).sum()
        });
    });
}

fn load(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("from_json");
    group.sample_size(20).measurement_time(Duration::from_secs(1));
    for (family, folder) in FAMILIES {
        let json = read(&format!("{folder}/tokenizer.json"));
        group.bench_function(family, |bencher| bencher.iter(|| from_json(json.as_bytes()).unwrap()));
    }
}

criterion_group!(benches, ids, scan, load);
criterion_main!(benches);
