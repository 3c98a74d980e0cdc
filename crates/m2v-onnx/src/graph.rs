//! A graph under construction, and its bytes.

use std::io::{self, Write};

use m2v_core::{Buffer, Dtype, Tensor};
use prost::{Message, encode_length_delimiter, length_delimiter_len};

use crate::proto::{
    AttributeProto, DimensionProto, GRAPH_INITIALIZER, GraphProto, MODEL_GRAPH, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TENSOR_RAW_DATA, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, attribute_type,
};

/// Opset 18 takes the axes of ReduceL2 as an input, as ReduceSum does; nothing newer is used.
const OPSET: i64 = 18;
/// The IR version that opset 18 came with: runtimes that know the one know the other.
const IR_VERSION: i64 = 8;

/// The result of a node, an input or an initializer of a [`GraphBuilder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(String);

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
}

/// Builds an ONNX graph (opset 18), node by node. Large tensors are kept as shared bytes and streamed when the
/// graph is written.
///
/// Node and value names follow from the order of calls: the same calls give the same bytes.
#[derive(Debug, Default)]
pub struct GraphBuilder {
    graph: GraphProto,
    initializers: Vec<(TensorProto, Vec<Buffer>)>,
    values: usize,
    metadata: Vec<StringStringEntryProto>,
}

impl GraphBuilder {
    pub(crate) fn new(name: &str) -> Self {
        let graph = GraphProto { name: name.to_owned(), ..GraphProto::default() };
        Self { graph, ..Self::default() }
    }

    /// Declares an input; an axis is a name (dynamic) or a length.
    pub(crate) fn input(&mut self, name: &str, dtype: Dtype, axes: &[&str]) -> Value {
        self.graph.input.push(value_info(name, dtype, axes));
        Value(name.to_owned())
    }

    /// Makes a value an output, under its own name.
    pub(crate) fn output(&mut self, name: &str, value: &Value, dtype: Dtype, axes: &[&str]) -> Value {
        let produced = self.graph.node.iter().any(|node| node.output.contains(&value.0));
        let is_output = self.graph.output.iter().any(|output| output.name == value.0);
        if produced && !is_output {
            for node in &mut self.graph.node {
                let names = node.input.iter_mut().chain(&mut node.output);
                names.filter(|name| **name == value.0).for_each(|other| *other = name.to_owned());
            }
        } else {
            let node = self.make_node("Identity", std::slice::from_ref(value), &[], name.to_owned());
            self.graph.node.push(node);
        }
        self.graph.output.push(value_info(name, dtype, axes));
        Value(name.to_owned())
    }

    /// Notes something about the model that no runtime needs.
    pub(crate) fn note(&mut self, key: &str, value: String) {
        self.metadata.push(StringStringEntryProto { key: key.to_owned(), value });
    }

    /// Adds a node with one output.
    ///
    /// `op` is an operator of the default domain, opset 18; `inputs` are its inputs in order.
    pub fn node(&mut self, op: &str, inputs: &[Value], attributes: &[(&str, Attribute)]) -> Value {
        self.values += 1;
        let output = format!("{}_{}", op.to_lowercase(), self.values);
        let node = self.make_node(op, inputs, attributes, output.clone());
        self.graph.node.push(node);
        Value(output)
    }

    /// Adds a constant tensor. Its bytes are shared, not copied.
    pub fn constant(&mut self, name: &str, tensor: &Tensor) -> Value {
        self.constant_parts(name, tensor.dtype(), tensor.shape(), vec![tensor.bytes().clone()])
    }

    /// Adds a constant vector of int64, as `axes` and shapes are given.
    pub fn constant_ints(&mut self, name: &str, values: &[i64]) -> Value {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant_parts(name, Dtype::I64, &[values.len()], vec![bytes.into()])
    }

    /// Adds a constant f32 without axes.
    pub fn constant_float(&mut self, name: &str, value: f32) -> Value {
        self.constant_parts(name, Dtype::F32, &[], vec![value.to_le_bytes().to_vec().into()])
    }

    /// Casts a value to f32.
    pub fn to_f32(&mut self, value: Value) -> Value {
        self.node("Cast", &[value], &[("to", Attribute::Int(data_type(Dtype::F32).into()))])
    }

    /// A constant whose bytes come in parts. A name that is taken gets a number.
    pub(crate) fn constant_parts(
        &mut self,
        name: &str,
        dtype: Dtype,
        shape: &[usize],
        parts: Vec<Buffer>,
    ) -> Value {
        let taken = self.initializers.iter().any(|(tensor, _)| tensor.name == name);
        let name = if taken { format!("{name}_{}", self.initializers.len()) } else { name.to_owned() };
        let dims = shape.iter().map(|&n| n as i64).collect();
        let tensor = TensorProto { dims, data_type: data_type(dtype), name: name.clone() };
        self.initializers.push((tensor, parts));
        Value(name)
    }

    fn make_node(
        &self,
        op: &str,
        inputs: &[Value],
        attributes: &[(&str, Attribute)],
        output: String,
    ) -> NodeProto {
        NodeProto {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![output],
            name: format!("{op}_{}", self.graph.node.len()),
            op_type: op.to_owned(),
            attribute: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        }
    }

    /// The bytes of the model, as pieces to be written one after the other.
    pub(crate) fn finish(self) -> Pieces {
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "m2v".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: OPSET }],
            metadata_props: self.metadata,
        };
        // Written inside out: the length of a message stands before it.
        let mut graph = Pieces::default();
        graph.push(self.graph.encode_to_vec());
        for (tensor, parts) in self.initializers {
            let mut pieces = Pieces::default();
            pieces.push(tensor.encode_to_vec());
            pieces.nest(TENSOR_RAW_DATA, Pieces::of(parts));
            graph.nest(GRAPH_INITIALIZER, pieces);
        }
        let mut pieces = Pieces::default();
        pieces.push(model.encode_to_vec());
        pieces.nest(MODEL_GRAPH, graph);
        pieces
    }
}

/// A message in pieces, so that large tensors need not be gathered in one buffer.
#[derive(Debug, Default)]
pub(crate) struct Pieces(Vec<Buffer>);

impl Pieces {
    fn of(parts: Vec<Buffer>) -> Self {
        Self(parts)
    }

    fn push(&mut self, bytes: Vec<u8>) {
        self.0.push(bytes.into());
    }

    /// Appends a length-delimited field.
    fn nest(&mut self, field: u8, content: Self) {
        const LENGTH_DELIMITED: u8 = 2;
        let len = content.0.iter().map(|piece| piece.len()).sum();
        let mut header = Vec::with_capacity(1 + length_delimiter_len(len));
        header.push(field << 3 | LENGTH_DELIMITED);
        // A vector grows as needed.
        let _ = encode_length_delimiter(len, &mut header);
        self.push(header);
        self.0.extend(content.0);
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|piece| piece.len() as u64).sum()
    }

    pub(crate) fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        self.0.iter().try_for_each(|piece| out.write_all(piece))
    }
}

fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let mut proto = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    match value {
        Attribute::Float(value) => (proto.f, proto.r#type) = (Some(*value), attribute_type::FLOAT),
        Attribute::Int(value) => (proto.i, proto.r#type) = (Some(*value), attribute_type::INT),
        Attribute::Ints(values) => (proto.ints, proto.r#type) = (values.clone(), attribute_type::INTS),
    }
    proto
}

fn value_info(name: &str, dtype: Dtype, axes: &[&str]) -> ValueInfoProto {
    let dim = |axis: &&str| match axis.parse() {
        Ok(length) => DimensionProto { dim_value: Some(length), dim_param: None },
        Err(_) => DimensionProto { dim_value: None, dim_param: Some((*axis).to_owned()) },
    };
    let shape = TensorShapeProto { dim: axes.iter().map(dim).collect() };
    let tensor_type = TensorTypeProto { elem_type: data_type(dtype), shape: Some(shape) };
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

/// `TensorProto.DataType`.
fn data_type(dtype: Dtype) -> i32 {
    match dtype {
        Dtype::F32 => 1,
        Dtype::I8 => 3,
        Dtype::I32 => 6,
        Dtype::I64 => 7,
        Dtype::F16 => 10,
        Dtype::F64 => 11,
        Dtype::BF16 => 16,
        // `Dtype` grows only together with this list; 0 is UNDEFINED, which every reader refuses.
        _ => 0,
    }
}
