//! Embed texts with [Model2Vec](https://github.com/MinishLab/model2vec) models.
//!
//! ```text
//!         m2v-cli          xtask          tests
//!            └───────┬───────┴──────────────┘
//! ▶ m2v-infer ◀   m2v-quant   m2v-onnx   m2v-hub
//!      └──────────┴─────┬─────┴──────────┘
//!         m2v-tokenize     m2v-core
//! ```
//!
//! A [`StaticModel`] turns a text into token ids, looks up a vector for each, and takes their mean: the numbers
//! of Python `model2vec`, at f32 whatever the dtype of the table. Encoding takes `&self`, from any number of
//! threads at once; [`EncoderExt`] has the calls, for this and any other [`Encoder`].
//!
//! ```no_run
//! use m2v_infer::core::Dir;
//! use m2v_infer::{EncoderExt, StaticModel};
//!
//! let model = StaticModel::load(&Dir::open("models/minilm-l6-64d")?)?;
//! let embeddings = model.encode(&["It's dangerous to go alone!", "Take this."])?;
//! assert_eq!(embeddings.shape(), [2, 64]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Options are those of the model's `config.json`; a clone with others shares the table and costs nothing:
//!
//! ```no_run
//! # use m2v_infer::{EncoderExt, StaticModel};
//! # fn f(model: &StaticModel) -> Result<(), m2v_infer::Error> {
//! let raw = model.with_options(model.options().with_normalize(false).with_max_length(None));
//! let mean = raw.encode_one("not divided by its length, and not cut")?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Pipeline`] is a classifier or regressor: an encoder and a [`Head`] on top.
//!
//! ```no_run
//! use m2v_infer::core::Dir;
//! use m2v_infer::{Pipeline, Prediction};
//!
//! let pipeline = Pipeline::load(&Dir::open("models/sentiment")?)?;
//! let texts = ["what a lovely day", "never again"];
//! for (text, prediction) in texts.iter().zip(&pipeline.predict(&texts)?) {
//!     if let Prediction::Label(label) = prediction {
//!         assert!(label == "good" || label == "bad", "{text}");
//!     }
//! }
//! assert_eq!(pipeline.predict_proba(&texts)?.shape(), [2, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Quantise on load by putting a step of `m2v-quant` between `Checkpoint::load` and
//! [`StaticModel::from_checkpoint`].
#![forbid(unsafe_code)]

mod blocks;
mod confusion;
mod encoder;
mod error;
mod head;
mod mlp;
mod pipeline;
mod predictions;
mod report;
mod scratch;
mod static_model;
mod target;

pub use blocks::Blocks;
pub use confusion::{Confusion, ConfusionMatrix};
pub use encoder::{BLOCK, Encoder, EncoderExt};
pub use error::{Error, Result};
pub use head::{Head, Output, Task};
pub use mlp::Mlp;
pub use pipeline::Pipeline;
pub use predictions::{Labels, Prediction, PredictionIter, Predictions};
pub use report::{ClassScores, Report, Scores};
pub use scratch::{HeadScratch, Scratch, ScratchPool};
pub use static_model::{EncodeOptions, StaticModel, TokenEmbeddings};
pub use target::Target;

// The crates whose types appear in this crate's signatures.
pub use {m2v_core as core, m2v_tokenize as tokenize, ndarray};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
