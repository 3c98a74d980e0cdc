//! Tasks of this workspace, as `cargo xtask TASK`.
#![forbid(unsafe_code)]
// Comments on arguments are what `--help` prints: ORG/NAME[@REVISION] is no link.
#![allow(rustdoc::broken_intra_doc_links)]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command-line tool talks to its user")]

mod bench;
mod error;
mod exact;
mod interop;
mod interrupt;
mod m2v;
mod next_step;
mod pipeline;
mod release_check;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tasks of the m2v workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Bench(bench::Args),
    Interop(interop::Args),
    Pipeline(pipeline::Args),
    ReleaseCheck(release_check::Args),
}

fn main() -> ExitCode {
    let with_next_step = |error: error::Error| format!("{error}; {}", error.next_step());
    let failed = match Cli::parse().task {
        Task::Bench(args) => bench::run(&args).err().map(|error| error.to_string()),
        Task::Interop(args) => interop::run(&args).err().map(with_next_step),
        Task::ReleaseCheck(args) => release_check::run(&args).err().map(|error| error.to_string()),
        Task::Pipeline(args) => pipeline::run(&args).err().map(with_next_step),
    };
    match failed {
        None => ExitCode::SUCCESS,
        // What failed after Ctrl-C, failed because of it.
        Some(_) if interrupt::requested() => {
            eprintln!("interrupted; nothing was written");
            ExitCode::from(130)
        }
        Some(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
