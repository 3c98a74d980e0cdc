//! Write [Model2Vec](https://github.com/MinishLab/model2vec) models as ONNX, without Python or torch.
//!
//! ```text
//!         m2v-cli          xtask          tests
//!            └───────┬───────┴──────────────┘
//!  m2v-infer   m2v-quant  ▶ m2v-onnx ◀  m2v-hub
//!      └──────────┴─────┬─────┴──────────┘
//!         m2v-tokenize     m2v-core
//! ```
//!
//! [`export`] writes one folder that model2vec, sentence-transformers, transformers.js, fastembed and plain ONNX
//! runtimes read. The graph takes `input_ids` and `attention_mask`, int64 `[batch_size, sequence_length]`, and
//! gives `last_hidden_state`, f32 `[batch_size, sequence_length, dim]`, and `sentence_embedding`, f32
//! `[batch_size, dim]`: unknown tokens masked, normalised as the model says, zeros for a text without tokens.
//!
//! A model with a head gives `probabilities` too, or of a regression `predictions`.
//!
//! Table, weights and mapping stay in their dtype inside the graph (float64 and bfloat16, which runtimes lack
//! kernels for, become float32); rows are widened to f32 when they are looked up. This crate runs nothing.
//!
//! ```
//! use m2v_core::{Checkpoint, Config, EmbeddingTable, Memory, Tensor};
//! use m2v_onnx::{ExportOptions, export};
//!
//! let table = EmbeddingTable::try_new(Tensor::from_array(&ndarray::array![[0.0f32], [1.0]]), None, None)?;
//! let tokenizer = br#"{"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1}}}"#;
//! let mut folder = Memory::new();
//! export(&Checkpoint::new(Config::default(), table, tokenizer), &ExportOptions::default(), &mut folder)?;
//! assert!(folder.files().any(|(name, _)| name == "onnx/model.onnx"));
//! # Ok::<(), m2v_onnx::Error>(())
//! ```
#![forbid(unsafe_code)]

mod encoder;
mod error;
mod export;
mod graph;
mod head;
mod lower;
mod proto;

pub use error::{Error, Result};
pub use export::{DEFAULT_GRAPH, ExportOptions, export, export_folder, export_graph, graph_name};
pub use graph::{Attribute, GraphBuilder, Value};
pub use lower::Lower;

// The crates whose types appear in this crate's signatures.
pub use {m2v_core as core, m2v_tokenize as tokenize};
