//! The models that are measured, made of what the repository has, on first use.

mod bpe;
mod table;
mod unigram;

pub(crate) use table::Random;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use m2v_core::{Checkpoint, Config, Dir, DirSink, Dtype, EmbeddingTable, Sink};
use m2v_infer::tokenize;
use m2v_quant::{Cast, Int8, Transform};

use crate::corpus::Corpora;

/// The model that comes with the repository.
const SHIPPED: &str = "models/minilm-l6-64d";

/// Rows that the tokens of the vocabulary-quantised model share.
const SHARED_ROWS: usize = 4096;

/// What makes models; when it changes they are made again.
const MAKERS: [&str; 4] =
    [include_str!("mod.rs"), include_str!("table.rs"), include_str!("unigram.rs"), include_str!("bpe.rs")];

/// A model to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Model {
    /// The shipped tokenizer, random rows of 256 numbers, float16.
    F16x256,
    /// The same in float32.
    F32x256,
    /// The same in int8, without the scales of the rows: both sides read it, and sum integers.
    Int8x256,
    /// The same with the scales of the rows as weights: what `m2v quantize` writes.
    Int8Rows256,
    /// The shipped model in float32.
    F32x64,
    /// The shipped tokenizer, 4,096 random rows that the tokens share: mapping and weights.
    Shared256,
    /// A Unigram tokenizer of 250,000 pieces made of the corpora, random rows, float16.
    Unigram,
    /// The same with the normalizer of XLM-R, a table of what replaces clusters of characters.
    UnigramPrecompiled,
    /// A byte-level BPE tokenizer of 50,000 merges trained on the corpora, random rows, float16.
    Bpe,
}

impl Model {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F16x256 => "f16-256",
            Self::F32x256 => "f32-256",
            Self::Int8x256 => "int8-256",
            Self::Int8Rows256 => "int8-rows-256",
            Self::F32x64 => "f32-64",
            Self::Shared256 => "shared-f16-256",
            Self::Unigram => "unigram-250k",
            Self::UnigramPrecompiled => "unigram-precompiled-250k",
            Self::Bpe => "bpe-50k",
        }
    }
}

/// Makes models and keeps them.
pub(crate) struct Models {
    repository: PathBuf,
    folder: PathBuf,
    /// Tells what models are made of, but for the texts, from what they were made of before.
    fingerprint: u64,
}

impl Models {
    /// Models of the repository's files and of texts, in a folder below `work`.
    pub(crate) fn new(repository: &Path, work: &Path) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        MAKERS.hash(&mut hasher);
        for file in ["tokenizer.json", "model.safetensors", "config.json"] {
            let path = repository.join(SHIPPED).join(file);
            fs::read(&path).with_context(|| path.display().to_string())?.hash(&mut hasher);
        }
        Ok(Self { repository: repository.into(), folder: work.join("models"), fingerprint: hasher.finish() })
    }

    /// The folder of a model, which is made if it is not there.
    pub(crate) fn folder(&self, model: Model, corpora: &Corpora) -> Result<PathBuf> {
        let of_texts = matches!(model, Model::Unigram | Model::UnigramPrecompiled | Model::Bpe);
        let texts = if of_texts { corpora.fingerprint } else { 0 };
        let folder = self.folder.join(format!("{}-{:016x}", model.name(), self.fingerprint ^ texts));
        if !folder.exists() {
            crate::report::progress(&format!("making the model {}", model.name()));
            let mut sink = DirSink::create(&folder)?;
            self.make(model, corpora)?.save(&mut sink)?;
            sink.finish()?;
        }
        Ok(folder)
    }

    /// A model that was recorded for the tests.
    pub(crate) fn recorded(&self, name: &str) -> PathBuf {
        self.repository.join("tests/fixtures/models").join(name)
    }

    fn make(&self, model: Model, corpora: &Corpora) -> Result<Checkpoint> {
        let shipped = || Checkpoint::load(&Dir::open(self.repository.join(SHIPPED))?);
        let base = || -> Result<Checkpoint> {
            let tokenizer = shipped()?.tokenizer;
            with_table(tokenizer.to_vec(), |rows| table::random(rows, 256))
        };
        let transform = |transform: &dyn Transform, checkpoint: Checkpoint| {
            transform.apply(checkpoint, &mut m2v_quant::Context::default())
        };
        Ok(match model {
            Model::F16x256 => base()?,
            Model::F32x256 => transform(&Cast(Dtype::F32), base()?)?,
            Model::Int8Rows256 => transform(&Int8, base()?)?,
            Model::Int8x256 => {
                let mut checkpoint = transform(&Int8, base()?)?;
                checkpoint.table =
                    EmbeddingTable::try_new(checkpoint.table.embeddings().clone(), None, None)?;
                checkpoint
            }
            Model::F32x64 => transform(&Cast(Dtype::F32), shipped()?)?,
            Model::Shared256 => {
                let tokenizer = shipped()?.tokenizer;
                with_table(tokenizer.to_vec(), |tokens| table::shared(tokens, SHARED_ROWS, 256))?
            }
            Model::Unigram => {
                let tokenizer = unigram::make(corpora.all(), 250_000, &unigram::nfkc());
                with_table(tokenizer, |rows| table::random(rows, 256))?
            }
            Model::UnigramPrecompiled => {
                let recorded = self.recorded("unigram-precompiled").join("tokenizer.json");
                let recorded = fs::read(&recorded).with_context(|| recorded.display().to_string())?;
                let recorded: serde_json::Value = serde_json::from_slice(&recorded)?;
                let tokenizer = unigram::make(corpora.all(), 250_000, &recorded["normalizer"]);
                with_table(tokenizer, |rows| table::random(rows, 256))?
            }
            Model::Bpe => {
                let tokenizer = bpe::train(corpora.all(), 50_000)?;
                with_table(tokenizer, |rows| table::random(rows, 256))?
            }
        })
    }
}

/// A normalising model of a `tokenizer.json` and a table for its tokens.
fn with_table(
    tokenizer: Vec<u8>,
    table: impl FnOnce(usize) -> m2v_core::Result<EmbeddingTable>,
) -> Result<Checkpoint> {
    let tokens = tokenize::Vocabulary::from_json(&tokenizer)?.len();
    let mut config = Config::default();
    config.set_normalize(true);
    config.set_max_length(Some(512));
    Ok(Checkpoint::new(config, table(tokens)?, tokenizer))
}
