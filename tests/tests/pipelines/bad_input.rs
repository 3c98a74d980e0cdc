//! Heads of today that are not what they should be. (`tests/bad_input` has those whose JSON or shapes are wrong.)

use m2v_core::{Error, Memory, Tensor, write_tensors};
use m2v_infer::Pipeline;
use m2v_tests::{RecordedPipeline, Result, small_with};
use ndarray::{Array1, Array2};
use serde_json::{Value, json};

fn pipeline(config: &Value, layers: &[(Array2<f32>, Array1<f32>)]) -> Result<Memory> {
    let mut files = small_with("config.json", config.to_string())?;
    let mut tensors = Vec::new();
    for (i, (weight, bias)) in layers.iter().enumerate() {
        tensors.push((format!("head.{i}.weight"), Tensor::from_array(weight)));
        tensors.push((format!("head.{i}.bias"), Tensor::from_array(bias)));
    }
    let named: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    write_tensors(&mut files, "head.safetensors", &named)?;
    Ok(files)
}

fn layer(out: usize, input: usize) -> (Array2<f32>, Array1<f32>) {
    (Array2::ones((out, input)), Array1::zeros(out))
}

#[track_caller]
fn refused(files: &Memory, parts: &[&str]) -> Error {
    let m2v_infer::Error::Data(mut error) = Pipeline::load(files).map(|_| ()).unwrap_err() else {
        unreachable!("expected an error about data");
    };
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
    while let Error::InFile { source, .. } = error {
        error = *source;
    }
    error
}

#[test]
fn a_head_without_its_config_is_refused() -> Result<()> {
    for config in [json!({}), json!({"head_config": null})] {
        let error = refused(
            &pipeline(&config, &[layer(2, 16)])?,
            &["(memory)/config.json", "head_config", "head.safetensors"],
        );
        assert!(matches!(error, Error::Config { .. }), "{error:?}");
    }
    Ok(())
}

#[test]
fn layers_that_do_not_chain_are_refused() -> Result<()> {
    let config = json!({"head_config": {"n_layers": 2, "activation": "softmax", "classes": ["a", "b"]}});
    Pipeline::load(&pipeline(&config, &[layer(5, 16), layer(2, 5)])?)?;
    let error = refused(
        &pipeline(&config, &[layer(5, 16), layer(2, 6)])?,
        &["head.safetensors", "head.1", "[out, 5]", "[2, 6]"],
    );
    assert!(matches!(error, Error::Tensor { .. }), "{error:?}");
    refused(
        &pipeline(&config, &[layer(5, 16), layer(3, 5)])?,
        &["head_config.classes", "3 (one for each output)", "2"],
    );
    refused(&pipeline(&config, &[layer(5, 16), layer(0, 5)])?, &["head.1"]);
    let without_layers =
        json!({"head_config": {"n_layers": 0, "activation": "softmax", "classes": ["a", "b"]}});
    refused(&pipeline(&without_layers, &[])?, &["head_config.classes", "16 (one for each output)"]);
    Ok(())
}

/// A head cut short would answer, and wrongly.
#[test]
fn more_layers_than_n_layers_are_refused() -> Result<()> {
    let config = json!({"head_config": {"n_layers": 1, "activation": "identity", "classes": null}});
    let error = refused(
        &pipeline(&config, &[layer(5, 16), layer(2, 5)])?,
        &["head.safetensors", "head.1.", "1 layers (n_layers)"],
    );
    assert!(matches!(error, Error::Tensor { .. }), "{error:?}");
    Ok(())
}

/// The file at fault is named, and no other.
#[test]
fn a_wrong_head_config_is_not_blamed_on_the_tensors() -> Result<()> {
    let config = json!({"head_config": {"n_layers": 1, "activation": "tanh", "classes": null}});
    let files = pipeline(&config, &[layer(2, 16)])?;
    let message = Pipeline::load(&files).map(|_| ()).unwrap_err().to_string();
    assert!(message.starts_with("(memory)/config.json: key `head_config.activation`"), "{message}");
    Ok(())
}

#[test]
fn numbers_that_are_none_are_refused() -> Result<()> {
    let config = json!({"head_config": {"n_layers": 1, "activation": "sigmoid", "classes": ["a", "b"]}});
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let (mut weight, mut bias) = layer(2, 16);
        weight[[1, 7]] = value;
        let parts = ["head.safetensors", "head.0.weight", "finite", &format!("{value} at [1, 7]")];
        refused(&pipeline(&config, &[(weight, bias.clone())])?, &parts);
        bias[1] = value;
        refused(
            &pipeline(&config, &[(Array2::ones((2, 16)), bias)])?,
            &["head.0.bias", &format!("{value} at [1]")],
        );
    }
    Ok(())
}

#[test]
fn classes_that_are_no_labels_are_refused() -> Result<()> {
    for class in [json!(null), json!(0.5), json!([1]), json!({}), json!(u64::MAX)] {
        let config =
            json!({"head_config": {"n_layers": 1, "activation": "softmax", "classes": ["a", class]}});
        let error = refused(
            &pipeline(&config, &[layer(2, 16)])?,
            &["config.json", "head_config.classes", "booleans"],
        );
        assert!(matches!(error, Error::Config { .. }), "{error:?}");
    }
    Ok(())
}

/// Finite weights of finite embeddings may still overflow: that is an error, not a class.
#[test]
fn scores_that_overflow_are_refused() -> Result<()> {
    let config = json!({"head_config": {"n_layers": 2, "activation": "softmax", "classes": ["a", "b"]}});
    let first = (Array2::zeros((5, 16)), Array1::from_elem(5, f32::MAX));
    let pipeline = Pipeline::load(&pipeline(&config, &[first, layer(2, 5)])?)?;
    for texts in [&["a"][..], &["a"; 20]] {
        let error = pipeline.predict(texts).map(|_| ()).unwrap_err();
        let error = match error {
            m2v_infer::Error::Text { text: 0, source } if texts.len() > 1 => *source,
            error => error,
        };
        assert!(matches!(error, m2v_infer::Error::NotFinite { .. }), "{error:?}");
    }
    Ok(())
}

/// Numbers of a table may be so large that their sum is not: normalised, that is NaN, which ReLU must not hide.
#[test]
fn embeddings_that_overflow_are_refused() -> Result<()> {
    let head = json!({"n_layers": 2, "activation": "softmax", "classes": ["a", "b"]});
    let mut files = pipeline(&json!({"normalize": true, "head_config": head}), &[layer(5, 16), layer(2, 5)])?;
    let large = Tensor::from_array(&Array2::<f32>::from_elem((6, 16), f32::INFINITY));
    write_tensors(&mut files, "model.safetensors", &[("embeddings", &large)])?;
    let pipeline = Pipeline::load(&files)?;
    for texts in [&["a bb"][..], &["a bb"; 20]] {
        let error = pipeline.predict(texts).map(|_| ()).unwrap_err();
        let error = match error {
            m2v_infer::Error::Text { text: 0, source } if texts.len() > 1 => *source,
            error => error,
        };
        assert!(matches!(error, m2v_infer::Error::NotFinite { .. }), "{error:?}");
    }
    Ok(())
}

#[test]
fn a_head_that_does_not_fit_its_table_is_written_nowhere() -> Result<()> {
    let mut checkpoint = m2v_core::Checkpoint::load(&m2v_tests::small()?)?;
    let (weight, bias) = layer(2, 15);
    let layers = vec![(Tensor::from_array(&weight), Tensor::from_array(&bias))];
    checkpoint.head = Some(m2v_core::MlpHead::try_new(layers, m2v_core::Activation::Identity, None)?);
    let mut files = Memory::new();
    let says = "[out, 16]";
    assert!(checkpoint.save(&mut files).unwrap_err().to_string().contains(says));
    let options = m2v_onnx::ExportOptions::default();
    assert!(m2v_onnx::export(&checkpoint, &options, &mut files).unwrap_err().to_string().contains(says));
    assert!(Pipeline::from_checkpoint(checkpoint).unwrap_err().to_string().contains(says));
    assert_eq!(files.files().count(), 0);
    Ok(())
}

#[test]
fn the_dimensions_under_a_head_cannot_be_cut() -> Result<()> {
    use m2v_quant::{Context, Transform, Truncate};

    let checkpoint = m2v_core::Checkpoint::load(&RecordedPipeline::read("softmax")?.files()?)?;
    let error = Truncate { dim: 32 }.apply(checkpoint, &mut Context::default()).map(|_| ()).unwrap_err();
    assert!(matches!(error, m2v_quant::Error::HeadInput { columns: 64 }), "{error:?}");
    Ok(())
}
