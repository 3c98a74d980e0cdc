//! Text to token ids, and nothing else: no tensors, no offsets, no attention masks.
//!
//! ```text
//!         m2v-cli          xtask          tests
//!            └───────┬───────┴──────────────┘
//!  m2v-infer   m2v-quant   m2v-onnx   m2v-hub
//!      └──────────┴─────┬─────┴──────────┘
//!       ▶ m2v-tokenize ◀   m2v-core
//! ```
//!
//! [`from_json`] makes a [`Tokenizer`] of any `tokenizer.json`: WordPiece, Unigram, BPE and WordLevel. The ids
//! are those of `encode(text, add_special_tokens=False)` in the `tokenizers` crate, with the truncation and
//! padding of the file switched off, as Python model2vec has it. [`Vocabulary`] reads the facts about a
//! `tokenizer.json` that models need (size, unknown token, median token length) without building a tokenizer,
//! [`TokenNames`] the token of each id, and [`Subset`] takes a part of its vocabulary, with which chosen texts have the
//! tokens they had.
//!
//! Most files run natively: chunks of text are looked up in a memo that each thread keeps in its [`Scratch`], and
//! tokenised step by step when they are met for the first time. What has no native code runs through the
//! `tokenizers` crate if the feature `hf` is on, as it is by default; [`Tokenizer::implementation`] says which.
//!
//! ```
//! let json = br#"{
//!     "pre_tokenizer": {"type": "Whitespace"},
//!     "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "hello": 1, "world": 2}}
//! }"#;
//! let tokenizer = m2v_tokenize::from_json(json)?;
//! assert_eq!(tokenizer.encode("hello big world")?, [1, 0, 2]);
//! assert_eq!(tokenizer.vocabulary().unk_id(), Some(0));
//! # Ok::<(), m2v_tokenize::Error>(())
//! ```
#![deny(unsafe_code)]

mod arena;
mod column;
mod dictionary;
mod error;
#[cfg(feature = "hf")]
mod hf;
mod json;
mod key;
mod native;
mod prefetch;
mod scratch;
mod short_strings;
mod strings;
mod subset;
mod token;
mod token_names;
mod tokenizer;
mod vocabulary;

pub use error::{Error, Result};
pub use scratch::{Owner, Scratch};
pub use subset::{Part, Subset};
pub use token_names::TokenNames;
pub use tokenizer::{Tokenizer, from_json};
pub use vocabulary::{Family, SpecialToken, Vocabulary};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
