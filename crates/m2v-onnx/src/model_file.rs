//! A graph as the bytes of a file, and of one beside it where the graph is too large for protobuf.

use m2v_core::{Buffer, Sink};
use prost::Message;

use crate::choice::Branch;
use crate::error::{Error, Result};
use crate::graph::{Attribute, GraphBuilder, Node};
use crate::pieces::{Piece, Pieces};
use crate::proto::{
    AttributeProto, DimensionProto, GRAPH_INITIALIZER, GraphProto, MODEL_GRAPH, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TENSOR_RAW_DATA, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto, attribute_type, data_location,
};
use crate::value::{Axis, Type};

/// Opset 18 takes the axes of every reduction as an input; nothing newer is used.
const OPSET: i64 = 18;
/// The IR version that opset 18 came with: runtimes that know the one know the other.
const IR_VERSION: i64 = 8;
/// Protobuf readers refuse messages of 2 GiB and more.
pub(crate) const LIMIT: u64 = 1 << 31;
/// Smaller tensors stay in the graph: shapes and axes are needed to check it without its data.
const SMALL: u64 = 1024;
/// Where tensors begin in external data: at a page, so that they can be mapped.
const PAGE: u64 = 4096;

/// The files of a graph.
pub(crate) struct ModelFile {
    name: String,
    model: Pieces,
    /// Of a graph that is too large.
    data: Option<Pieces>,
}

impl ModelFile {
    /// The graph as the file `name`, with its tensors in `{name}_data` if it is not smaller than `limit`.
    pub(crate) fn new(graph: &GraphBuilder, name: &str, limit: u64) -> Result<Self> {
        let name = name.to_owned();
        let model = encode(graph, None);
        if model.len() < limit {
            return Ok(Self { name, model, data: None });
        }
        let location = name.rsplit('/').next().unwrap_or_default();
        let mut data = External { location: format!("{location}_data"), pieces: Pieces::default() };
        let model = encode(graph, Some(&mut data));
        if model.len() >= LIMIT {
            return Err(Error::TooLarge { file: name, bytes: model.len() });
        }
        Ok(Self { name, model, data: Some(data.pieces) })
    }

    pub(crate) fn write(&self, sink: &mut dyn Sink) -> Result<()> {
        let data = self.data.as_ref().map(|data| (format!("{}_data", self.name), data));
        for (name, pieces) in std::iter::once((self.name.clone(), &self.model)).chain(data) {
            sink.write(&name, pieces.len(), &mut |out| pieces.write_to(out))
                .map_err(|source| Error::Data(m2v_core::Error::Io { file: name.clone(), source }))?;
        }
        Ok(())
    }
}

/// Tensors in a file of their own.
struct External {
    location: String,
    pieces: Pieces,
}

impl External {
    /// Adds a tensor's bytes; says where they are.
    fn add(&mut self, pieces: Pieces) -> Vec<StringStringEntryProto> {
        let gap = self.pieces.len().next_multiple_of(PAGE) - self.pieces.len();
        let (offset, length) = (self.pieces.len() + gap, pieces.len());
        self.pieces.extend(Pieces::of(vec![Piece::Bytes(Buffer::from(vec![0; gap as usize]))]));
        self.pieces.extend(pieces);
        let entry = |key: &str, value: String| StringStringEntryProto { key: key.to_owned(), value };
        vec![
            entry("location", self.location.clone()),
            entry("offset", offset.to_string()),
            entry("length", length.to_string()),
        ]
    }
}

/// Written inside out: the length of a message stands before it.
fn encode(graph: &GraphBuilder, mut external: Option<&mut External>) -> Pieces {
    let mut encoded = Pieces::default();
    encoded.push(graph_proto(graph).encode_to_vec());
    for (index, data) in &graph.constants {
        let known = &graph.values[*index];
        let dims = known.is.axes.iter().flatten().map(|axis| match axis {
            Axis::Length(length) => *length as i64,
            // Constants have lengths.
            _ => 0,
        });
        let mut tensor = TensorProto {
            dims: dims.collect(),
            data_type: known.is.element as i32,
            name: known.name.clone(),
            ..TensorProto::default()
        };
        let mut pieces = Pieces::default();
        match external.as_deref_mut().filter(|_| data.len() >= SMALL) {
            Some(external) => {
                tensor.external_data = external.add(data.clone());
                tensor.data_location = Some(data_location::EXTERNAL);
                pieces.push(tensor.encode_to_vec());
            }
            None => {
                pieces.push(tensor.encode_to_vec());
                pieces.nest(TENSOR_RAW_DATA, data.clone());
            }
        }
        encoded.nest(GRAPH_INITIALIZER, pieces);
    }
    let notes = graph
        .notes
        .iter()
        .map(|(key, value)| StringStringEntryProto { key: key.clone(), value: value.clone() });
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "m2v".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: OPSET }],
        metadata_props: notes.collect(),
    };
    let mut pieces = Pieces::default();
    pieces.push(model.encode_to_vec());
    pieces.nest(MODEL_GRAPH, encoded);
    pieces
}

/// The graph without its constants.
fn graph_proto(graph: &GraphBuilder) -> GraphProto {
    let value = |index: usize, is: &Type| value_info(graph.values[index].name.clone(), is);
    GraphProto {
        node: node_protos(graph, &graph.nodes),
        name: "m2v".to_owned(),
        input: graph.inputs.iter().map(|&index| value(index, &graph.values[index].is)).collect(),
        output: graph.outputs.iter().map(|(index, is)| value(*index, is)).collect(),
    }
}

/// Nodes of the graph itself or of a branch. A node's name comes of its output's, which is its own in the whole graph.
fn node_protos(graph: &GraphBuilder, nodes: &[Node]) -> Vec<NodeProto> {
    let name = |&index: &usize| graph.values[index].name.clone();
    let branch = |branch: &Branch| AttributeProto {
        name: branch.name.to_owned(),
        g: Some(GraphProto {
            node: node_protos(graph, &branch.nodes),
            name: branch.name.to_owned(),
            input: Vec::new(),
            output: vec![value_info(name(&branch.output), &graph.values[branch.output].is)],
        }),
        r#type: attribute_type::GRAPH,
        ..AttributeProto::default()
    };
    let node = |node: &Node| NodeProto {
        input: node.inputs.iter().map(name).collect(),
        output: vec![name(&node.output)],
        name: name(&node.output),
        op_type: node.op.clone(),
        attribute: node
            .attributes
            .iter()
            .map(|(name, value)| attribute(name, value))
            .chain(node.branches.iter().map(branch))
            .collect(),
    };
    nodes.iter().map(node).collect()
}

fn attribute(name: &str, value: &Attribute) -> AttributeProto {
    let mut proto = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    match value {
        Attribute::Float(value) => (proto.f, proto.r#type) = (Some(*value), attribute_type::FLOAT),
        Attribute::Int(value) => (proto.i, proto.r#type) = (Some(*value), attribute_type::INT),
        Attribute::Text(text) => {
            (proto.s, proto.r#type) = (Some(text.clone().into_bytes()), attribute_type::STRING);
        }
        Attribute::Ints(values) => (proto.ints, proto.r#type) = (values.clone(), attribute_type::INTS),
    }
    proto
}

fn value_info(name: String, is: &Type) -> ValueInfoProto {
    let dim = |axis: &Axis| match axis {
        Axis::Length(length) => DimensionProto { dim_value: Some(*length as i64), dim_param: None },
        Axis::Named(name) => DimensionProto { dim_value: None, dim_param: Some(name.clone()) },
        Axis::Unknown => DimensionProto { dim_value: None, dim_param: None },
    };
    let shape = is.axes.as_ref().map(|axes| TensorShapeProto { dim: axes.iter().map(dim).collect() });
    let tensor_type = TensorTypeProto { elem_type: is.element as i32, shape };
    ValueInfoProto { name, r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}
