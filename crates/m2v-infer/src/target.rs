//! What texts truly are, to evaluate with.

use std::collections::BTreeSet;
use std::slice::from_ref;

use m2v_core::Label;
use serde::{Deserialize, Serialize};

/// What a text truly is: one label, or for a multi-label classifier any number of them.
///
/// ```
/// use m2v_infer::Target;
///
/// assert_eq!(Target::from("novel"), Target::Label("novel".into()));
/// assert_eq!(Target::from(vec![1i64, 2]), Target::Labels(vec![1.into(), 2.into()]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a string, a 64-bit integer, a boolean, or a list of such")]
pub enum Target {
    /// The label of a text.
    Label(Label),
    /// The labels of a text, in any order.
    Labels(Vec<Label>),
}

impl Target {
    /// The labels, one or any number.
    pub(crate) fn labels(&self) -> &[Label] {
        match self {
            Self::Label(label) => from_ref(label),
            Self::Labels(labels) => labels,
        }
    }

    /// The labels without repetition.
    pub(crate) fn set(&self) -> BTreeSet<&Label> {
        self.labels().iter().collect()
    }

    /// For messages: what JSON would have.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Label(label) => format!("the label `{label}`"),
            Self::Labels(labels) => format!("a list of {} labels", labels.len()),
        }
    }
}

macro_rules! from {
    ($($label:ty),*) => {$(
        impl From<$label> for Target {
            fn from(label: $label) -> Self {
                Self::Label(label.into())
            }
        }
    )*};
}

from! { Label, &Label, &str, String, &String, i8, i16, i32, i64, u8, u16, u32, bool }

impl<T: Into<Label>> From<Vec<T>> for Target {
    fn from(labels: Vec<T>) -> Self {
        Self::Labels(labels.into_iter().map(Into::into).collect())
    }
}

impl<T: Clone + Into<Label>> From<&[T]> for Target {
    fn from(labels: &[T]) -> Self {
        labels.to_vec().into()
    }
}

impl<T: Into<Label>, const N: usize> From<[T; N]> for Target {
    fn from(labels: [T; N]) -> Self {
        Self::Labels(labels.into_iter().map(Into::into).collect())
    }
}
