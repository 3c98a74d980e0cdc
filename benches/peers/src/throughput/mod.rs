//! Texts per second of processor time, ours and the peer's in turns.

mod cases;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use crate::agree::Agreement;
use crate::bench::{Bench, Case};
use crate::clock::measure;
use crate::engine::{Engine, Mode, Ours, Peer};
use crate::machine::{settle_memory, share_of_floors};
use crate::python;
use crate::report::{Kind, Row};
use crate::stats::Rounds;

/// Seconds that a warm pass should take: passes over few texts are repeated.
const PASS: f64 = 0.1;

/// A case for each mode of each entry of the list.
pub(crate) fn cases() -> Vec<Case> {
    let case = |case: cases::Case, mode: Mode| {
        Case::new(format!("{}/{}", case.name, mode.name()), Kind::Throughput, move |bench, name| {
            run(bench, name, case, mode)
        })
    };
    cases::CASES.iter().flat_map(|&entry| entry.modes.iter().map(move |&mode| case(entry, mode))).collect()
}

fn run(bench: &mut Bench, name: &str, case: cases::Case, mode: Mode) -> Result<()> {
    let folder = bench.model(case.model)?;
    let agreement = agreement(bench, &folder, case)?;
    let python = match &bench.python {
        Some(python) => {
            Some(python::run(python, &bench.work, &folder, &agreement.texts, mode, bench.rounds)?)
        }
        None => None,
    };
    let found = Found::measure(&folder, &agreement.texts, mode, bench.rounds)?;
    for (state, rounds, python) in [
        ("cold", &found.cold, python.as_ref().map(|python| python.cold)),
        ("warm", &found.warm, python.as_ref().map(|python| python.warm)),
    ] {
        bench.report.push(Row {
            ours: Some(rounds.ours()),
            peer: Some(rounds.other()),
            python,
            ratio: Some(rounds.ratio()),
            floor: case.floor.map(|(floor, _)| here(floor)),
            aim: case.floor.map(|(_, aim)| here(aim)),
            note: if found.native { agreement.note() } else { format!("not native; {}", agreement.note()) },
            ..Row::new(format!("{name}/{state}"), Kind::Throughput, "texts/s")
        });
    }
    Ok(())
}

/// What a floor is on this machine, to the hundredth.
fn here(floor: f64) -> f64 {
    (100.0 * floor * share_of_floors()).round() / 100.0
}

/// What both sides agree on; found once for all modes of a case.
fn agreement(bench: &mut Bench, folder: &Path, case: cases::Case) -> Result<Arc<Agreement>> {
    if let Some((name, agreement)) = &bench.agreement
        && *name == case.name
    {
        return Ok(Arc::clone(agreement));
    }
    let texts = bench.corpora.texts(case.corpus).iter().filter(|text| text.len() <= case.longest);
    let texts: Vec<String> = texts.cloned().collect();
    let agreement = Arc::new(Agreement::check(folder, &texts)?);
    bench.agreement = Some((case.name, Arc::clone(&agreement)));
    Ok(agreement)
}

/// Texts per second.
#[derive(Default)]
struct Found {
    cold: Rounds,
    warm: Rounds,
    native: bool,
}

impl Found {
    /// Each round loads both sides anew, each just before its first, cold pass: what is loaded in between takes the
    /// caches. Who goes first changes from round to round.
    fn measure(folder: &Path, texts: &[String], mode: Mode, rounds: usize) -> Result<Self> {
        let mut found = Self::default();
        for round in 0..rounds {
            settle_memory();
            let ((mut ours, ours_cold), (mut peer, peer_cold)) = in_turn(
                round,
                || load_and_pass::<Ours>(folder, texts, mode),
                || load_and_pass::<Peer>(folder, texts, mode),
            )?;
            found.native = ours.is_native();
            let count = texts.len() as f64;
            found.cold.push(count / ours_cold, count / peer_cold);
            let times = |cold: f64| (PASS / cold).ceil().clamp(1.0, 100.0) as usize;
            let times = (times(ours_cold), times(peer_cold));
            for turn in [round, round + 1] {
                let warm = in_turn(
                    turn,
                    || pass(&mut ours, texts, mode, times.0),
                    || pass(&mut peer, texts, mode, times.1),
                )?;
                found.warm.push(count / warm.0, count / warm.1);
            }
        }
        Ok(found)
    }
}

/// A side, freshly loaded, and the processor seconds of its first pass.
fn load_and_pass<E: Engine>(folder: &Path, texts: &[String], mode: Mode) -> Result<(E, f64)> {
    let mut engine = E::load(folder)?;
    let cold = pass(&mut engine, texts, mode, 1)?;
    Ok((engine, cold))
}

/// Processor seconds of a pass, on average.
fn pass(engine: &mut impl Engine, texts: &[String], mode: Mode, times: usize) -> Result<f64> {
    let (cost, result) = measure(|| (0..times).try_for_each(|_| engine.pass(texts, mode)));
    result?;
    Ok(cost.cpu / times as f64)
}

/// Both, the first one first in even turns.
fn in_turn<A, B>(
    turn: usize,
    first: impl FnOnce() -> Result<A>,
    second: impl FnOnce() -> Result<B>,
) -> Result<(A, B)> {
    if turn.is_multiple_of(2) {
        let first = first()?;
        return Ok((first, second()?));
    }
    let second = second()?;
    Ok((first()?, second))
}
