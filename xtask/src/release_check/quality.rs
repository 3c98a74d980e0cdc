//! Checks that other programs do: clippy, rustdoc, cargo-deny, other toolchains and targets.

use std::io;
use std::path::Path;

use super::Outcome;
use super::job::Job;
use super::trees::{features, libraries};

/// Every library with none of its features, with each alone, and the whole workspace with all of them.
pub(super) fn clippy(job: &mut Job) -> io::Result<Outcome> {
    let end = ["--locked", "--", "-D", "warnings"];
    let metadata = match features(job) {
        Ok(metadata) => metadata,
        Err(reason) => return Ok(Outcome::Failed(reason)),
    };
    for (package, features) in &metadata {
        let alone = ["clippy", "--package", package, "--no-default-features"];
        let none = std::iter::once(alone.to_vec());
        let each = features.iter().map(|feature| [&alone[..], &["--features", feature]].concat());
        let outcome = job.all(none.chain(each).map(|args| [&args[..], &end].concat()))?;
        if !matches!(outcome, Outcome::Passed) {
            return Ok(outcome);
        }
    }
    job.all([[&["clippy", "--workspace", "--all-targets", "--all-features"][..], &end].concat()])
}

pub(super) fn docs(job: &mut Job) -> io::Result<Outcome> {
    let mut command = job.command("cargo");
    command.args(["doc", "--workspace", "--no-deps", "--all-features", "--locked"]);
    job.run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// cargo-deny, installed below target/ if there is none.
pub(super) fn deny(job: &mut Job) -> io::Result<Outcome> {
    let mut program = "cargo-deny".to_owned();
    if job.output_of(job.command(&program).arg("--version")).is_none() {
        let root = job.workspace().join("target/tools");
        program = root.join("bin/cargo-deny").display().to_string();
        if job.output_of(job.command(&program).arg("--version")).is_none() {
            let mut install = job.command("cargo");
            install.args(["install", "cargo-deny", "--version", "0.20.2", "--locked", "--root"]).arg(&root);
            let outcome = job.run(&mut install)?;
            if !matches!(outcome, Outcome::Passed) {
                return Ok(outcome);
            }
        }
    }
    let mut check = job.command(&program);
    let outcome = job.run(check.args(["check", "licenses", "bans", "sources"]))?;
    if !matches!(outcome, Outcome::Passed) {
        return Ok(outcome);
    }
    // Fetching says whether the database can be reached; checking whether something is in it.
    if job.output_of(job.command(&program).arg("fetch")).is_none() {
        let reason = "licences, bans and sources passed; the database of advisories cannot be reached";
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    job.run(job.command(&program).args(["check", "advisories"]))
}

/// The libraries, with the toolchain that they promise to build with.
pub(super) fn msrv(job: &mut Job) -> io::Result<Outcome> {
    let manifest = std::fs::read_to_string(job.workspace().join("Cargo.toml"))?;
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = "));
    let Some(version) = version.map(|version| version.trim_matches('"')) else {
        return Ok(Outcome::Failed("Cargo.toml has no rust-version".to_owned()));
    };
    let toolchain = format!("+{version}");
    if job.output_of(job.command("cargo").args([&toolchain, "--version"])).is_none() {
        return Ok(Outcome::Skipped(format!("Rust {version} is not installed")));
    }
    let libraries = libraries(job);
    let commands =
        libraries.iter().map(|package| vec![&*toolchain, "check", "--locked", "--package", package]);
    job.all(commands.collect::<Vec<_>>())
}

/// Processors and systems that the libraries are written for too: with what features.
const TARGETS: [(&str, &[&str]); 3] = [
    ("aarch64-unknown-linux-gnu", &[]),
    ("aarch64-unknown-linux-gnu", &["--no-default-features"]),
    // No threads, no maps, no `tokenizers`.
    ("wasm32-unknown-unknown", &["--no-default-features", "--features", "m2v-infer/skops"]),
];

/// The libraries that are written to run there, for other processors. Where only the source of the standard library is
/// installed (rust-src), that is built first: cargo's `build-std`, which stable has behind RUSTC_BOOTSTRAP.
pub(super) fn targets(job: &mut Job) -> io::Result<Outcome> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let sysroot = job.output_of(job.command(&rustc).args(["--print", "sysroot"])).unwrap_or_default();
    let rustlib = Path::new(sysroot.trim()).join("lib/rustlib");
    let mut missing = Vec::new();
    for (target, features) in TARGETS {
        let mut check = job.command("cargo");
        check.args(["check", "--locked", "--target", target]).args(features);
        check.args(["--package", "m2v-core", "--package", "m2v-tokenize", "--package", "m2v-infer"]);
        if !rustlib.join(target).is_dir() {
            if !rustlib.join("src/rust/library/Cargo.lock").is_file() {
                missing.push(target);
                continue;
            }
            check.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
            check.arg("--target-dir").arg(job.workspace().join("target/build-std"));
        }
        let outcome = job.run(&mut check)?;
        if !matches!(outcome, Outcome::Passed) {
            return Ok(outcome);
        }
    }
    missing.dedup();
    Ok(if missing.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Skipped(format!("neither they nor rust-src are installed: {}", missing.join(", ")))
    })
}
