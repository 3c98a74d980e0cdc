//! What operators make of their inputs: element types and shapes, as far as they are known before a graph runs.
//!
//! The rules are those of opset 18. An input that no runtime would take is an error here, named by what the operator
//! expects.

mod axes;
mod elementwise;
mod product;
mod reduce;
mod select;
mod shape;
#[cfg(test)]
mod tests;

use axes::{broadcast, index};

use crate::graph::Attribute;
use crate::value::{Axis, ElementType, Type};

/// What is known of an input.
pub(crate) struct Operand<'a> {
    pub(crate) is: &'a Type,
    /// The elements of a constant int64, a vector or a single one.
    pub(crate) ints: Option<&'a [i64]>,
}

/// Why there is no result.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no rule for the operator.
    Unknown,
    /// What the operator expects of its inputs and attributes.
    Expected(&'static str),
}

type Result<T, E = Refusal> = std::result::Result<T, E>;

const fn expected<T>(what: &'static str) -> Result<T> {
    Err(Refusal::Expected(what))
}

/// The result of an operator.
pub(crate) fn infer(op: &str, inputs: &[Operand<'_>], attributes: &[(&str, Attribute)]) -> Result<Type> {
    let call = Call { inputs, attributes };
    let result = match op {
        "Add" | "Sub" | "Mul" | "Div" | "Pow" => call.arithmetic(2),
        "Max" | "Min" => call.arithmetic(usize::MAX),
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" => call.comparison(),
        "And" | "Or" | "Xor" => call.logic(2),
        "Not" => call.logic(1),
        "Where" => call.choice(),
        "Softmax" | "LogSoftmax" => call.softmax(),
        "Relu" | "Sigmoid" | "Tanh" | "Exp" | "Log" | "Sqrt" | "Erf" | "Softplus" | "Elu" | "Selu"
        | "LeakyRelu" | "HardSigmoid" | "HardSwish" | "Reciprocal" | "Sin" | "Cos" | "Floor" | "Ceil"
        | "Round" => call.unary(|element| element.is_float(), "one float input"),
        "Abs" | "Neg" | "Sign" => call.unary(|element| element != ElementType::Bool, "one input of numbers"),
        "Identity" => call.unary(|_| true, "one input"),
        "Cast" => call.cast(),
        "MatMul" => call.mat_mul(),
        "Gemm" => call.gemm(),
        "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" => call.reduce(true),
        // Of integers the schema has these too, runtimes do not.
        "ReduceMean" | "ReduceL1" | "ReduceL2" | "ReduceSumSquare" | "ReduceLogSumExp" => call.reduce(false),
        "ArgMax" | "ArgMin" => call.arg(),
        "Unsqueeze" => call.unsqueeze(),
        "Squeeze" => call.squeeze(),
        "Gather" => call.gather(),
        "Concat" => call.concat(),
        "Shape" => call.shape(),
        "Range" => call.range(),
        "OneHot" => call.one_hot(),
        "CumSum" => call.cum_sum(),
        "NonZero" => call.non_zero(),
        "Slice" => call.slice(),
        "Reshape" => call.reshape(),
        "Expand" => call.expand(),
        "Transpose" => call.transpose(),
        _ => Err(Refusal::Unknown),
    }?;
    if attributes_fit(op, attributes) {
        return Ok(result);
    }
    expected("attributes the operator has, each once, of their types")
}

/// Whether the attributes are those of the operator, each once, and of their types.
fn attributes_fit(op: &str, attributes: &[(&str, Attribute)]) -> bool {
    let names: &[&str] = match op {
        "Softmax" | "LogSoftmax" | "Gather" | "Concat" | "OneHot" => &["axis"],
        "Elu" | "LeakyRelu" => &["alpha"],
        "Selu" => &["alpha", "gamma"],
        "HardSigmoid" => &["alpha", "beta"],
        "Cast" => &["to"],
        "Gemm" => &["alpha", "beta", "transA", "transB"],
        "ArgMax" | "ArgMin" => &["axis", "keepdims", "select_last_index"],
        "Shape" => &["start", "end"],
        "CumSum" => &["exclusive", "reverse"],
        "Reshape" => &["allowzero"],
        "Transpose" => &["perm"],
        _ if op.starts_with("Reduce") => &["keepdims", "noop_with_empty_axes"],
        _ => &[],
    };
    let fits = |(i, (name, value)): (usize, &(&str, Attribute))| {
        let is_typed = match *name {
            "alpha" | "beta" | "gamma" => matches!(value, Attribute::Float(_)),
            "perm" => matches!(value, Attribute::Ints(_)),
            _ => matches!(value, Attribute::Int(_)),
        };
        names.contains(name) && is_typed && attributes[..i].iter().all(|(other, _)| other != name)
    };
    attributes.iter().enumerate().all(fits)
}

struct Call<'a> {
    inputs: &'a [Operand<'a>],
    attributes: &'a [(&'a str, Attribute)],
}

impl Call<'_> {
    fn int(&self, name: &str) -> Option<i64> {
        self.attributes.iter().find_map(|(key, value)| match value {
            Attribute::Int(value) if *key == name => Some(*value),
            _ => None,
        })
    }

    /// Exactly so many inputs.
    fn take<const N: usize>(&self, what: &'static str) -> Result<[&Type; N]> {
        let types: Vec<_> = self.inputs.iter().map(|input| input.is).collect();
        types.try_into().or(expected(what))
    }

    fn broadcast(&self, what: &'static str) -> Result<Option<Vec<Axis>>> {
        let mut axes = Some(Vec::new());
        for input in self.inputs {
            axes =
                broadcast(axes.as_deref(), input.is.axes.as_deref()).map_err(|()| Refusal::Expected(what))?;
        }
        Ok(axes)
    }

    /// Axes, in the constant at `input`, of a value of so many; `None` if they are not known.
    fn axes_at(&self, input: usize, rank: usize, what: &'static str) -> Result<Option<Vec<usize>>> {
        let Some(axes) = self.inputs.get(input) else { return Ok(Some(Vec::new())) };
        if axes.is.element != ElementType::I64 || axes.is.axes.as_ref().is_some_and(|axes| axes.len() != 1) {
            return expected(what);
        }
        let Some(ints) = axes.ints else { return Ok(None) };
        let axes = ints.iter().map(|&axis| index(axis, rank)).collect::<Option<Vec<_>>>();
        let axes = axes.ok_or(Refusal::Expected(what))?;
        if (1..axes.len()).any(|i| axes[..i].contains(&axes[i])) {
            return expected(what);
        }
        Ok(Some(axes))
    }
}
