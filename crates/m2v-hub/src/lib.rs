//! Models on the [Hugging Face hub](https://huggingface.co) as sources: verified downloads into the cache that Python
//! shares.
//!
//! ```text
//!         m2v-cli          xtask          tests
//!            └───────┬───────┴──────────────┘
//!  m2v-infer   m2v-quant   m2v-onnx ▶ m2v-hub ◀
//!      └──────────┴─────┬─────┴──────────┘
//!         m2v-tokenize     m2v-core
//! ```
#![forbid(unsafe_code)]

mod cache;
mod digest;
mod download;
mod error;
mod file;
mod http;
mod hub;
mod listing;
mod lock;
mod model_id;
mod name;
mod progress;
mod push;
mod repo;
mod token;

pub use digest::{Digest, ParseDigestError};
pub use error::{At, Error, Message, Result};
pub use hub::{DEFAULT_ENDPOINT, Hub, HubBuilder};
pub use listing::FileInfo;
pub use model_id::ModelId;
pub use progress::Progress;
pub use push::{Commit, Pushed, PushedFile, Transfer};
pub use repo::Repo;

// The crate whose types appear in this crate's signatures.
pub use m2v_core as core;
