//! What a classifier calls its classes.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a classifier calls one of its classes: what JSON says is what comes back.
///
/// Sorted as [`Report`s](https://docs.rs/m2v-infer) list them: integers as numbers, strings by code points.
///
/// ```
/// use m2v_core::Label;
///
/// let labels: Vec<Label> = m2v_core::serde_json::from_str(r#"[10, 9, "ten", true]"#)?;
/// assert_eq!(labels, [Label::from(10), Label::from(9), Label::from("ten"), Label::from(true)]);
/// assert!(labels[2] == "ten" && labels[0] != "10");
/// assert!(labels[1] < labels[0]);
/// # Ok::<(), m2v_core::serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a string, a 64-bit integer or a boolean")]
pub enum Label {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A string.
    Text(String),
}

impl Label {
    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The label a JSON value stands for; `None` for null, fractions, integers beyond 64 bits, lists and objects.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(value) => Some(Self::Boolean(*value)),
            Value::Number(value) => value.as_i64().map(Self::Integer),
            Value::String(value) => Some(Self::Text(value.clone())),
            _ => None,
        }
    }
}

/// Strings as they are, without quotes; the others as JSON writes them.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => f.pad(if *value { "true" } else { "false" }),
            Self::Integer(value) => f.pad(&value.to_string()),
            Self::Text(value) => f.pad(value),
        }
    }
}

impl From<bool> for Label {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

macro_rules! integer {
    ($($integer:ty),*) => {$(
        impl From<$integer> for Label {
            fn from(value: $integer) -> Self {
                Self::Integer(value.into())
            }
        }
    )*};
}

integer! { i8, i16, i32, i64, u8, u16, u32 }

impl From<&str> for Label {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Label {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&String> for Label {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&Label> for Label {
    fn from(value: &Label) -> Self {
        value.clone()
    }
}

/// Whether it is that string.
impl PartialEq<str> for Label {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

/// Whether it is that string.
impl PartialEq<&str> for Label {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}
