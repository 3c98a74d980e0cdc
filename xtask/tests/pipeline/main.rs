//! `cargo xtask pipeline`, run as a user runs it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod copies;
mod dry_run;
mod errors;
mod guides;
#[cfg(unix)]
mod hub;
#[cfg(unix)]
mod signals;
mod support;
