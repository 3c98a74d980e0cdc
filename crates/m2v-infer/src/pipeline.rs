//! An encoder with a head on top.

use std::fmt;
use std::mem;
use std::sync::Arc;

use m2v_core::{Checkpoint, Sink, Source};
use m2v_tokenize::Tokenizer;
use ndarray::{Array2, ArrayViewMut2};

use crate::encoder::{Encoder, EncoderExt};
use crate::error::{Error, Result};
use crate::head::{Head, Output, Task};
use crate::mlp::Mlp;
use crate::predictions::Predictions;
use crate::report::Report;
use crate::scratch::{Scratch, ScratchPool};
use crate::static_model::{EncodeOptions, StaticModel};
use crate::target::Target;

/// A classifier or regressor of texts: an encoder, and a head that makes scores of its embeddings
/// (`StaticModelPipeline` of the reference).
///
/// Texts go the way of [`EncoderExt::encode`], in blocks and in parallel, and each block goes through the head while
/// it is in cache. Cloning shares everything; all methods take `&self` and may run on any number of threads at once.
#[derive(Clone)]
pub struct Pipeline {
    encoder: Arc<dyn Encoder>,
    head: Arc<dyn Head>,
    /// The encoder, if it is one.
    model: Option<StaticModel>,
    /// What it was made of, to be saved.
    checkpoint: Option<Arc<Checkpoint>>,
}

impl Pipeline {
    /// Loads a pipeline from a folder, memory, or any other [`Source`]: `head.safetensors`, or with the feature
    /// `skops` what model2vec before 0.9 saved.
    ///
    /// # Errors
    /// [`Error::NoHead`] for a model without a head, otherwise as [`StaticModel::load`].
    pub fn load(source: &dyn Source) -> Result<Self> {
        let (checkpoint, tokenizer) = Checkpoint::load_with(source, |json| m2v_tokenize::from_json(json))?;
        if checkpoint.head.is_none() {
            return Err(Error::NoHead { location: source.locate("") });
        }
        Self::of_parts(checkpoint, tokenizer?)
    }

    /// Makes a pipeline of a checkpoint, which a transform may have changed since it was loaded. The table is not
    /// copied.
    ///
    /// # Errors
    /// As [`Pipeline::load`].
    pub fn from_checkpoint(checkpoint: Checkpoint) -> Result<Self> {
        let tokenizer = m2v_tokenize::from_json(&checkpoint.tokenizer)?;
        Self::of_parts(checkpoint, tokenizer)
    }

    fn of_parts(checkpoint: Checkpoint, tokenizer: Box<dyn Tokenizer>) -> Result<Self> {
        let Some(head) = &checkpoint.head else {
            return Err(Error::NoHead { location: "checkpoint".to_owned() });
        };
        let head = Mlp::new(head, checkpoint.table.dim())?;
        let options = EncodeOptions::from(&checkpoint.config);
        let encoder = StaticModel::from_parts(checkpoint.table.clone(), tokenizer, options)?;
        let (model, checkpoint) = (Some(encoder.clone()), Some(Arc::new(checkpoint)));
        Ok(Self { model, checkpoint, ..Self::new(encoder, head)? })
    }

    /// Puts any head on any encoder.
    ///
    /// # Errors
    /// [`Error::HeadInput`] if the head takes vectors of another length than the encoder gives.
    pub fn new(encoder: impl Encoder + 'static, head: impl Head + 'static) -> Result<Self> {
        match head.input_dim() {
            Some(input) if input != encoder.dim() => Err(Error::HeadInput { input, dim: encoder.dim() }),
            _ => Ok(Self { encoder: Arc::new(encoder), head: Arc::new(head), model: None, checkpoint: None }),
        }
    }

    /// Writes the pipeline as Python model2vec loads it: [`Checkpoint::save`]. Call [`Sink::finish`] afterwards.
    ///
    /// # Errors
    /// [`Error::NoCheckpoint`] if it was made of other things than a checkpoint, [`Error::Data`] if the sink fails.
    pub fn save(&self, sink: &mut dyn Sink) -> Result<()> {
        Ok(self.checkpoint.as_ref().ok_or(Error::NoCheckpoint)?.save(sink)?)
    }

    /// The encoder.
    #[must_use]
    pub fn encoder(&self) -> &dyn Encoder {
        &*self.encoder
    }

    /// The encoder, if the pipeline was loaded or made of a checkpoint: its options, tokenizer and table.
    #[must_use]
    pub fn static_model(&self) -> Option<&StaticModel> {
        self.model.as_ref()
    }

    /// The same head on another encoder, such as [`Pipeline::static_model`] with other options. As with
    /// [`Pipeline::new`], it cannot be saved, and its encoder is just an encoder.
    ///
    /// ```no_run
    /// # use m2v_infer::Pipeline;
    /// # fn f(pipeline: &Pipeline, model: &m2v_infer::StaticModel) -> Result<(), m2v_infer::Error> {
    /// let uncut = model.with_options(model.options().with_max_length(None));
    /// let predictions = pipeline.with_encoder(uncut)?.predict(&["a text that goes on and on"])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Pipeline::new`].
    pub fn with_encoder(&self, encoder: impl Encoder + 'static) -> Result<Self> {
        Self::new(encoder, Arc::clone(&self.head))
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> &dyn Head {
        &*self.head
    }

    /// What it tells of a text: the task, and the classes in the order of probabilities.
    #[must_use]
    pub fn output(&self) -> &Output {
        self.head.output()
    }

    /// Says of each text what it is: its class, its classes, or the values of a regression.
    ///
    /// ```no_run
    /// # use m2v_infer::{Pipeline, Prediction};
    /// # fn f(pipeline: &Pipeline) -> Result<(), m2v_infer::Error> {
    /// let predictions = pipeline.predict(&["a text", "another"])?.with_threshold(0.3);
    /// for prediction in &predictions {
    ///     match prediction {
    ///         Prediction::Label(label) => assert!(!label.to_string().is_empty()),
    ///         Prediction::Labels(labels) => assert!(labels.count() <= 5),
    ///         Prediction::Values(values) => assert_eq!(values.len(), 3),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoClasses`] of a classifier without classes, or whose classes have no labels; otherwise if a text
    /// cannot be encoded or scored: of several, [`Error::Text`] says which.
    pub fn predict<S: AsRef<str> + Sync>(&self, texts: &[S]) -> Result<Predictions> {
        self.predict_with_progress(texts, &|_| ())
    }

    /// As [`Pipeline::predict`]; `progress` is told, from any of the threads, how many texts are done.
    ///
    /// # Errors
    /// As [`Pipeline::predict`].
    pub fn predict_with_progress<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Predictions> {
        let output = self.output();
        if output.classes().is_none_or(<[_]>::is_empty) && output.task() != Task::Regression {
            return Err(Error::NoClasses);
        }
        let scores = self.scores(output.task() == Task::MultiLabel).encode_with_progress(texts, progress)?;
        Ok(Predictions::new(Arc::clone(&self.head), scores))
    }

    /// The probability of each class, `[texts.len(), classes]`, in the order of the head's classes.
    ///
    /// # Errors
    /// [`Error::Regression`]; otherwise if a text cannot be encoded or scored.
    pub fn predict_proba<S: AsRef<str> + Sync>(&self, texts: &[S]) -> Result<Array2<f32>> {
        self.predict_proba_with_progress(texts, &|_| ())
    }

    /// As [`Pipeline::predict_proba`]; `progress` is told, from any of the threads, how many texts are done.
    ///
    /// # Errors
    /// As [`Pipeline::predict_proba`].
    pub fn predict_proba_with_progress<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>> {
        if self.output().task() == Task::Regression {
            return Err(Error::Regression { call: "predict_proba" });
        }
        self.scores(true).encode_with_progress(texts, progress)
    }

    /// Compares predictions with what the texts truly are, `labels[i]` for `texts[i]`. For another threshold than
    /// 0.5, or progress, see [`Predictions::evaluate`].
    ///
    /// ```no_run
    /// # fn f(pipeline: &m2v_infer::Pipeline) -> Result<(), m2v_infer::Error> {
    /// let report = pipeline.evaluate(&["what a lovely day", "never again"], &["good", "bad"])?;
    /// assert!(report.accuracy > 0.9, "{report}");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Pipeline::predict`] and [`Predictions::evaluate`].
    pub fn evaluate<S: AsRef<str> + Sync, T: Clone + Into<Target>>(
        &self,
        texts: &[S],
        labels: &[T],
    ) -> Result<Report> {
        if self.output().task() == Task::Regression {
            return Err(Error::Regression { call: "evaluate" });
        }
        self.predict(texts)?.evaluate(labels)
    }

    fn scores(&self, probabilities: bool) -> ScoreEncoder<'_> {
        ScoreEncoder { pipeline: self, probabilities }
    }
}

/// A pipeline seen as an encoder of texts into scores, so that they take the same way.
struct ScoreEncoder<'a> {
    pipeline: &'a Pipeline,
    probabilities: bool,
}

impl Encoder for ScoreEncoder<'_> {
    fn dim(&self) -> usize {
        self.pipeline.output().width()
    }

    fn encode_block(
        &self,
        texts: &[&str],
        scratch: &mut Scratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<()> {
        let Pipeline { encoder, head, .. } = self.pipeline;
        let (rows, columns) = (texts.len(), encoder.dim());
        // The encoder takes the scratch as well: this part of it is out while that runs.
        let mut buffer = mem::take(&mut scratch.head.embeddings);
        let length = rows * columns;
        if buffer.len() < length {
            buffer.resize(length, 0.0);
        }
        let shape = |_| m2v_core::Error::Shape { what: "embeddings of a block", expected: length, found: 0 };
        let mut embeddings =
            ArrayViewMut2::from_shape((rows, columns), &mut buffer[..length]).map_err(shape)?;
        encoder.encode_block(texts, scratch, embeddings.view_mut())?;
        head.score_block(embeddings.view(), &mut scratch.head, out.view_mut())?;
        scratch.head.embeddings = buffer;
        check_finite(&out)?;
        if self.probabilities {
            head.to_probabilities(out.view_mut());
            check_finite(&out)?;
        }
        Ok(())
    }

    fn scratch_pool(&self) -> Option<&ScratchPool> {
        self.pipeline.encoder.scratch_pool()
    }
}

fn check_finite(scores: &ArrayViewMut2<'_, f32>) -> Result<()> {
    match scores.iter().find(|score| !score.is_finite()) {
        Some(&value) => Err(Error::NotFinite { value }),
        None => Ok(()),
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline")
            .field("dim", &self.encoder.dim())
            .field("output", self.output())
            .finish_non_exhaustive()
    }
}

const _: fn() = || {
    fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Pipeline>();
    is_send_and_sync::<Predictions>();
};
