//! Quantised tables are those of numpy and the reference, value for value; row scales keep what they promise.

use std::collections::BTreeMap;
use std::fs;

use m2v_core::{Checkpoint, Config, Dir, Dtype, EmbeddingTable, Tensor, read_tensors};
use m2v_infer::{EncoderExt, StaticModel};
use m2v_quant::{Cast, Context, Error, Init, Int8, Int8Global, KMeans, Transform, Truncate, compare};
use m2v_tests::{Recorded, Result, fixture, shipped_model, texts};
use sha2::{Digest, Sha256};

fn apply(transform: &dyn Transform, checkpoint: &Checkpoint) -> Result<Checkpoint> {
    Ok(transform.apply(checkpoint.clone(), &mut Context::default())?)
}

#[test]
fn hard_values_are_cast_as_numpy_casts_them() -> Result<()> {
    let tensors = read_tensors("casts.safetensors", &fs::read(fixture("casts.safetensors"))?.into())?;
    let mut compared = 0;
    for source in ["f64", "f32", "f16"] {
        let table = EmbeddingTable::try_new(tensors[&format!("{source}.input")].clone(), None, None)?;
        let checkpoint = Checkpoint::new(Config::default(), table, b"{}");
        for dtype in [Dtype::F64, Dtype::F32, Dtype::F16] {
            let name = format!("{source}->{dtype}");
            assert_eq!(apply(&Cast(dtype), &checkpoint)?.table.embeddings(), &tensors[&name], "{name}");
            compared += 1;
        }
        let name = format!("{source}->int8");
        assert_eq!(apply(&Int8Global, &checkpoint)?.table.embeddings(), &tensors[&name], "{name}");
        compared += 1;
    }
    assert_eq!(compared, 12);
    assert_eq!(tensors.keys().filter(|name| name.contains("->")).count(), compared, "answers left over");
    Ok(())
}

#[test]
fn the_shipped_model_quantised_has_the_references_bytes() -> Result<()> {
    let recorded: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&fs::read(fixture("quantization.json"))?)?;
    let model = Checkpoint::load(&Dir::open(shipped_model())?)?;
    let float = apply(&Cast(Dtype::F32), &model)?;
    let int8 = apply(&Int8Global, &model)?;
    assert_eq!(int8.table.weights(), None);
    let tables = [
        ("float32", &float),
        ("float64", &apply(&Cast(Dtype::F64), &model)?),
        ("float16", &apply(&Cast(Dtype::F16), &model)?),
        ("float32->float32", &apply(&Cast(Dtype::F32), &float)?),
        ("float32->float64", &apply(&Cast(Dtype::F64), &float)?),
        ("float32->float16", &apply(&Cast(Dtype::F16), &float)?),
        ("dim32", &apply(&Truncate { dim: 32 }, &model)?),
        ("int8", &int8),
        ("float32->int8", &apply(&Int8Global, &float)?),
        ("int8,dim32", &apply(&Truncate { dim: 32 }, &int8)?),
    ];
    let hashed = recorded.values().filter(|answer| answer.get("sha256").is_some()).count();
    assert_eq!(tables.len(), hashed, "answers left over");
    for (name, table) in tables {
        let digest = Sha256::digest(table.table.embeddings().bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(recorded[name]["sha256"], digest, "{name}");
    }
    Ok(())
}

#[test]
fn row_scales_keep_every_recorded_model_close() -> Result<()> {
    let texts = texts()?;
    for recorded in Recorded::all()? {
        let checkpoint = recorded.checkpoint()?;
        let before = StaticModel::from_checkpoint(checkpoint.clone())?.encode(&texts)?;
        let int8 = apply(&Int8, &checkpoint)?;
        assert_eq!(int8.table.dtype(), Dtype::I8, "{}", recorded.name);
        let after = StaticModel::from_checkpoint(int8)?.encode(&texts)?;
        let loss = compare(before.view(), after.view())?;
        assert!(loss.cosine_min >= 0.9998, "{}: {loss}", recorded.name);
    }
    Ok(())
}

#[test]
fn a_quantised_model_says_what_it_is() -> Result<()> {
    let model = Checkpoint::load(&Dir::open(shipped_model())?)?;
    for (transform, dtype) in [(&Int8 as &dyn Transform, "int8"), (&Cast(Dtype::F32), "float32")] {
        let config = apply(transform, &apply(&Truncate { dim: 32 }, &model)?)?.saved_config();
        assert_eq!(config.get("embedding_dtype"), Some(&dtype.into()));
        assert_eq!(config.get("hidden_dim"), Some(&32.into()));
        assert_eq!(config.get("tokenizer_name"), model.config.get("tokenizer_name"), "unknown keys stay");
    }
    // Weights that hold row scales: a table that sentence-transformers reads as well.
    let weights: Tensor = apply(&Int8, &model)?.table.weights().ok_or("no weights")?.clone();
    assert_eq!((weights.dtype(), weights.shape()), (Dtype::F32, &[29_525][..]));
    Ok(())
}

#[test]
fn clusters_of_the_shipped_model_beat_the_best_of_ten_runs_of_scikit_learn() -> Result<()> {
    let recorded: serde_json::Value = serde_json::from_slice(&fs::read(fixture("quantization.json"))?)?;
    let model = apply(&Cast(Dtype::F32), &Checkpoint::load(&Dir::open(shipped_model())?)?)?;
    let rows = model.table.embeddings().to_f32()?;
    for (clusters, bound) in [(256, 1.001), (1024, 1.0), (4096, 1.0)] {
        let mut sum = 0.0;
        for seed in 0..5 {
            let table = apply(&KMeans::new(clusters).with_seed(seed), &model)?.table;
            assert_eq!((table.rows(), table.dtype()), (clusters, Dtype::F32));
            let (row_of, weights) = (table.row_of().ok_or("mapping")?, table.weights_f32().ok_or("weights")?);
            let centres = table.embeddings().to_f32()?;
            for ((row, &of), &weight) in rows.outer_iter().zip(row_of).zip(weights) {
                let centre = centres.index_axis(ndarray::Axis(0), of as usize);
                let difference = row.iter().zip(centre).map(|(x, c)| f64::from(x / weight) - f64::from(*c));
                sum += difference.map(|x| x * x).sum::<f64>();
            }
        }
        let answer = &recorded["vocabulary_quantization"]["k"][clusters.to_string()]["inertia"];
        let ratio = sum / 5.0 / answer.as_f64().ok_or("inertia")?;
        assert!(ratio <= bound, "{clusters} clusters: {ratio} × the recorded inertia");
    }
    Ok(())
}

#[test]
fn a_clustered_model_is_close_and_is_not_clustered_again() -> Result<()> {
    let (texts, model) = (texts()?, Checkpoint::load(&Dir::open(shipped_model())?)?);
    let before = StaticModel::from_checkpoint(model.clone())?.encode(&texts)?;
    // What model2vec 0.10.0 with scikit-learn 1.9.1 gives for these texts and as many clusters.
    let reference = 0.8944;
    for init in [Init::KMeansPlusPlus, Init::Random] {
        let small = apply(&KMeans::new(4096).with_init(init), &model)?;
        assert_eq!((small.table.dtype(), small.table.rows()), (Dtype::F16, 4096));
        assert_eq!(small.saved_config().get("vocabulary_quantization"), Some(&4096.into()));
        let loss =
            compare(before.view(), StaticModel::from_checkpoint(small.clone())?.encode(&texts)?.view())?;
        assert!(loss.cosine_mean > reference, "{loss}");
        let int8 = apply(&Int8, &small)?;
        let loss = compare(before.view(), StaticModel::from_checkpoint(int8)?.encode(&texts)?.view())?;
        assert!(loss.cosine_mean > reference, "{loss}");
    }
    // What the reference clustered is recognised too.
    let recorded = Recorded::all()?;
    let mapped = recorded.iter().find(|recorded| recorded.name == "vq256").ok_or("vq256")?;
    let error = KMeans::new(16).apply(mapped.checkpoint()?, &mut Context::default());
    assert!(matches!(error, Err(Error::Mapped { rows: 256, tokens: 29_525 })));
    Ok(())
}
