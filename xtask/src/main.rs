//! Tasks of this workspace, as `cargo xtask TASK`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command-line tool talks to its user")]

mod bench;
mod interop;
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
    /// Load a model, quantise it, export it to ONNX, run both and compare them with the model, and report.
    Pipeline(pipeline::Args),
    ReleaseCheck(release_check::Args),
}

fn main() -> ExitCode {
    let failed = match Cli::parse().task {
        Task::Bench(args) => bench::run(&args).err().map(|error| error.to_string()),
        Task::Interop(args) => interop::run(&args).err().map(|error| error.to_string()),
        Task::ReleaseCheck(args) => release_check::run(&args).err().map(|error| error.to_string()),
        Task::Pipeline(args) => match pipeline::run(&args) {
            Err(pipeline::Error::Interrupted) => {
                eprintln!("interrupted; nothing was written");
                return ExitCode::from(130);
            }
            result => result.err().map(|error| error.to_string()),
        },
    };
    match failed {
        None => ExitCode::SUCCESS,
        Some(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
