//! Pipelines answer what Python model2vec answers.

use std::sync::Mutex;

use m2v_core::{Checkpoint, Dtype, Label, Memory, MlpHead, Sink};
use m2v_infer::{Encoder, Error, Mlp, Pipeline, Prediction, StaticModel, Target, Task};
use m2v_quant::{Cast, Context, Int8, Transform};
use m2v_tests::{Answers, RecordedPipeline, Result, assert_close, small_with};
use ndarray::{Array1, Array2, Axis, s};
use serde_json::{Value, json};

/// What is predicted, as JSON has it: what was recorded.
fn recorded(prediction: Prediction<'_>) -> Result<Value> {
    let Value::Object(prediction) = serde_json::to_value(prediction)? else {
        return Err("a prediction that is no object".into());
    };
    assert_eq!(prediction.len(), 1);
    Ok(prediction.into_iter().next().ok_or("no prediction")?.1)
}

/// Compares everything a pipeline says with what was recorded.
pub(crate) fn assert_answers(pipeline: &Pipeline, recorded_pipeline: &RecordedPipeline) -> Result<()> {
    let RecordedPipeline { name, texts, answers } = recorded_pipeline;
    let predictions = pipeline.predict(texts)?;
    assert_eq!(predictions.len(), texts.len());
    if *name == "regression" {
        let values = predictions.values().ok_or("no values")?;
        assert_close(name, values, answers.values()?.view());
        return Ok(());
    }
    for (i, (prediction, expected)) in predictions.iter().zip(&answers.predict).enumerate() {
        assert_eq!(&recorded(prediction)?, expected, "{name}: text {i}");
    }
    assert_eq!(predictions.values(), None, "{name}");
    let expected = answers.probabilities()?;
    // Recorded to seven decimals: off by up to 5e-8 themselves.
    assert_close(name, pipeline.predict_proba(texts)?.view(), expected.view());
    assert_close(name, predictions.probabilities()?.view(), expected.view());
    Ok(())
}

#[test]
fn every_recorded_pipeline_answers_as_recorded() -> Result<()> {
    for recorded in RecordedPipeline::all()? {
        let pipeline = Pipeline::load(&recorded.files()?)?;
        assert_answers(&pipeline, &recorded)?;
        assert_answers(&Pipeline::load(&recorded.legacy_files()?)?, &recorded)?;
    }
    Ok(())
}

#[test]
fn evaluation_is_as_recorded() -> Result<()> {
    for name in ["softmax", "multilabel"] {
        let recorded = RecordedPipeline::read(name)?;
        let targets: Vec<Target> = serde_json::from_value(recorded.answers.labels.clone().into())?;
        let report = Pipeline::load(&recorded.files()?)?.evaluate(&recorded.texts, &targets)?;
        let expected = recorded.answers.evaluate.as_ref().ok_or("nothing recorded")?;
        let close = |found: f64, expected: &Value| {
            assert!((found - expected.as_f64().unwrap()).abs() < 1e-9, "{name}: {found}, not {expected}");
        };
        close(report.accuracy, &expected["accuracy"]);
        let of_classes = report.classes.iter().map(|class| (class.label.to_string(), class.scores));
        let averages = [("macro avg", report.macro_), ("weighted avg", report.weighted)];
        let mut rows = 0;
        for (key, scores) in of_classes.chain(averages.map(|(key, scores)| (key.to_owned(), scores))) {
            let expected = &expected[&key];
            close(scores.precision, &expected["precision"]);
            close(scores.recall, &expected["recall"]);
            close(scores.f1, &expected["f1-score"]);
            close(scores.support as f64, &expected["support"]);
            rows += 1;
        }
        // The rest of what was recorded is the accuracy.
        assert_eq!(expected.as_object().map(|all| all.len()), Some(rows + 1));
    }
    Ok(())
}

#[test]
fn a_saved_pipeline_answers_the_same() -> Result<()> {
    for recorded in RecordedPipeline::all()? {
        for files in [recorded.files()?, recorded.legacy_files()?] {
            let mut saved = Memory::new();
            Pipeline::load(&files)?.save(&mut saved)?;
            saved.finish()?;
            assert!(saved.files().any(|(name, _)| name == "head.safetensors"));
            assert_answers(&Pipeline::load(&saved)?, &recorded)?;
        }
    }
    Ok(())
}

/// Labels of texts whose probabilities are not near the threshold, or each other.
#[test]
fn quantised_encoders_keep_their_head() -> Result<()> {
    for recorded in RecordedPipeline::all()? {
        let checkpoint = Checkpoint::load(&recorded.files()?)?;
        for transform in [&Int8 as &dyn Transform, &Cast(Dtype::F16), &Cast(Dtype::F64)] {
            let quantised = transform.apply(checkpoint.clone(), &mut Context::default())?;
            assert_eq!(quantised.head, checkpoint.head);
            let pipeline = Pipeline::from_checkpoint(quantised)?;
            let (found, expected) = match recorded.name {
                "regression" => {
                    let predictions = pipeline.predict(&recorded.texts)?;
                    (predictions.values().ok_or("no values")?.to_owned(), recorded.answers.values()?)
                }
                _ => (pipeline.predict_proba(&recorded.texts)?, recorded.answers.probabilities()?),
            };
            let largest = (&found - &expected).iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
            assert!(largest < 0.02, "{}: {largest}", recorded.name);
        }
    }
    Ok(())
}

/// A pipeline on the small model, whose embeddings are of length 16, with one layer.
fn small_pipeline(head_config: Value, weight: &Array2<f32>, bias: &Array1<f32>) -> Result<Pipeline> {
    let mut files = small_with("config.json", json!({"head_config": head_config}).to_string())?;
    let (weight, bias) = (m2v_core::Tensor::from_array(weight), m2v_core::Tensor::from_array(bias));
    m2v_core::write_tensors(
        &mut files,
        "head.safetensors",
        &[("head.0.weight", &weight), ("head.0.bias", &bias)],
    )?;
    Ok(Pipeline::load(&files)?)
}

#[test]
fn labels_come_back_as_json_has_them() -> Result<()> {
    let classes = json!([true, -7, "true", "7"]);
    for (winner, expected) in classes.as_array().ok_or("no list")?.iter().enumerate() {
        let head = json!({"n_layers": 1, "activation": "softmax", "classes": classes});
        let mut bias = Array1::zeros(4);
        bias[winner] = 1.0;
        let pipeline = small_pipeline(head, &Array2::zeros((4, 16)), &bias)?;
        assert_eq!(serde_json::to_value(pipeline.predict(&["a"])?.get(0))?, json!({"label": expected}));
        assert_eq!(serde_json::to_value(pipeline.output().classes())?, classes);
    }
    Ok(())
}

#[test]
fn the_threshold_is_strict() -> Result<()> {
    let head = json!({"n_layers": 1, "activation": "sigmoid", "classes": [1, 2, 3]});
    // Probabilities of exactly a half, a bit more, and a bit less.
    let bias = ndarray::array![0.0, 0.1, -0.1];
    let pipeline = small_pipeline(head, &Array2::zeros((3, 16)), &bias)?;
    let labels = |threshold: f32| -> Result<Value> {
        let predictions = pipeline.predict(&["a"])?.with_threshold(threshold);
        Ok(serde_json::to_value(predictions.get(0))?["labels"].clone())
    };
    assert_eq!(serde_json::to_value(pipeline.predict(&["a"])?.get(0))?, json!({"labels": [2]}));
    assert_eq!(labels(0.499)?, json!([1, 2]));
    assert_eq!(labels(0.0)?, json!([1, 2, 3]));
    assert_eq!(labels(1.0)?, json!([]));
    assert_eq!(pipeline.predict(&["a"])?.get(1), None);
    Ok(())
}

/// Two scores so close that their probabilities are the same number: the larger score counts, as in the reference.
#[test]
fn the_largest_score_wins_where_probabilities_are_equal() -> Result<()> {
    let head = json!({"n_layers": 1, "activation": "softmax", "classes": ["smaller", "larger"]});
    let bias = ndarray::array![0.0, 1e-9];
    let pipeline = small_pipeline(head, &Array2::zeros((2, 16)), &bias)?;
    let probabilities = pipeline.predict_proba(&["a"])?;
    assert_eq!(probabilities[[0, 0]].to_bits(), probabilities[[0, 1]].to_bits());
    assert_eq!(pipeline.predict(&["a"])?.get(0), Some(Prediction::Label(&"larger".into())));
    Ok(())
}

#[test]
fn a_classifier_without_classes_gives_probabilities_only() -> Result<()> {
    let head = json!({"n_layers": 1, "activation": "softmax", "classes": null});
    let pipeline = small_pipeline(head, &Array2::zeros((4, 16)), &Array1::zeros(4))?;
    assert_eq!(pipeline.predict_proba(&["a", "bb"])?, Array2::from_elem((2, 4), 0.25));
    assert!(matches!(pipeline.predict(&["a"]), Err(Error::NoClasses)));
    Ok(())
}

#[test]
fn a_head_without_layers_passes_embeddings_through() -> Result<()> {
    let mut files =
        small_with("config.json", br#"{"head_config": {"n_layers": 0, "activation": "identity"}}"#)?;
    m2v_core::write_tensors(&mut files, "head.safetensors", &[])?;
    let pipeline = Pipeline::load(&files)?;
    assert_eq!((pipeline.output().task(), pipeline.output().width()), (Task::Regression, 16));
    let found = pipeline.predict(&["a bb", "ccc"])?;
    let expected = m2v_infer::EncoderExt::encode(&StaticModel::load(&files)?, &["a bb", "ccc"])?;
    assert_eq!(found.values().ok_or("no values")?, expected);
    Ok(())
}

/// Layers of every number, in every float type, against the formula in f64.
#[test]
fn any_number_of_layers_in_any_float() -> Result<()> {
    let texts = ["a", "bb", "a bb ccc", "", "ccc a", "bb bb", "ccc"];
    let model = StaticModel::load(&m2v_tests::small()?)?;
    let embeddings = m2v_infer::EncoderExt::encode(&model, &texts)?;
    for widths in [&[16, 3][..], &[16, 7, 3], &[16, 20, 5, 3], &[16, 9, 20, 2, 3]] {
        let value = |i: usize, j: usize| ((i * 37 + j * 11) % 19) as f64 / 8.0 - 1.0;
        let layers: Vec<(Array2<f64>, Array1<f64>)> = widths
            .windows(2)
            .map(|w| {
                (
                    Array2::from_shape_fn((w[1], w[0]), |(i, j)| value(i, j)),
                    Array1::from_shape_fn(w[1], |i| value(i, 5)),
                )
            })
            .collect();
        let mut expected = embeddings.mapv(f64::from);
        for (i, (weight, bias)) in layers.iter().enumerate() {
            expected = expected.dot(&weight.t()) + bias;
            if i + 1 < layers.len() {
                expected.mapv_inplace(|x| x.max(0.0));
            }
        }
        // The values are exact in all of these.
        let tensors = |dtype: Dtype, (weight, bias): &(Array2<f64>, Array1<f64>)| match dtype {
            Dtype::F64 => (m2v_core::Tensor::from_array(weight), m2v_core::Tensor::from_array(bias)),
            Dtype::F32 => {
                let half = |x: f64| x as f32;
                (
                    m2v_core::Tensor::from_array(&weight.mapv(half)),
                    m2v_core::Tensor::from_array(&bias.mapv(half)),
                )
            }
            _ => {
                let half = m2v_core::half::f16::from_f64;
                (
                    m2v_core::Tensor::from_array(&weight.mapv(half)),
                    m2v_core::Tensor::from_array(&bias.mapv(half)),
                )
            }
        };
        for dtype in [Dtype::F64, Dtype::F32, Dtype::F16] {
            let layers = layers.iter().map(|layer| tensors(dtype, layer)).collect();
            let head = MlpHead::try_new(layers, m2v_core::Activation::Identity, None)?;
            let pipeline = Pipeline::new(model.clone(), Mlp::new(&head, model.dim())?)?;
            // Many texts go through a matrix product, few do not.
            for texts in [&texts[..], &texts[..2], &texts[..1]] {
                let found = pipeline.predict(texts)?;
                let expected = expected.slice(s![..texts.len(), ..]).mapv(|x| x as f32);
                assert_close(
                    &format!("{widths:?} {dtype}"),
                    found.values().ok_or("no values")?,
                    expected.view(),
                );
            }
        }
    }
    Ok(())
}

#[test]
fn many_texts_take_the_parallel_way() -> Result<()> {
    let recorded = RecordedPipeline::read("multilabel")?;
    let pipeline = Pipeline::load(&recorded.files()?)?;
    let texts: Vec<&String> = recorded.texts.iter().cycle().take(3000).collect();
    let expected = recorded.answers.probabilities()?;
    let done = Mutex::new(Vec::new());
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build()?;
    let found = pool.install(|| {
        pipeline.predict_proba_with_progress(&texts, &|texts| done.lock().unwrap().push(texts))
    })?;
    for (i, row) in found.rows().into_iter().enumerate() {
        let expected = expected.row(i % recorded.texts.len());
        assert_close("in parallel", row.insert_axis(Axis(0)), expected.insert_axis(Axis(0)));
    }
    let done = done.into_inner().unwrap();
    assert!(done.len() > 4 && done.contains(&3000), "{done:?}");
    assert_eq!(pipeline.predict(&[""; 0])?.len(), 0);
    assert_eq!(pipeline.predict_proba(&[""; 0])?.shape(), [0, 5]);
    Ok(())
}

#[test]
fn a_regression_has_no_classes() -> Result<()> {
    let recorded = RecordedPipeline::read("regression")?;
    let pipeline = Pipeline::load(&recorded.files()?)?;
    assert!(matches!(pipeline.predict_proba(&["a"]), Err(Error::Regression { call: "predict_proba" })));
    assert!(matches!(pipeline.evaluate(&["a"], &["b"]), Err(Error::Regression { call: "evaluate" })));
    assert!(matches!(
        pipeline.predict(&["a"])?.evaluate(&["b"]),
        Err(Error::Regression { call: "evaluate" })
    ));
    assert!(pipeline.predict(&["a"])?.probabilities().is_err());
    Ok(())
}

#[test]
fn labels_of_the_other_kind_are_refused() -> Result<()> {
    let single = RecordedPipeline::read("softmax")?;
    let pipeline = Pipeline::load(&single.files()?)?;
    let lists = [vec!["novel"], vec!["novel"]];
    assert!(matches!(pipeline.evaluate(&["a", "b"], &lists), Err(Error::Target { text: 0, .. })));
    let multi = RecordedPipeline::read("multilabel")?;
    let pipeline = Pipeline::load(&multi.files()?)?;
    let mixed = [Target::from(vec!["novel"]), Target::from("novel")];
    let error = pipeline.evaluate(&["a", "b"], &mixed).unwrap_err();
    assert!(matches!(error, Error::Target { text: 1, .. }), "{error:?}");
    assert_eq!(error.to_string(), "label of text 1: expected a list of labels, found the label `novel`");
    let error = pipeline.evaluate(&["a", "b"], &lists[..1]).unwrap_err();
    assert_eq!(error.to_string(), "labels of the texts: expected 2, found 1");
    assert!(matches!(pipeline.evaluate(&[""; 0], &lists[..0]), Err(Error::NothingToEvaluate)));
    Ok(())
}

/// scikit-learn refuses such a mix; here it would be a report of zeros.
#[test]
fn labels_of_another_type_than_the_classes_are_refused() -> Result<()> {
    for (classes, label, found, says) in [
        (
            json!(["0", "1"]),
            json!("1"),
            json!(1),
            "expected a string, as the classes are, found the number 1",
        ),
        (
            json!([0, 1]),
            json!(1),
            json!("1"),
            "expected a whole number, as the classes are, found the string `1`",
        ),
        (
            json!([false, true]),
            json!(true),
            json!(1),
            "expected a boolean, as the classes are, found the number 1",
        ),
        (
            json!([0, 1]),
            json!(1),
            json!(true),
            "expected a whole number, as the classes are, found the boolean true",
        ),
    ] {
        for (activation, is_list) in [("softmax", false), ("sigmoid", true)] {
            let head = json!({"n_layers": 1, "activation": activation, "classes": classes});
            let pipeline = small_pipeline(head, &Array2::zeros((2, 16)), &Array1::zeros(2))?;
            let target = |label: &Value| -> Result<Target> {
                let label = if is_list { json!([label]) } else { label.clone() };
                Ok(serde_json::from_value(label)?)
            };
            pipeline.evaluate(&["a"], &[target(&label)?])?;
            let error = pipeline.evaluate(&["a", "b"], &[target(&label)?, target(&found)?]).unwrap_err();
            assert!(matches!(error, Error::Target { text: 1, .. }), "{error:?}");
            assert_eq!(error.to_string(), format!("label of text 1: {says}"));
        }
    }
    // A class may be one the head does not know.
    let head = json!({"n_layers": 1, "activation": "softmax", "classes": [0, "1"]});
    let pipeline = small_pipeline(head, &Array2::zeros((2, 16)), &Array1::zeros(2))?;
    let report = pipeline.evaluate(&["a", "b"], &[Target::from(7), Target::from("other")])?;
    assert_eq!(report.classes.len(), 3);
    Ok(())
}

/// Under a head, NaN in the table is 0 and infinities are large: as `numpy.nan_to_num`.
#[test]
fn a_table_with_nan_predicts_as_the_reference_does() -> Result<()> {
    let recorded = RecordedPipeline::read("softmax")?;
    let mut files = recorded.files()?;
    let checkpoint = Checkpoint::load(&files)?;
    let mut rows = checkpoint.table.embeddings().to_array::<f32>()?.into_owned();
    let zero: Vec<_> = rows.indexed_iter().filter(|(_, x)| x.abs() < 1e-4).map(|(at, _)| at).collect();
    assert!(!zero.is_empty());
    let mut zeroed = rows.clone();
    for at in &zero {
        rows[at] = f32::NAN;
        zeroed[at] = 0.0;
    }
    let mut answers = Vec::new();
    for rows in [rows, zeroed] {
        let (rows, weights) =
            (m2v_core::Tensor::from_array(&rows), checkpoint.table.weights().ok_or("no weights")?);
        let mapping = checkpoint.table.mapping().ok_or("no mapping")?;
        m2v_core::write_tensors(
            &mut files,
            "model.safetensors",
            &[("embeddings", &rows), ("weights", weights), ("mapping", mapping)],
        )?;
        answers.push(Pipeline::load(&files)?.predict_proba(&recorded.texts)?);
    }
    assert_eq!(answers[0], answers[1]);
    Ok(())
}

#[test]
fn recorded_labels_are_read() -> Result<()> {
    let recorded = RecordedPipeline::read("multilabel")?;
    let sets = Answers::label_sets(&recorded.answers.predict)?;
    assert!(sets.iter().any(Vec::is_empty) && sets.iter().any(|set| set.len() > 1));
    assert!(sets.concat().contains(&Label::from("novel")));
    Ok(())
}
