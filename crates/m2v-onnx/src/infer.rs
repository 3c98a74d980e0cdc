//! What operators make of their inputs: element types and shapes, as far as they are known before a graph runs.
//!
//! The rules are those of opset 18. An input that no runtime would take is an error here, named by what the operator
//! expects.

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

    /// Inputs of one numeric type that broadcast.
    fn arithmetic(&self, most: usize) -> Result<Type> {
        let what = "numbers of one type, in shapes that broadcast";
        let (Some(first), true) = (self.inputs.first(), self.inputs.len() <= most) else {
            return expected("other inputs");
        };
        if most == 2 && self.inputs.len() != 2 {
            return expected("two inputs");
        }
        let element = first.is.element;
        if element == ElementType::Bool || self.inputs.iter().any(|input| input.is.element != element) {
            return expected(what);
        }
        Ok(Type::new(element, self.broadcast(what)?))
    }

    fn broadcast(&self, what: &'static str) -> Result<Option<Vec<Axis>>> {
        let mut axes = Some(Vec::new());
        for input in self.inputs {
            axes =
                broadcast(axes.as_deref(), input.is.axes.as_deref()).map_err(|()| Refusal::Expected(what))?;
        }
        Ok(axes)
    }

    fn comparison(&self) -> Result<Type> {
        let what = "two inputs of one type, in shapes that broadcast";
        let [one, two] = self.take(what)?;
        if one.element != two.element {
            return expected(what);
        }
        Ok(Type::new(ElementType::Bool, self.broadcast(what)?))
    }

    fn logic(&self, count: usize) -> Result<Type> {
        let what = "bools, in shapes that broadcast";
        let is_bool = self.inputs.iter().all(|input| input.is.element == ElementType::Bool);
        if self.inputs.len() != count || !is_bool {
            return expected(what);
        }
        Ok(Type::new(ElementType::Bool, self.broadcast(what)?))
    }

    fn choice(&self) -> Result<Type> {
        let what = "bools and two inputs of one type, in shapes that broadcast";
        let [condition, one, two] = self.take(what)?;
        if condition.element != ElementType::Bool || one.element != two.element {
            return expected(what);
        }
        Ok(Type::new(one.element, self.broadcast(what)?))
    }

    fn unary(&self, takes: impl Fn(ElementType) -> bool, what: &'static str) -> Result<Type> {
        let [input] = self.take(what)?;
        if !takes(input.element) {
            return expected(what);
        }
        Ok(input.clone())
    }

    fn softmax(&self) -> Result<Type> {
        let what = "one float input that has the `axis`";
        let input = self.unary(ElementType::is_float, what)?;
        let axis = self.int("axis").unwrap_or(-1);
        let has = input.axes.as_ref().is_none_or(|axes| index(axis, axes.len()).is_some());
        if has { Ok(input) } else { expected(what) }
    }

    fn cast(&self) -> Result<Type> {
        let [input] = self.take("one input")?;
        let to = self.int("to").and_then(ElementType::from_code);
        let to = to.ok_or(Refusal::Expected("the attribute `to`, an element type"))?;
        Ok(Type::new(to, input.axes.clone()))
    }

    fn mat_mul(&self) -> Result<Type> {
        let what = "two inputs of one float type, [.., n, k] and [.., k, m]";
        let [one, two] = self.take(what)?;
        if one.element != two.element || !one.element.is_float() {
            return expected(what);
        }
        let (Some(left), Some(right)) = (&one.axes, &two.axes) else {
            return Ok(Type::new(one.element, None));
        };
        // A vector gets an axis of length 1, which the result loses again.
        let (rows, inner) = match left.as_slice() {
            [] => return expected(what),
            [inner] => (None, inner),
            [.., rows, inner] => (Some(rows.clone()), inner),
        };
        let (other, columns) = match right.as_slice() {
            [] => return expected(what),
            [other] => (other, None),
            [.., other, columns] => (other, Some(columns.clone())),
        };
        if clash(inner, other) {
            return expected(what);
        }
        let outer = |axes: &[Axis]| axes[..axes.len().saturating_sub(2)].to_vec();
        let axes =
            broadcast(Some(&outer(left)), Some(&outer(right))).map_err(|()| Refusal::Expected(what))?;
        let axes = axes.map(|axes| axes.into_iter().chain(rows).chain(columns).collect::<Vec<_>>());
        Ok(Type::new(one.element, axes))
    }

    fn gemm(&self) -> Result<Type> {
        let what = "two or three inputs of one float type: [n, k], [k, m], and what broadcasts to [n, m]";
        let ([one, two] | [one, two, _]) = self.inputs else { return expected(what) };
        let element = one.is.element;
        if !element.is_float() || self.inputs.iter().any(|input| input.is.element != element) {
            return expected(what);
        }
        let matrix = |operand: &Operand<'_>, transposed: &str| match operand.is.axes.as_deref() {
            None => Ok([Axis::Unknown, Axis::Unknown]),
            Some([rows, columns]) if self.int(transposed).unwrap_or(0) == 0 => {
                Ok([rows.clone(), columns.clone()])
            }
            Some([rows, columns]) => Ok([columns.clone(), rows.clone()]),
            Some(_) => expected(what),
        };
        let ([rows, inner], [other, columns]) = (matrix(one, "transA")?, matrix(two, "transB")?);
        if clash(&inner, &other) {
            return expected(what);
        }
        let axes = vec![rows, columns];
        if let Some(Some(bias)) = self.inputs.get(2).map(|bias| &bias.is.axes) {
            let sum = broadcast(Some(&axes), Some(bias)).map_err(|()| Refusal::Expected(what))?;
            let grows =
                |sum: &[Axis]| sum.len() != 2 || sum.iter().zip(&axes).any(|(sum, axis)| clash(sum, axis));
            if sum.as_deref().is_some_and(grows) {
                return expected(what);
            }
        }
        Ok(Type::new(element, axes))
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

    fn reduce(&self, of_integers: bool) -> Result<Type> {
        let what = "numbers, and the axes, int64 [n], that the input has";
        let ([input] | [input, _]) = self.inputs else { return expected(what) };
        if !(input.is.element.is_float() || of_integers && input.is.element.is_index()) {
            return expected(what);
        }
        let keep = self.int("keepdims").unwrap_or(1) != 0;
        let Some(axes) = &input.is.axes else { return Ok(Type::new(input.is.element, None)) };
        let reduced = self.axes_at(1, axes.len(), what)?;
        let result = match reduced {
            None if keep => Some(vec![Axis::Unknown; axes.len()]),
            None => None,
            Some(reduced) => {
                let is_reduced = |i: usize| reduced.is_empty() || reduced.contains(&i);
                let axis = |(i, axis): (usize, &Axis)| match is_reduced(i) {
                    false => Some(axis.clone()),
                    true => keep.then_some(Axis::Length(1)),
                };
                Some(axes.iter().enumerate().filter_map(axis).collect())
            }
        };
        Ok(Type::new(input.is.element, result))
    }

    fn arg(&self) -> Result<Type> {
        let what = "numbers, and an `axis` they have";
        let [input] = self.take(what)?;
        let Some(mut axes) = input.axes.clone() else { return Ok(Type::new(ElementType::I64, None)) };
        let at =
            index(self.int("axis").unwrap_or(0), axes.len()).filter(|_| input.element != ElementType::Bool);
        let at = at.ok_or(Refusal::Expected(what))?;
        if self.int("keepdims").unwrap_or(1) != 0 {
            axes[at] = Axis::Length(1)
        } else {
            drop(axes.remove(at))
        }
        Ok(Type::new(ElementType::I64, axes))
    }

    fn unsqueeze(&self) -> Result<Type> {
        let what = "an input, and the new axes, int64 [n], all different";
        let [input, new] = self.inputs else { return expected(what) };
        let Some(old) = &input.is.axes else { return Ok(Type::new(input.is.element, None)) };
        let rank = old.len() + new.ints.map_or(0, <[i64]>::len);
        let Some(new) = self.axes_at(1, rank, what)? else { return Ok(Type::new(input.is.element, None)) };
        let mut old = old.iter().cloned();
        let axis = |i| if new.contains(&i) { Some(Axis::Length(1)) } else { old.next() };
        Ok(Type::new(input.is.element, (0..rank).filter_map(axis).collect::<Vec<_>>()))
    }

    fn squeeze(&self) -> Result<Type> {
        let what = "an input, and axes of length 1 that it has, int64 [n]";
        let [input, _] = self.inputs else { return expected(what) };
        let Some(old) = &input.is.axes else { return Ok(Type::new(input.is.element, None)) };
        let Some(gone) = self.axes_at(1, old.len(), what)? else {
            return Ok(Type::new(input.is.element, None));
        };
        if gone.iter().any(|&i| matches!(old[i], Axis::Length(length) if length != 1)) {
            return expected(what);
        }
        let kept = old.iter().enumerate().filter(|(i, _)| !gone.contains(i)).map(|(_, axis)| axis.clone());
        Ok(Type::new(input.is.element, kept.collect::<Vec<_>>()))
    }

    fn gather(&self) -> Result<Type> {
        let what = "data that has the `axis`, and indices, int32 or int64";
        let [data, indices] = self.take(what)?;
        if !indices.element.is_index() {
            return expected(what);
        }
        let (Some(axes), Some(indices)) = (&data.axes, &indices.axes) else {
            return Ok(Type::new(data.element, None));
        };
        let at = index(self.int("axis").unwrap_or(0), axes.len()).ok_or(Refusal::Expected(what))?;
        if let (Axis::Length(length), Some(ints)) = (&axes[at], self.inputs[1].ints)
            && ints.iter().any(|&i| index(i, *length).is_none())
        {
            return expected("indices that the axis has");
        }
        let axes = axes[..at].iter().chain(indices).chain(&axes[at + 1..]).cloned();
        Ok(Type::new(data.element, axes.collect::<Vec<_>>()))
    }

    fn concat(&self) -> Result<Type> {
        let what =
            "inputs of one type and rank, which has the `axis`, and of the same lengths along the others";
        let Some(first) = self.inputs.first() else { return expected(what) };
        let mut result = first.is.clone();
        let axis = self.int("axis").ok_or(Refusal::Expected("the attribute `axis`"))?;
        for input in &self.inputs[1..] {
            if input.is.element != result.element {
                return expected(what);
            }
            let (Some(axes), Some(more)) = (&mut result.axes, &input.is.axes) else {
                result.axes = None;
                continue;
            };
            let at = index(axis, axes.len()).filter(|_| axes.len() == more.len());
            let at = at.ok_or(Refusal::Expected(what))?;
            for (i, (axis, more)) in axes.iter_mut().zip(more).enumerate() {
                match (&*axis, more) {
                    (Axis::Length(one), Axis::Length(two)) if i == at => *axis = Axis::Length(one + two),
                    _ if i == at => *axis = Axis::Unknown,
                    (Axis::Length(one), Axis::Length(two)) if one != two => return expected(what),
                    (Axis::Length(_), _) => {}
                    _ => *axis = more.clone(),
                }
            }
        }
        let fits = result.axes.as_ref().is_none_or(|axes| index(axis, axes.len()).is_some());
        if fits { Ok(result) } else { expected(what) }
    }

    fn shape(&self) -> Result<Type> {
        let [input] = self.take("one input")?;
        let length = input.axes.as_ref().map(|axes| {
            let rank = axes.len() as i64;
            let at = |axis: i64| if axis < 0 { (axis + rank).max(0) } else { axis.min(rank) };
            let (start, end) = (at(self.int("start").unwrap_or(0)), at(self.int("end").unwrap_or(rank)));
            Axis::Length(usize::try_from(end - start).unwrap_or(0))
        });
        Ok(Type::new(ElementType::I64, vec![length.unwrap_or(Axis::Unknown)]))
    }

    fn range(&self) -> Result<Type> {
        let what = "start, end and step of one type of numbers, none of which has an axis";
        let [start, end, step] = self.take(what)?;
        let is_scalar = |input: &Type| input.axes.as_ref().is_none_or(Vec::is_empty);
        let same = start.element == end.element && end.element == step.element;
        if !same || start.element == ElementType::Bool || ![start, end, step].into_iter().all(is_scalar) {
            return expected(what);
        }
        Ok(Type::new(start.element, vec![Axis::Unknown]))
    }

    fn one_hot(&self) -> Result<Type> {
        let what = "indices, their number, one number or a vector of one, and two values [2]";
        let [indices, depth, values] = self.take(what)?;
        let one = |axes: &Vec<Axis>| axes.is_empty() || axes.len() == 1 && !clash(&axes[0], &Axis::Length(1));
        let two = |axes: &Vec<Axis>| axes.len() == 1 && !clash(&axes[0], &Axis::Length(2));
        let fits = indices.element.is_index()
            && depth.element.is_index()
            && depth.axes.as_ref().is_none_or(one)
            && values.axes.as_ref().is_none_or(two);
        if !fits {
            return expected(what);
        }
        let Some(mut axes) = indices.axes.clone() else { return Ok(Type::new(values.element, None)) };
        let at = index(self.int("axis").unwrap_or(-1), axes.len() + 1).ok_or(Refusal::Expected(what))?;
        axes.insert(at, Axis::Unknown);
        Ok(Type::new(values.element, axes))
    }

    fn cum_sum(&self) -> Result<Type> {
        let what = "numbers, and an axis, int32 or int64, without an axis of its own";
        let [input, axis] = self.take(what)?;
        let is_scalar = axis.axes.as_ref().is_none_or(Vec::is_empty);
        let is_number = input.element.is_float() || input.element.is_index();
        let axis_is = self.inputs[1].ints.and_then(|ints| ints.first());
        let has =
            |axes: &Vec<Axis>| axis_is.map_or(!axes.is_empty(), |&axis| index(axis, axes.len()).is_some());
        if !axis.element.is_index() || !is_scalar || !is_number || !input.axes.as_ref().is_none_or(has) {
            return expected(what);
        }
        Ok(input.clone())
    }

    fn non_zero(&self) -> Result<Type> {
        let [input] = self.take("one input")?;
        let rank = input.axes.as_ref().map_or(Axis::Unknown, |axes| Axis::Length(axes.len()));
        Ok(Type::new(ElementType::I64, vec![rank, Axis::Unknown]))
    }

    fn slice(&self) -> Result<Type> {
        let what = "data, starts, ends, axes that it has and perhaps steps, int64 [n]";
        let (Some(data), 4..=5) = (self.inputs.first(), self.inputs.len()) else { return expected(what) };
        if self.inputs[1..].iter().any(|input| !input.is.element.is_index()) {
            return expected(what);
        }
        let Some(axes) = &data.is.axes else { return Ok(Type::new(data.is.element, None)) };
        let sliced = self.axes_at(3, axes.len(), what)?;
        let is_sliced = |i: usize| sliced.as_ref().is_none_or(|sliced| sliced.contains(&i));
        let axis = |(i, axis): (usize, &Axis)| if is_sliced(i) { Axis::Unknown } else { axis.clone() };
        Ok(Type::new(data.is.element, axes.iter().enumerate().map(axis).collect::<Vec<_>>()))
    }

    fn reshape(&self) -> Result<Type> {
        let what = "data, and a shape, int64 [n], of as many elements, with at most one −1";
        let [data, shape] = self.inputs else { return expected(what) };
        let rank = vector(shape.is, what)?;
        let Some(ints) = shape.ints else {
            return Ok(Type::new(data.is.element, rank.map(|rank| vec![Axis::Unknown; rank])));
        };
        if ints.iter().filter(|&&n| n == -1).count() > 1 || ints.iter().any(|&n| n < -1) {
            return expected(what);
        }
        let mut axes = Vec::new();
        for (i, &n) in ints.iter().enumerate() {
            axes.push(match (n, &data.is.axes) {
                (0, Some(old)) => old.get(i).cloned().ok_or(Refusal::Expected(what))?,
                (0 | -1, _) => Axis::Unknown,
                _ => Axis::Length(n as usize),
            });
        }
        if let (Some(old), Some(new)) = (data.is.axes.as_deref().and_then(count), count(&axes))
            && old != new
        {
            return expected(what);
        }
        Ok(Type::new(data.is.element, axes))
    }

    fn expand(&self) -> Result<Type> {
        let what = "data, and a shape, int64 [n], that it broadcasts with";
        let [data, shape] = self.inputs else { return expected(what) };
        let rank = vector(shape.is, what)?;
        let to = match shape.ints {
            Some(ints) => Some(ints.iter().map(|&n| Axis::Length(n.max(0) as usize)).collect::<Vec<_>>()),
            None => rank.map(|rank| vec![Axis::Unknown; rank]),
        };
        let axes = broadcast(data.is.axes.as_deref(), to.as_deref());
        Ok(Type::new(data.is.element, axes.map_err(|()| Refusal::Expected(what))?))
    }

    fn transpose(&self) -> Result<Type> {
        let what = "data, and each of its axes once in `perm`";
        let [data] = self.take(what)?;
        let Some(axes) = &data.axes else { return Ok(data.clone()) };
        let order = self.attributes.iter().find_map(|(name, value)| match value {
            Attribute::Ints(order) if *name == "perm" => Some(order.clone()),
            _ => None,
        });
        let order = order.unwrap_or_else(|| (0..axes.len() as i64).rev().collect());
        let order: Vec<_> = order.iter().filter_map(|&axis| usize::try_from(axis).ok()).collect();
        if order.len() != axes.len() || (0..axes.len()).any(|axis| !order.contains(&axis)) {
            return expected(what);
        }
        Ok(Type::new(data.element, order.iter().map(|&axis| axes[axis].clone()).collect::<Vec<_>>()))
    }
}

/// The length of a vector of int64, if known.
fn vector(shape: &Type, what: &'static str) -> Result<Option<usize>> {
    match (shape.element, shape.axes.as_deref()) {
        (ElementType::I64, None) => Ok(None),
        (ElementType::I64, Some([Axis::Length(length)])) => Ok(Some(*length)),
        (ElementType::I64, Some([_])) => Ok(None),
        _ => expected(what),
    }
}

/// The number of elements, if all lengths are known.
fn count(axes: &[Axis]) -> Option<usize> {
    let length = |axis: &Axis| if let Axis::Length(length) = axis { Some(*length) } else { None };
    axes.iter().map(length).product()
}

/// An axis that may count from the end.
fn index(axis: i64, rank: usize) -> Option<usize> {
    let axis = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(axis).ok().filter(|&axis| axis < rank)
}

/// Whether two axes are known to be of different lengths.
fn clash(one: &Axis, two: &Axis) -> bool {
    matches!((one, two), (Axis::Length(one), Axis::Length(two)) if one != two)
}

/// Numpy's rule. `None` is of any rank, and so is what it broadcasts to.
fn broadcast(one: Option<&[Axis]>, two: Option<&[Axis]>) -> Result<Option<Vec<Axis>>, ()> {
    let (Some(one), Some(two)) = (one, two) else { return Ok(None) };
    let (long, short) = if one.len() >= two.len() { (one, two) } else { (two, one) };
    let mut axes = long.to_vec();
    for (axis, other) in axes.iter_mut().rev().zip(short.iter().rev()) {
        *axis = match (&*axis, other) {
            (one, two) if one == two => one.clone(),
            (Axis::Length(1), other) | (other, Axis::Length(1)) => other.clone(),
            (Axis::Length(_), Axis::Length(_)) => return Err(()),
            (Axis::Length(length), _) | (_, Axis::Length(length)) => Axis::Length(*length),
            _ => Axis::Unknown,
        };
    }
    Ok(Some(axes))
}
