//! Messages, exit codes, help.

use std::fs;
use std::path::Path;

use crate::support::*;

#[test]
fn help_teaches_each_command() {
    for command in
        ["encode", "tokenize", "predict", "evaluate", "inspect", "quantize", "convert-head", "export"]
    {
        let help = run([&command, &"--help"]).ok().stdout;
        assert!(help.contains("Examples:\n  m2v ") || help.contains("Examples:\n  echo "), "{help}");
        assert!(run([&"--help"]).ok().stdout.contains(&format!("\n  {command} ")));
    }
    assert!(run([&"--version"]).ok().stdout.starts_with("m2v 0."));
    assert_eq!(run([]).code, Some(2));
    run([&"encod"]).failed(2, &["encode"]);
    run([&"encode"]).failed(2, &["MODEL"]);
}

#[test]
fn a_missing_model_says_what_a_model_is() {
    for command in ["encode", "tokenize", "inspect"] {
        run([&command, &"no/such/model"])
            .failed(1, &["no/such/model: no such folder", "config.json", "tokenizer.json"]);
    }
    run([&"export", &"no/such/model", &"out"]).failed(1, &["no/such/model: no such folder"]);
    run([&"quantize", &"no/such/model", &"out", &"--dims", &"1"])
        .failed(1, &["no/such/model: no such folder"]);
    let folder = scratch();
    // A mistyped folder beside another costs no request.
    fs::create_dir(folder.path().join("models")).unwrap();
    let mut command = command([&"inspect", &"models/nosuch"]);
    let mistyped = ended(command.current_dir(folder.path()).spawn().unwrap());
    mistyped.failed(1, &["models/nosuch: no such folder", "MODEL is the path"]);
    run([&"inspect", &folder.path()]).failed(1, &["no model here", "config.json"]);
    run([&"inspect", &shipped().join("config.json")]).failed(1, &["expected a model folder, found a file"]);
}

#[test]
fn a_cause_is_told_once() {
    let folder = scratch();
    let model = small_model(folder.path(), false);
    fs::write(model.join("config.json"), "{oops").unwrap();
    let message = run([&"inspect", &model]).failed(1, &["config.json: broken JSON: "]).stderr;
    let cause = message.trim_end().rsplit_once("broken JSON: ").unwrap().1;
    assert_eq!(message.matches(cause).count(), 1, "{message}");
    assert_eq!(message.matches("config.json").count(), 1, "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
}

#[test]
fn table_and_tokenizer_have_to_fit() {
    let folder = scratch();
    let model = small_model(folder.path(), false);
    fs::copy(shipped().join("tokenizer.json"), model.join("tokenizer.json")).unwrap();
    run([&"encode", &model]).failed(1, &["4 rows", "29525 tokens"]);
}

#[test]
fn nothing_is_made_of_a_model_that_cannot_be_used() {
    let folder = scratch();
    let out = folder.path().join("out");
    let all_fail = |model: &Path, parts: &[&str]| {
        run([&"inspect", &model]).failed(1, parts);
        for options in [
            &["quantize", "--dtype", "int8"][..],
            &["quantize", "--dims", "1"],
            &["convert-head"],
            &["export"],
        ] {
            ended(command(options).arg(model).arg(&out).spawn().unwrap()).failed(1, parts);
        }
        assert_eq!(names(folder.path()), ["model"]);
    };
    let model = small_model(folder.path(), true);
    fs::write(model.join("tokenizer.json"), "{}").unwrap();
    all_fail(&model, &["tokenizer.json: broken JSON: missing field `model`"]);
    fs::copy(shipped().join("tokenizer.json"), model.join("tokenizer.json")).unwrap();
    all_fail(&model, &["4 rows", "29525 tokens"]);
    let unigram =
        r#"{"model": {"type": "Unigram", "unk_id": 4, "vocab": [["?", 0], ["a", 0], ["b", 0], ["c", 0]]}}"#;
    fs::write(model.join("tokenizer.json"), unigram).unwrap();
    all_fail(&model, &["tokenizer.json: model.unk_id: expected the id of a piece, found 4"]);
}

#[test]
fn an_input_or_output_that_cannot_be() {
    let folder = scratch();
    let input = folder.path().join("a.jsonl");
    run([&"encode", &shipped(), &input]).failed(1, &["a.jsonl: No such file"]);
    run([&"tokenize", &shipped(), &folder.path()]).failed(1, &["irectory"]);
    fs::write(&input, "{\"text\": \"one\"}\n").unwrap();
    run([&"encode", &shipped(), &input, &"-o", &input]).failed(1, &["is the INPUT"]);
    assert_eq!(fs::read_to_string(&input).unwrap(), "{\"text\": \"one\"}\n");
    let out = folder.path().join("no/out.npy");
    run([&"encode", &shipped(), &input, &"-o", &out]).failed(1, &["no folder", "make it first"]);
    let out = folder.path().join("out.npy");
    fs::create_dir(&out).unwrap();
    run([&"encode", &shipped(), &input, &"-o", &out]).failed(1, &["a folder of that name exists"]);
    assert_eq!(names(folder.path()), ["a.jsonl", "out.npy"]);
}

#[test]
fn a_failed_run_leaves_an_older_output_as_it_was() {
    let folder = scratch();
    let out = folder.path().join("out.jsonl");
    fs::write(&out, "old").unwrap();
    let mut input = "one\n".repeat(6000).into_bytes();
    input.extend(b"\xff");
    run_with([&"encode", &shipped(), &"-o", &out], &input).failed(1, &["line 6001"]);
    assert_eq!(fs::read_to_string(&out).unwrap(), "old");
    assert_eq!(names(folder.path()), ["out.jsonl"]);
}
