//! The trait of what stands on an encoder in a pipeline.

use std::sync::Arc;

use m2v_core::Label;
use ndarray::{ArrayView2, ArrayViewMut2};

use crate::error::Result;
use crate::scratch::HeadScratch;

/// What a head tells of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Task {
    /// One class of several: the one with the largest score, of equal ones the first.
    SingleLabel,
    /// Any number of classes: those with a probability over a threshold.
    MultiLabel,
    /// Numbers: the scores as they are.
    Regression,
}

/// What a [`Head`] gives: the task, the number of scores of a text, and what the classes are called.
///
/// Cloning shares the classes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    task: Task,
    width: usize,
    classes: Option<Arc<[Label]>>,
}

impl Output {
    /// A classifier with a score for each class.
    #[must_use]
    pub fn classifier(task: Task, classes: impl Into<Arc<[Label]>>) -> Self {
        let classes = classes.into();
        Self { task, width: classes.len(), classes: Some(classes) }
    }

    /// `width` numbers whose meaning is not said: a regression, or a classifier whose classes have no labels.
    #[must_use]
    pub fn unnamed(task: Task, width: usize) -> Self {
        Self { task, width, classes: None }
    }

    /// What the head tells of a text.
    #[must_use]
    pub fn task(&self) -> Task {
        self.task
    }

    /// The number of scores of a text.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// What the classes are called, in the order of the scores.
    #[must_use]
    pub fn classes(&self) -> Option<&[Label]> {
        self.classes.as_deref()
    }
}

/// Turns embeddings into scores. **The extension point of pipelines.**
///
/// Implement it for a classifier of another kind; [`Pipeline::new`](crate::Pipeline::new) puts it on any encoder.
/// The heads that come with models are [`Mlp`](crate::Mlp); as data they are [`m2v_core::MlpHead`].
///
/// ```
/// use m2v_infer::core::Label;
/// use m2v_infer::ndarray::{ArrayView2, ArrayViewMut2, Zip};
/// use m2v_infer::{Error, Head, HeadScratch, Output, Task};
///
/// /// Whether the first coordinate is positive.
/// struct Sign(Output);
///
/// impl Head for Sign {
///     fn output(&self) -> &Output {
///         &self.0
///     }
///
///     fn score_block(
///         &self,
///         embeddings: ArrayView2<'_, f32>,
///         _: &mut HeadScratch,
///         mut out: ArrayViewMut2<'_, f32>,
///     ) -> Result<(), Error> {
///         Zip::from(out.rows_mut()).and(embeddings.rows()).for_each(|mut scores, embedding| {
///             scores[0] = f32::from(embedding[0] <= 0.0);
///             scores[1] = 1.0 - scores[0];
///         });
///         Ok(())
///     }
/// }
///
/// let classes: Vec<Label> = vec![false.into(), true.into()];
/// let sign = Sign(Output::classifier(Task::SingleLabel, classes));
/// assert_eq!(sign.output().width(), 2);
/// ```
pub trait Head: Send + Sync {
    /// What it gives. Always the same.
    fn output(&self) -> &Output;

    /// Scores a block of texts: from embeddings, `[texts, dim]`, to `out`, `[texts, width]`.
    ///
    /// A prediction of [`Task::SingleLabel`] is made of these scores, all others of what
    /// [`Head::to_probabilities`] makes of them. A [`Pipeline`](crate::Pipeline) refuses scores that are NaN or
    /// infinite.
    ///
    /// # Errors
    /// If the embeddings cannot be scored; `out` is then unspecified.
    fn score_block(
        &self,
        embeddings: ArrayView2<'_, f32>,
        scratch: &mut HeadScratch,
        out: ArrayViewMut2<'_, f32>,
    ) -> Result<()>;

    /// Turns the scores of texts, `[texts, width]`, into probabilities. Without an implementation they are
    /// that already; those of a regression stay what they are.
    fn to_probabilities(&self, scores: ArrayViewMut2<'_, f32>) {
        let _ = scores;
    }

    /// The length of the embeddings it takes, if it does not take any.
    fn input_dim(&self) -> Option<usize> {
        None
    }
}

macro_rules! shared {
    ($($shared:ty),*) => {$(
        /// One that is chosen at run time, or shared, goes wherever any may.
        impl<T: Head + ?Sized> Head for $shared {
            fn output(&self) -> &Output {
                (**self).output()
            }

            fn score_block(
                &self,
                embeddings: ArrayView2<'_, f32>,
                scratch: &mut HeadScratch,
                out: ArrayViewMut2<'_, f32>,
            ) -> Result<()> {
                (**self).score_block(embeddings, scratch, out)
            }

            fn to_probabilities(&self, scores: ArrayViewMut2<'_, f32>) {
                (**self).to_probabilities(scores);
            }

            fn input_dim(&self) -> Option<usize> {
                (**self).input_dim()
            }
        }
    )*};
}

shared! { &T, Box<T>, Arc<T> }
