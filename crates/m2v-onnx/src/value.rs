//! What is known of the values of a graph before it runs.

use std::fmt;
use std::sync::Arc;

use m2v_core::Dtype;

/// The result of a node, an input or a constant of a [`GraphBuilder`](crate::GraphBuilder).
///
/// It belongs to the builder that gave it: every other one refuses it.
#[derive(Clone, Debug)]
pub struct Value {
    pub(crate) index: usize,
    /// The same allocation for all values of one builder.
    pub(crate) owner: Arc<()>,
}

/// The type of a value's elements; the numbers are those of `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElementType {
    /// 32-bit float.
    F32 = 1,
    /// 8-bit signed integer.
    I8 = 3,
    /// 32-bit signed integer.
    I32 = 6,
    /// 64-bit signed integer.
    I64 = 7,
    /// True or false.
    Bool = 9,
    /// 16-bit float.
    F16 = 10,
    /// 64-bit float.
    F64 = 11,
    /// The upper half of a 32-bit float.
    BF16 = 16,
}

impl ElementType {
    pub(crate) fn of(dtype: Dtype) -> Option<Self> {
        Some(match dtype {
            Dtype::F64 => Self::F64,
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
            Dtype::BF16 => Self::BF16,
            Dtype::I64 => Self::I64,
            Dtype::I32 => Self::I32,
            Dtype::I8 => Self::I8,
            // `Dtype` grows only together with this list.
            _ => return None,
        })
    }

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        let all = [Self::F32, Self::I8, Self::I32, Self::I64, Self::Bool, Self::F16, Self::F64, Self::BF16];
        all.into_iter().find(|element| *element as i64 == code)
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::BF16)
    }

    pub(crate) fn is_index(self) -> bool {
        matches!(self, Self::I32 | Self::I64)
    }
}

/// Prints the name numpy uses: `float32`, `int64`, `bool`, …
impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "float32",
            Self::I8 => "int8",
            Self::I32 => "int32",
            Self::I64 => "int64",
            Self::Bool => "bool",
            Self::F16 => "float16",
            Self::F64 => "float64",
            Self::BF16 => "bfloat16",
        })
    }
}

/// One axis of a value, as far as it is known before the graph runs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Axis {
    /// A length.
    Length(usize),
    /// A length that inputs decide; equal names are equal lengths.
    Named(String),
    /// A length that nothing is known of.
    Unknown,
}

impl From<usize> for Axis {
    fn from(length: usize) -> Self {
        Self::Length(length)
    }
}

impl From<&str> for Axis {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

impl fmt::Display for Axis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => length.fmt(f),
            Self::Named(name) => name.fmt(f),
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// Element type and shape of a value. A shape of `None` may have any rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    pub(crate) element: ElementType,
    pub(crate) axes: Option<Vec<Axis>>,
}

impl Type {
    pub(crate) fn new(element: ElementType, axes: impl Into<Option<Vec<Axis>>>) -> Self {
        Self { element, axes: axes.into() }
    }

    /// Whether a value of this type may turn out to be of that one.
    pub(crate) fn may_be(&self, other: &Self) -> bool {
        let same_axis = |(one, two): (&Axis, &Axis)| match (one, two) {
            (Axis::Length(one), Axis::Length(two)) => one == two,
            _ => true,
        };
        let same_axes = match (&self.axes, &other.axes) {
            (Some(one), Some(two)) => one.len() == two.len() && one.iter().zip(two).all(same_axis),
            _ => true,
        };
        self.element == other.element && same_axes
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(axes) = &self.axes else { return write!(f, "{} [..]", self.element) };
        let axes: Vec<_> = axes.iter().map(ToString::to_string).collect();
        write!(f, "{} [{}]", self.element, axes.join(", "))
    }
}
