//! `m2v quantize`: recipes, pruning, and what may be lost.

use std::fs;
use std::path::{Path, PathBuf};

use m2v_core::{Checkpoint, Dir};
use m2v_infer::EncoderExt;

use crate::support::*;

fn checkpoint(path: &Path) -> Checkpoint {
    Checkpoint::load(&Dir::open(path).unwrap()).unwrap()
}

fn recipe_of(path: &Path) -> String {
    let config: serde_json::Value =
        serde_json::from_slice(&fs::read(path.join("config.json")).unwrap()).unwrap();
    config["recipe"].as_str().unwrap().to_owned()
}

/// Every other recorded text that fits on a line, and the rest of them.
fn corpus(folder: &Path) -> (PathBuf, Vec<String>, PathBuf) {
    let texts = recorded_texts().into_iter().filter(|text| !text.contains(['\n', '\r']));
    let (half, other): (Vec<_>, Vec<_>) = texts.enumerate().partition(|(i, _)| i % 2 == 0);
    let lines = |texts: Vec<(usize, String)>| texts.into_iter().map(|text| text.1).collect::<Vec<_>>();
    let (half, other) = (lines(half), lines(other));
    let (path, rest) = (folder.join("half+.txt"), folder.join("other.txt"));
    fs::write(&path, half.join("\n")).unwrap();
    fs::write(&rest, other.join("\n")).unwrap();
    (path, half, rest)
}

#[test]
fn options_are_a_recipe() {
    let folder = scratch();
    let (corpus, ..) = corpus(folder.path());
    let (options, recipe) = (folder.path().join("options"), folder.path().join("recipe"));
    run([
        &"quantize",
        &shipped(),
        &options,
        &"--dtype",
        &"int8",
        &"--dims",
        &"8",
        &"--clusters",
        &"64",
        &"--prune",
        &corpus,
    ])
    .ok();
    let text = format!("prune={}+dims=8+clusters=64+int8", corpus.to_str().unwrap().replace('+', "%2B"));
    let recorded = "prune=half%2B.txt+dims=8+clusters=64+int8";
    assert_eq!(recipe_of(&options), recorded, "the folders are nobody's business");
    let run_recipe = run([&"quantize", &shipped(), &recipe, &"--recipe", &text]).ok();
    assert!(run_recipe.stderr.contains("the loss was not measured: --texts FILE"), "{}", run_recipe.stderr);
    assert_eq!(recipe_of(&recipe), recorded);
    let (options, recipe) = (checkpoint(&options), checkpoint(&recipe));
    assert_eq!((&options.table, &*options.tokenizer), (&recipe.table, &*recipe.tokenizer));
    assert_eq!((options.table.rows(), options.table.dim()), (64, 8));
    let (rows, global) = (folder.path().join("rows"), folder.path().join("global"));
    run([&"quantize", &shipped(), &rows, &"--dtype", &"int8", &"--int8-scale", &"per-row"]).ok();
    run([&"quantize", &shipped(), &global, &"--dtype", &"int8", &"--int8-scale", &"global"]).ok();
    assert_eq!((&*recipe_of(&rows), &*recipe_of(&global)), ("int8", "int8=global"));
    assert!(checkpoint(&rows).table.weights().is_some() && checkpoint(&global).table.weights().is_none());
    run([&"quantize", &shipped(), &global, &"--dtype", &"f16", &"--int8-scale", &"global"])
        .failed(2, &["--int8-scale", "int8"]);
    for (dtype, name) in [("f64", "float64"), ("bf16", "bfloat16")] {
        let out = folder.path().join(dtype);
        run([&"quantize", &shipped(), &out, &"--dtype", &dtype]).ok();
        assert_eq!((checkpoint(&out).table.dtype().name(), &*recipe_of(&out)), (name, dtype));
    }
}

#[test]
fn recipes_that_cannot_be_are_wrong_usage() {
    let folder = scratch();
    let out = folder.path().join("out");
    for (recipe, part) in [
        ("int4", "expected one of prune, prune-used, clusters, dims, "),
        ("dims=none", "expected dims=N"),
        ("int8+f16", "`f16` after `int8`"),
        ("int8+clusters=9", "make them before"),
    ] {
        run([&"quantize", &shipped(), &out, &"--recipe", &recipe]).failed(2, &[part]);
    }
    run([&"quantize", &shipped(), &out, &"--recipe", &"int8", &"--dims", &"3"])
        .failed(2, &["--recipe", "--dims"]);
    run([&"quantize", &shipped(), &out, &"--recipe", &"dims=65"]).failed(1, &["1 to 64"]);
    run([&"quantize", &shipped(), &out, &"--dims", &"3", &"--min-cosine", &"0.5"]).failed(2, &["--texts"]);
    run([&"quantize", &shipped(), &out, &"--dims", &"3", &"--texts", &"x", &"--min-recall", &"95"])
        .failed(2, &["expected a number from 0 to 1"]);
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_pruned_model_gives_the_corpus_its_vectors() {
    let folder = scratch();
    let (corpus, texts, other) = corpus(folder.path());
    let out = folder.path().join("out");
    let run = run([
        &"quantize",
        &shipped(),
        &out,
        &"--prune",
        &corpus,
        &"--texts",
        &corpus,
        &"--min-cosine",
        &"1",
        &"--min-recall",
        &"1",
    ])
    .ok();
    let rows = checkpoint(&out).table.rows();
    assert!(rows < 15_000, "{rows}");
    assert!(run.stderr.contains("29,525 × 64 float16, 3.78 MB → "), "{}", run.stderr);
    assert!(!run.stderr.contains("not measured"), "{}", run.stderr);
    let expected = [format!("texts              {}", texts.len()), "cosine min         1.000000".to_owned()];
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines[..2], expected);
    assert_eq!(
        lines[2..],
        ["cosine 1 %         1.000000", "cosine mean        1.000000", "recall@10          1.0000"]
    );
    assert_eq!(bits(&load(&shipped()).encode(&texts).unwrap()), bits(&load(&out).encode(&texts).unwrap()));

    let used = folder.path().join("used");
    let recipe = format!("prune-used={}", corpus.to_str().unwrap().replace('+', "%2B"));
    run_with(
        [&"quantize", &shipped(), &used, &"--recipe", &recipe, &"--texts", &corpus, &"--min-cosine", &"1"],
        b"",
    )
    .ok();
    assert!(checkpoint(&used).table.rows() < rows);
    assert_eq!(recipe_of(&used), "prune-used=half%2B.txt");

    // Others lose something, and what is too much is not written.
    let worse = folder.path().join("worse");
    for (option, what) in [("--min-cosine", "the smallest cosine is 0."), ("--min-recall", "recall@10 is 0.")]
    {
        let run = run_with(
            [&"quantize", &shipped(), &worse, &"--prune", &corpus, &"--texts", &other, &option, &"0.9999"],
            b"",
        );
        assert_eq!(run.stdout.lines().count(), 5, "what was lost is told");
        assert!(run.stderr.contains("29,525 × 64 float16, 3.78 MB → "), "for how many bytes: {}", run.stderr);
        run.failed(1, &[option, what, "nothing was written"]);
        assert!(!worse.exists());
    }
    assert_eq!(names(folder.path()), ["half+.txt", "other.txt", "out", "used"]);
}

#[test]
fn texts_may_be_records_and_have_to_be_there() {
    let folder = scratch();
    let (records, empty) = (folder.path().join("a.jsonl"), folder.path().join("empty.txt"));
    fs::write(&records, "{\"text\": \"two\\none\"}\n{\"text\": \"one\"}\n").unwrap();
    fs::write(&empty, "").unwrap();
    let model = small_model(folder.path(), false);
    let out = folder.path().join("out");
    run([&"quantize", &model, &out, &"--prune", &records, &"--texts", &records]).ok();
    let tokenizer: serde_json::Value =
        serde_json::from_slice(&fs::read(out.join("tokenizer.json")).unwrap()).unwrap();
    assert_eq!(tokenizer["model"]["vocab"], serde_json::json!({"?": 0, "one": 1, "two": 2}), "nan is gone");
    run([&"quantize", &model, &out, &"--force", &"--prune", &"no/such.txt"])
        .failed(1, &["no/such.txt", "No such file"]);
    run([&"quantize", &model, &out, &"--force", &"--prune", &empty]).failed(1, &["empty.txt", "no texts"]);
    run([&"quantize", &model, &out, &"--force", &"--dims", &"1", &"--texts", &empty])
        .failed(1, &["empty.txt: no texts"]);
    run([&"quantize", &model, &out, &"--force", &"--dims", &"1", &"--texts", &"no.txt"])
        .failed(1, &["no.txt"]);
    // Of so few, recall@10 is 1 whatever is lost.
    run([
        &"quantize",
        &model,
        &out,
        &"--force",
        &"--dims",
        &"1",
        &"--texts",
        &records,
        &"--min-recall",
        &"0.5",
    ])
    .failed(1, &["--min-recall", "at least 12 texts in", "a.jsonl, found 2"]);
    run_with([&"quantize", &model, &out, &"--force", &"--prune", &"-", &"--texts", &"-"], b"one\ntwo\n")
        .failed(1, &["`-`", "standard input was read for --texts"]);
    assert_eq!(names(folder.path()), ["a.jsonl", "empty.txt", "model", "out"]);
    assert_eq!(recipe_of(&out), "prune=a.jsonl", "the earlier output stays");
}
