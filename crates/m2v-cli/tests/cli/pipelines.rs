//! `m2v predict`, `m2v evaluate`, `m2v convert-head`, and what other commands make of a head.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::*;

/// A recorded pipeline as a folder, of today or of yesterday.
pub(crate) fn pipeline(folder: &Path, name: &str, legacy: bool) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir(&path).unwrap();
    let own = fixture("pipelines").join(name);
    let files = if legacy {
        [("config.json", "legacy-config.json"), ("pipeline.skops", "pipeline.skops")]
    } else {
        [("config.json", "config.json"), ("head.safetensors", "head.safetensors")]
    };
    for (to, from) in files {
        fs::copy(own.join(from), path.join(to)).unwrap();
    }
    fs::copy(own.join("model.safetensors"), path.join("model.safetensors")).unwrap();
    fs::copy(fixture("models/vq256/tokenizer.json"), path.join("tokenizer.json")).unwrap();
    path
}

fn json_of(path: &str) -> Value {
    serde_json::from_slice(&fs::read(fixture(path)).unwrap()).unwrap()
}

fn answers(name: &str) -> Value {
    json_of(&format!("pipelines/{name}/answers.json"))
}

/// The recorded texts, with their labels, as a `.jsonl` file.
fn data(folder: &Path, name: &str) -> PathBuf {
    let (texts, answers) = (json_of("pipelines/texts.json"), answers(name));
    let lines = texts.as_array().unwrap().iter().zip(answers["labels"].as_array().unwrap());
    let lines: String =
        lines.map(|(text, label)| json!({"text": text, "label": label}).to_string() + "\n").collect();
    let path = folder.join(format!("{name}.jsonl"));
    fs::write(&path, lines).unwrap();
    path
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn assert_close(found: &Value, expected: &Value) {
    let (found, expected) = (found.as_array().unwrap(), expected.as_array().unwrap());
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let difference = (found.as_f64().unwrap() - expected.as_f64().unwrap()).abs();
        assert!(difference < 1e-6, "{found}, not {expected}");
    }
}

#[test]
fn predict_says_what_was_recorded() {
    let folder = scratch();
    for (name, key) in [("softmax", "label"), ("multilabel", "labels"), ("regression", "values")] {
        let (model, input, answers) =
            (pipeline(folder.path(), name, false), data(folder.path(), name), answers(name));
        let expected = answers["predict"].as_array().unwrap();
        let found = lines(&run([&"predict", &model, &input]).ok().stdout);
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert_eq!(found.as_object().unwrap().len(), 1);
            if name == "regression" {
                assert_close(&found[key], expected)
            } else {
                assert_eq!(&found[key], expected)
            }
        }
        if name == "regression" {
            run([&"predict", &model, &input, &"--proba"]).failed(2, &["--proba", "regression"]);
            continue;
        }
        let out = folder.path().join("out.jsonl");
        let printed = run([&"predict", &model, &input, &"--proba", &"--threads", &"2", &"-o", &out]).ok();
        assert_eq!(printed.stdout, "");
        let found = lines(&fs::read_to_string(&out).unwrap());
        for ((found, label), proba) in
            found.iter().zip(expected).zip(answers["predict_proba"].as_array().unwrap())
        {
            assert_eq!(&found[key], label);
            assert_close(&found["proba"], proba);
        }
    }
}

#[test]
fn predict_reads_lines_and_cuts_texts() {
    let folder = scratch();
    let model = pipeline(folder.path(), "softmax", false);
    let printed = run_with([&"predict", &model], b"Call me Ishmael.\n\nThe whale.\n").ok().stdout;
    assert_eq!(printed.lines().count(), 3);
    assert_eq!(printed.lines().next(), Some(r#"{"label":"novel"}"#));
    let proba = |length: &str| {
        let text = b"The people of the United States and the whale\n";
        lines(&run_with([&"predict", &model, &"--proba", &"--max-length", &length], text).ok().stdout)[0]
            .take()
    };
    assert_eq!(proba("none"), proba("512"));
    assert_ne!(proba("none")["proba"], proba("2")["proba"]);
}

#[test]
fn the_threshold_moves_labels() {
    let folder = scratch();
    let (model, input) = (pipeline(folder.path(), "multilabel", false), data(folder.path(), "multilabel"));
    let answers = answers("multilabel");
    for threshold in [0.0f32, 0.3, 0.9, 1.0] {
        let printed =
            run([&"predict", &model, &input, &"--proba", &"--threshold", &threshold.to_string()]).ok().stdout;
        let classes = ["address before 1900", "address since 1900", "government", "novel", "war"];
        for (found, recorded) in lines(&printed).iter().zip(answers["predict_proba"].as_array().unwrap()) {
            let proba: Vec<f32> = serde_json::from_value(found["proba"].clone()).unwrap();
            let expected: Vec<_> =
                classes.iter().zip(&proba).filter(|(_, p)| **p > threshold).map(|(c, _)| *c).collect();
            assert_eq!(found["labels"], json!(expected));
            assert_close(&found["proba"], recorded);
        }
    }
    run([&"predict", &model, &input, &"--threshold", &"1.5"]).failed(2, &["--threshold 1.5", "0 to 1"]);
    run([&"predict", &model, &input, &"--threshold", &"-0.5"]).failed(2, &["--threshold -0.5", "0 to 1"]);
    run([&"predict", &model, &input, &"--threshold", &"NaN"]).failed(2, &["--threshold NaN", "0 to 1"]);
    let single = pipeline(folder.path(), "softmax", false);
    run([&"predict", &single, &input, &"--threshold", &"0.5"]).failed(2, &["--threshold", "multi-label"]);
}

#[test]
fn evaluate_says_what_was_recorded() {
    let folder = scratch();
    for name in ["softmax", "multilabel"] {
        let (model, input) = (pipeline(folder.path(), name, false), data(folder.path(), name));
        let expected = &answers(name)["evaluate"];
        let printed = run([&"evaluate", &model, &input, &"--json"]).ok().stdout;
        let report: Value = serde_json::from_str(&printed).unwrap();
        let close = |found: &Value, expected: &Value| {
            assert!(
                (found.as_f64().unwrap() - expected.as_f64().unwrap()).abs() < 1e-9,
                "{found}, not {expected}"
            );
        };
        close(&report["accuracy"], &expected["accuracy"]);
        for key in ["precision", "recall", "f1-score", "support"] {
            for average in ["macro avg", "weighted avg"] {
                close(&report[average][key], &expected[average][key]);
            }
            for class in report["classes"].as_array().unwrap() {
                close(&class[key], &expected[class["label"].as_str().unwrap()][key]);
            }
        }
        let table = run_with([&"evaluate", &model, &"-"], &fs::read(&input).unwrap()).ok().stdout;
        assert!(table.contains("precision    recall  f1-score   support\n"), "{table}");
        assert!(table.contains("address before 1900"), "{table}");
    }
}

#[test]
fn labels_that_do_not_fit_name_their_line() {
    let folder = scratch();
    let (single, multi) =
        (pipeline(folder.path(), "softmax", false), pipeline(folder.path(), "multilabel", false));
    let path = folder.path().join("bad.jsonl");
    for (model, second, parts) in [
        (
            &single,
            r#"{"text": "a", "label": ["novel"]}"#,
            &["bad.jsonl, line 2", "one label", "a list of 1 labels"][..],
        ),
        (&multi, r#"{"text": "a", "label": "novel"}"#, &["bad.jsonl, line 1", "a list of labels"]),
        (&single, r#"{"text": "a"}"#, &["bad.jsonl, line 2", "missing field `label`"]),
        (&single, r#"{"text": "a", "label": 1}"#, &["bad.jsonl, line 2", "a string", "the number 1"]),
        (&single, r#"{"text": "a", "label": 0.5}"#, &["bad.jsonl, line 2", "whole number"]),
        (&single, "", &["bad.jsonl, line 2", "blank line"]),
    ] {
        fs::write(&path, format!("{}\n{second}\n", r#"{"text": "a", "label": "novel"}"#)).unwrap();
        run([&"evaluate", model, &path]).failed(1, parts);
    }
    fs::write(&path, "").unwrap();
    run([&"evaluate", &single, &path]).failed(1, &["bad.jsonl", "no texts"]);
    let regression = pipeline(folder.path(), "regression", false);
    run([&"evaluate", &regression, &data(folder.path(), "softmax")]).failed(1, &["evaluate", "regression"]);
}

/// The model is at fault, not its texts: there may be none.
#[test]
fn a_classifier_without_classes_is_refused_before_any_text() {
    let folder = scratch();
    let model = pipeline(folder.path(), "softmax", false);
    let config = fs::read_to_string(model.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config["head_config"]["classes"] = Value::Null;
    fs::write(model.join("config.json"), config.to_string()).unwrap();
    for run in [run([&"predict", &model]), run([&"evaluate", &model, &"-"])] {
        let stderr = run.failed(1, &["no classes"]).stderr;
        assert!(!stderr.contains("texts"), "{stderr}");
    }
}

#[test]
fn a_legacy_head_converts() {
    let folder = scratch();
    for name in ["softmax", "multilabel", "regression"] {
        let (model, out) = (pipeline(folder.path(), name, true), folder.path().join(format!("{name}-today")));
        let input = data(folder.path(), name);
        let expected = run([&"predict", &model, &input]).ok().stdout;
        let said = run([&"convert-head", &model, &out]).ok().stderr;
        assert!(said.starts_with("2 layers, "), "{said}");
        let files = names(&out);
        assert!(
            files.contains(&"head.safetensors".to_owned()) && !files.contains(&"pipeline.skops".to_owned())
        );
        assert_eq!(run([&"predict", &out, &input]).ok().stdout, expected);
    }
    let text = run([&"inspect", &folder.path().join("softmax")]).ok().stdout;
    assert!(text.contains("pipeline.skops"), "{text}");
    run([&"convert-head", &shipped(), &folder.path().join("none")])
        .failed(1, &["no head here", "pipeline.skops"]);
    assert!(!folder.path().join("none").exists());
}

#[test]
fn the_head_is_there_in_every_command() {
    let folder = scratch();
    let (model, input) = (pipeline(folder.path(), "softmax", false), data(folder.path(), "softmax"));
    let text = run([&"inspect", &model]).ok().stdout;
    assert!(text.contains("64 → 32 → 3 → softmax, 3 classes\n"), "{text}");
    let classes = "\"address before 1900\", \"address since 1900\", \"novel\"\n";
    assert!(
        text.lines().any(|line| line.starts_with("classes ") && classes.trim_end().ends_with(&line[19..])),
        "{text}"
    );

    let small = folder.path().join("small");
    run([&"quantize", &model, &small, &"--dtype", &"int8"]).ok();
    let (before, after) = (run([&"predict", &model, &input]).ok(), run([&"predict", &small, &input]).ok());
    let same =
        before.stdout.lines().zip(after.stdout.lines()).filter(|(before, after)| before == after).count();
    assert!(same >= 396, "{same} of 400 labels are the same");
    run([&"quantize", &model, &small, &"--dims", &"8", &"--force"]).failed(1, &["dims", "head"]);

    for command in ["predict", "evaluate"] {
        run([&command, &shipped(), &input]).failed(1, &["no head here", "head.safetensors"]);
        run([&command, &model, &folder.path().join("gone.jsonl")]).failed(1, &["gone.jsonl: No such file"]);
    }
    run([&"predict", &model, &input, &"-o", &folder.path().join("out.npy")]).failed(2, &["-o", ".jsonl"]);
}
