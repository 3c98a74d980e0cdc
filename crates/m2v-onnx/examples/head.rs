//! A head of one's own in the graph: how similar a text is to each of some words.
//!
//! ```sh
//! cargo run -p m2v-onnx --example head -- models/minilm-l6-64d similar sport politics science
//! ```
//!
//! `similar/onnx/model.onnx` then has one more output, `similarities`, f32 `[batch_size, 3]`.
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;

use m2v_core::ndarray::Array2;
use m2v_core::{Checkpoint, Dir, DirSink, Label, Sink, Tensor};
use m2v_onnx::{Attribute, ExportOptions, GraphBuilder, Lower, Result, Value, export};

/// Cosines to the vectors of words, sharpened and made to sum to 1.
struct Similar {
    /// One of length 1 for each word, `[dim, words]`.
    vectors: Array2<f32>,
    words: Vec<Label>,
}

impl Lower for Similar {
    fn lower(&self, graph: &mut GraphBuilder, embedding: Value) -> Result<Value> {
        let vectors = graph.constant("similar.vectors", &Tensor::from_array(&self.vectors))?;
        let sharpness = graph.constant_float("similar.sharpness", 10.0)?;
        let cosines = graph.node("MatMul", &[embedding, vectors], &[])?;
        let scores = graph.node("Mul", &[cosines, sharpness], &[])?;
        graph.node("Softmax", &[scores], &[("axis", Attribute::Int(-1))])
    }

    fn output(&self) -> (&str, usize) {
        ("similarities", self.words.len())
    }

    fn classes(&self) -> Option<&[Label]> {
        Some(&self.words)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, out, words @ ..] = args.as_slice() else { return Err("expected MODEL OUT WORD...".into()) };
    let checkpoint = Checkpoint::load(&Dir::open(model)?)?;
    let tokenizer: serde_json::Value = serde_json::from_slice(&checkpoint.tokenizer)?;
    let id = |word: &String| tokenizer["model"]["vocab"][word].as_u64().map(|id| id as u32);
    let ids: Option<Vec<u32>> = words.iter().map(id).collect();
    let mut vectors = Array2::zeros((words.len(), checkpoint.table.dim()));
    checkpoint.table.lookup_into(&ids.ok_or("a word is no token of the model")?, vectors.view_mut())?;
    for mut vector in vectors.rows_mut() {
        vector /= vector.dot(&vector).sqrt();
    }
    let words = words.iter().map(|word| word.as_str().into());
    let head = Similar { vectors: vectors.reversed_axes(), words: words.collect() };
    let mut folder = DirSink::create(out)?;
    export(&checkpoint, &ExportOptions::default().with_head(&head), &mut folder)?;
    folder.finish()?;
    println!("wrote {out}");
    Ok(())
}
