//! What comes with a library: nothing that compiles C, speaks HTTP or reads a command line.

use std::io;

use super::Outcome;
use super::job::Job;

/// Libraries that are used without a network.
const LOCAL: [&str; 5] = ["m2v-core", "m2v-tokenize", "m2v-infer", "m2v-quant", "m2v-onnx"];

/// What none of them may bring.
const BANNED: [&str; 16] = [
    "bindgen",
    "cc",
    "clap",
    "cmake",
    "ctrlc",
    "hf-hub",
    "hyper",
    "indicatif",
    "onig",
    "onig_sys",
    "openssl-sys",
    "pkg-config",
    "reqwest",
    "rustls",
    "tokio",
    "ureq",
];

pub(super) fn run(job: &mut Job) -> io::Result<Outcome> {
    let mut found = Vec::new();
    for package in LOCAL {
        let mut tree = job.command("cargo");
        tree.args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--package", package]);
        let Some(tree) = job.output_of(&mut tree) else {
            return Ok(Outcome::Failed(format!("cargo tree --package {package} failed")));
        };
        let names = tree.lines().filter_map(|line| line.split(' ').next());
        found.extend(
            names.filter(|name| BANNED.contains(name)).map(|name| format!("{package} brings {name}")),
        );
    }
    found.dedup();
    Ok(if found.is_empty() { Outcome::Passed } else { Outcome::Failed(found.join("\n")) })
}

/// Each crate of the workspace that is published, with its features.
pub(super) fn features(job: &Job) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut metadata = job.command("cargo");
    metadata.args(["metadata", "--no-deps", "--format-version", "1", "--locked"]);
    let output = job.output_of(&mut metadata).ok_or("cargo metadata failed")?;
    let metadata: serde_json::Value = serde_json::from_str(&output).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata has no packages")?;
    let published = packages.iter().filter(|package| package["publish"].is_null());
    let described = published.map(|package| {
        let features = package["features"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
        let features = features.filter(|name| name != "default").collect();
        (package["name"].as_str().unwrap_or_default().to_owned(), features)
    });
    Ok(described.collect())
}

/// The published crates without a program.
pub(super) fn libraries(job: &Job) -> Vec<String> {
    let published = features(job).unwrap_or_default().into_iter().map(|(name, _)| name);
    published.filter(|name| name != "m2v-cli").collect()
}
