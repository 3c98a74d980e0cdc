//! Resident size of a process that encodes.

use anyhow::Result;

use crate::bench::{Bench, Case, texts_file};
use crate::child::{Child, Side};
use crate::corpus::{Corpus, write_lines};
use crate::models::Model;
use crate::report::{Kind, Row};

/// Name, model, and how many times the peer's size it may have.
const PEAKS: [(&str, Model, Option<f64>); 3] = [
    ("memory-wordpiece-f16-256", Model::F16x256, Some(0.65)),
    ("memory-wordpiece-int8-256", Model::Int8x256, None),
    ("memory-unigram-250k", Model::Unigram, None),
];

/// How much larger a process may be at the end of a stream than after a tenth of it.
const FLAT: f64 = 1.05;

pub(crate) fn cases() -> Vec<Case> {
    let peak = |(name, model, floor): (&str, Model, Option<f64>)| {
        Case::new(name.to_owned(), Kind::Memory, move |bench, name| run_peak(bench, name, model, floor))
    };
    let stream = |(name, model): (&str, Model)| {
        Case::new(name.to_owned(), Kind::Memory, move |bench, name| run_stream(bench, name, model))
    };
    let streams = [("memory-stream", Model::F16x256)].into_iter().map(stream);
    PEAKS.into_iter().map(peak).chain(streams).collect()
}

fn run_peak(bench: &mut Bench, name: &str, model: Model, floor: Option<f64>) -> Result<()> {
    let model = bench.model(model)?;
    let texts = texts_file(&bench.work, "memory");
    write_lines(&texts, bench.corpora.texts(Corpus::Prose))?;
    let peak = |side| Child::Peak { side, model: model.clone(), texts: texts.clone() }.spawn::<f64>();
    let (ours, peer) = (peak(Side::Ours)?, peak(Side::Peer)?);
    bench.report.push(Row {
        ours: Some(ours),
        peer: Some(peer),
        ratio: Some(ours / peer),
        floor,
        ..Row::new(name, Kind::Memory, "MB")
    });
    Ok(())
}

fn run_stream(bench: &mut Bench, name: &str, model: Model) -> Result<()> {
    let model = bench.model(model)?;
    let texts = texts_file(&bench.work, "stream");
    let all: Vec<String> = bench.corpora.all().cloned().collect();
    write_lines(&texts, &all)?;
    let lines = if bench.quick { 1_000_000 } else { 10_000_000 };
    let [early, late]: [f64; 2] = Child::Stream { model, texts, lines }.spawn()?;
    bench.report.push(Row {
        ours: Some(late),
        base: Some(early),
        ratio: Some(late / early),
        floor: Some(FLAT),
        note: format!("after {lines} lines, after a tenth of them"),
        ..Row::new(name, Kind::Memory, "MB")
    });
    Ok(())
}
