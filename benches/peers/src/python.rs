//! Python model2vec, as a third side.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::bench::texts_file;
use crate::corpus::write_lines;
use crate::engine::Mode;

const SCRIPT: &str = include_str!("../python/encode.py");

/// Texts per second of processor time.
#[derive(Deserialize)]
pub(crate) struct Python {
    pub(crate) cold: f64,
    pub(crate) warm: f64,
}

/// Encodes the texts in a process of its own.
pub(crate) fn run(
    python: &Path,
    work: &Path,
    model: &Path,
    texts: &[String],
    mode: Mode,
    rounds: usize,
) -> Result<Python> {
    let file = texts_file(work, "python");
    write_lines(&file, texts)?;
    let call = match mode {
        Mode::OneCall => texts.len(),
        Mode::Calls256 => crate::engine::CALL,
        Mode::OneText | Mode::OwnScratch => 1,
    };
    let args: [PathBuf; 4] = [model.into(), file, call.to_string().into(), rounds.min(3).to_string().into()];
    let output = Command::new(python)
        .args(["-c", SCRIPT])
        .args(args)
        .env("OMP_NUM_THREADS", "1")
        .env("OPENBLAS_NUM_THREADS", "1")
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| python.display().to_string())?;
    anyhow::ensure!(output.status.success(), "{}: {}", python.display(), output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}
