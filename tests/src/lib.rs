//! What the tests of the workspace share: fixtures, recorded answers, and models small enough to break.
//!
//! [`Recorded`] is what Python model2vec answered for one model; [`small`] is a model of six tokens in memory,
//! and [`tensor_file`] and [`tensor_file_with_header`] write files that a proper writer would refuse to.

mod compare;
#[cfg(doctest)]
mod guides;
mod pipelines;
mod recorded;
mod small;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

pub use compare::{assert_bits, assert_close};
pub use pipelines::{Answers, RecordedPipeline};
pub use recorded::{Recorded, recorded_names};
pub use small::{small, small_with, tensor_file, tensor_file_with_header};

/// What a test returns: any error fails it.
pub type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// A file or folder among the fixtures.
#[must_use]
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(path)
}

/// The folder of the model that comes with the repository.
#[must_use]
pub fn shipped_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/minilm-l6-64d")
}

/// The texts all answers were recorded for.
///
/// # Errors
/// If they cannot be read.
pub fn texts() -> Result<Vec<String>> {
    Ok(serde_json::from_slice(&fs::read(fixture("texts.json"))?)?)
}
