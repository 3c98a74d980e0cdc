//! Quantised tables are those of numpy and the reference, value for value; row scales keep what they promise.

use std::collections::BTreeMap;
use std::fs;

use m2v_core::{Checkpoint, Config, Dir, Dtype, EmbeddingTable, Tensor, read_tensors};
use m2v_infer::{EncoderExt, StaticModel};
use m2v_quant::{Cast, Context, Int8, Transform, Truncate, compare};
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
    }
    assert_eq!(compared, 9);
    Ok(())
}

#[test]
fn the_shipped_model_quantised_has_the_references_bytes() -> Result<()> {
    let recorded: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&fs::read(fixture("quantization.json"))?)?;
    let model = Checkpoint::load(&Dir::open(shipped_model())?)?;
    let float = apply(&Cast(Dtype::F32), &model)?;
    for (name, table) in [
        ("float32", &float),
        ("float64", &apply(&Cast(Dtype::F64), &model)?),
        ("float16", &apply(&Cast(Dtype::F16), &model)?),
        ("float32->float32", &apply(&Cast(Dtype::F32), &float)?),
        ("float32->float64", &apply(&Cast(Dtype::F64), &float)?),
        ("float32->float16", &apply(&Cast(Dtype::F16), &float)?),
        ("dim32", &apply(&Truncate { dim: 32 }, &model)?),
    ] {
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
