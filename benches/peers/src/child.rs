//! What is measured in a process of its own: loading, and the size of a process.

use std::env;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::{Subcommand, ValueEnum};
use m2v_core::{Dir, Source};
use m2v_infer::EncoderExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::measure;
use crate::engine::{CALL, Engine, Mapped, Mode, Ours, Peer};
use crate::models::Random;

/// A side.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Side {
    Ours,
    /// Ours, through [`Mapped`].
    Mapped,
    Peer,
}

/// The work of a child process. It prints what it found as JSON.
#[derive(Subcommand)]
pub(crate) enum Child {
    /// Seconds from the path of a model to the first embedding: `[processor, clock]`.
    Load { side: Side, model: PathBuf },
    /// Seconds to read the file of a model's table, and nothing else: `[processor, clock]`.
    Read { model: PathBuf },
    /// Peak resident megabytes of encoding a file.
    Peak { side: Side, model: PathBuf, texts: PathBuf },
    /// Peak resident megabytes after a tenth of a stream of so many lines, and after all of it.
    Stream { model: PathBuf, texts: PathBuf, lines: usize },
}

impl Child {
    /// Does the work in a child process.
    pub(crate) fn spawn<T: DeserializeOwned>(&self) -> Result<T> {
        let mut command = Command::new(env::current_exe()?);
        match self {
            Self::Load { side, model } => command.args(["load", side.name()]).arg(model),
            Self::Read { model } => command.arg("read").arg(model),
            Self::Peak { side, model, texts } => command.args(["peak", side.name()]).arg(model).arg(texts),
            Self::Stream { model, texts, lines } => {
                command.arg("stream").arg(model).arg(texts).arg(lines.to_string())
            }
        };
        let output = command.stderr(Stdio::inherit()).output()?;
        anyhow::ensure!(output.status.success(), "the child process failed: {}", output.status);
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Does the work here.
    pub(crate) fn run(&self) -> Result<()> {
        match self {
            Self::Load { side: Side::Ours, model } => print(&load::<Ours>(model)?),
            Self::Load { side: Side::Mapped, model } => print(&load::<Mapped>(model)?),
            Self::Load { side: Side::Peer, model } => print(&load::<Peer>(model)?),
            Self::Read { model } => print(&read(model)?),
            Self::Peak { side: Side::Ours, model, texts } => print(&peak::<Ours>(model, texts)?),
            Self::Peak { side: Side::Mapped, model, texts } => print(&peak::<Mapped>(model, texts)?),
            Self::Peak { side: Side::Peer, model, texts } => print(&peak::<Peer>(model, texts)?),
            Self::Stream { model, texts, lines } => print(&stream(model, texts, *lines)?),
        }
    }
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Mapped => "mapped",
            Self::Peer => "peer",
        }
    }
}

fn print(found: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(found)?);
    Ok(())
}

fn load<E: Engine>(model: &Path) -> Result<[f64; 2]> {
    let text = ["The first text that a process embeds.".to_owned()];
    let (cost, engine) = measure(|| {
        let mut engine = E::load(model)?;
        engine.pass(&text, Mode::OneText)?;
        anyhow::Ok(engine)
    });
    black_box(engine?);
    Ok([cost.cpu, cost.wall])
}

fn read(model: &Path) -> Result<[f64; 2]> {
    let (cost, file) = measure(|| anyhow::Ok(Dir::open(model)?.read("model.safetensors")?));
    black_box(file?.context("model.safetensors")?);
    Ok([cost.cpu, cost.wall])
}

fn peak<E: Engine>(model: &Path, texts: &Path) -> Result<f64> {
    let mut engine = E::load(model)?;
    let mut lines = BufReader::new(File::open(texts)?).lines();
    loop {
        let call = lines.by_ref().take(CALL).collect::<Result<Vec<String>, _>>()?;
        if call.is_empty() {
            return peak_size();
        }
        engine.pass(&call, Mode::Calls256)?;
    }
}

/// Lines that are taken from the stream at a time.
const BLOCK: usize = 4096;

fn stream(model: &Path, texts: &Path, lines: usize) -> Result<[f64; 2]> {
    let ours = Ours::load(model)?;
    let texts = fs::read_to_string(texts)?;
    let mut random = Random::new(3);
    // No line occurs twice, and each brings words that no line had before, so that a memo without a bound grows.
    let stream = texts.lines().cycle().take(lines).enumerate().map(|(line, text)| {
        let word: String =
            random.next().to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
        format!("{text} {word} №{line}")
    });
    let (mut done, mut early) = (0, None);
    for block in ours.model.encode_blocks(stream, BLOCK) {
        done += black_box(block?).nrows();
        if early.is_none() && done * 10 >= lines {
            early = Some(peak_size()?);
        }
    }
    Ok([early.context("a stream of some lines")?, peak_size()?])
}

/// The largest resident size so far, in megabytes.
fn peak_size() -> Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("memory is measured on Linux only")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024.0 / 1e6)
}
