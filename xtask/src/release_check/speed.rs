//! Speed next to the peer, against the newest committed record. Ratios are compared, never times.

use std::collections::BTreeMap;
use std::fs;
use std::io;

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

pub(super) fn run(job: &mut Job) -> io::Result<Outcome> {
    let records = fs::read_dir(job.workspace().join("benches/records"))?;
    let records = records.collect::<io::Result<Vec<_>>>()?.into_iter().map(|entry| entry.path());
    let newest = records.filter(|path| path.extension().is_some_and(|extension| extension == "json")).max();
    let Some(newest) = newest else {
        return Ok(Outcome::Skipped("benches/records has no record".to_owned()));
    };
    let now = job.empty_folder()?.join("now.json");
    let mut bench = job.command("cargo");
    bench.args(["xtask", "bench", "--peers", "--quick", "--only", "throughput", "--json"]);
    let outcome = job.run(bench.arg(&now))?;
    if !matches!(outcome, Outcome::Passed) {
        return Ok(outcome);
    }
    let read = |path| Ok::<_, io::Error>(serde_json::from_slice::<Vec<Case>>(&fs::read(path)?)?);
    let slower = slower(read(newest)?, read(now)?);
    Ok(if slower.is_empty() { Outcome::Passed } else { Outcome::Failed(slower.join("\n")) })
}

/// The cases that fell behind.
fn slower(recorded: Vec<Case>, now: Vec<Case>) -> Vec<String> {
    let throughput = |case: &Case| case.kind == "throughput";
    let recorded = recorded.into_iter().filter(throughput).map(|case| (case.case, case.ratio));
    let recorded: BTreeMap<String, Option<f64>> = recorded.collect();
    let compared = now.into_iter().filter_map(|case| {
        let (before, now) = (recorded.get(&case.case).copied().flatten()?, case.ratio?);
        (now < SHARE * before).then(|| format!("{}: {now:.2} × the peer, recorded {before:.2}", case.case))
    });
    compared.collect()
}

#[cfg(test)]
mod tests {
    use super::{Case, slower};

    fn case(case: &str, ratio: f64) -> Case {
        Case { case: case.to_owned(), kind: "throughput".to_owned(), ratio: Some(ratio) }
    }

    #[test]
    fn a_case_that_fell_behind_is_reported() {
        let recorded = || vec![case("a", 4.0), case("b", 4.0)];
        assert_eq!(slower(recorded(), vec![case("a", 3.1), case("b", 4.4), case("new", 0.1)]), [""; 0]);
        assert_eq!(slower(recorded(), vec![case("a", 2.9)]).len(), 1);
    }
}
