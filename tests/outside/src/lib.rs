//! One extension for each layer of m2v, written as a crate of somebody else would be: with the public API alone.
//!
//! | layer | trait | here |
//! |---|---|---|
//! | m2v-core | `Source`, `Sink` | [`Archive`]: all files of a model in one |
//! | m2v-tokenize | `Tokenizer` | [`WithoutUrls`]: drops what looks like a URL |
//! | m2v-infer | `Encoder` | [`Centred`]: takes the mean of a sample out of every vector |
//! | m2v-infer | `Head` | [`Centroids`]: the class whose examples' mean is nearest |
//! | m2v-quant | `Transform` | [`Clip`]: cuts values that stand out, before int8 |
//! | m2v-onnx | `Lower` | [`Centroids`] again |
#![forbid(unsafe_code)]

mod archive;
mod centred;
mod centroids;
mod clip;
mod without_urls;

pub use archive::{Archive, Packing};
pub use centred::Centred;
pub use centroids::Centroids;
pub use clip::Clip;
pub use without_urls::WithoutUrls;
