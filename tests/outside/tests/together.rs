//! All extensions in one run.

use std::error::Error;

use m2v_core::{Checkpoint, Dir, Dtype, Memory, Sink, Source};
use m2v_infer::{EncodeOptions, EncoderExt, Pipeline, Prediction, StaticModel};
use m2v_onnx::{DEFAULT_GRAPH, ExportOptions, export};
use m2v_outside::{Archive, Centred, Centroids, Clip, Packing, WithoutUrls};
use m2v_quant::{Context, Steps, Transform};
use rten_tensor::prelude::*;
use rten_tensor::{NdTensor, NdTensorView};

const EXAMPLES: [(&str, &str); 6] = [
    ("the dog barked at a cat", "animals"),
    ("horses and foals in a field", "animals"),
    ("a whale and her calf", "animals"),
    ("the bank raised its rates", "money"),
    ("shares fell sharply", "money"),
    ("a loan with interest", "money"),
];

#[test]
fn all_extensions_work_together() -> Result<(), Box<dyn Error>> {
    // Transform: a step of a recipe.
    let steps = Steps::default().with("clip", |value| {
        let limit = value.and_then(|value| value.parse().ok()).filter(|limit| *limit > 0.0);
        limit.map(|limit| Clip { limit }).ok_or_else(|| "clip=LIMIT, a number above 0".to_owned())
    })?;
    let recipe = steps.parse("clip=0.5+int8")?;
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/minilm-l6-64d");
    let source = Checkpoint::load(&Dir::open(model)?)?;
    let small = recipe.apply(source.clone(), &mut Context::default())?;
    assert_eq!((small.table.dtype(), small.table.rows()), (Dtype::I8, source.table.rows()));

    // Sink and Source: packed, and opened again.
    let mut packing = Packing::default();
    small.save(&mut packing)?;
    assert!(packing.packed.is_none(), "nothing is there before finish");
    packing.finish()?;
    let archive = Archive::open(packing.packed.ok_or("not packed")?)?;
    assert!(archive.read("README.md")?.is_some() && archive.read("head.safetensors")?.is_none());
    let loaded = Checkpoint::load(&archive)?;
    assert_eq!(loaded.table, small.table);

    // Tokenizer, Encoder and Head: a pipeline of nothing but strangers.
    let tokenizer = WithoutUrls(m2v_tokenize::from_json(&loaded.tokenizer)?);
    let options = EncodeOptions::from(&loaded.config);
    let model = StaticModel::from_parts(loaded.table.clone(), Box::new(tokenizer), options)?;
    let with = model.encode_one("see https://example.org/?q=loan there")?;
    assert_eq!(with, model.encode_one("see there")?);
    let sample: Vec<&str> = EXAMPLES.iter().map(|(text, _)| *text).collect();
    let centred = Centred::new(model.clone(), &sample)?;
    let head = Centroids::fit(&centred, &EXAMPLES)?;
    let pipeline = Pipeline::new(centred, head)?;
    let texts = ["kittens and puppies", "bonds, stocks and interest https://example.org/horses"];
    let predicted = pipeline.predict(&texts)?;
    let expected = ["animals".into(), "money".into()];
    assert!(predicted.iter().eq(expected.iter().map(Prediction::Label)), "{predicted:?}");

    // Lower: the head in a graph, on the encoder that graphs have; another runtime gives its scores.
    let head = Centroids::fit(&model, &EXAMPLES)?;
    let mut folder = Memory::new();
    export(&loaded, &ExportOptions::default().with_head(&head), &mut folder)?;
    let graph = folder.read(DEFAULT_GRAPH)?.ok_or("no graph")?;
    let graph = rten::Model::load(graph.to_vec())?;
    let ids = model.tokenize(texts[0])?;
    let ids: Vec<i32> = ids.into_iter().map(i32::try_from).collect::<Result<_, _>>()?;
    let mask = vec![1i32; ids.len()];
    let shape = [1, ids.len()];
    let inputs = [("input_ids", ids), ("attention_mask", mask)];
    let inputs = inputs
        .into_iter()
        .map(|(name, values)| Ok((graph.node_id(name)?, NdTensor::from_data(shape, values).into())))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let scores = graph.run(inputs, &[graph.node_id("scores")?], None)?.remove(0);
    let scores: NdTensor<f32, 2> = scores.try_into()?;
    let scores: NdTensorView<'_, f32, 2> = scores.view();
    // Of this head scores are not made probabilities.
    let own = Pipeline::new(model, head)?.predict_proba(&texts[..1])?;
    for (found, expected) in scores.iter().zip(own) {
        assert!((found - expected).abs() < 1e-6, "{found} and not {expected}");
    }
    Ok(())
}
