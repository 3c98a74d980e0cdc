//! What a pipeline says about texts.

use std::fmt;
use std::iter::{Enumerate, FusedIterator};
use std::mem::discriminant;
use std::slice;
use std::sync::Arc;

use m2v_core::Label;
use ndarray::{Array2, ArrayView1, ArrayView2, CowArray, Ix2};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::error::{Error, Result};
use crate::head::{Head, Task};
use crate::report::Report;
use crate::target::Target;

/// The probability over which a multi-label classifier says a class.
const DEFAULT_THRESHOLD: f32 = 0.5;

/// What a pipeline says about texts: a [`Prediction`] for each. Only looked up when asked for, so that no text costs
/// an allocation.
#[derive(Clone)]
pub struct Predictions {
    head: Arc<dyn Head>,
    /// `[texts, width]`; of a multi-label classifier probabilities.
    scores: Array2<f32>,
    threshold: f32,
}

/// What a pipeline says about one text.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Prediction<'a> {
    /// The class, of a single-label classifier.
    Label(&'a Label),
    /// The classes, of a multi-label classifier.
    Labels(Labels<'a>),
    /// The values of a regression.
    Values(ArrayView1<'a, f32>),
}

/// The classes of one text, in the order of the head's. An iterator.
#[derive(Clone)]
pub struct Labels<'a> {
    classes: Enumerate<slice::Iter<'a, Label>>,
    probabilities: ArrayView1<'a, f32>,
    threshold: f32,
}

impl Predictions {
    pub(crate) fn new(head: Arc<dyn Head>, scores: Array2<f32>) -> Self {
        Self { head, scores, threshold: DEFAULT_THRESHOLD }
    }

    /// With another threshold: a multi-label classifier says the classes with a probability greater than it.
    /// 0.5 without. Nothing else depends on it.
    #[must_use]
    pub fn with_threshold(self, threshold: f32) -> Self {
        Self { threshold, ..self }
    }

    /// The number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scores.nrows()
    }

    /// Whether there were no texts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The prediction of text `i`; `None` if there are no more than `i`.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<Prediction<'_>> {
        if i >= self.len() {
            return None;
        }
        let scores = self.scores.row(i);
        let output = self.head.output();
        // A pipeline makes predictions only of classifiers with classes.
        let classes = output.classes().unwrap_or_default();
        match output.task() {
            Task::SingleLabel => classes.get(first_largest(&scores)).map(Prediction::Label),
            Task::MultiLabel => {
                let classes = classes.iter().enumerate();
                Some(Prediction::Labels(Labels { classes, probabilities: scores, threshold: self.threshold }))
            }
            Task::Regression => Some(Prediction::Values(scores)),
        }
    }

    /// The predictions, text by text.
    #[must_use]
    pub fn iter(&self) -> PredictionIter<'_> {
        PredictionIter { predictions: self, next: 0 }
    }

    /// The probability of each class, `[texts, classes]`, in the order of the head's classes.
    ///
    /// # Errors
    /// [`Error::Regression`].
    pub fn probabilities(&self) -> Result<CowArray<'_, f32, Ix2>> {
        match self.head.output().task() {
            Task::Regression => Err(Error::Regression { call: "predict_proba" }),
            Task::MultiLabel => Ok(self.scores.view().into()),
            Task::SingleLabel => {
                let mut scores = self.scores.clone();
                self.head.to_probabilities(scores.view_mut());
                Ok(scores.into())
            }
        }
    }

    /// The values of a regression, `[texts, width]`; `None` of a classifier.
    #[must_use]
    pub fn values(&self) -> Option<ArrayView2<'_, f32>> {
        (self.head.output().task() == Task::Regression).then(|| self.scores.view())
    }

    /// Compares the predictions with what the texts truly are, `targets[i]` for text `i`.
    ///
    /// # Errors
    /// [`Error::Regression`]; [`Error::Target`] for a list under a single-label classifier, a single label under a
    /// multi-label one, or a label of a type that no class has (`1` where classes are strings: it would never be
    /// right); [`Error::Data`] if there are more or fewer targets than texts; [`Error::NothingToEvaluate`].
    pub fn evaluate<T: Clone + Into<Target>>(&self, targets: &[T]) -> Result<Report> {
        let (found, expected) = (targets.len(), self.len());
        if found != expected {
            return Err(Error::Data(m2v_core::Error::Shape { what: "labels of the texts", expected, found }));
        }
        let predicted = self.iter().map(|prediction| prediction.to_target()).collect::<Result<Vec<_>>>()?;
        let targets: Vec<Target> = targets.iter().map(|target| target.clone().into()).collect();
        let report = Report::new(&targets, &predicted)?;
        self.check_types(&targets)?;
        Ok(report)
    }

    fn check_types(&self, targets: &[Target]) -> Result<()> {
        let classes = self.head.output().classes().unwrap_or_default();
        let is_other =
            |label: &Label| !classes.iter().any(|class| discriminant(class) == discriminant(label));
        for (text, target) in targets.iter().enumerate() {
            if let Some(label) = target.labels().iter().find(|label| is_other(label)) {
                let expected = match classes.first() {
                    Some(Label::Boolean(_)) => "a boolean, as the classes are",
                    Some(Label::Integer(_)) => "a whole number, as the classes are",
                    _ => "a string, as the classes are",
                };
                let found = match label {
                    Label::Boolean(value) => format!("the boolean {value}"),
                    Label::Integer(value) => format!("the number {value}"),
                    Label::Text(value) => format!("the string `{value}`"),
                };
                return Err(Error::Target { text, expected, found });
            }
        }
        Ok(())
    }
}

impl<'a> IntoIterator for &'a Predictions {
    type Item = Prediction<'a>;
    type IntoIter = PredictionIter<'a>;

    fn into_iter(self) -> PredictionIter<'a> {
        PredictionIter { predictions: self, next: 0 }
    }
}

/// An iterator over [`Predictions`].
#[derive(Clone, Debug)]
pub struct PredictionIter<'a> {
    predictions: &'a Predictions,
    next: usize,
}

impl<'a> Iterator for PredictionIter<'a> {
    type Item = Prediction<'a>;

    fn next(&mut self) -> Option<Prediction<'a>> {
        let prediction = self.predictions.get(self.next)?;
        self.next += 1;
        Some(prediction)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.predictions.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for PredictionIter<'_> {}
impl FusedIterator for PredictionIter<'_> {}

impl Prediction<'_> {
    /// What it says, to be kept and compared: the label or the labels.
    ///
    /// # Errors
    /// [`Error::Regression`] of values.
    pub fn to_target(&self) -> Result<Target> {
        match self {
            Self::Label(label) => Ok(Target::Label((*label).clone())),
            Self::Labels(labels) => Ok(Target::Labels(labels.clone().cloned().collect())),
            Self::Values(_) => Err(Error::Regression { call: "evaluate" }),
        }
    }
}

/// `{"label": …}`, `{"labels": […]}` or `{"values": […]}`.
impl Serialize for Prediction<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Label(label) => map.serialize_entry("label", label)?,
            Self::Labels(labels) => map.serialize_entry("labels", &labels.clone().collect::<Vec<_>>())?,
            Self::Values(values) => map.serialize_entry("values", &values.to_vec())?,
        }
        map.end()
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a Label;

    fn next(&mut self) -> Option<&'a Label> {
        let Self { classes, probabilities, threshold } = self;
        classes.find(|(i, _)| probabilities.get(*i).is_some_and(|p| p > threshold)).map(|(_, label)| label)
    }
}

impl FusedIterator for Labels<'_> {}

/// The same labels in the same order.
impl PartialEq for Labels<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.clone().eq(other.clone())
    }
}

impl fmt::Debug for Labels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

impl fmt::Debug for Predictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// The index of the largest score, of equal ones the first.
fn first_largest(scores: &ArrayView1<'_, f32>) -> usize {
    let largest =
        |best: (usize, f32), (i, &score): (usize, &f32)| if score > best.1 { (i, score) } else { best };
    scores.iter().enumerate().fold((0, f32::NEG_INFINITY), largest).0
}
