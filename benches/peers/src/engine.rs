//! The two sides behind one interface, so that they are given the same work.

use std::hint::black_box;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use m2v_core::ndarray::{Array2, Axis, Slice};
use m2v_core::{Dir, Source};
use m2v_infer::{Encoder, EncoderExt, Scratch};

/// How texts are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// All texts in one call, a fresh output.
    OneCall,
    /// 256 texts a call; ours into a reused buffer, the peer, which has no such call, through `encode_flat`.
    Calls256,
    /// One text a call; ours into a reused buffer, the peer through `encode_single`.
    OneText,
    /// One text a call; ours with a scratch of the caller's, where [`Mode::OneText`] borrows the model's each time.
    OwnScratch,
}

/// Texts of one call in [`Mode::Calls256`].
pub(crate) const CALL: usize = 256;

impl Mode {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneCall => "one-call",
            Self::Calls256 => "256-texts",
            Self::OneText => "one-text",
            Self::OwnScratch => "own-scratch",
        }
    }
}

/// One side: a loaded model and its calls.
pub(crate) trait Engine: Sized {
    fn load(folder: &Path) -> Result<Self>;

    /// Embeds all texts and throws the embeddings away.
    fn pass(&mut self, texts: &[String], mode: Mode) -> Result<()>;

    /// The embeddings, row after row.
    fn embed(&mut self, texts: &[String]) -> Result<Vec<f32>>;
}

/// m2v.
pub(crate) struct Ours {
    pub(crate) model: m2v_infer::StaticModel,
    /// The reused output of up to [`CALL`] texts.
    buffer: Array2<f32>,
    /// That of one text.
    one: Array2<f32>,
    /// What [`Mode::OwnScratch`] brings.
    scratch: Scratch,
}

impl Ours {
    /// The same with all of a text counting.
    pub(crate) fn unlimited(&self) -> Self {
        let options = self.model.options().with_max_length(None);
        Self::new(self.model.with_options(options))
    }

    fn load_from(source: &Dir) -> Result<Self> {
        let model =
            m2v_infer::StaticModel::load(source).with_context(|| format!("m2v: {}", source.locate("")))?;
        Ok(Self::new(model))
    }

    fn new(model: m2v_infer::StaticModel) -> Self {
        let output = |texts: usize| Array2::zeros((texts, model.table().dim()));
        let (buffer, one) = (output(CALL), output(1));
        Self { model, buffer, one, scratch: Scratch::default() }
    }

    /// Whether texts are tokenised by m2v itself, not by the `tokenizers` crate.
    pub(crate) fn is_native(&self) -> bool {
        !self.model.tokenizer().implementation().contains("tokenizers")
    }
}

impl Engine for Ours {
    fn load(folder: &Path) -> Result<Self> {
        Self::load_from(&Dir::open(folder)?)
    }

    fn pass(&mut self, texts: &[String], mode: Mode) -> Result<()> {
        match mode {
            Mode::OneCall => {
                black_box(self.model.encode(texts)?);
            }
            Mode::Calls256 => {
                for texts in texts.chunks(CALL) {
                    let rows = self.buffer.slice_axis_mut(Axis(0), Slice::from(..texts.len()));
                    self.model.encode_into(texts, rows)?;
                    black_box(&self.buffer);
                }
            }
            Mode::OneText => {
                for text in texts {
                    self.model.encode_into(&[text], self.one.view_mut())?;
                    black_box(&self.one);
                }
            }
            Mode::OwnScratch => {
                for text in texts {
                    self.model.encode_block(&[text], &mut self.scratch, self.one.view_mut())?;
                    black_box(&self.one);
                }
            }
        }
        Ok(())
    }

    fn embed(&mut self, texts: &[String]) -> Result<Vec<f32>> {
        Ok(self.model.encode(texts)?.into_raw_vec_and_offset().0)
    }
}

/// m2v with the table mapped into memory, not read.
pub(crate) struct Mapped(Ours);

impl Engine for Mapped {
    fn load(folder: &Path) -> Result<Self> {
        #[expect(unsafe_code, reason = "memory maps are unsafe by nature")]
        // SAFETY: nobody changes the models of a benchmark while it runs.
        let source = unsafe { Dir::open_mapped(folder)? };
        Ok(Self(Ours::load_from(&source)?))
    }

    fn pass(&mut self, texts: &[String], mode: Mode) -> Result<()> {
        self.0.pass(texts, mode)
    }

    fn embed(&mut self, texts: &[String]) -> Result<Vec<f32>> {
        self.0.embed(texts)
    }
}

/// model2vec-rs.
pub(crate) struct Peer(model2vec_rs::model::StaticModel);

impl Engine for Peer {
    fn load(folder: &Path) -> Result<Self> {
        let model = model2vec_rs::model::StaticModel::from_pretrained(folder, None, None, None);
        Ok(Self(model.map_err(|error| anyhow!("model2vec-rs: {}: {error:#}", folder.display()))?))
    }

    fn pass(&mut self, texts: &[String], mode: Mode) -> Result<()> {
        match mode {
            Mode::OneCall => drop(black_box(self.0.encode_flat(texts))),
            Mode::Calls256 => texts.chunks(CALL).for_each(|texts| drop(black_box(self.0.encode_flat(texts)))),
            Mode::OneText | Mode::OwnScratch => {
                texts.iter().for_each(|text| drop(black_box(self.0.encode_single(text))))
            }
        }
        Ok(())
    }

    fn embed(&mut self, texts: &[String]) -> Result<Vec<f32>> {
        Ok(self.0.encode_flat(texts))
    }
}
