//! From the path of a model to the first embedding, a fresh process each time.

use anyhow::Result;

use crate::bench::{Bench, Case};
use crate::child::{Child, Side};
use crate::machine::settle_memory;
use crate::models::Model;
use crate::report::{Kind, Row};
use crate::stats::Rounds;

/// Name, model, and how many times faster than the peer it has to be.
const CASES: [(&str, Model, Option<f64>); 5] = [
    ("load-wordpiece-f16-256", Model::F16x256, Some(8.0)),
    ("load-wordpiece-int8-256", Model::Int8x256, Some(8.0)),
    ("load-wordpiece-f32-64", Model::F32x64, Some(8.0)),
    ("load-unigram-250k", Model::Unigram, Some(4.0)),
    ("load-bpe-50k", Model::Bpe, None),
];

pub(crate) fn cases() -> Vec<Case> {
    let case = |(name, model, floor): (&str, Model, Option<f64>)| {
        Case::new(name.to_owned(), Kind::Load, move |bench, name| run(bench, name, model, floor))
    };
    CASES.into_iter().map(case).collect()
}

fn run(bench: &mut Bench, name: &str, model: Model, floor: Option<f64>) -> Result<()> {
    let folder = bench.model(model)?;
    let load = |side: Side| Child::Load { side, model: folder.clone() }.spawn::<[f64; 2]>();
    // The first ones find the files cold.
    let _: [[f64; 2]; 2] = [load(Side::Ours)?, load(Side::Peer)?];
    let mut found: [[Rounds; 2]; 3] = Default::default();
    for _ in 0..bench.rounds * 2 + 1 {
        settle_memory();
        let (read, mapped, peer) = (load(Side::Ours)?, load(Side::Mapped)?, load(Side::Peer)?);
        let table = Child::Read { model: folder.clone() }.spawn::<[f64; 2]>()?;
        for (ours, rounds) in [read, mapped, table].into_iter().zip(&mut found) {
            let clocks = rounds.iter_mut().zip(ours.into_iter().zip(peer));
            clocks.for_each(|(rounds, (ours, peer))| rounds.push(ours, peer));
        }
    }
    let ways =
        [("", floor, ""), ("mapped-", floor, ""), ("table-", None, "its file is read, nothing else done")];
    for ((way, floor, note), rounds) in ways.into_iter().zip(found) {
        for (clock, rounds) in ["cpu", "wall"].into_iter().zip(rounds) {
            bench.report.push(Row {
                ours: Some(rounds.ours() * 1e3),
                peer: Some(rounds.other() * 1e3),
                ratio: Some(1.0 / rounds.ratio()),
                floor,
                note: note.to_owned(),
                ..Row::new(format!("{name}/{way}{clock}"), Kind::Load, "ms")
            });
        }
    }
    Ok(())
}
