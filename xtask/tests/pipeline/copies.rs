//! What is made, and what the report says of it.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use m2v_core::{Checkpoint, Dir};
use m2v_infer::{EncoderExt, StaticModel};
use ndarray::Array2;
use serde_json::Value;

use crate::support::*;

#[test]
fn the_shipped_model_comes_out_verified_and_a_second_run_replaces_the_first() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    let first = run(&out, &[]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert_eq!(text(&first.stderr), "", "no bar where there is no terminal");
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
    let float = load(&shipped()).encode(&texts).unwrap();
    let difference = (&int8 - &float).mapv(f32::abs).into_iter().fold(0.0, f32::max);
    assert!(difference > 0.0 && difference < 2e-2, "{difference}");

    // Whoever reads may stop.
    let mut second = command(&out, &["--dtype", "int8", "--dims", "32", "--no-onnx", "--no-verify"]);
    let mut second = second.stdout(Stdio::piped()).spawn().unwrap();
    drop(second.stdout.take());
    assert!(second.wait().unwrap().success());
    assert_eq!(names(&out), ["int8", "report.html", "report.json", "report.md"]);
    assert!(!out.join("int8/onnx").exists());
    assert_eq!(load(&out.join("int8")).table().dim(), 32);
    assert_eq!(names(work.path()), ["out"]);
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
}

/// Graphs hold what every runtime looks up in.
#[test]
fn each_file_is_reported_with_its_own_dtype() {
    let work = tempfile::tempdir().unwrap();
    let (model, out) = (work.path().join("model"), work.path().join("out"));
    model_of(&model, &Array2::from_elem((2, 4), 0.5));
    let made = run(&out, &["--model", model.to_str().unwrap(), "--recipe", "bf16", "f64", "f16"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let report = report(&out);
    let dtypes: Vec<_> = report["artefacts"].as_array().unwrap().iter().map(|file| &file["dtype"]).collect();
    assert_eq!(dtypes, ["bfloat16", "float32", "float64", "float32", "float16", "float16"]);
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
    let made = run(&out, &["--recipe", &prune, &both, "--recipe", "f16"]);
    assert!(made.status.success(), "{}", text(&made.stderr));

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
        // The report is for who ran it; what a folder says of its texts is not where they are.
        let recorded: Vec<_> =
            recipes.iter().map(|recipe| recipe.replace(corpus.to_str().unwrap(), "corpus.txt")).collect();
        assert!(recorded.iter().any(|recipe| config["recipe"] == **recipe), "{folder}: {}", config["recipe"]);
    }
    let markdown = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(
        markdown.contains("| recall@10 |") && markdown.contains("| f16/model.safetensors |"),
        "{markdown}"
    );
}
