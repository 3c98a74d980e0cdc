//! `cargo xtask pipeline`, run as a user runs it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use m2v_core::{Checkpoint, Config, Dir, DirSink, EmbeddingTable, Sink, Tensor};
use m2v_infer::{EncoderExt, StaticModel};
use ndarray::Array2;
use serde_json::Value;

fn command(out: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["pipeline", "--out"]).arg(out).args(args);
    command
}

fn run(out: &Path, args: &[&str]) -> Output {
    command(out, args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn report(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
    names.sort_unstable();
    names
}

/// A model whose small values vanish beside the large one when it becomes int8.
fn model_that_int8_breaks(folder: &Path) {
    let rows = Array2::from_shape_fn((2, 1024), |(_, column)| if column == 0 { 127.0f32 } else { 0.49 });
    let table = EmbeddingTable::try_new(Tensor::from_array(&rows), None, None).unwrap();
    let tokenizer = br#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "the": 1}}}"#;
    let mut config = Config::default();
    config.set_normalize(true);
    let mut sink = DirSink::create(folder).unwrap();
    Checkpoint::new(config, table, tokenizer).save(&mut sink).unwrap();
    sink.finish().unwrap();
}

#[test]
fn the_shipped_model_comes_out_verified_and_a_second_run_replaces_the_first() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    let first = run(&out, &[]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert_eq!(names(&out), ["f16", "f32", "int8", "report.html", "report.json", "report.md"]);

    let report = report(&out);
    assert!(report["texts"]["count"].as_u64().unwrap() >= 500);
    for kind in ["empty", "unknown_only", "not_ascii", "at_max_length"] {
        assert!(report["texts"][kind].as_u64().unwrap() > 0, "no texts that are {kind}");
    }
    let artefacts = report["artefacts"].as_array().unwrap();
    assert_eq!(artefacts.len(), 6);
    for artefact in artefacts {
        let file = out.join(artefact["folder"].as_str().unwrap()).join(artefact["file"].as_str().unwrap());
        assert_eq!(artefact["bytes"], fs::metadata(&file).unwrap().len(), "{}", file.display());
        assert_eq!((&artefact["rows"], &artefact["dim"]), (&29_525.into(), &64.into()));
        assert_eq!(artefact["verified"]["passed"], true);
    }
    let markdown = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(markdown.contains("| int8/onnx/model.onnx |"), "{markdown}");
    assert!(text(&first.stdout).contains(&markdown));

    // What the report says of int8 is what a user finds who loads the folder.
    let load = |folder: &Path| StaticModel::load(&Dir::open(folder).unwrap()).unwrap();
    let texts = ["hello world", "It's dangerous to go alone!"];
    let int8 = load(&out.join("int8")).encode(&texts).unwrap();
    let float =
        load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/minilm-l6-64d")).encode(&texts).unwrap();
    let difference = (&int8 - &float).mapv(f32::abs).into_iter().fold(0.0, f32::max);
    assert!(difference > 0.0 && difference < 2e-2, "{difference}");

    let second = run(&out, &["--dtype", "int8", "--dims", "32", "--no-onnx", "--no-verify"]);
    assert!(second.status.success(), "{}", text(&second.stderr));
    assert_eq!(names(&out), ["int8", "report.html", "report.json", "report.md"]);
    assert!(!out.join("int8/onnx").exists());
    assert_eq!(load(&out.join("int8")).table().dim(), 32);
    assert_eq!(names(work.path()), ["out"]);
}

#[test]
fn a_missed_bound_fails_and_writes_nothing() {
    let work = tempfile::tempdir().unwrap();
    let (model, out) = (work.path().join("model"), work.path().join("out"));
    model_that_int8_breaks(&model);
    let texts = work.path().join("texts.txt");
    fs::write(&texts, "the the\r\n\nthe\n").unwrap();
    let args = ["--model", model.to_str().unwrap(), "--texts", texts.to_str().unwrap(), "--dtype"];

    let good = run(&out, &[&args[..], &["f32"]].concat());
    assert!(good.status.success(), "{}", text(&good.stderr));
    assert_eq!(report(&out)["texts"]["count"], 3);

    let missed = run(&out, &[&args[..], &["f32,int8"]].concat());
    assert_eq!(missed.status.code(), Some(1));
    let message = text(&missed.stderr);
    assert!(message.contains("int8/model.safetensors") && message.contains("0.9998"), "{message}");
    assert!(message.contains("int8/onnx/model.onnx"), "{message}");
    assert!(text(&missed.stdout).contains("**FAILED**"));
    assert_eq!(names(&out), ["f32", "report.html", "report.json", "report.md"], "the earlier output stays");
    assert_eq!(names(work.path()), ["model", "out", "texts.txt"]);
}

#[test]
fn never_replaces_a_folder_it_did_not_write() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("mine");
    fs::create_dir(&out).unwrap();
    fs::write(out.join("report.json"), r#"{"tool": "another"}"#).unwrap();
    let refused = run(&out, &["--no-verify"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--out"), "{}", text(&refused.stderr));
    assert_eq!(names(&out), ["report.json"]);
}

#[test]
fn bad_arguments_are_named() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    for (args, code, part) in [
        (&["--model", "no/such/folder"][..], 1, "no/such/folder"),
        (&["--dims", "65"], 1, "1 to 64"),
        (&["--dims", "0"], 1, "1 to 64"),
        (&["--dtype", "int4"], 2, "int4"),
        (&["--texts", "no-such.txt"], 1, "no-such.txt"),
        (&["--texts", "/dev/null"], 1, "/dev/null"),
        (&["--texts", "x", "--no-verify"], 2, "--no-verify"),
    ] {
        let failed = run(&out, args);
        assert_eq!(failed.status.code(), Some(code), "{args:?}: {}", text(&failed.stderr));
        assert!(text(&failed.stderr).contains(part), "{args:?}: {}", text(&failed.stderr));
    }
    assert_eq!(names(work.path()), [""; 0]);
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing() {
    let work = tempfile::tempdir().unwrap();
    let mut child = command(&work.path().join("out"), &[]).spawn().unwrap();
    while names(work.path()).is_empty() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(names(work.path()), [""; 0]);
}

/// A recorded pipeline as a folder.
fn recorded_pipeline(folder: &Path, name: &str) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    fs::create_dir(folder).unwrap();
    for file in ["config.json", "head.safetensors", "model.safetensors"] {
        fs::copy(fixtures.join("pipelines").join(name).join(file), folder.join(file)).unwrap();
    }
    fs::copy(fixtures.join("models/vq256/tokenizer.json"), folder.join("tokenizer.json")).unwrap();
}

#[test]
fn a_classifier_keeps_its_head_which_is_verified_too() {
    let work = tempfile::tempdir().unwrap();
    for (name, output) in [("multilabel", "probabilities"), ("regression", "predictions")] {
        let (model, out) = (work.path().join(name), work.path().join(format!("{name}-out")));
        recorded_pipeline(&model, name);
        let made = run(&out, &["--model", model.to_str().unwrap()]);
        assert!(made.status.success(), "{}", text(&made.stderr));
        let report = report(&out);
        let artefacts = report["artefacts"].as_array().unwrap();
        assert_eq!(artefacts.len(), 6);
        for artefact in artefacts {
            let head = &artefact["verified"]["head"];
            assert_eq!((&head["output"], &head["passed"]), (&output.into(), &true.into()), "{artefact}");
            let is_graph = artefact["file"] != "model.safetensors";
            assert_eq!(
                head["max_abs_diff_bound"].is_null(),
                !is_graph && artefact["folder"] != "f32",
                "{artefact}"
            );
            assert_eq!(head["same_labels"].is_null(), name == "regression", "{artefact}");
            assert!(head["same_labels"].as_f64().is_none_or(|same| same > 0.98), "{artefact}");
            assert!(
                Checkpoint::load(&Dir::open(out.join(artefact["folder"].as_str().unwrap())).unwrap())
                    .unwrap()
                    .head
                    .is_some()
            );
        }
        let markdown = fs::read_to_string(out.join("report.md")).unwrap();
        assert!(
            markdown.contains(&format!("| int8/onnx/model.onnx | {output} | the table it is made of |")),
            "{markdown}"
        );
    }
    // The head takes every dimension.
    let model = work.path().join("multilabel");
    let cut = run(&work.path().join("cut"), &["--model", model.to_str().unwrap(), "--dims", "8"]);
    assert!(!cut.status.success() && text(&cut.stderr).contains("head"), "{}", text(&cut.stderr));
}

#[test]
fn recipes_are_reported_side_by_side() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    let corpus = work.path().join("corpus.txt");
    let texts: Vec<String> = serde_json::from_slice(
        &fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/texts.json")).unwrap(),
    )
    .unwrap();
    let lines: Vec<_> = texts.iter().filter(|text| !text.contains(['\n', '\r'])).cloned().collect();
    fs::write(&corpus, lines.join("\n")).unwrap();
    let prune = format!("prune={}", corpus.to_str().unwrap());
    let both = format!("{prune}+dims=16+int8");
    let run = run(&out, &["--recipe", &prune, &both, "--recipe", "f16"]);
    assert!(run.status.success(), "{}", text(&run.stderr));

    let report = report(&out);
    let artefacts = report["artefacts"].as_array().unwrap();
    let recipes: Vec<_> = artefacts.iter().map(|artefact| artefact["recipe"].as_str().unwrap()).collect();
    assert_eq!(recipes, [&prune, &prune, &both, &both, "f16", "f16"]);
    let number = |artefact: &Value, key: &str| artefact["verified"][key].as_f64().unwrap();
    for artefact in artefacts {
        assert_eq!(artefact["verified"]["passed"], true, "{artefact}");
        assert!(number(artefact, "texts_per_second") > 0.0);
    }
    // The few texts that are not in the corpus may move; no other does, and fewer dimensions lose something.
    assert!(number(&artefacts[0], "cosine_p1") > 1.0 - 1e-9, "{}", artefacts[0]);
    assert!(number(&artefacts[0], "recall_at_10") > 0.99, "{}", artefacts[0]);
    assert!(number(&artefacts[2], "cosine_mean") < 0.99 && number(&artefacts[2], "recall_at_10") < 0.9);
    assert!(number(&artefacts[4], "cosine_min") > 1.0 - 1e-9);
    assert_eq!((&artefacts[2]["dim"], &artefacts[4]["rows"]), (&16.into(), &29_525.into()));
    assert!(artefacts[0]["rows"].as_u64().unwrap() < 20_000);
    for folder in names(&out).iter().filter(|name| !name.starts_with("report")) {
        let config: Value =
            serde_json::from_slice(&fs::read(out.join(folder).join("config.json")).unwrap()).unwrap();
        assert!(recipes.contains(&config["recipe"].as_str().unwrap()), "{folder}");
    }
    let markdown = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(
        markdown.contains("| recall@10 |") && markdown.contains("| f16/model.safetensors |"),
        "{markdown}"
    );

    let refused = |args: &[&str], part: &str| {
        let run = self::run(&out, args);
        assert!(!run.status.success() && text(&run.stderr).contains(part), "{}", text(&run.stderr));
    };
    refused(&["--recipe", "int4"], "expected one of");
    refused(&["--recipe", "int8", "--dims", "3"], "--dims");
    refused(&["--recipe", "prune=no-such.txt"], "no-such.txt");
}
