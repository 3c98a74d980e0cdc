//! m2v next to its Rust peer, model2vec-rs. Run it with `cargo xtask bench --peers`; README.md explains it.
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command-line tool talks to its user")]

mod agree;
mod bench;
mod child;
mod clock;
mod corpus;
mod engine;
mod load;
mod machine;
mod memory;
mod models;
mod pathological;
mod python;
mod report;
mod scaling;
mod stats;
mod throughput;

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use bench::Bench;
use clap::{Args, Parser, Subcommand};
use rayon::ThreadPoolBuilder;

use crate::corpus::Corpora;
use crate::models::Models;
use crate::report::{Kind, Report};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run cases
    Run(Options),
    #[command(flatten)]
    Child(child::Child),
}

#[derive(Args)]
struct Options {
    /// Write what was found as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only cases whose name holds one of these words, or of this kind
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Folder of prose, messy and udhr, as .txt or .txt.gz
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// Fewer rounds, a shorter stream
    #[arg(long)]
    quick: bool,
    /// A Python with model2vec
    #[arg(long)]
    python: Option<PathBuf>,
}

/// What makes both sides stay on one thread; libraries read it when they start.
const ONE_THREAD: [(&str, &str); 2] = [("RAYON_NUM_THREADS", "1"), ("TOKENIZERS_PARALLELISM", "false")];

fn main() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let result = match Cli::parse().task {
        Task::Child(child) => child.run().map(done),
        Task::Run(_) if !on_one_thread() => again(),
        Task::Run(options) => run(options).map(done),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn on_one_thread() -> bool {
    ONE_THREAD.iter().all(|(name, value)| env::var(name).is_ok_and(|found| found == *value))
}

/// The same command in an environment of one thread.
fn again() -> Result<ExitCode> {
    let status = Command::new(env::current_exe()?).args(env::args_os().skip(1)).envs(ONE_THREAD).status()?;
    match status.code() {
        Some(0) => Ok(ExitCode::SUCCESS),
        // It said why.
        Some(_) => Ok(ExitCode::FAILURE),
        None => bail!("{status}"),
    }
}

fn run(options: Options) -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let repository = here.ancestors().nth(2).context("benches/peers of a repository")?;
    let work = repository.join("target/bench-peers");
    let cases = bench::cases(&options.only)?;
    let corpora = Corpora::load(&options.corpus.unwrap_or_else(|| here.join("corpus")))?;
    let mut bench = Bench {
        models: Models::new(repository, &work)?,
        report: Report::start(&machine::describe(repository, &corpora)),
        corpora,
        work,
        python: options.python,
        quick: options.quick,
        rounds: if options.quick { 3 } else { 7 },
        agreement: None,
        prose: HashMap::new(),
    };
    let one = ThreadPoolBuilder::new().num_threads(1).build()?;
    for case in cases {
        // Scaling brings pools of its own.
        if case.kind == Kind::Scaling {
            case.run(&mut bench);
        } else {
            one.install(|| case.run(&mut bench));
        }
        if let Some(path) = &options.json {
            bench.report.write(path)?;
        }
    }
    println!("\n{} rows, {} do not meet their floor", bench.report.len(), bench.report.missed());
    Ok(())
}
