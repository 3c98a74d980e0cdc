//! What `GraphBuilder` accepts, a runtime runs; what is wrong, it refuses when it is added.

use std::sync::OnceLock;

use m2v_core::{Dtype, Memory, Source, Tensor};
use m2v_onnx::{
    Attribute, DEFAULT_GRAPH, ElementType, Error, ExportOptions, GraphBuilder, Lower, Value, export,
};
use m2v_tests::{Recorded, Result};
use ndarray::{Array1, Array2, Array3};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rten::Model;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

const OPS: [&str; 21] = [
    "Add",
    "Mul",
    "Max",
    "Equal",
    "Less",
    "Not",
    "Where",
    "Relu",
    "Softmax",
    "MatMul",
    "Gemm",
    "ReduceSum",
    "ReduceL2",
    "Unsqueeze",
    "Squeeze",
    "Gather",
    "Concat",
    "Expand",
    "Transpose",
    "CumSum",
    "Identity",
];

/// One node, of an operator and operands as they come.
struct Node {
    op: &'static str,
    operands: Vec<usize>,
    axis: Option<i64>,
    /// Whether the builder took it, and the rank it says.
    rank: OnceLock<usize>,
}

impl Lower for Node {
    fn lower(&self, graph: &mut GraphBuilder, embedding: Value) -> Result<Value, Error> {
        let matrix = Tensor::from_array(&Array2::from_elem((64, 3), 0.5f32));
        let cube = Tensor::from_array(&Array3::from_elem((2, 1, 64), 0.25f32));
        let row = Tensor::from_array(&Array1::from_elem(64, 2f32));
        let indices = Tensor::from_array(&Array2::from_elem((1, 3), 1i32));
        let pool = [
            embedding.clone(),
            graph.constant("matrix", &matrix)?,
            graph.constant("cube", &cube)?,
            graph.constant("row", &row)?,
            graph.constant("indices", &indices)?,
            graph.constant_float("number", 3.0)?,
            graph.constant_int("zero", 0)?,
            graph.constant_ints("one", &[1])?,
            graph.constant_ints("shape", &[2, 64, 64])?,
        ];
        let flag = graph.node("Less", &[embedding.clone(), pool[5].clone()], &[])?;
        let pool: Vec<_> = pool.into_iter().chain([flag]).collect();
        let operands: Vec<_> = self.operands.iter().map(|&i| pool[i].clone()).collect();
        let attributes: Vec<_> = self.axis.iter().map(|&axis| ("axis", Attribute::Int(axis))).collect();
        let value = match graph.node(self.op, &operands, &attributes) {
            Ok(value) => {
                if let Some(axes) = graph.axes(&value) {
                    let _ = self.rank.set(axes.len());
                }
                value
            }
            // Anything else fails the export.
            Err(Error::Operands { .. }) => return Ok(embedding),
            Err(error) => return Err(error),
        };
        // What came out has to be computed to get at the output: its sum, none of it.
        let value = graph.to_f32(value)?;
        let all = graph.constant_ints("all", &[-1])?;
        let flat = graph.node("Reshape", &[value, all], &[])?;
        let sum = graph.node("ReduceSum", &[flat], &[("keepdims", Attribute::Int(0))])?;
        let nothing = graph.constant_float("nothing", 0.0)?;
        let nothing = graph.node("Mul", &[sum, nothing], &[])?;
        graph.node("Add", &[embedding, nothing], &[])
    }

    fn output(&self) -> (&str, usize) {
        ("probe", 64)
    }
}

proptest! {
    // The same cases each time: which shapes a runtime refuses depends on more than a builder can know, and what it
    // refuses that nobody knew is to be found by whoever changes the seed, not by whoever changes something else.
    #![proptest_config(ProptestConfig {
        cases: 800,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_accepted_runs(
        op in 0..OPS.len(),
        operands in prop::collection::vec(0usize..10, 1..4),
        axis in prop::option::of(-3i64..3),
    ) {
        // What only the number of texts decides: indices, and whether as many rows fit three columns.
        prop_assume!(OPS[op] != "Gather" || operands.get(1) != Some(&8));
        prop_assume!(!matches!(OPS[op], "MatMul" | "Gemm") || operands[0] != 1 || operands.get(1) != Some(&0));
        let node = Node { op: OPS[op], operands, axis, rank: OnceLock::new() };
        let checkpoint = Recorded::read("wordpiece-f16").unwrap().checkpoint().unwrap();
        let mut folder = Memory::new();
        export(&checkpoint, &ExportOptions::default().with_head(&node), &mut folder).unwrap();
        if node.rank.get().is_some() {
            let model = Model::load(folder.read(DEFAULT_GRAPH).unwrap().unwrap().to_vec()).unwrap();
            // As many texts as other operands are long: nobody can know before how many there will be.
            let ids = NdTensor::from_data([64, 2], vec![5i32; 128]);
            let mask = NdTensor::from_data([64, 2], vec![1i32; 128]);
            let inputs = ["input_ids", "attention_mask"].map(|name| model.node_id(name).unwrap());
            let inputs = vec![(inputs[0], ids.view().into()), (inputs[1], mask.view().into())];
            let ran = model.run(inputs, &[model.node_id("probe").unwrap()], None);
            prop_assert!(ran.is_ok(), "{:?} of {:?}, axis {:?}: {}", node.op, node.operands, node.axis, ran.unwrap_err());
        }
    }
}

/// A head that adds what a function adds.
struct With<F>(F);

impl<F: Fn(&mut GraphBuilder, Value) -> Result<Value, Error> + Send + Sync> Lower for With<F> {
    fn lower(&self, graph: &mut GraphBuilder, embedding: Value) -> Result<Value, Error> {
        self.0(graph, embedding)
    }

    fn output(&self) -> (&str, usize) {
        ("probe", 64)
    }
}

/// The error of exporting with a head.
fn refused(head: impl Fn(&mut GraphBuilder, Value) -> Result<Value, Error> + Send + Sync) -> Result<Error> {
    let checkpoint = Recorded::read("wordpiece-f16")?.checkpoint()?;
    let mut folder = Memory::new();
    let result = export(&checkpoint, &ExportOptions::default().with_head(&With(head)), &mut folder);
    assert_eq!(folder.files().count(), 0, "nothing is written");
    Ok(result.err().ok_or("it was accepted")?)
}

#[test]
fn wrong_graphs_are_refused_when_they_are_built() -> Result<()> {
    let error = refused(|graph, embedding| {
        let ints = graph.constant_ints("ints", &[1])?;
        graph.node("Add", &[embedding, ints], &[])
    })?;
    assert!(matches!(&error, Error::Operands { op, .. } if op == "Add"), "{error}");
    assert!(
        error.to_string().contains("sentence_embedding float32 [batch_size, 64], ints int64 [1]"),
        "{error}"
    );
    let error = refused(|graph, embedding| {
        let weight =
            graph.constant("weight", &Tensor::try_new(Dtype::F32, &[63, 2], vec![0; 504].into())?)?;
        graph.node("MatMul", &[embedding, weight], &[])
    })?;
    assert!(matches!(&error, Error::Operands { op, .. } if op == "MatMul"), "{error}");
    let error = refused(|graph, embedding| {
        graph.constant_float("m2v.table", 1.0)?;
        Ok(embedding)
    })?;
    assert!(matches!(&error, Error::Duplicate { name } if name == "m2v.table"), "{error}");
    let error = refused(|_, _| {
        let mut other = GraphBuilder::default();
        other.constant_float("one", 1.0)
    })?;
    assert!(matches!(error, Error::ForeignValue { .. }), "{error}");
    let error = refused(|graph, embedding| {
        let other = GraphBuilder::default().constant_float("one", 1.0)?;
        graph.node("Mul", &[embedding, other], &[])
    })?;
    assert!(matches!(error, Error::ForeignValue { .. }), "{error}");
    let error = refused(|graph, embedding| graph.node("Frobnicate", &[embedding], &[]))?;
    assert!(matches!(&error, Error::Operator { op } if op == "Frobnicate"), "{error}");
    // What it announced: f32 [batch_size, 64].
    let error = refused(|graph, _| graph.constant_ints("ints", &[1]))?;
    assert!(matches!(&error, Error::Output { name, .. } if name == "probe"), "{error}");
    let error =
        refused(|graph, embedding| graph.node_as("Det", &[embedding], &[], ElementType::F32, &[64.into()]))?;
    assert!(matches!(&error, Error::Output { name, .. } if name == "probe"), "{error}");
    Ok(())
}
