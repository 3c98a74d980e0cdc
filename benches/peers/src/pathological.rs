//! Ten megabytes without a place to stop, next to prose: nothing may be worse than linear.

use std::path::PathBuf;

use anyhow::Result;

use crate::bench::{Bench, Case};
use crate::clock::measure;
use crate::corpus::Corpus;
use crate::engine::{Engine, Mode, Ours};
use crate::models::Model;
use crate::report::{Kind, Row};
use crate::stats::median;

/// Name and what is repeated.
const TEXTS: [(&str, &str); 6] = [
    ("word", "abcdefghij"),
    ("emoji", "\u{1f600}"),
    ("marks", "\u{301}"),
    ("bracket", "["),
    ("spaces", " "),
    ("metaspace", "\u{2581}"),
];

/// Bytes of a text.
const SIZE: usize = 10_000_000;

/// A byte may take as long as so many bytes of prose.
const FLOOR: f64 = 20.0;

/// Seconds after which a text is long enough.
const PATIENCE: f64 = 60.0;

/// A tokenizer of each kind that m2v runs itself.
#[derive(Clone, Copy)]
enum Family {
    Made(Model),
    Recorded(&'static str),
}

const FAMILIES: [(&str, Family); 7] = [
    ("wordpiece", Family::Made(Model::F16x256)),
    ("unigram", Family::Made(Model::Unigram)),
    ("bpe-byte-level", Family::Made(Model::Bpe)),
    ("unigram-precompiled", Family::Recorded("unigram-precompiled")),
    ("bpe-split-regex", Family::Recorded("bpe-split-regex")),
    ("bpe-byte-fallback", Family::Recorded("bpe-byte-fallback")),
    ("word-level", Family::Recorded("word-level")),
];

pub(crate) fn cases() -> Vec<Case> {
    let case = |(family, model): (&str, Family), (name, unit): (&str, &'static str)| {
        Case::new(format!("pathological-{family}/{name}"), Kind::Pathological, move |bench, name| {
            run(bench, name, model, unit)
        })
    };
    FAMILIES.into_iter().flat_map(|family| TEXTS.map(|text| case(family, text))).collect()
}

fn run(bench: &mut Bench, name: &str, family: Family, unit: &str) -> Result<()> {
    let folder = match family {
        Family::Made(model) => bench.model(model)?,
        Family::Recorded(name) => bench.models.recorded(name),
    };
    let mut ours = Ours::load(&folder)?.unlimited();
    let row = Row { floor: Some(FLOOR), ..Row::new(name, Kind::Pathological, "ns/byte") };
    if !ours.is_native() {
        bench.report.push(Row { note: "not native".to_owned(), ..row });
        return Ok(());
    }
    let prose = prose(bench, &mut ours, folder)?;
    let found = pathological(&mut ours, unit)?;
    let note = match found.bytes {
        SIZE => String::new(),
        bytes => format!("{bytes} bytes only: more would take minutes"),
    };
    bench.report.push(Row {
        ours: Some(found.cost),
        base: Some(prose),
        ratio: Some(found.cost / prose),
        note,
        ..row
    });
    Ok(())
}

/// Nanoseconds per byte of prose, warm.
fn prose(bench: &mut Bench, ours: &mut Ours, folder: PathBuf) -> Result<f64> {
    if let Some(&known) = bench.prose.get(&folder) {
        return Ok(known);
    }
    let texts = bench.corpora.texts(Corpus::Prose);
    let bytes: usize = texts.iter().map(String::len).sum();
    ours.pass(texts, Mode::Calls256)?;
    let mut costs = Vec::new();
    for _ in 0..bench.rounds {
        costs.push(cost(ours, texts, bytes)?.1);
    }
    let prose = median(costs);
    bench.prose.insert(folder, prose);
    Ok(prose)
}

struct Found {
    /// Nanoseconds per byte.
    cost: f64,
    bytes: usize,
}

/// Begins with a small text, so that what is not linear is seen before it takes hours.
fn pathological(ours: &mut Ours, unit: &str) -> Result<Found> {
    let mut found = Found { cost: 0.0, bytes: 0 };
    for bytes in [SIZE / 100, SIZE / 10, SIZE] {
        let text = [unit.repeat(bytes / unit.len())];
        let (seconds, cost) = cost(ours, &text, text[0].len())?;
        found = Found { cost, bytes };
        // Ten times the text takes a hundred times as long, if it is as bad as that.
        if seconds * 100.0 > PATIENCE && bytes < SIZE && cost > 1000.0 {
            break;
        }
    }
    Ok(found)
}

/// Seconds, and nanoseconds per byte.
fn cost(ours: &mut Ours, texts: &[String], bytes: usize) -> Result<(f64, f64)> {
    let (cost, result) = measure(|| ours.pass(texts, Mode::Calls256));
    result?;
    Ok((cost.cpu, cost.cpu * 1e9 / bytes as f64))
}
