//! Data of [Model2Vec](https://github.com/MinishLab/model2vec) models, and the one hot loop over it.
//!
//! ```text
//!         m2v-cli          xtask          tests
//!            └───────┬───────┴──────────────┘
//!  m2v-infer   m2v-quant   m2v-onnx   m2v-hub
//!      └──────────┴─────┬─────┴──────────┘
//!         m2v-tokenize    ▶ m2v-core ◀
//! ```
//!
//! A [`Checkpoint`] is everything a model folder holds: its [`Config`], an [`EmbeddingTable`], the bytes of
//! `tokenizer.json`, perhaps a classifier's head ([`MlpHead`]), and the model [`Card`]. It is read from any [`Source`]
//! and written to any [`Sink`]: a folder ([`Dir`], [`DirSink`]), bytes in memory ([`Memory`]), single files
//! ([`Files`]), or an implementation of your own.
//!
//! This crate knows no text and no network; `tokenizer.json` passes through it as bytes.
//!
//! ```
//! use m2v_core::{EmbeddingTable, PoolOptions, Tensor};
//! use ndarray::{Array2, array};
//!
//! let table = EmbeddingTable::try_new(Tensor::from_array(&array![[1.0f32, 0.0], [3.0, 4.0]]), None, None)?;
//! let mut out = Array2::zeros((2, 2));
//! // Two texts: ids [0, 1] and [1].
//! table.pool_into(&[0, 1, 1], &[2, 3], PoolOptions::default(), out.view_mut())?;
//! assert_eq!(out, array![[2.0, 2.0], [3.0, 4.0]]);
//! # Ok::<(), m2v_core::Error>(())
//! ```
#![forbid(unsafe_op_in_unsafe_fn)]
#![deny(unsafe_code)]

#[cfg(target_endian = "big")]
compile_error!("m2v reads little-endian tensors in place; big-endian targets are not supported");

mod buffer;
mod card;
mod checkpoint;
mod config;
mod dtype;
mod error;
mod finite;
mod io;
mod kernel;
mod label;
mod layout;
mod mlp_head;
mod modules;
mod output;
mod pages;
#[cfg(feature = "skops")]
mod skops;
mod table;
mod tensor;
mod tensor_file;
mod tokenizer_json;

pub use buffer::Buffer;
pub use card::Card;
pub use checkpoint::Checkpoint;
pub use config::{Config, DEFAULT_MAX_LENGTH};
pub use dtype::{Dtype, Element};
pub use error::{Error, Result};
pub use io::{Dir, DirSink, Files, Memory, Sink, Source};
#[doc(hidden)]
pub use kernel::Isa;
pub use label::Label;
pub use layout::Layout;
pub use mlp_head::{Activation, Layer, MlpHead};
pub use output::zeros;
pub use table::{EmbeddingTable, PoolOptions};
pub use tensor::{Tensor, ViewError};
pub use tensor_file::{read_tensors, write_tensors};
pub use tokenizer_json::clear_fields;

// The crates whose types appear in this crate's signatures.
pub use {half, indexmap, ndarray, safetensors, serde_json};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
