//! What is encoded with what, and how much faster than the peer it has to be.

use crate::corpus::Corpus::{self, Messy, Prose, Udhr};
use crate::engine::Mode::{self, Calls256, OneCall, OneText, OwnScratch};
use crate::models::Model;

/// A case of throughput.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) model: Model,
    pub(crate) corpus: Corpus,
    /// Only texts of up to so many bytes.
    pub(crate) longest: usize,
    pub(crate) modes: &'static [Mode],
    /// How many times the peer's texts per second it has to be, and what is hoped for.
    pub(crate) floor: Option<(f64, f64)>,
}

/// All cases.
pub(crate) const CASES: [Case; 19] = [
    case("wordpiece-prose-f16-256", Model::F16x256, Prose, Some((4.5, 7.0))),
    case("wordpiece-prose-f32-256", Model::F32x256, Prose, Some((4.5, 7.0))),
    case("wordpiece-prose-int8-256", Model::Int8x256, Prose, Some((6.5, 10.0))),
    case("wordpiece-prose-int8-rows-256", Model::Int8Rows256, Prose, None),
    case("wordpiece-prose-f32-64", Model::F32x64, Prose, Some((4.5, 7.0))),
    case("wordpiece-messy-f16-256", Model::F16x256, Messy, Some((3.0, 5.0))),
    case("wordpiece-messy-int8-256", Model::Int8x256, Messy, Some((3.8, 6.5))),
    case("wordpiece-messy-f32-64", Model::F32x64, Messy, Some((2.4, 4.0))),
    case("wordpiece-udhr-f16-256", Model::F16x256, Udhr, Some((2.4, 4.0))),
    case("wordpiece-udhr-int8-256", Model::Int8x256, Udhr, Some((3.3, 5.0))),
    case("wordpiece-udhr-f32-64", Model::F32x64, Udhr, Some((2.1, 4.0))),
    case("unigram-prose", Model::Unigram, Prose, Some((7.0, 13.0))),
    case("unigram-udhr", Model::Unigram, Udhr, Some((4.0, 8.0))),
    case("unigram-precompiled-prose", Model::UnigramPrecompiled, Prose, Some((7.0, 13.0))),
    case("unigram-precompiled-udhr", Model::UnigramPrecompiled, Udhr, Some((4.0, 8.0))),
    case("bpe-prose", Model::Bpe, Prose, Some((8.0, 25.0))),
    case("bpe-udhr", Model::Bpe, Udhr, Some((6.0, 15.0))),
    Case {
        longest: 60,
        modes: &[OneText, OwnScratch],
        ..case("short-f16-256", Model::F16x256, Prose, Some((4.0, 7.0)))
    },
    case("shared-prose-f16-256", Model::Shared256, Prose, Some((4.0, 7.0))),
];

const fn case(name: &'static str, model: Model, corpus: Corpus, floor: Option<(f64, f64)>) -> Case {
    Case { name, model, corpus, longest: usize::MAX, modes: &[OneCall, Calls256], floor }
}
