//! Speed next to the peer, against the committed records. Ratios are compared, never times.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::Deserialize;

use super::Outcome;
use super::job::Job;

/// The share of the recorded ratio that a case has to reach: machines and noise differ, a lost optimisation is more.
const SHARE: f64 = 0.75;

/// One case of a record; benches/peers writes more about it.
#[derive(Deserialize)]
struct Case {
    case: String,
    kind: String,
    ratio: Option<f64>,
}

/// Measures the cases whose name holds one of some words, or that are of such a kind.
pub(super) fn run(job: &mut Job, cases: &str) -> io::Result<Outcome> {
    let records = fs::read_dir(job.workspace().join("benches/records"))?;
    let records = records.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    let mut records: Vec<_> = records
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    if records.is_empty() {
        return Ok(Outcome::Skipped("benches/records has no record".to_owned()));
    }
    // Their names begin with the day.
    records.sort();
    let records = records.into_iter().map(read).collect::<io::Result<Vec<_>>>()?;
    let now = job.empty_folder()?.join("now.json");
    let mut bench = job.command("cargo");
    bench.args(["xtask", "bench", "--peers", "--quick", "--only", cases, "--json"]);
    let outcome = job.run(bench.arg(&now))?;
    if !matches!(outcome, Outcome::Passed) {
        return Ok(outcome);
    }
    let (compared, slower) = slower(records, read(now)?);
    Ok(match (compared, slower.is_empty()) {
        (0, _) => Outcome::Failed(format!("no record has one of the cases: {cases}")),
        (_, true) => Outcome::Passed,
        (_, false) => Outcome::Failed(slower.join("\n")),
    })
}

fn read(path: PathBuf) -> io::Result<Vec<Case>> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// How many cases could be compared, and those that fell behind. A record may be of some cases only: of each the last
/// one counts.
fn slower(records: Vec<Vec<Case>>, now: Vec<Case>) -> (usize, Vec<String>) {
    let ratio = |case: Case| (case.kind == "throughput").then_some((case.case, case.ratio?));
    let recorded: BTreeMap<String, f64> = records.into_iter().flatten().filter_map(ratio).collect();
    let compared = now.into_iter().filter_map(ratio);
    let compared = compared.filter_map(|(case, now)| Some((recorded.get(&case).copied()?, now, case)));
    let compared: Vec<(f64, f64, String)> = compared.collect();
    let behind = compared.iter().filter(|(before, now, _)| *now < SHARE * before);
    let behind =
        behind.map(|(before, now, case)| format!("{case}: {now:.2} × the peer, recorded {before:.2}"));
    (compared.len(), behind.collect())
}

#[cfg(test)]
mod tests {
    use super::{Case, slower};

    fn case(case: &str, ratio: f64) -> Case {
        Case { case: case.to_owned(), kind: "throughput".to_owned(), ratio: Some(ratio) }
    }

    #[test]
    fn a_case_that_fell_behind_is_reported() {
        let records = || vec![vec![case("a", 9.0), case("b", 4.0)], vec![case("a", 4.0)]];
        let (compared, behind) = slower(records(), vec![case("a", 3.1), case("b", 4.4), case("new", 0.1)]);
        assert_eq!((compared, behind), (2, Vec::new()));
        let (_, behind) = slower(records(), vec![case("a", 2.9), case("b", 2.9)]);
        assert_eq!(behind, ["a: 2.90 × the peer, recorded 4.00", "b: 2.90 × the peer, recorded 4.00"]);
        assert_eq!(slower(records(), vec![case("new", 9.0)]).0, 0);
    }
}
