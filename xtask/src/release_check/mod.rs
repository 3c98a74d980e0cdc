//! `cargo xtask release-check`: everything that a release has to pass, in one table.

mod job;
mod package;
mod parity;
mod quality;
mod readme;
mod speed;
mod tidy;
mod trees;

use std::io;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;

use job::Job;

/// Run everything that a release has to pass, and print a table: check, result, seconds.
///
/// Exits with 1 if a check fails; one that cannot run here is skipped, with the reason. What the programs printed is
/// in target/release-check/CHECK.log. All of it takes an hour or two; `--only fmt,clippy,tidy,arrows,trees` minutes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these checks
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    only: Vec<Check>,
    /// All but these checks
    #[arg(long, value_name = "CHECKS", value_delimiter = ',')]
    skip: Vec<Check>,
    /// Print the table as JSON: a list of {check, result, reason, seconds}
    #[arg(long)]
    json: bool,
    /// A Python that has what tests/fixtures/README.md names, for `parity`
    #[arg(long, value_name = "PATH", default_value = "python3")]
    python: String,
    /// Cases or kinds of cases to measure, for `bench`: as `cargo xtask bench --only`
    #[arg(long, value_name = "CASES", default_value = "throughput")]
    cases: String,
    /// Clients to run, for `interop`: as `cargo xtask interop --only` [default: all]
    #[arg(long, value_name = "NAMES")]
    clients: Option<String>,
}

/// A check, in the order they run: the fast ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Check {
    /// Formatting
    Fmt,
    /// Module docs, file sizes, no todo! and unwrap in libraries, one version
    Tidy,
    /// No C compiler, HTTP client or argument parser in the libraries' trees
    Trees,
    /// Dependencies between the crates
    Arrows,
    /// Clippy, for every feature on its own, none, and all
    Clippy,
    /// Tests and doc tests
    Test,
    /// Documentation, warnings denied
    Docs,
    /// Licences, bans, sources, advisories (cargo-deny)
    Deny,
    /// The oldest toolchain that Cargo.toml promises
    Msrv,
    /// aarch64 and wasm32, where they are installed
    Targets,
    /// Each packaged crate built and tested on its own
    Package,
    /// The README's two commands in a fresh clone
    Clone,
    /// The reference's answers recorded again
    Parity,
    /// ONNX clients
    Interop,
    /// Speed next to the peer, against the committed record
    Bench,
}

/// How a check ended.
enum Outcome {
    Passed,
    /// Why it cannot run here.
    Skipped(String),
    /// What is wrong, for a person.
    Failed(String),
}

/// A line of the table.
#[derive(Serialize)]
struct Row {
    check: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    seconds: f64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{0} failed")]
    Failed(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Check {
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    fn run(self, job: &mut Job, args: &Args) -> io::Result<Outcome> {
        match self {
            Self::Fmt => job.cargo(["fmt", "--all", "--check"]),
            Self::Tidy => tidy::run(job),
            Self::Trees => trees::run(job),
            Self::Arrows => job.cargo(["test", "--locked", "--package", "m2v-tests", "--test", "arrows"]),
            Self::Clippy => quality::clippy(job),
            Self::Test => job.cargo(["test", "--workspace", "--locked"]),
            Self::Docs => quality::docs(job),
            Self::Deny => quality::deny(job),
            Self::Msrv => quality::msrv(job),
            Self::Targets => quality::targets(job),
            Self::Package => package::run(job),
            Self::Clone => readme::run(job),
            Self::Parity => parity::run(job, &args.python),
            Self::Interop => {
                let only = args.clients.iter().flat_map(|clients| ["--only", clients]);
                job.cargo(["xtask", "interop"].into_iter().chain(only))
            }
            Self::Bench => speed::run(job, &args.cases),
        }
    }
}

/// Runs the checks that were asked for.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    use clap::ValueEnum as _;

    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let chosen =
        |check: &&Check| (args.only.is_empty() || args.only.contains(check)) && !args.skip.contains(check);
    let mut rows = Vec::new();
    for check in Check::value_variants().iter().filter(chosen) {
        let name = check.name();
        eprintln!("{name} …");
        let start = Instant::now();
        let mut job = Job::new(workspace, &name)?;
        // Whatever stops one check, the others are told about.
        let outcome = check.run(&mut job, args).unwrap_or_else(|error| Outcome::Failed(error.to_string()));
        let (result, reason) = match outcome {
            Outcome::Passed => ("passed", None),
            Outcome::Skipped(reason) => ("skipped", Some(reason)),
            Outcome::Failed(reason) => {
                eprintln!("{reason}\n{name}: all of it is in {}", job.log().display());
                ("FAILED", reason.lines().next().map(str::to_owned))
            }
        };
        rows.push(Row { check: name, result, reason, seconds: start.elapsed().as_secs_f64() });
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&rows).map_err(io::Error::other)?);
    } else {
        println!("| check | result | seconds |\n|---|---|---|");
        for Row { check, result, reason, seconds } in &rows {
            let reason = reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
            println!("| {check} | {result}{reason} | {seconds:.1} |");
        }
    }
    let failed: Vec<&str> =
        rows.iter().filter(|row| row.result == "FAILED").map(|row| row.check.as_str()).collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::Failed(failed.join(", "))) }
}
