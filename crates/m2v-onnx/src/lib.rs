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
//! runtimes read. What goes into a graph and comes out is its [`Signature`]: by default `input_ids` and
//! `attention_mask`, and `last_hidden_state` and `sentence_embedding`. Unknown tokens are masked inside, embeddings
//! normalised as the model says, those of a text without tokens zeros. A model with a head gives `probabilities` too,
//! or of a regression `predictions`.
//!
//! Graphs are IR 8, opset 18, the oldest in which `ScatterElements` keeps the greatest; onnxruntime reads it since
//! 1.14. Tables are streamed, never gathered in memory; from 2 GiB on, where protobuf ends, they go to a file beside
//! the graph, `model.onnx_data`. The same model gives the same bytes.
//!
//! # Numbers in the graph
//!
//! | table | in the graph | size | largest difference to m2v-infer, for vectors of length 1 |
//! |---|---|---|---|
//! | float32 | float32, weights multiplied into the rows | 4 × rows × dim | 1e-6 |
//! | float64, bfloat16 | float32, the same | 4 × rows × dim | 1e-6 |
//! | float16 | float16, weights looked up | 2 × rows × dim | 1e-6 |
//! | int8 | int8, weights (scales of the rows) looked up | rows × dim + 4 × tokens | 1e-6 |
//! | tokens that share rows | rows as above, mapping (int32) and weights looked up | + 8 × tokens | 1e-6 |
//!
//! The largest file is at most that and 16 kB. Whatever the table, vectors are widened to f32 as they are looked up,
//! and added in f32, in blocks of at most 64 tokens: the bound holds for texts of 8,192 tokens. It is that to the sum
//! in f64; m2v-infer adds in f32 in the order of the ids, as the reference does, and is itself up to 3e-4 off on long
//! texts that repeat themselves. What a table *lost* when it was made smaller is not in the bound: a table that was
//! float32 before gives vectors that are up to 2e-3 off as float16, 2e-2 (cosine ≥ 0.9998) as int8.
//!
//! Rows with weights are widened and multiplied when they are looked up, of 128 tokens and more (padding is one of
//! them) only once for each different one: an `If` chooses, and the table stays as small in memory as it is in the
//! file.
//!
//! This crate runs nothing.
//!
//! ```
//! use m2v_core::{Checkpoint, Config, EmbeddingTable, Memory, Tensor, ndarray::array};
//! use m2v_onnx::{ExportOptions, export};
//!
//! let table = EmbeddingTable::try_new(Tensor::from_array(&array![[0.0f32], [1.0]]), None, None)?;
//! let tokenizer = br#"{"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1}}}"#;
//! let mut folder = Memory::new();
//! export(&Checkpoint::new(Config::default(), table, tokenizer), &ExportOptions::default(), &mut folder)?;
//! assert!(folder.files().any(|(name, _)| name == "onnx/model.onnx"));
//! # Ok::<(), m2v_onnx::Error>(())
//! ```
#![forbid(unsafe_code)]

mod bag;
mod choice;
mod distinct;
mod encoder;
mod error;
mod export;
mod graph;
mod head;
mod infer;
mod lower;
mod model_file;
mod notes;
mod pieces;
mod proto;
mod signature;
mod tokens;
mod transformer;
mod value;

pub use error::{Error, Result};
pub use export::{
    DEFAULT_GRAPH, ExportOptions, export, export_folder, export_graph, graph_dtype, graph_name,
};
pub use graph::{Attribute, GraphBuilder};
pub use lower::Lower;
pub use signature::Signature;
pub use value::{Axis, ElementType, Value};

// The crates whose types appear in this crate's signatures.
pub use {m2v_core as core, m2v_tokenize as tokenize};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
