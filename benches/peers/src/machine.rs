//! Where and on what numbers were measured.

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

use m2v_core::Isa;

use crate::corpus::{Corpora, Corpus};

/// Numbers that no round needs more of: 512 MiB.
const MEMORY: usize = 128 << 20;

/// Writes to memory and gives it back.
///
/// To write to memory that a virtual machine has not been given by its host yet, or has given back, may take twenty
/// times as long: 2.5 ms for each megabyte instead of 0.12. Which side meets it is chance, unless the system has enough
/// of the other.
pub(crate) fn settle_memory() {
    // In pages of the size that the outputs of m2v have.
    let mut memory = m2v_core::zeros(MEMORY >> 10, 1 << 10);
    memory.fill(1.0);
    drop(black_box(memory));
}

/// What of the floors of throughput a machine has to reach: those are of processors with AVX-512; AVX2 alone is to
/// reach eight tenths of them.
pub(crate) fn share_of_floors() -> f64 {
    if Isa::best().to_string() == "avx512" { 1.0 } else { 0.8 }
}

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
        format!("{cpu}, {cores} cores, kernels for {}, load average {load} at the start", Isa::best()),
        texts.join("; "),
    ]
}

fn output(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
