//! Classifiers and regressors: what the reference answers, legacy heads, reports, heads from outside, bad input.
#![expect(clippy::unwrap_used, reason = "helpers of tests: a panic is how they fail")]

mod bad_input;
mod extension;
mod legacy;
mod predicting;
mod reports;
