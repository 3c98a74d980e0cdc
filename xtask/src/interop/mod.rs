//! `cargo xtask interop`: the folder that `m2v export` writes, in the programs of others.

mod client;
mod environment;
mod export;
mod outcome;
mod report;
mod rten;
mod truth;

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use client::{Client, Folders};
use report::Report;
use truth::Truth;

use crate::error::{Error, Result};

/// The model that comes with the repository.
const MODEL: &str = "models/minilm-l6-64d";

/// Export the model that comes with the repository, embed 1,000 texts with it in other programs, and compare.
///
/// The clients are installed from their registries into target/interop, as pinned in tests/interop. Prints client ×
/// version × case × largest difference from the vectors of m2v. One that does not install, does not run or is not
/// within its bound fails the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Clients to run [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    only: Vec<Client>,
    /// Write the table as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the clients and prints the table.
pub(crate) fn run(args: &Args) -> Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let target = workspace.join("target/interop");
    let (exported, work) = (target.join("exported"), target.join("work"));
    if work.exists() {
        fs::remove_dir_all(&work).map_err(|source| Error::io(&work, source))?;
    }
    fs::create_dir_all(&work).map_err(|source| Error::io(&work, source))?;

    let model = workspace.join(MODEL);
    eprintln!("export {MODEL}");
    export::fresh(&model, &exported, workspace)?;
    let truth = Truth::new(&model, workspace)?;
    truth.write(&work)?;

    let folders = Folders { workspace, target: &target, exported: &exported, work: &work };
    let mut report = Report { model: MODEL.to_owned(), texts: truth.summary(), cases: Vec::new() };
    let clients = if args.only.is_empty() { Client::value_variants() } else { &args.only };
    for client in clients {
        eprintln!("run {client}");
        report.cases.extend(client.run(&folders, &truth));
    }
    print!("{}", report.markdown());
    if let Some(path) = &args.json {
        fs::write(path, report.json()).map_err(|source| Error::io(path, source))?;
    }
    match report.failures() {
        0 => Ok(()),
        failed => Err(Error::Clients { failed, cases: report.cases.len() }),
    }
}
