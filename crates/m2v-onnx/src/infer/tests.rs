//! Each operator by what the operators of opset 18 are specified to take and make.

use super::{Operand, Refusal, infer};
use crate::graph::Attribute;
use crate::value::{Axis, ElementType, Type};

/// A type as `f[2,n,?]`, or `f` with any shape. The letter is the type of the elements.
fn parse(text: &str) -> Type {
    let (letter, axes) = text.split_at(1);
    let element = match letter {
        "f" => ElementType::F32,
        "d" => ElementType::F64,
        "h" => ElementType::F16,
        "c" => ElementType::I8,
        "i" => ElementType::I32,
        "l" => ElementType::I64,
        "b" => ElementType::Bool,
        _ => panic!("{text}"),
    };
    let axis = |axis: &str| match axis.parse() {
        Ok(length) => Axis::Length(length),
        Err(_) if axis == "?" => Axis::Unknown,
        Err(_) => Axis::from(axis),
    };
    let axes = axes.strip_prefix('[').map(|axes| axes.trim_end_matches(']'));
    Type::new(element, axes.map(|axes| axes.split(',').filter(|axis| !axis.is_empty()).map(axis).collect()))
}

fn numbers(text: &str) -> Vec<i64> {
    text.split(',').map(|number| number.parse().unwrap()).collect()
}

/// What an operator makes of inputs, those that are constants with `=` and their elements, and of attributes,
/// `name:value`.
fn made(op: &str, inputs: &str, attributes: &str) -> Result<Type, Refusal> {
    let inputs = inputs.split_whitespace().map(|input| match input.split_once('=') {
        Some((is, ints)) => (parse(is), Some(numbers(ints))),
        None => (parse(input), None),
    });
    let inputs: Vec<_> = inputs.collect();
    let operands: Vec<_> = inputs.iter().map(|(is, ints)| Operand { is, ints: ints.as_deref() }).collect();
    let attribute = |attribute: &'static str| {
        let (name, value) = attribute.split_once(':').unwrap();
        let value = match name {
            _ if value.contains('.') => Attribute::Float(value.parse().unwrap()),
            "perm" => Attribute::Ints(numbers(value)),
            _ => Attribute::Int(value.parse().unwrap()),
        };
        (name, value)
    };
    let attributes: Vec<_> = attributes.to_owned().leak().split_whitespace().map(attribute).collect();
    infer(op, &operands, &attributes)
}

/// Cases of an operator: inputs, attributes, and what it makes; nothing of what it refuses.
#[track_caller]
fn check(op: &str, cases: &[(&str, &str, &str)]) {
    for (inputs, attributes, expected) in cases {
        let made = made(op, inputs, attributes);
        match (&made, *expected) {
            (Err(Refusal::Expected(_)), "") => {}
            (Ok(made), expected) if !expected.is_empty() => {
                assert_eq!(*made, parse(expected), "{op} of {inputs} with `{attributes}`");
            }
            _ => panic!("{op} of {inputs} with `{attributes}`: {made:?}, not `{expected}`"),
        }
    }
}

#[test]
fn element_by_element() {
    check(
        "Add",
        &[
            ("f[2,1] f[3]", "", "f[2,3]"),
            ("l[n] l[n]", "", "l[n]"),
            ("f[n,4] f[?,4]", "", "f[?,4]"),
            ("f[1] f[n]", "", "f[n]"),
            ("f[n,2] f", "", "f"),
            ("f[2] f[3]", "", ""),
            ("f[2] l[2]", "", ""),
            ("b[2] b[2]", "", ""),
            ("f[2]", "", ""),
            ("f[2] f[2] f[2]", "", ""),
            ("f[2] f[2]", "axis:0", ""),
        ],
    );
    check(
        "Max",
        &[("f[2] f[1] f[3,1]", "", "f[3,2]"), ("f[2]", "", "f[2]"), ("", "", ""), ("b[2] b[2]", "", "")],
    );
    check(
        "Less",
        &[("f[2] f[1]", "", "b[2]"), ("f[2] d[2]", "", ""), ("f[2]", "", ""), ("f[2] f[3]", "", "")],
    );
    check("And", &[("b[2] b[]", "", "b[2]"), ("b[2] f[2]", "", ""), ("b[2]", "", ""), ("b[2] b[3]", "", "")]);
    check("Not", &[("b[2]", "", "b[2]"), ("b[2] b[2]", "", ""), ("l[2]", "", "")]);
    check(
        "Where",
        &[
            ("b[2,1] f[3] f[]", "", "f[2,3]"),
            ("f[2] f[2] f[2]", "", ""),
            ("b[2] f[2] d[2]", "", ""),
            ("b[2] f[3] f[2]", "", ""),
            ("b[2] f[2]", "", ""),
        ],
    );
    check("Relu", &[("h[n,2]", "", "h[n,2]"), ("l[2]", "", ""), ("f[2] f[2]", "", "")]);
    check("Neg", &[("i[2]", "", "i[2]"), ("b[2]", "", "")]);
    check("Identity", &[("b[2]", "", "b[2]"), ("", "", "")]);
    check("LeakyRelu", &[("f[2]", "alpha:0.1", "f[2]"), ("f[2]", "alpha:1", ""), ("f[2]", "gamma:0.1", "")]);
    check(
        "Softmax",
        &[
            ("f[n,3]", "", "f[n,3]"),
            ("f[n,3]", "axis:-2", "f[n,3]"),
            ("f", "axis:5", "f"),
            ("f[n,3]", "axis:2", ""),
            ("f[n,3]", "axis:-3", ""),
            ("f[]", "", ""),
            ("l[n,3]", "", ""),
            ("f[n,3]", "axis:0 axis:0", ""),
            ("f[n,3]", "axis:0.5", ""),
        ],
    );
    check(
        "Cast",
        &[("b[n]", "to:1", "f[n]"), ("b[n]", "", ""), ("b[n]", "to:8", ""), ("b[n] b[n]", "to:1", "")],
    );
}

#[test]
fn products() {
    check(
        "MatMul",
        &[
            ("f[2,3] f[3,4]", "", "f[2,4]"),
            ("f[3] f[3,4]", "", "f[4]"),
            ("f[2,3] f[3]", "", "f[2]"),
            ("f[3] f[3]", "", "f[]"),
            ("f[5,2,3] f[3,4]", "", "f[5,2,4]"),
            ("f[3] f[5,3,4]", "", "f[5,4]"),
            ("f[5,1,2,3] f[6,3,4]", "", "f[5,6,2,4]"),
            ("f[n,k] f[3,4]", "", "f[n,4]"),
            ("f f[3,4]", "", "f"),
            ("f[2,3] f[4,5]", "", ""),
            ("f[5,2,3] f[4,3,4]", "", ""),
            ("f[] f[3,4]", "", ""),
            ("f[2,3] f[]", "", ""),
            ("f[2,3] d[3,4]", "", ""),
            ("l[2,3] l[3,4]", "", ""),
            ("f[2,3]", "", ""),
        ],
    );
    check(
        "Gemm",
        &[
            ("f[2,3] f[3,4]", "", "f[2,4]"),
            ("f[3,2] f[3,4]", "transA:1", "f[2,4]"),
            ("f[2,3] f[4,3]", "transB:1", "f[2,4]"),
            ("f[2,3] f[3,4]", "transA:0 alpha:2.0", "f[2,4]"),
            ("f[2,3] f[3,4] f[4]", "", "f[2,4]"),
            ("f[2,3] f[3,4] f[2,1]", "", "f[2,4]"),
            ("f[2,3] f[3,4] f[]", "", "f[2,4]"),
            ("f[2,3] f[3,4] f", "", "f[2,4]"),
            ("f f[3,4]", "", "f[?,4]"),
            ("f[2,3] f[4,3]", "", ""),
            ("f[2,3] f[3,4]", "transA:1", ""),
            ("f[2,3] f[3,4] f[3]", "", ""),
            ("f[2,3] f[3,4] f[1,2,4]", "", ""),
            ("f[1,3] f[3,4] f[2,4]", "", ""),
            ("f[5,2,3] f[3,4]", "", ""),
            ("f[3] f[3,4]", "", ""),
            ("f[2,3] d[3,4]", "", ""),
            ("f[2,3] f[3,4] d[4]", "", ""),
            ("l[2,3] l[3,4]", "", ""),
            ("f[2,3]", "", ""),
        ],
    );
}

#[test]
fn along_axes() {
    check(
        "ReduceSum",
        &[
            ("f[2,3] l[1]=0", "", "f[1,3]"),
            ("f[2,3] l[1]=-1", "keepdims:0", "f[2]"),
            ("f[2,3]", "", "f[1,1]"),
            ("f[2,3]", "keepdims:0", "f[]"),
            ("l[2,3] l[1]", "", "l[?,?]"),
            ("f[2,3] l[1]", "keepdims:0", "f"),
            ("f l[1]=0", "", "f"),
            ("f[2,3] l[1]=2", "", ""),
            ("f[2,3] l[1]=-3", "", ""),
            ("f[2,3] l[2]=0,0", "", ""),
            ("f[2,3] l[2]=1,-1", "", ""),
            ("f[2,3] l[1,1]=0", "", ""),
            ("f[2,3] l[]=0", "", ""),
            ("f[2,3] f[1]", "", ""),
            ("f[2,3] i[1]=0", "", ""),
            ("b[2,3] l[1]=0", "", ""),
            ("f[2,3] l[1]=0", "axis:0", ""),
            ("f[2,3] l[1]=0 l[1]=0", "", ""),
        ],
    );
    check("ReduceMean", &[("h[2] l[1]=0", "", "h[1]"), ("l[2] l[1]=0", "", "")]);
    check(
        "ArgMax",
        &[
            ("f[2,3]", "", "l[1,3]"),
            ("i[2,3]", "axis:-1 keepdims:0", "l[2]"),
            ("f", "axis:7", "l"),
            ("f[2,3]", "axis:2", ""),
            ("f[]", "", ""),
            ("b[2,3]", "", ""),
            ("f[2] f[2]", "", ""),
        ],
    );
    check(
        "CumSum",
        &[
            ("i[2,3] l[]=-1", "", "i[2,3]"),
            ("f[2,3] i[]=1", "exclusive:1", "f[2,3]"),
            ("f[2,3] l", "", "f[2,3]"),
            ("f l[]=7", "", "f"),
            ("f[2,3] l[]=2", "", ""),
            ("f[2,3] l[1]=0", "", ""),
            ("f[2,3] f[]", "", ""),
            ("b[2,3] l[]=0", "", ""),
            ("f[] l[]", "", ""),
            ("f[2,3]", "", ""),
        ],
    );
}

#[test]
fn elements_that_are_picked_joined_or_made() {
    check(
        "Gather",
        &[
            ("f[5,4] i[n,t]", "", "f[n,t,4]"),
            ("f[5,4] l[]=-4", "axis:1", "f[5]"),
            ("f[5,4] l[2]=4,-5", "", "f[2,4]"),
            ("f[n,4] l[1]=9", "", "f[1,4]"),
            ("f[5,4] l", "", "f"),
            ("f[5,4] l[1]=5", "", ""),
            ("f[5,4] l[1]=-6", "", ""),
            ("f[5,4] f[1]", "", ""),
            ("f[5,4] l[1]", "axis:2", ""),
            ("f[] l[1]", "", ""),
            ("f[5,4]", "", ""),
        ],
    );
    check(
        "Slice",
        &[
            ("f[2,3] l[1]=0 l[1]=1 l[1]=-1", "", "f[2,?]"),
            ("f[2,3] l[1]=0 l[1]=1 l[1]=0 l[1]=1", "", "f[?,3]"),
            ("f[2,3] l[1] l[1] l[1]", "", "f[?,?]"),
            ("f l[1]=0 l[1]=1 l[1]=0", "", "f"),
            ("f[2,3] l[1]=0 l[1]=1", "", ""),
            ("f[2,3] l[1]=0 l[1]=1 l[1]=2", "", ""),
            ("f[2,3] f[1] l[1]=1 l[1]=0", "", ""),
            ("f[2,3] l[1]=0 l[1]=1 l[1]=0 f[1]", "", ""),
        ],
    );
    check(
        "Concat",
        &[
            ("f[2,3] f[2,4]", "axis:1", "f[2,7]"),
            ("f[n,3] f[m,3] f[2,3]", "axis:0", "f[?,3]"),
            ("f[n,3] f[4,3]", "axis:-1", "f[4,6]"),
            ("f[2] f", "axis:0", "f"),
            ("f[2]", "axis:0", "f[2]"),
            ("f[2,3] f[2,4]", "", ""),
            ("f[2,3] f[3,4]", "axis:1", ""),
            ("f[2,3] f[3]", "axis:0", ""),
            ("f[2,3] d[2,3]", "axis:0", ""),
            ("f[2,3] f[2,3]", "axis:2", ""),
            ("f[2]", "axis:1", ""),
            ("", "axis:0", ""),
        ],
    );
    check("NonZero", &[("b[n,3]", "", "l[2,?]"), ("f", "", "l[?,?]"), ("f[2] f[2]", "", "")]);
    check(
        "Range",
        &[
            ("l[] l[] l[]", "", "l[?]"),
            ("f[] f f[]", "", "f[?]"),
            ("l[] i[] l[]", "", ""),
            ("l[] l[] i[]", "", ""),
            ("b[] b[] b[]", "", ""),
            ("l[1] l[] l[]", "", ""),
            ("l[] l[] l[1]", "", ""),
            ("l[] l[]", "", ""),
        ],
    );
    check(
        "OneHot",
        &[
            ("l[n] l[] f[2]", "", "f[n,?]"),
            ("i[n] i[1] h[2]", "axis:0", "h[?,n]"),
            ("l l[] f[2]", "", "f"),
            ("l[n] l[?] f", "", "f[n,?]"),
            ("f[n] l[] f[2]", "", ""),
            ("l[n] f[] f[2]", "", ""),
            ("l[n] l[2] f[2]", "", ""),
            ("l[n] l[1,1] f[2]", "", ""),
            ("l[n] l[] f[3]", "", ""),
            ("l[n] l[] f[]", "", ""),
            ("l[n] l[] f[2]", "axis:2", ""),
            ("l[n] l[]", "", ""),
        ],
    );
}

#[test]
fn other_axes_for_the_same_elements() {
    check(
        "Unsqueeze",
        &[
            ("f[2,3] l[1]=0", "", "f[1,2,3]"),
            ("f[2,3] l[2]=-1,0", "", "f[1,2,3,1]"),
            ("f l[1]=0", "", "f"),
            ("f[2,3] l[1]", "", "f"),
            ("f[2,3] l[1]=3", "", ""),
            ("f[2,3] l[2]=0,0", "", ""),
            ("f[2,3] f[1]", "", ""),
            ("f[2,3]", "", ""),
        ],
    );
    check(
        "Squeeze",
        &[
            ("f[1,3,1] l[1]=0", "", "f[3,1]"),
            ("f[1,3,1] l[2]=0,-1", "", "f[3]"),
            ("f[n,3] l[1]=0", "", "f[3]"),
            ("f[1,3] l[1]", "", "f"),
            ("f[1,3] l[1]=1", "", ""),
            ("f[1,3] l[1]=2", "", ""),
            ("f[1,3] f[1]", "", ""),
        ],
    );
    check(
        "Reshape",
        &[
            ("f[2,3] l[2]=3,2", "", "f[3,2]"),
            ("f[2,3] l[2]=0,-1", "", "f[2,?]"),
            ("f[n,3] l[2]=0,3", "", "f[n,3]"),
            ("f[2,3] l[2]", "", "f[?,?]"),
            ("f[2,3] l", "", "f"),
            ("f l[2]=0,3", "", "f[?,3]"),
            ("f[2,3] l[2]=-1,-1", "", ""),
            ("f[2,3] l[2]=-2,3", "", ""),
            ("f[2,3] l[2]=4,2", "", ""),
            ("f[2] l[2]=2,0", "", ""),
            ("f[2,3] i[2]", "", ""),
            ("f[2,3] l[1,2]", "", ""),
            ("f[2,3]", "", ""),
        ],
    );
    check(
        "Expand",
        &[
            ("f[2,1] l[3]=4,1,3", "", "f[4,2,3]"),
            ("f[n,1] l[2]=1,3", "", "f[n,3]"),
            ("f[2] l[1]", "", "f[2]"),
            ("f[2] l[2]=3,3", "", ""),
            ("f[2] f[1]", "", ""),
            ("f[2]", "", ""),
        ],
    );
    check(
        "Transpose",
        &[
            ("f[n,3,4]", "", "f[4,3,n]"),
            ("f[n,3,4]", "perm:0,2,1", "f[n,4,3]"),
            ("f", "perm:0,2,1", "f"),
            ("f[n,3]", "perm:0", ""),
            ("f[n,3]", "perm:0,0", ""),
            ("f[n,3]", "perm:0,2", ""),
            ("f[n,3]", "perm:0,1,2", ""),
            ("f[n,3] f[2]", "", ""),
        ],
    );
    check(
        "Shape",
        &[
            ("f[n,3,4]", "", "l[3]"),
            ("f[n,3,4]", "start:1", "l[2]"),
            ("f[n,3,4]", "start:-1", "l[1]"),
            ("f[n,3,4]", "end:-1", "l[2]"),
            ("f[n,3,4]", "start:2 end:1", "l[0]"),
            ("f[n,3,4]", "start:-9 end:9", "l[3]"),
            ("f", "", "l[?]"),
            ("f[2] f[2]", "", ""),
        ],
    );
    assert_eq!(made("Frobnicate", "f[2]", ""), Err(Refusal::Unknown));
}
