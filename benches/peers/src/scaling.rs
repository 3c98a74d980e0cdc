//! Two threads next to one, ours alone, on the clock.
//!
//! Other work on the machine takes a core away from the two threads. What it does not touch is processor time: two
//! threads that hinder each other need more of it for the same texts.

use std::hint::black_box;

use anyhow::Result;
use m2v_core::ndarray::Array2;
use m2v_infer::EncoderExt;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::bench::{Bench, Case};
use crate::clock::{Cost, measure};
use crate::corpus::Corpus;
use crate::engine::{Engine, Ours};
use crate::models::Model;
use crate::report::{Kind, Row};
use crate::stats::Rounds;

/// Seconds of a measurement.
const SECONDS: f64 = 0.25;

/// How many times as fast two threads have to be, into a reused buffer.
const FLOOR: f64 = 1.7;

pub(crate) fn cases() -> Vec<Case> {
    let models = [
        ("scaling-wordpiece-f16-256", Model::F16x256),
        ("scaling-unigram-250k", Model::Unigram),
        ("scaling-bpe-50k", Model::Bpe),
    ];
    let case = |(name, model): (&str, Model)| {
        [true, false].map(|reused| {
            let name = format!("{name}/{}", if reused { "reused" } else { "fresh" });
            Case::new(name, Kind::Scaling, move |bench, name| run(bench, name, model, reused))
        })
    };
    models.into_iter().flat_map(case).collect()
}

fn run(bench: &mut Bench, name: &str, model: Model, reused: bool) -> Result<()> {
    let ours = Ours::load(&bench.model(model)?)?;
    let texts = bench.corpora.texts(Corpus::Prose);
    let mut buffer = Array2::zeros((texts.len(), ours.model.table().dim()));
    let mut pass = |pool: &ThreadPool, times: usize| -> Result<Cost> {
        let (cost, result) = measure(|| {
            pool.install(|| {
                (0..times).try_for_each(|_| {
                    if reused {
                        ours.model.encode_into(texts, buffer.view_mut())?;
                        black_box(&buffer);
                    } else {
                        black_box(ours.model.encode(texts)?);
                    }
                    anyhow::Ok(())
                })
            })
        });
        result?;
        Ok(cost)
    };
    let pool = |threads| ThreadPoolBuilder::new().num_threads(threads).build();
    let (one, two) = (pool(1)?, pool(2)?);
    // The first pass warms memos, the second is timed; then each measurement takes about the same time.
    pass(&two, 1)?;
    let times = (SECONDS / pass(&one, 1)?.wall).ceil().clamp(1.0, 1000.0) as usize;
    let encoded = (texts.len() * times) as f64;
    let (mut wall, mut cpu) = (Rounds::default(), Rounds::default());
    for _ in 0..bench.rounds {
        let (two, one) = (pass(&two, times)?, pass(&one, times)?);
        wall.push(encoded / two.wall, encoded / one.wall);
        cpu.push(two.cpu, one.cpu);
    }
    bench.report.push(Row {
        ours: Some(wall.ours()),
        base: Some(wall.other()),
        ratio: Some(wall.ratio()),
        floor: reused.then_some(FLOOR),
        note: format!("two threads (one), on the clock; {:.2} × the processor time", cpu.ratio()),
        ..Row::new(name, Kind::Scaling, "texts/s")
    });
    Ok(())
}
