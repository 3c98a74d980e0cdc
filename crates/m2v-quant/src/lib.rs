//! Make [Model2Vec](https://github.com/MinishLab/model2vec) models smaller, and say what was lost.
//!
//! ```text
//!         m2v-cli          xtask          tests
//!            └───────┬───────┴──────────────┘
//!  m2v-infer  ▶ m2v-quant ◀  m2v-onnx   m2v-hub
//!      └──────────┴─────┬─────┴──────────┘
//!         m2v-tokenize     m2v-core
//! ```
//!
//! A [`Transform`] turns one [`Checkpoint`](m2v_core::Checkpoint) into another: [`Cast`] to another float type,
//! [`Int8`] with a scale for each row, [`Int8Global`] to the reference's bytes, [`Truncate`] to the first dimensions,
//! [`KMeans`] to as many rows as there are clusters, [`Prune`] to the tokens that some texts use. A [`Recipe`] is
//! several of them, with a text form. They read and write no files; apply them between `Checkpoint::load` and
//! `Checkpoint::save`, or `StaticModel::from_checkpoint`. [`compare`] measures how far the embeddings moved, and whose
//! neighbours are others now.
//!
//! ```
//! use m2v_core::{Checkpoint, Config, Dtype, EmbeddingTable, Tensor, ndarray::array};
//! use m2v_quant::{Context, Int8, Transform};
//!
//! let rows = Tensor::from_array(&array![[0.5f32, -1.27], [12.7, 3.0]]);
//! let table = EmbeddingTable::try_new(rows, None, None)?;
//! let checkpoint = Checkpoint::new(Config::default(), table, b"{}");
//!
//! let small = Int8.apply(checkpoint, &mut Context::default())?;
//! assert_eq!(small.table.dtype(), Dtype::I8);
//! assert_eq!(&**small.table.embeddings().bytes(), [50, 129, 127, 30]); // 129 is −127
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]

mod cast;
mod error;
mod int8;
mod int8_global;
mod kmeans;
mod loss;
mod neighbours;
mod number;
mod output;
mod prune;
mod recipe;
mod transform;
mod truncate;

pub use cast::Cast;
pub use error::{Error, Result};
pub use int8::Int8;
pub use int8_global::Int8Global;
pub use kmeans::{Init, KMeans};
pub use loss::{Loss, compare, compare_with};
pub use prune::Prune;
pub use recipe::{Recipe, Step, Steps};
pub use transform::{Context, Transform};
pub use truncate::Truncate;

// The crates whose types appear in this crate's signatures.
pub use {m2v_core as core, m2v_tokenize as tokenize, ndarray};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
