//! A graph under construction.

use std::sync::Arc;

use m2v_core::{Buffer, Dtype, Tensor};

use crate::choice::Branch;
use crate::error::{Error, Result};
use crate::infer::{Operand, Refusal, infer};
use crate::pieces::{Piece, Pieces};
use crate::value::{Axis, ElementType, Type, Value};

/// An attribute of a node.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Attribute {
    /// A number.
    Float(f32),
    /// A whole number.
    Int(i64),
    /// A list of whole numbers.
    Ints(Vec<i64>),
    /// A text.
    Text(String),
}

/// Builds an ONNX graph (opset 18), node by node. Tensors are kept as shared bytes and streamed when the graph is
/// written.
///
/// What no runtime would take is an error when it is added: a value of another graph, a name that is taken, operands
/// of the wrong types, or of shapes that cannot fit as far as they are known. Names of nodes follow from the order of
/// calls: the same calls give the same bytes.
///
/// A head gets a builder in [`Lower::lower`](crate::Lower::lower).
#[derive(Debug, Default)]
pub struct GraphBuilder {
    pub(crate) values: Vec<Known>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) outputs: Vec<(usize, Type)>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) constants: Vec<(usize, Pieces)>,
    pub(crate) notes: Vec<(String, String)>,
    numbered: usize,
    owner: Arc<()>,
}

/// A value of the graph.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) is: Type,
    ints: Option<Vec<i64>>,
    is_produced: bool,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) op: String,
    pub(crate) inputs: Vec<usize>,
    pub(crate) output: usize,
    pub(crate) attributes: Vec<(String, Attribute)>,
    pub(crate) branches: Vec<Branch>,
}

impl GraphBuilder {
    /// Adds a node with one output.
    ///
    /// `op` is an operator of the default domain, opset 18; `inputs` are its inputs in order.
    ///
    /// # Errors
    /// [`Error::ForeignValue`] for a value of another builder, [`Error::Operands`] for inputs or attributes the
    /// operator does not take, [`Error::Operator`] if this builder does not know what the operator gives
    /// ([`node_as`](Self::node_as) takes any).
    pub fn node(&mut self, op: &str, inputs: &[Value], attributes: &[(&str, Attribute)]) -> Result<Value> {
        let indices = self.indices(op, inputs)?;
        let known: Vec<_> = indices.iter().map(|&index| &self.values[index]).collect();
        let operands: Vec<_> =
            known.iter().map(|known| Operand { is: &known.is, ints: known.ints.as_deref() }).collect();
        let is = infer(op, &operands, attributes).map_err(|refusal| match refusal {
            Refusal::Unknown => Error::Operator { op: op.to_owned() },
            Refusal::Expected(expected) => {
                let found = known.iter().map(|known| format!("{} {}", known.name, known.is));
                Error::Operands { op: op.to_owned(), expected, found: found.collect::<Vec<_>>().join(", ") }
            }
        })?;
        Ok(self.push(op, indices, attributes, is))
    }

    /// Adds a node with one output of a type the caller vouches for: for operators that [`node`](Self::node) does not
    /// know.
    ///
    /// # Errors
    /// [`Error::ForeignValue`] for a value of another builder.
    pub fn node_as(
        &mut self,
        op: &str,
        inputs: &[Value],
        attributes: &[(&str, Attribute)],
        element: ElementType,
        axes: &[Axis],
    ) -> Result<Value> {
        let indices = self.indices(op, inputs)?;
        Ok(self.push(op, indices, attributes, Type::new(element, axes.to_vec())))
    }

    /// Adds a constant tensor. Its bytes are shared, not copied.
    ///
    /// # Errors
    /// [`Error::Duplicate`] if the name is taken; those of this crate begin with `m2v.`.
    pub fn constant(&mut self, name: &str, tensor: &Tensor) -> Result<Value> {
        let bytes = Piece::Bytes(tensor.bytes().clone());
        let value = self.constant_pieces(name, tensor.dtype(), tensor.shape(), vec![bytes])?;
        self.values[value.index].ints = few_ints(tensor);
        Ok(value)
    }

    /// Adds a constant vector of int64, as `axes` and shapes are given.
    ///
    /// # Errors
    /// As [`constant`](Self::constant).
    pub fn constant_ints(&mut self, name: &str, values: &[i64]) -> Result<Value> {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let bytes = Piece::Bytes(bytes.into());
        let value = self.constant_pieces(name, Dtype::I64, &[values.len()], vec![bytes])?;
        self.values[value.index].ints = Some(values.to_vec());
        Ok(value)
    }

    /// Adds a constant int64 without axes.
    ///
    /// # Errors
    /// As [`constant`](Self::constant).
    pub fn constant_int(&mut self, name: &str, value: i64) -> Result<Value> {
        let bytes = Buffer::from(value.to_le_bytes().to_vec());
        let constant = self.constant_pieces(name, Dtype::I64, &[], vec![Piece::Bytes(bytes)])?;
        self.values[constant.index].ints = Some(vec![value]);
        Ok(constant)
    }

    /// Adds a constant f32 without axes.
    ///
    /// # Errors
    /// As [`constant`](Self::constant).
    pub fn constant_float(&mut self, name: &str, value: f32) -> Result<Value> {
        let bytes = Buffer::from(value.to_le_bytes().to_vec());
        self.constant_pieces(name, Dtype::F32, &[], vec![Piece::Bytes(bytes)])
    }

    /// Casts a value to f32; one that is f32 stays as it is.
    ///
    /// # Errors
    /// [`Error::ForeignValue`] for a value of another builder.
    pub fn to_f32(&mut self, value: Value) -> Result<Value> {
        if self.element(&value) == Some(ElementType::F32) {
            return Ok(value);
        }
        self.node("Cast", &[value], &[("to", Attribute::Int(ElementType::F32 as i64))])
    }

    /// The element type of a value; nothing of another builder's.
    #[must_use]
    pub fn element(&self, value: &Value) -> Option<ElementType> {
        self.known(value).map(|known| known.is.element)
    }

    /// The axes of a value, if their number is known; nothing of another builder's.
    #[must_use]
    pub fn axes(&self, value: &Value) -> Option<&[Axis]> {
        self.known(value)?.is.axes.as_deref()
    }

    /// Declares an input.
    pub(crate) fn input(&mut self, name: &str, element: ElementType, axes: &[Axis]) -> Result<Value> {
        self.check_name(name)?;
        let value = self.add(name.to_owned(), Type::new(element, axes.to_vec()));
        self.inputs.push(value.index);
        Ok(value)
    }

    /// Makes a value an output, f32, under its own name.
    pub(crate) fn output(&mut self, name: &str, value: &Value, axes: &[Axis]) -> Result<Value> {
        let declared = Type::new(ElementType::F32, axes.to_vec());
        let foreign = || Error::ForeignValue { op: format!("output `{name}`") };
        let known = self.known(value).ok_or_else(foreign)?;
        if !known.is.may_be(&declared) {
            let (expected, found) = (declared.to_string(), known.is.to_string());
            return Err(Error::Output { name: name.to_owned(), expected, found });
        }
        self.check_name(name)?;
        // A value has one name: constants, inputs and other outputs keep theirs.
        let is_output = self.outputs.iter().any(|(index, _)| *index == value.index);
        let value = match known.is_produced && !is_output {
            true => value.clone(),
            false => self.node("Identity", std::slice::from_ref(value), &[])?,
        };
        self.values[value.index].name = name.to_owned();
        self.outputs.push((value.index, declared));
        Ok(value)
    }

    /// Notes something about the model that no runtime needs.
    pub(crate) fn note(&mut self, key: &str, value: impl Into<String>) {
        self.notes.push((key.to_owned(), value.into()));
    }

    /// A vector of int64 that this crate's own nodes share.
    pub(crate) fn own_ints(&mut self, values: &[i64]) -> Result<Value> {
        let digits: Vec<_> = values.iter().map(ToString::to_string).collect();
        let name = format!("m2v.ints_{}", digits.join("_"));
        self.find(&name).map_or_else(|| self.constant_ints(&name, values), Ok)
    }

    /// An int64 without axes that this crate's own nodes share.
    pub(crate) fn own_int(&mut self, value: i64) -> Result<Value> {
        let name = format!("m2v.int_{value}");
        self.find(&name).map_or_else(|| self.constant_int(&name, value), Ok)
    }

    fn find(&self, name: &str) -> Option<Value> {
        let index = self.values.iter().position(|known| known.name == name)?;
        Some(Value { index, owner: Arc::clone(&self.owner) })
    }

    /// A constant whose bytes come in pieces.
    pub(crate) fn constant_pieces(
        &mut self,
        name: &str,
        dtype: Dtype,
        shape: &[usize],
        pieces: Vec<Piece>,
    ) -> Result<Value> {
        self.check_name(name)?;
        let unsupported = || Error::Operator { op: format!("a constant of {dtype}") };
        let element = ElementType::of(dtype).ok_or_else(unsupported)?;
        let axes: Vec<_> = shape.iter().map(|&length| Axis::Length(length)).collect();
        let value = self.add(name.to_owned(), Type::new(element, axes));
        self.constants.push((value.index, Pieces::of(pieces)));
        Ok(value)
    }

    fn push(&mut self, op: &str, inputs: Vec<usize>, attributes: &[(&str, Attribute)], is: Type) -> Value {
        let name = loop {
            self.numbered += 1;
            let name = format!("{}_{}", op.to_lowercase(), self.numbered);
            if self.check_name(&name).is_ok() {
                break name;
            }
        };
        let value = self.add(name, is);
        self.values[value.index].is_produced = true;
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let op = op.to_owned();
        self.nodes.push(Node { op, inputs, output: value.index, attributes, branches: Vec::new() });
        value
    }

    fn add(&mut self, name: String, is: Type) -> Value {
        self.values.push(Known { name, is, ints: None, is_produced: false });
        Value { index: self.values.len() - 1, owner: Arc::clone(&self.owner) }
    }

    fn known(&self, value: &Value) -> Option<&Known> {
        self.values.get(value.index).filter(|_| Arc::ptr_eq(&self.owner, &value.owner))
    }

    fn indices(&self, op: &str, values: &[Value]) -> Result<Vec<usize>> {
        let index = |value: &Value| self.known(value).map(|_| value.index);
        let indices = values.iter().map(index).collect::<Option<_>>();
        indices.ok_or_else(|| Error::ForeignValue { op: op.to_owned() })
    }

    fn check_name(&self, name: &str) -> Result<()> {
        if !name.is_empty() && self.values.iter().all(|known| known.name != name) {
            return Ok(());
        }
        Err(Error::Duplicate { name: name.to_owned() })
    }
}

/// The numbers of a small integer tensor, which may be indices, axes or a shape: those are checked.
fn few_ints(tensor: &Tensor) -> Option<Vec<i64>> {
    const FEW: usize = 1024;
    if tensor.element_count() > FEW {
        return None;
    }
    match tensor.dtype() {
        Dtype::I32 => Some(tensor.to_array::<i32>().ok()?.iter().map(|&value| value.into()).collect()),
        Dtype::I64 => Some(tensor.to_array::<i64>().ok()?.iter().copied().collect()),
        _ => None,
    }
}
