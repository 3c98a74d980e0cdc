//! Models on the [Hugging Face hub](https://huggingface.co), as sources: checked downloads into the cache that Python
//! shares.
//!
//! ```text
//!         m2v-cli          xtask          tests
//!            └───────┬───────┴──────────────┘
//!  m2v-infer   m2v-quant   m2v-onnx ▶ m2v-hub ◀
//!      └──────────┴─────┬─────┴──────────┘
//!         m2v-tokenize     m2v-core
//! ```
//!
//! A [`Repo`] is a [`Source`](m2v_core::Source) far away: whatever loads from a folder loads from
//! `hub.model("org/name@revision:subfolder")`. This crate carries named files and knows no model: which ones it fetches
//! is decided by who reads.
//!
//! ```no_run
//! use m2v_core::{Checkpoint, Source};
//! use m2v_hub::Hub;
//!
//! let hub = Hub::builder()
//!     .cache_dir("/home/me/.cache/huggingface/hub") // Python's
//!     .progress(|file| eprintln!("{}: {} of {} bytes", file.file, file.done, file.total))
//!     .build()?;
//! let model = hub.model("minishlab/potion-base-8M")?;
//! let checkpoint = Checkpoint::load(&model)?;
//! println!("{} at {}", model.id(), model.commit_hash()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be relied on
//!
//! * **Checked.** Size and hash (sha256, or that of a git blob) are compared before anyone sees a byte, also of files
//!   in the cache, each time: what is handed out is what was hashed. (Offline, nothing has the hashes of a cache
//!   without links, as Python makes it on Windows: pin those.) What fails is not cached. The hashes are those of
//!   the hub's listing, over TLS; [`Repo::sha256`] pins a file to one of your own, [`Repo::revision`] a model to a
//!   commit.
//! * **Cache first.** What is cached is read without a request, [`Repo::refresh`] asks what a branch means now.
//!   [`HubBuilder::offline`] makes no request at all. Models can be read from a cache that cannot be written to.
//! * **Shared.** The folder is laid out, and locked, as by `huggingface_hub`; several processes may use it at once. One
//!   that is killed leaves what the next one goes on with.
//! * **No path but yours.** Commits and hashes are hexadecimal digits, names those that you ask for; nothing else that
//!   a server sends becomes part of a path.
//! * **Bounded.** Connecting, the first byte and silence in between have limits, and so has trying again: after 429,
//!   5xx, and answers that were cut or stalled only; what may have made a commit is not sent again. Large files go on
//!   where they stopped. [`HubBuilder::on_retry`] is told why it waits.
//! * **Discreet.** The token goes to the endpoint (scheme, host and port) and is shown nowhere. Nothing is read from
//!   the environment (but where certificates are, below), no proxy is guessed: [`HubBuilder::proxy`] names one,
//!   [`HubBuilder::no_proxy`] who is asked without it.
//! * **Blocking,** and at home in asynchronous programs too: requests run on threads of their own, so that calls may be
//!   made inside a tokio runtime (they block its thread, as all work does).
//!
//! Certificates are checked by what the system trusts (on Linux `SSL_CERT_FILE` and `SSL_CERT_DIR` can say otherwise,
//! which is the doing of `rustls-native-certs`). TLS by `ring` is the only part that needs a C compiler.
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
pub use progress::{Progress, Retry};
pub use push::{Commit, Pushed, PushedFile, Transfer};
pub use repo::Repo;

// The crate whose types appear in this crate's signatures.
pub use m2v_core as core;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
