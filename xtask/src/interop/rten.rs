//! The client that runs in this process.

use std::path::Path;

use ndarray::Array2;
use rten::{Model, NodeId};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use super::client::Client;
use super::outcome::Outcome;
use super::truth::{Kind, Truth};

const GRAPHS: [&str; 3] = ["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_quantized.onnx"];

/// Both signatures of each graph.
pub(crate) fn run(client: Client, exported: &Path, truth: &Truth) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for file in GRAPHS {
        for (case, folder) in [("tokens", "model"), ("bag", "bag")] {
            let mut outcome = Outcome::failed(client, case, "");
            outcome.version = locked_version();
            outcome.file = file.to_owned();
            let vectors = embed(&exported.join(folder).join(file), case == "bag", truth);
            outcomes.push(outcome.judge(client, Kind::Tokens, None, vectors, truth));
        }
    }
    outcomes
}

fn embed(path: &Path, bag: bool, truth: &Truth) -> Result<Array2<f32>, String> {
    let model = Model::load_file(path).map_err(|source| source.to_string())?;
    let node = |name: &str| model.node_id(name).map_err(|source| source.to_string());
    let [texts, dim] = truth.shape();
    let mut vectors = Vec::with_capacity(texts * dim);
    for (ids, width) in truth.batches() {
        let found = match bag {
            false => {
                let shape = [ids.len(), width];
                let id = |[i, j]: [usize; 2]| ids[i].get(j).copied().unwrap_or(truth.pad()) as i32;
                let mask = |[i, j]: [usize; 2]| i32::from(j < ids[i].len());
                let (ids, mask) = (NdTensor::from_fn(shape, id), NdTensor::from_fn(shape, mask));
                let inputs = vec![
                    (node("input_ids")?, ids.view().into()),
                    (node("attention_mask")?, mask.view().into()),
                ];
                output(&model, inputs, node("sentence_embedding")?)?
            }
            true => {
                let bag = Truth::bag(ids);
                let ids = NdTensor::from_fn([bag.input_ids.len()], |[i]| bag.input_ids[i] as i32);
                let offsets = NdTensor::from_fn([bag.offsets.len()], |[i]| bag.offsets[i] as i32);
                let inputs =
                    vec![(node("input_ids")?, ids.view().into()), (node("offsets")?, offsets.view().into())];
                output(&model, inputs, node("embeddings")?)?
            }
        };
        vectors.extend(found);
    }
    let found = vectors.len();
    Array2::from_shape_vec((texts, dim), vectors)
        .map_err(|_| format!("gave {found} numbers, expected {texts} × {dim}"))
}

fn output(
    model: &Model,
    inputs: Vec<(NodeId, rten::ValueOrView<'_>)>,
    output: NodeId,
) -> Result<Vec<f32>, String> {
    let outputs = model.run(inputs, &[output], None).map_err(|source| source.to_string())?;
    let output = outputs.into_iter().next().ok_or("no output")?;
    let output: NdTensor<f32, 2> = output.try_into().map_err(|_| "an output that is not f32 [texts, dim]")?;
    Ok(output.to_vec())
}

/// The version this was built with.
fn locked_version() -> Option<String> {
    let lock = include_str!("../../../Cargo.lock");
    let (_, after) = lock.split_once("name = \"rten\"\nversion = \"")?;
    after.split_once('"').map(|(version, _)| version.to_owned())
}
