//! Exported graphs, run in another runtime, give the numbers of the model: for every recorded model, on every text.

use std::io;

use m2v_core::{Activation, Checkpoint, Dtype, Memory, MlpHead, PoolOptions, Source, Tensor};
use m2v_infer::{Encoder, Pipeline, StaticModel};
use m2v_onnx::{DEFAULT_GRAPH, ExportOptions, Signature, export};
use m2v_quant::{Cast, Context, Int8, Transform};
use m2v_tests::{Recorded, RecordedPipeline, Result, assert_close, texts};
use ndarray::{Array1, Array2, Axis, s};
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

/// The ids of texts one after the other, and where each begins.
fn flat(texts: &[Vec<u32>]) -> [NdTensor<i32, 1>; 2] {
    let ids: Vec<i32> = texts.iter().flatten().map(|&id| id as i32).collect();
    let mut offset = 0;
    let begin = |ids: &Vec<u32>| {
        offset += ids.len();
        (offset - ids.len()) as i32
    };
    let offsets: Vec<i32> = texts.iter().map(begin).collect();
    [NdTensor::from_data([ids.len()], ids), NdTensor::from_data([offsets.len()], offsets)]
}

/// An output of the bags of texts, in batches of several sizes.
fn run_bags(checkpoint: &Checkpoint, (name, dim): (&str, usize), texts: &[Vec<u32>]) -> Result<Array2<f32>> {
    let mut folder = Memory::new();
    export(checkpoint, &ExportOptions::default().with_signature(Signature::Bag), &mut folder)?;
    let bytes = folder.read(DEFAULT_GRAPH)?.ok_or_else(|| io::Error::other("no graph was written"))?;
    let graph = Model::load(bytes.to_vec())?;
    let inputs = [graph.node_id("input_ids")?, graph.node_id("offsets")?];
    let output = graph.node_id(name)?;
    let mut embeddings = Array2::zeros((0, dim));
    let (mut rest, mut size) = (texts, 1);
    while !rest.is_empty() {
        let (batch, others) = rest.split_at(size.min(rest.len()));
        (rest, size) = (others, size % 61 + 12);
        let [ids, offsets] = flat(batch);
        let inputs = vec![(inputs[0], ids.view().into()), (inputs[1], offsets.view().into())];
        let embedding: NdTensor<f32, 2> = graph.run(inputs, &[output], None)?.remove(0).try_into()?;
        let embedding = Array2::from_shape_vec((batch.len(), dim), embedding.to_vec())?;
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
        assert_close(&format!("{name}, normalize {normalize}"), found.view(), expected.view());
        let found = run_bags(&checkpoint, ("embeddings", model.dim()), &ids)?;
        assert_close(&format!("{name}, normalize {normalize}, bags"), found.view(), expected.view());
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
    let found = run_bags(checkpoint, (output, expected.ncols()), &ids)?;
    assert_close(&format!("{name}, bags"), found.view(), expected.view());
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

/// A thousand texts of ids: none, unknown ones only, up to 8,192, of one id or two again and again, and of any.
fn thousand(ids: u32, unk: u32) -> Vec<Vec<u32>> {
    let mut state = 7u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut texts =
        vec![vec![], vec![unk], vec![unk; 5], vec![unk, 9, unk], vec![9; 8192], [9, 11].repeat(4096)];
    for length in [1, 63, 64, 65, 127, 128, 129, 511, 512, 513, 600, 2048, 8191, 8192] {
        texts.push((0..length).map(|_| random(ids)).collect());
        let sentence: Vec<_> = (0..23).map(|_| random(ids)).collect();
        texts.push(sentence.iter().copied().cycle().take(length).collect());
    }
    texts.extend((texts.len()..999).map(|_| (0..random(40)).map(|_| random(ids)).collect::<Vec<_>>()));
    texts.push(vec![]);
    texts
}

#[test]
fn a_thousand_texts_of_up_to_8192_tokens_agree() -> Result<()> {
    let mut checkpoint = Recorded::read("wordpiece-f16")?.checkpoint()?;
    let unk = StaticModel::from_checkpoint(checkpoint.clone())?.tokenizer().vocabulary().unk_id();
    let unk = unk.ok_or("no unknown token")?;
    let texts = thousand(checkpoint.table.rows() as u32, unk);
    assert_eq!(texts.len(), 1000);
    for transform in [&Cast(Dtype::F32) as &dyn Transform, &Cast(Dtype::F16), &Int8] {
        checkpoint = transform.apply(checkpoint, &mut Context::default())?;
        for normalize in [true, false] {
            checkpoint.config.set_normalize(normalize);
            let dim = checkpoint.table.dim();
            // The sums in f64 of the vectors that m2v-infer looks up, and what its kernel makes of the ids.
            let (mut exact, mut infer) =
                (Array2::zeros((texts.len(), dim)), Array2::zeros((texts.len(), dim)));
            for (i, ids) in texts.iter().enumerate() {
                let known: Vec<u32> = ids.iter().copied().filter(|&id| id != unk).collect();
                let mut vectors = Array2::zeros((known.len(), dim));
                checkpoint.table.lookup_into(&known, vectors.view_mut())?;
                let options = PoolOptions::default().with_normalize(normalize);
                checkpoint.table.pool_into(
                    &known,
                    &[known.len()],
                    options,
                    infer.slice_mut(s![i..=i, ..]),
                )?;
                let Some(mean) = vectors.mapv(f64::from).mean_axis(Axis(0)) else { continue };
                let length = if normalize { mean.dot(&mean).sqrt() + 1e-32 } else { 1.0 };
                exact.row_mut(i).assign(&mean.mapv(|x| (x / length) as f32));
            }
            let name = format!("{}, normalize {normalize}", checkpoint.table.dtype());
            let padded = run(&checkpoint, &texts, 0)?;
            let bags = run_bags(&checkpoint, ("embeddings", dim), &texts)?;
            for (name, found) in [(name.clone(), padded), (name + ", bags", bags)] {
                assert_close(&name, found.view(), exact.view());
                // m2v-infer adds one id after the other: on longer texts it is itself further from the sum in f64.
                let short: Vec<_> = (0..texts.len()).filter(|&i| texts[i].len() <= 600).collect();
                let rows = |array: &Array2<f32>| array.select(Axis(0), &short);
                assert_close(&name, rows(&found).view(), rows(&infer).view());
            }
        }
    }
    Ok(())
}

/// Of few tokens each is looked up, of many each different one: their vectors are the table's, to the bit. Ids that are
/// all alike, all different, or meet in the table that finds those that are alike.
#[test]
fn vectors_of_few_and_of_many_tokens_are_the_tables() -> Result<()> {
    let checkpoint = Recorded::read("wordpiece-f16")?.checkpoint()?;
    let checkpoint = Int8.apply(checkpoint, &mut Context::default())?;
    let unk = StaticModel::from_checkpoint(checkpoint.clone())?.tokenizer().vocabulary().unk_id();
    let (rows, dim) = (checkpoint.table.rows(), checkpoint.table.dim());
    let mut folder = Memory::new();
    export(&checkpoint, &ExportOptions::default(), &mut folder)?;
    let bytes = folder.read(DEFAULT_GRAPH)?.ok_or_else(|| io::Error::other("no graph was written"))?;
    let graph = Model::load(bytes.to_vec())?;
    let inputs = [graph.node_id("input_ids")?, graph.node_id("attention_mask")?];
    let output = graph.node_id("last_hidden_state")?;
    for shape in [[1, 1], [1, 127], [1, 128], [1, 129], [16, 8], [43, 6], [5, 200]] {
        let count: usize = shape.iter().product();
        let kinds: [&dyn Fn(usize) -> usize; 4] = [
            &|_| 9,
            &|i| i * 7 % rows,
            &|i| (i % 20) * 4 * count % rows,
            // Alike and not, the unknown token and padding among them.
            &|i| [0, unk.unwrap_or(0) as usize, 5 + 4 * count, 5, i % 31][i * i % 5] % rows,
        ];
        for (kind, id) in kinds.iter().enumerate() {
            let ids: Vec<u32> = (0..count).map(|i| id(i) as u32).collect();
            let mut expected = Array2::zeros((count, dim));
            checkpoint.table.lookup_into(&ids, expected.view_mut())?;
            for (i, _) in ids.iter().enumerate().filter(|(_, id)| Some(**id) == unk) {
                expected.row_mut(i).fill(0.0);
            }
            let ids = NdTensor::from_data(shape, ids.iter().map(|&id| id as i32).collect::<Vec<_>>());
            let mask = NdTensor::from_data(shape, vec![1i32; count]);
            let inputs = vec![(inputs[0], ids.view().into()), (inputs[1], mask.view().into())];
            let found: NdTensor<f32, 3> = graph.run(inputs, &[output], None)?.remove(0).try_into()?;
            assert_eq!(found.shape(), [shape[0], shape[1], dim]);
            let found = Array2::from_shape_vec((count, dim), found.to_vec())?;
            assert_eq!(found, expected, "{shape:?}, ids of kind {kind}");
        }
    }
    Ok(())
}

/// Bags without any ids, none at all, and offsets that are none.
#[test]
fn bags_may_be_empty() -> Result<()> {
    let checkpoint = Recorded::read("wordpiece-f16")?.checkpoint()?;
    let name = ("embeddings", checkpoint.table.dim());
    let run = |texts: &[Vec<u32>]| run_bags(&checkpoint, name, texts);
    assert_eq!(run(&[vec![]])?, Array2::<f32>::zeros((1, 64)));
    assert_eq!(run(&vec![vec![]; 30])?, Array2::<f32>::zeros((30, 64)));
    let one = run(&[vec![9, 10]])?;
    let among = run(&[vec![], vec![], vec![9, 10], vec![], vec![9, 10], vec![]])?;
    let mut expected = Array2::zeros((6, 64));
    for i in [2, 4] {
        expected.row_mut(i).assign(&one.row(0));
    }
    assert_close("empty bags among others", among.view(), expected.view());
    Ok(())
}
