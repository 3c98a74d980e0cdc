//! Exported graphs, run in another runtime, give the numbers of the model: for every recorded model, on every text.

use std::io;

use m2v_core::{Activation, Checkpoint, Dtype, Memory, MlpHead, Source, Tensor};
use m2v_infer::{Encoder, Pipeline, StaticModel};
use m2v_onnx::{DEFAULT_GRAPH, ExportOptions, export};
use m2v_quant::{Cast, Context, Int8, Transform};
use m2v_tests::{Recorded, RecordedPipeline, Result, assert_close, texts};
use ndarray::{Array1, Array2, Axis};
use rten::Model;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

/// Ids of texts, unknown ones included, padded with `pad` to the longest and by `extra` more.
fn padded(texts: &[Vec<u32>], pad: u32, extra: usize) -> [NdTensor<i32, 2>; 2] {
    let width = texts.iter().map(Vec::len).max().unwrap_or(0) + extra;
    let id = |[i, j]: [usize; 2]| texts[i].get(j).copied().unwrap_or(pad) as i32;
    let mask = |[i, j]: [usize; 2]| i32::from(j < texts[i].len());
    [NdTensor::from_fn([texts.len(), width], id), NdTensor::from_fn([texts.len(), width], mask)]
}

/// The `sentence_embedding` of texts of ids.
fn run(checkpoint: &Checkpoint, texts: &[Vec<u32>], pad: u32) -> Result<Array2<f32>> {
    let mut folder = Memory::new();
    export(checkpoint, &ExportOptions::default(), &mut folder)?;
    run_folder(&folder, "sentence_embedding", checkpoint.table.dim(), texts, pad)
}

/// An output of an exported folder.
fn run_folder(folder: &Memory, name: &str, dim: usize, texts: &[Vec<u32>], pad: u32) -> Result<Array2<f32>> {
    let bytes = folder.read(DEFAULT_GRAPH)?.ok_or_else(|| io::Error::other("no graph was written"))?;
    let graph = Model::load(bytes.to_vec())?;
    let inputs = [graph.node_id("input_ids")?, graph.node_id("attention_mask")?];
    let output = graph.node_id(name)?;
    let mut embeddings = Array2::zeros((0, dim));
    for (batch, texts) in texts.chunks(29).enumerate() {
        let [ids, mask] = padded(texts, pad, batch % 3);
        let inputs = vec![(inputs[0], ids.view().into()), (inputs[1], mask.view().into())];
        let mut outputs = graph.run(inputs, &[output], None)?;
        let embedding: NdTensor<f32, 2> = outputs.remove(0).try_into()?;
        let embedding = Array2::from_shape_vec((texts.len(), dim), embedding.to_vec())?;
        embeddings.append(Axis(0), embedding.view())?;
    }
    Ok(embeddings)
}

/// What a model makes of texts, summed in f64. A graph sums in another order than the reference, whose f32 sums
/// are off by more than 1e-6 on long repetitive texts.
fn exact(model: &StaticModel, texts: &[String], normalize: bool) -> Result<Array2<f32>> {
    let mut out = Array2::zeros((texts.len(), model.dim()));
    for (text, mut out) in texts.iter().zip(out.rows_mut()) {
        let vectors = model.encode_as_sequence(text, model.options().max_length)?.embeddings.mapv(f64::from);
        let Some(mean) = vectors.mean_axis(Axis(0)) else { continue };
        let length = if normalize { mean.dot(&mean).sqrt() + 1e-32 } else { 1.0 };
        out.assign(&mean.mapv(|x| (x / length) as f32));
    }
    Ok(out)
}

/// Runs a model both ways, with and without normalisation.
fn assert_graph_agrees(name: &str, mut checkpoint: Checkpoint, texts: &[String]) -> Result<()> {
    for normalize in [true, false] {
        checkpoint.config.set_normalize(normalize);
        let model = StaticModel::from_checkpoint(checkpoint.clone())?;
        let vocabulary = model.tokenizer().vocabulary();
        let mut ids: Vec<Vec<u32>> =
            texts.iter().map(|text| model.tokenize(text)).collect::<Result<_, _>>()?;
        // Unknown tokens were dropped: put some back, which must change nothing. One text is of nothing else.
        if let Some(unk) = vocabulary.unk_id() {
            for (i, ids) in ids.iter_mut().enumerate() {
                ids.insert(0, unk);
                ids.insert(i % ids.len(), unk);
            }
        }
        let expected = exact(&model, texts, normalize)?;
        let found = run(&checkpoint, &ids, vocabulary.pad().id)?;
        let (short, long): (Vec<_>, Vec<_>) = (0..ids.len()).partition(|&i| ids[i].len() <= 600);
        let rows = |array: &Array2<f32>, rows: &[usize]| array.select(Axis(0), rows);
        let name = format!("{name}, normalize {normalize}");
        assert_close(&name, rows(&found, &short).view(), rows(&expected, &short).view());
        // The runtime's own f32 sums over thousands of tokens are a few 1e-6 off.
        let tenth = |array: &Array2<f32>| rows(array, &long) / 10.0;
        assert_close(&name, tenth(&found).view(), tenth(&expected).view());
    }
    Ok(())
}

#[test]
fn every_recorded_model_agrees_with_its_graph() -> Result<()> {
    let texts = texts()?;
    for recorded in Recorded::all()? {
        assert_graph_agrees(&recorded.name, recorded.checkpoint()?, &texts)?;
    }
    Ok(())
}

#[test]
fn every_dtype_agrees_with_its_graph() -> Result<()> {
    let texts = texts()?;
    let recorded = Recorded::all()?;
    for name in ["wordpiece-f16", "vq256", "unigram"] {
        let recorded = recorded.iter().find(|recorded| recorded.name == name).ok_or("no such model")?;
        let checkpoint = recorded.checkpoint()?;
        for transform in [&Int8 as &dyn Transform, &Cast(Dtype::F16), &Cast(Dtype::BF16), &Cast(Dtype::F64)] {
            let quantised = transform.apply(checkpoint.clone(), &mut Context::default())?;
            assert_graph_agrees(&format!("{name} as {}", quantised.table.dtype()), quantised, &texts)?;
        }
    }
    Ok(())
}

/// The head's output of a pipeline's graph is what the pipeline says, within 1e-6.
fn assert_head_agrees(name: &str, checkpoint: &Checkpoint, texts: &[String]) -> Result<Memory> {
    let mut folder = Memory::new();
    export(checkpoint, &ExportOptions::default(), &mut folder)?;
    let model = StaticModel::from_checkpoint(checkpoint.clone())?;
    let ids = texts.iter().map(|text| model.tokenize(text)).collect::<Result<Vec<_>, _>>()?;
    let pad = model.tokenizer().vocabulary().pad().id;
    let pipeline = Pipeline::from_checkpoint(checkpoint.clone())?;
    let predictions = pipeline.predict(texts)?;
    let (output, expected) = match predictions.values() {
        Some(values) => ("predictions", values.to_owned()),
        None => ("probabilities", pipeline.predict_proba(texts)?),
    };
    let found = run_folder(&folder, output, expected.ncols(), &ids, pad)?;
    assert_close(name, found.view(), expected.view());
    Ok(folder)
}

#[test]
fn every_recorded_pipeline_agrees_with_its_graph() -> Result<()> {
    for recorded in RecordedPipeline::all()? {
        for files in [recorded.files()?, recorded.legacy_files()?] {
            let checkpoint = Checkpoint::load(&files)?;
            let folder = assert_head_agrees(recorded.name, &checkpoint, &recorded.texts)?;
            // It is still a pipeline.
            assert_eq!(Checkpoint::load(&folder)?.head, checkpoint.head);
            for transform in [&Int8 as &dyn Transform, &Cast(Dtype::F16)] {
                let quantised = transform.apply(checkpoint.clone(), &mut Context::default())?;
                assert_head_agrees(recorded.name, &quantised, &recorded.texts)?;
            }
        }
    }
    Ok(())
}

/// Layers of each float type, and none at all; labels of each kind.
#[test]
fn other_heads_agree_with_their_graph() -> Result<()> {
    let texts: Vec<String> = ["one", "two three", "", "more than one"].map(str::to_owned).to_vec();
    let mut checkpoint = Recorded::read("wordpiece-f16")?.checkpoint()?;
    let value = |i: usize, j: usize| ((i * 37 + j * 11) % 19) as f32 / 8.0 - 1.0;
    let layer = |out: usize, input: usize| {
        let weight = Array2::from_shape_fn((out, input), |(i, j)| value(i, j));
        (weight, Array1::from_shape_fn(out, |i| value(i, 3)))
    };
    let half = m2v_core::half::f16::from_f32;
    let (first, second) = (layer(9, 64), layer(3, 9));
    let first = (Tensor::from_array(&first.0.mapv(half)), Tensor::from_array(&first.1.mapv(f64::from)));
    let second = (Tensor::from_array(&second.0), Tensor::from_array(&second.1));
    let classes = vec![true.into(), (-3).into(), "\"quoted\"".into()];
    let head = MlpHead::try_new(vec![first, second], Activation::Sigmoid, Some(classes))?;
    checkpoint.head = Some(head);
    let folder = assert_head_agrees("mixed", &checkpoint, &texts)?;
    let config: serde_json::Value =
        serde_json::from_slice(&folder.read("config.json")?.ok_or_else(|| io::Error::other("no config"))?)?;
    assert_eq!(config["id2label"], serde_json::json!({"0": "true", "1": "-3", "2": "\"quoted\""}));
    assert_eq!(config["label2id"], serde_json::json!({"true": 0, "-3": 1, "\"quoted\"": 2}));
    checkpoint.head = Some(MlpHead::try_new(Vec::new(), Activation::Identity, None)?);
    let folder = assert_head_agrees("no layers", &checkpoint, &texts)?;
    let config = folder.read("config.json")?.ok_or_else(|| io::Error::other("no config"))?;
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&config)?.get("id2label"), None);
    Ok(())
}
