//! Every bad input is a typed error that names the file, what is wrong with it, and both numbers where there
//! are two. Nothing panics.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how they fail")]

mod arguments;
mod files;
mod headers;
mod json;
mod random;
mod tables;

use std::fmt::Display;

use m2v_core::{Error, Source};
use m2v_infer::StaticModel;
use m2v_tests::small_with;

/// Loads what has to be refused.
#[track_caller]
fn refused(source: &dyn Source) -> m2v_infer::Error {
    StaticModel::load(source).unwrap_err()
}

/// Loads the small model with one file replaced, which has to be refused.
#[track_caller]
fn refused_with(name: &str, bytes: impl Into<Vec<u8>>) -> m2v_infer::Error {
    refused(&small_with(name, bytes.into()).unwrap())
}

/// The error about data, without the file it was found in.
#[track_caller]
fn data(error: &m2v_infer::Error) -> &Error {
    let m2v_infer::Error::Data(data) = error else {
        unreachable!("expected an error about data, found {error:?}");
    };
    let mut error = data;
    while let Error::InFile { source, .. } = error {
        error = source;
    }
    error
}

/// Asserts that a message has all of these parts.
#[track_caller]
fn says(error: &impl Display, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}
