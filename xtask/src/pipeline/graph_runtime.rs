//! Running an ONNX graph in this process.

use std::path::Path;

use ndarray::{Array2, ArrayView3, Axis, Slice};
use rten::{Model, NodeId, Value};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::error::{Error, Result};
use crate::interrupt;

/// Texts that are padded to one length.
const BATCH: usize = 32;

/// An ONNX graph with the inputs and outputs of an encoder, in [rten](https://docs.rs/rten).
pub(crate) struct GraphRuntime {
    model: Model,
    file: String,
    inputs: [NodeId; 2],
    outputs: [NodeId; 2],
}

impl GraphRuntime {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let file = path.display().to_string();
        let error = |message: String| Error::Graph { file: file.clone(), message };
        let model = Model::load_file(path).map_err(|source| error(source.to_string()))?;
        let node = |name: &str| model.node_id(name).map_err(|source| error(source.to_string()));
        let inputs = [node("input_ids")?, node("attention_mask")?];
        let outputs = [node("last_hidden_state")?, node("sentence_embedding")?];
        Ok(Self { model, file, inputs, outputs })
    }

    /// Embeds texts of ids, padded with `pad`: the `sentence_embedding` of each, and what a client gets that
    /// takes the masked sum of `last_hidden_state` itself, in f64, `[texts, dim]` both. `done` is told how many are.
    pub(crate) fn encode(
        &self,
        texts: &[Vec<u32>],
        pad: u32,
        dim: usize,
        done: &dyn Fn(usize),
    ) -> Result<(Array2<f32>, Array2<f64>)> {
        let (mut embeddings, mut sums) =
            (Array2::zeros((texts.len(), dim)), Array2::zeros((texts.len(), dim)));
        let blocks =
            embeddings.axis_chunks_iter_mut(Axis(0), BATCH).zip(sums.axis_chunks_iter_mut(Axis(0), BATCH));
        for (i, (texts, (mut embeddings, mut sums))) in texts.chunks(BATCH).zip(blocks).enumerate() {
            interrupt::check()?;
            let (outputs, width) = self.run(texts, pad, &self.outputs)?;
            let [hidden, embedding] = <[Value; 2]>::try_from(outputs)
                .map_err(|outputs| self.error(format!("expected 2 outputs, found {}", outputs.len())))?;
            let hidden: NdTensor<f32, 3> = hidden.try_into().map_err(|_| self.wrong("last_hidden_state"))?;
            let embedding: NdTensor<f32, 2> =
                embedding.try_into().map_err(|_| self.wrong("sentence_embedding"))?;
            if hidden.shape() != [texts.len(), width, dim] || embedding.shape() != [texts.len(), dim] {
                return Err(self.wrong("last_hidden_state or sentence_embedding"));
            }
            let (hidden, embedding) = (hidden.to_vec(), embedding.to_vec());
            embeddings.iter_mut().zip(embedding).for_each(|(to, from)| *to = from);
            let hidden = ArrayView3::from_shape((texts.len(), width, dim), &hidden)
                .map_err(|source| self.error(source.to_string()))?;
            for (i, ids) in texts.iter().enumerate() {
                let tokens = hidden.index_axis(Axis(0), i);
                let tokens = tokens.slice_axis(Axis(0), Slice::from(..ids.len()));
                sums.row_mut(i).assign(&tokens.mapv(f64::from).sum_axis(Axis(0)));
            }
            done(i * BATCH + texts.len());
        }
        Ok((embeddings, sums))
    }

    /// Another output of the same texts, f32 `[texts, width]`.
    pub(crate) fn output(
        &self,
        name: &str,
        texts: &[Vec<u32>],
        pad: u32,
        width: usize,
    ) -> Result<Array2<f32>> {
        let output = self.model.node_id(name).map_err(|source| self.error(source.to_string()))?;
        let mut values = Vec::with_capacity(texts.len() * width);
        for texts in texts.chunks(BATCH) {
            interrupt::check()?;
            let (outputs, _) = self.run(texts, pad, &[output])?;
            for output in outputs {
                let output: NdTensor<f32, 2> = output.try_into().map_err(|_| self.wrong(name))?;
                values.extend(output.to_vec());
            }
        }
        Array2::from_shape_vec((texts.len(), width), values).map_err(|_| self.wrong(name))
    }

    /// Some outputs of a batch of texts, and the tokens that each was padded to.
    fn run(&self, texts: &[Vec<u32>], pad: u32, outputs: &[NodeId]) -> Result<(Vec<Value>, usize)> {
        let width = texts.iter().map(Vec::len).max().unwrap_or(0);
        let shape = [texts.len(), width];
        let ids = NdTensor::from_fn(shape, |[i, j]| texts[i].get(j).copied().unwrap_or(pad) as i32);
        let mask = NdTensor::from_fn(shape, |[i, j]| i32::from(j < texts[i].len()));
        let inputs = vec![(self.inputs[0], ids.view().into()), (self.inputs[1], mask.view().into())];
        let outputs = self.model.run(inputs, outputs, None);
        Ok((outputs.map_err(|source| self.error(source.to_string()))?, width))
    }

    fn wrong(&self, output: &str) -> Error {
        self.error(format!("{output} has another type or shape than f32 [batch, (sequence,) width]"))
    }

    fn error(&self, message: String) -> Error {
        Error::Graph { file: self.file.clone(), message }
    }
}
