//! How good predictions are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use m2v_core::Label;
use serde::Serialize;

use crate::confusion::{Confusion, ConfusionMatrix};
use crate::error::{Error, Result};
use crate::target::Target;

/// How good predictions are, for each class and over all: `classification_report` of scikit-learn, with what is
/// divided by zero being 0.
///
/// [`Display`](fmt::Display) prints the table of scikit-learn, with two digits; serialised, it has all of them.
///
/// ```
/// use m2v_infer::Report;
///
/// let truth = ["cat", "dog", "dog"].map(Into::into);
/// let predicted = ["cat", "cat", "dog"].map(Into::into);
/// let report = Report::new(&truth, &predicted)?;
/// assert_eq!(report.classes[0].scores.precision, 0.5);
/// assert_eq!(report.classes[1].scores.recall, 0.5);
/// assert!(report.to_string().contains("accuracy                           0.67         3"), "{report}");
/// # Ok::<(), m2v_infer::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Each class that some text truly has or was said to have, sorted.
    pub classes: Vec<ClassScores>,
    /// The share of texts whose labels are all right and complete.
    pub accuracy: f64,
    /// Of all labels of all texts together; for multi-label classifiers.
    #[serde(rename = "micro avg", skip_serializing_if = "Option::is_none")]
    pub micro: Option<Scores>,
    /// The mean over the classes.
    #[serde(rename = "macro avg")]
    pub macro_: Scores,
    /// The mean over the classes, each as often as texts truly have it.
    #[serde(rename = "weighted avg")]
    pub weighted: Scores,
    /// The mean over the texts; for multi-label classifiers.
    #[serde(rename = "samples avg", skip_serializing_if = "Option::is_none")]
    pub samples: Option<Scores>,
    /// How often what was taken for what.
    #[serde(rename = "confusion_matrix")]
    pub confusion: Confusion,
}

/// The scores of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ClassScores {
    /// The class.
    pub label: Label,
    /// Its scores.
    #[serde(flatten)]
    pub scores: Scores,
}

/// Precision, recall and what is made of them, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Scores {
    /// Of those that were said to be, the share that truly is.
    pub precision: f64,
    /// Of those that truly are, the share that was said to be.
    pub recall: f64,
    /// The harmonic mean of both.
    #[serde(rename = "f1-score")]
    pub f1: f64,
    /// The number of those that truly are.
    pub support: u64,
}

/// What was counted of a class, or of any set of labels.
#[derive(Clone, Copy, Default)]
struct Counts {
    /// Said and true.
    right: u64,
    said: u64,
    truly: u64,
}

impl Counts {
    fn scores(self) -> Scores {
        let share = |part: u64, of: u64| if of == 0 { 0.0 } else { part as f64 / of as f64 };
        Scores {
            precision: share(self.right, self.said),
            recall: share(self.right, self.truly),
            f1: share(2 * self.right, self.said + self.truly),
            support: self.truly,
        }
    }

    fn confusion(self, texts: u64) -> [[u64; 2]; 2] {
        let (wrongly, missed) = (self.said - self.right, self.truly - self.right);
        [[texts - self.right - wrongly - missed, wrongly], [missed, self.right]]
    }
}

impl Report {
    /// Compares what texts truly are with what was predicted, text by text: either all of them with one label, or
    /// all with lists.
    ///
    /// # Errors
    /// [`Error::Target`] if single labels and lists are mixed, [`Error::Data`] if the lengths differ,
    /// [`Error::NothingToEvaluate`] without texts.
    pub fn new(truth: &[Target], predicted: &[Target]) -> Result<Self> {
        let (expected, found) = (predicted.len(), truth.len());
        if expected != found {
            return Err(Error::Data(m2v_core::Error::Shape { what: "labels of the texts", expected, found }));
        }
        let first = predicted.first().ok_or(Error::NothingToEvaluate)?;
        let multi_label = matches!(first, Target::Labels(_));
        for targets in [truth, predicted] {
            check_kind(targets, multi_label)?;
        }
        let (truth, predicted) = (sets(truth), sets(predicted));
        let labels: BTreeSet<&Label> = truth.iter().chain(&predicted).flatten().copied().collect();
        let index: BTreeMap<&Label, usize> =
            labels.iter().enumerate().map(|(i, label)| (*label, i)).collect();

        let mut counts = vec![Counts::default(); labels.len()];
        let mut samples = Samples::default();
        for (truth, predicted) in truth.iter().zip(&predicted) {
            truth.iter().for_each(|label| counts[index[label]].truly += 1);
            predicted.iter().for_each(|label| counts[index[label]].said += 1);
            truth.intersection(predicted).for_each(|label| counts[index[label]].right += 1);
            samples.add(truth, predicted);
        }
        let confusion = if multi_label {
            let texts = truth.len() as u64;
            Confusion::MultiLabel(counts.iter().map(|counts| counts.confusion(texts)).collect())
        } else {
            let pairs = truth.iter().flatten().zip(predicted.iter().flatten());
            let pairs = pairs.map(|(truth, predicted)| (index[truth], index[predicted]));
            Confusion::SingleLabel(ConfusionMatrix::count(labels.len(), pairs))
        };
        let scores: Vec<Scores> = counts.iter().map(|counts| counts.scores()).collect();
        let support = scores.iter().map(|scores| scores.support).sum();
        let (samples, accuracy) = samples.mean(truth.len(), support);
        let classes = labels.into_iter().zip(&scores);
        Ok(Self {
            classes: classes.map(|(label, &scores)| ClassScores { label: label.clone(), scores }).collect(),
            accuracy,
            micro: multi_label.then(|| sum(&counts).scores()),
            macro_: average(&scores, |_| 1.0, support),
            weighted: average(&scores, |scores| scores.support as f64, support),
            samples: multi_label.then_some(samples),
            confusion,
        })
    }
}

fn sets(targets: &[Target]) -> Vec<BTreeSet<&Label>> {
    targets.iter().map(Target::set).collect()
}

fn check_kind(targets: &[Target], multi_label: bool) -> Result<()> {
    let wrong = |target: &Target| matches!(target, Target::Labels(_)) != multi_label;
    match targets.iter().position(wrong) {
        None => Ok(()),
        Some(text) => {
            let expected = if multi_label { "a list of labels" } else { "one label" };
            Err(Error::Target { text, expected, found: targets[text].describe() })
        }
    }
}

fn sum(counts: &[Counts]) -> Counts {
    counts.iter().fold(Counts::default(), |sum, counts| Counts {
        right: sum.right + counts.right,
        said: sum.said + counts.said,
        truly: sum.truly + counts.truly,
    })
}

/// The mean of scores with weights; zeros if all weights are zero.
fn average(scores: &[Scores], weight: impl Fn(&Scores) -> f64, support: u64) -> Scores {
    let total: f64 = scores.iter().map(&weight).sum();
    let mean = |part: fn(&Scores) -> f64| {
        if total == 0.0 {
            0.0
        } else {
            scores.iter().map(|scores| part(scores) * weight(scores)).sum::<f64>() / total
        }
    };
    Scores { precision: mean(|s| s.precision), recall: mean(|s| s.recall), f1: mean(|s| s.f1), support }
}

/// Sums over texts.
#[derive(Default)]
struct Samples {
    sum: Scores,
    exact: u64,
}

impl Samples {
    fn add(&mut self, truth: &BTreeSet<&Label>, predicted: &BTreeSet<&Label>) {
        let right = truth.intersection(predicted).count() as u64;
        let text = Counts { right, said: predicted.len() as u64, truly: truth.len() as u64 }.scores();
        self.sum.precision += text.precision;
        self.sum.recall += text.recall;
        self.sum.f1 += text.f1;
        self.exact += u64::from(truth == predicted);
    }

    /// The mean scores, and the share of texts that are exactly right.
    fn mean(&self, texts: usize, support: u64) -> (Scores, f64) {
        let texts = texts as f64;
        let Scores { precision, recall, f1, .. } = self.sum;
        let mean = Scores { precision: precision / texts, recall: recall / texts, f1: f1 / texts, support };
        (mean, self.exact as f64 / texts)
    }
}

/// The table of scikit-learn. Of multi-label classifiers, which may be right in part, it has no accuracy.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.classes.iter().map(|class| class.label.to_string()).collect();
        let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let width = longest.max("weighted avg".len());
        let row = |f: &mut fmt::Formatter<'_>, name: &str, scores: &Scores| {
            let Scores { precision, recall, f1, support } = scores;
            writeln!(f, "{name:>width$}  {precision:>9.2} {recall:>9.2} {f1:>9.2} {support:>9}")
        };
        let heads = ["precision", "recall", "f1-score", "support"].map(|head| format!(" {head:>9}"));
        writeln!(f, "{:>width$} {}\n", "", heads.concat())?;
        names.iter().zip(&self.classes).try_for_each(|(name, class)| row(f, name, &class.scores))?;
        writeln!(f)?;
        match &self.micro {
            Some(micro) => row(f, "micro avg", micro)?,
            None => {
                let (name, empty, accuracy, support) = ("accuracy", "", self.accuracy, self.macro_.support);
                writeln!(f, "{name:>width$}  {empty:>9} {empty:>9} {accuracy:>9.2} {support:>9}")?;
            }
        }
        row(f, "macro avg", &self.macro_)?;
        row(f, "weighted avg", &self.weighted)?;
        self.samples.iter().try_for_each(|samples| row(f, "samples avg", samples))
    }
}
