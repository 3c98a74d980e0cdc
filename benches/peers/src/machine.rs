//! Where and on what numbers were measured.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use crate::corpus::{Corpora, Corpus};

/// The lines above a table: date, processor, commit, texts.
pub(crate) fn describe(repository: &Path, corpora: &Corpora) -> Vec<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find(|line| line.starts_with("model name"));
    let cpu = cpu.and_then(|line| line.split_once(": ")).map_or("unknown processor", |(_, name)| name);
    let cores = available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let git = |args: &[&str]| output(Command::new("git").arg("-C").arg(repository).args(args));
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]);
    let changed = if changed.is_empty() { "" } else { ", with changes" };
    let texts = Corpus::ALL.map(|corpus| {
        let texts = corpora.texts(corpus);
        let bytes: usize = texts.iter().map(String::len).sum();
        format!("{} {} texts of {} bytes", corpus.name(), texts.len(), bytes / texts.len())
    });
    vec![
        format!(
            "{}, commit {}{changed}",
            output(Command::new("date").args(["-u", "+%F %R UTC"])),
            git(&["rev-parse", "--short", "HEAD"])
        ),
        format!("{cpu}, {cores} cores, load average {load} at the start"),
        texts.join("; "),
    ]
}

fn output(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
