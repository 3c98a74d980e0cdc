//! Tasks of this workspace, as `cargo xtask TASK`.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, clippy::print_stdout, reason = "a command-line tool talks to its user")]

mod pipeline;

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
    /// Load a model, quantise it, export it to ONNX, run both and compare them with the model, and report.
    Pipeline(pipeline::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().task {
        Task::Pipeline(args) => pipeline::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(pipeline::Error::Interrupted) => {
            eprintln!("interrupted; nothing was written");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
