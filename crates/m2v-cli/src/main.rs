//! `m2v`: embed and classify texts with Model2Vec models, look into the models, quantise them, export them to ONNX.
//!
//! One file a command (`encode`, `tokenize`, `predict`, `evaluate`, `inspect`, `quantize`, `convert_head`, `export`,
//! and in `hub` `pull` and `push`); the others are what they share:
//!
//! ```text
//! input ─ chunk ─ stream ─▶ (encode, tokenize, predict, evaluate) ─▶ lines, npy ─ output
//!                model ─▶ (quantize, convert_head, export)        ─▶ folder
//! ```
//!
//! Texts are read, encoded and written a chunk at a time, so memory does not grow with the input; only `evaluate` keeps
//! the labels, which it counts in the end. Nothing but this file, and a second Ctrl-C, ends the process: everything
//! else returns a [`Stop`], which leaves time to remove unfinished files.
#![deny(unsafe_code)]
// Comments on arguments are what `--help` prints: ORG/NAME[@REVISION] is no link.
#![allow(rustdoc::broken_intra_doc_links)]

mod args;
mod chunk;
mod convert_head;
mod encode;
mod evaluate;
mod export;
mod folder;
#[cfg(feature = "hub")]
mod hub;
mod input;
mod inspect;
mod interrupt;
mod lines;
mod loss;
mod model;
mod npy;
mod output;
mod predict;
mod progress;
mod quantize;
mod stop;
mod stream;
mod tokenize;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::stop::Stop;

/// Embed and classify texts with Model2Vec models, look into the models, quantise them, export them to ONNX
///
/// MODEL is the path of a model folder: config.json, model.safetensors and tokenizer.json as Python model2vec saves
/// them, or a sentence-transformers folder with a StaticEmbedding. If there is no such folder, it is a model on the
/// hub, ORG/NAME[@REVISION][:SUBFOLDER], in the cache of Python's huggingface_hub or, where there is no folder ORG
/// either, fetched into it; hf://ORG/NAME is always one.
#[derive(Debug, Parser)]
#[command(name = "m2v", version, propagate_version = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  m2v encode models/minilm-l6-64d texts.txt -o vectors.npy
  m2v inspect models/minilm-l6-64d
  m2v quantize models/minilm-l6-64d small --dtype int8
  m2v predict sentiment reviews.txt
  m2v encode minishlab/potion-base-8M texts.txt -o vectors.npy

Exit codes: 0 done, 1 error, 2 wrong usage, 130 interrupted.";

#[derive(Debug, Subcommand)]
enum Command {
    Encode(encode::Encode),
    Tokenize(tokenize::Tokenize),
    Predict(predict::Predict),
    Evaluate(evaluate::Evaluate),
    Inspect(inspect::Inspect),
    Quantize(quantize::Quantize),
    ConvertHead(convert_head::ConvertHead),
    Export(export::Export),
    #[cfg(feature = "hub")]
    Pull(hub::Pull),
    #[cfg(feature = "hub")]
    Push(hub::Push),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = interrupt::watch().and_then(|()| match cli.command {
        Command::Encode(command) => command.run(),
        Command::Tokenize(command) => command.run(),
        Command::Predict(command) => command.run(),
        Command::Evaluate(command) => command.run(),
        Command::Inspect(command) => command.run(),
        Command::Quantize(command) => command.run(),
        Command::ConvertHead(command) => command.run(),
        Command::Export(command) => command.run(),
        #[cfg(feature = "hub")]
        Command::Pull(command) => command.run(),
        #[cfg(feature = "hub")]
        Command::Push(command) => command.run(),
    });
    let (code, message) = match result {
        Ok(()) | Err(Stop::PipeClosed) => (0, None),
        // What failed after Ctrl-C, failed because of it.
        Err(_) if interrupt::requested() => (interrupt::CODE, None),
        Err(Stop::Error(message)) => (1, Some(message)),
        Err(Stop::Usage(message)) => (2, Some(message + "\n\nFor more information, try '--help'.")),
    };
    if let Some(message) = message {
        // With standard error closed, the exit code has to say it all.
        let _ = writeln!(std::io::stderr(), "error: {message}");
    }
    ExitCode::from(code)
}
