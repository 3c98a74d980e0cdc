//! What was taken for what.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeSeq, Serializer};

/// How often what was taken for what. Classes are in the order of [`Report::classes`](crate::Report::classes).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Confusion {
    /// Of single-label classifiers.
    SingleLabel(ConfusionMatrix),
    /// Of multi-label classifiers: for each class the texts `[[without, wrongly said], [missed, rightly said]]`
    /// (`multilabel_confusion_matrix` of scikit-learn).
    MultiLabel(Vec<[[u64; 2]; 2]>),
}

/// `[classes, classes]`: row `i`, column `j` has the texts of class `i` that were said to be `j` (`confusion_matrix` of
/// scikit-learn). Serialised, it is a list of rows.
///
/// No more counts are kept than there are texts: labels of 100,000 texts that are all different take megabytes, not the
/// 80 GB of all pairs.
///
/// ```
/// use m2v_infer::{Confusion, Report};
///
/// let truth = ["cat", "dog", "dog"].map(Into::into);
/// let predicted = ["cat", "cat", "dog"].map(Into::into);
/// let Confusion::SingleLabel(matrix) = Report::new(&truth, &predicted)?.confusion else { unreachable!() };
/// assert_eq!((matrix.classes(), matrix.get(1, 0), matrix.get(0, 1)), (2, 1, 0));
/// # Ok::<(), m2v_infer::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfusionMatrix {
    classes: usize,
    /// By row and column; what is not there is 0.
    counts: BTreeMap<(usize, usize), u64>,
}

impl ConfusionMatrix {
    /// Counts pairs of what a text truly is and what it was said to be, both less than `classes`.
    pub(crate) fn count(classes: usize, pairs: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut counts = BTreeMap::new();
        pairs.for_each(|pair| *counts.entry(pair).or_default() += 1);
        Self { classes, counts }
    }

    /// The number of rows, and of columns.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The number of texts of class `truth` that were said to be `predicted`; 0 beyond the last class.
    #[must_use]
    pub fn get(&self, truth: usize, predicted: usize) -> u64 {
        self.counts.get(&(truth, predicted)).copied().unwrap_or(0)
    }
}

impl Serialize for ConfusionMatrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.classes))?;
        let mut row = vec![0; self.classes];
        let mut counts = self.counts.iter().peekable();
        for i in 0..self.classes {
            row.fill(0);
            while let Some(((_, column), count)) = counts.next_if(|((row, _), _)| *row == i) {
                row[*column] = *count;
            }
            rows.serialize_element(&row)?;
        }
        rows.end()
    }
}
