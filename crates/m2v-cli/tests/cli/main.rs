//! Runs the built program and looks at what it prints, writes and leaves behind.
#![expect(clippy::unwrap_used, reason = "what a test cannot go on without fails it")]

mod encode;
mod errors;
mod export;
mod folders;
mod guides;
#[cfg(feature = "hub")]
mod hub;
#[cfg(feature = "hub")]
mod hub_newer;
#[cfg(feature = "hub")]
mod hub_proxy;
#[cfg(feature = "hub")]
mod hub_whole;
mod input;
mod inspect;
mod pipelines;
mod quantize;
#[cfg(feature = "hub")]
#[path = "../../../m2v-hub/tests/server/mod.rs"]
mod server;
mod signals;
mod support;
mod tokenize;
