//! Classifiers and regressors: what the reference answers, legacy heads, reports, heads from outside, bad input.

mod bad_input;
mod extension;
mod legacy;
mod predicting;
mod reports;
