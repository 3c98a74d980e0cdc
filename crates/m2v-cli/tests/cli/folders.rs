//! `m2v quantize` and `m2v export`: what they make, and what they leave alone.

use std::fs;
use std::path::Path;

use m2v_core::ndarray::ArrayView1;
use m2v_core::{Checkpoint, Dir, Dtype};
use m2v_infer::EncoderExt;

use crate::support::*;

fn checkpoint(path: &Path) -> Checkpoint {
    Checkpoint::load(&Dir::open(path).unwrap()).unwrap()
}

fn cosine(left: ArrayView1<'_, f32>, right: ArrayView1<'_, f32>) -> f32 {
    left.dot(&right) / (left.dot(&left) * right.dot(&right)).sqrt()
}

#[test]
fn quantized_models_load_and_say_nearly_the_same() {
    let folder = scratch();
    let texts = ["It's dangerous to go alone!", "Take this.", "naïve café"];
    let before = load(&shipped()).encode(&texts).unwrap();
    for (dtype, expected) in [("f32", Dtype::F32), ("f16", Dtype::F16), ("int8", Dtype::I8)] {
        let out = folder.path().join(dtype);
        let run = run([&"quantize", &shipped(), &out, &"--dtype", &dtype]).ok();
        assert_eq!(run.stdout, "");
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        let summary = format!("29,525 × 64 float16, 3.78 MB → 29,525 × 64 {expected}, ");
        assert!(run.stderr.starts_with(&summary), "{}", run.stderr);
        assert_eq!(checkpoint(&out).table.dtype(), expected);
        let after = load(&out).encode(&texts).unwrap();
        for (left, right) in before.rows().into_iter().zip(after.rows()) {
            assert!(cosine(left, right) > 0.9998, "{dtype}");
        }
        if dtype != "int8" {
            assert_eq!(bits(&before), bits(&after), "float16 fits into {dtype}");
        }
    }
    assert_eq!(names(folder.path()), ["f16", "f32", "int8"]);
}

#[test]
fn dims_are_cut_before_rows_are_scaled() {
    let folder = scratch();
    let (cut, both, steps) =
        (folder.path().join("cut"), folder.path().join("both"), folder.path().join("steps"));
    run([&"quantize", &shipped(), &cut, &"--dims", &"8"]).ok();
    run([&"quantize", &shipped(), &both, &"--dims", &"8", &"--dtype", &"int8"]).ok();
    run([&"quantize", &cut, &steps, &"--dtype", &"int8"]).ok();
    assert_eq!(checkpoint(&cut).table.dim(), 8);
    assert_eq!(checkpoint(&both).table, checkpoint(&steps).table);
}

#[test]
fn quantize_wants_something_to_do() {
    let folder = scratch();
    let out = folder.path().join("out");
    run([&"quantize", &shipped(), &out]).failed(2, &["--dtype", "--dims"]);
    run([&"quantize", &shipped(), &out, &"--dims", &"65"]).failed(1, &["64", "65"]);
    run([&"quantize", &shipped(), &out, &"--dims", &"0"]).failed(1, &["dims"]);
    run([&"quantize", &shipped(), &out, &"--dtype", &"int4"]).failed(2, &["f32", "f16", "int8"]);
    let broken = small_model(folder.path(), false);
    run([&"quantize", &broken, &out, &"--dtype", &"int8"]).failed(1, &["NaN"]);
    assert_eq!(names(folder.path()), ["model"], "a failed run leaves nothing");
}

#[test]
fn an_existing_folder_is_replaced_only_by_force() {
    let folder = scratch();
    for command in ["quantize", "export"] {
        let out = folder.path().join(command);
        let extra: &[&str] = if command == "quantize" { &["--dtype", "int8"] } else { &[] };
        let run = |more: &[&str]| {
            let mut run = crate::support::command([command]);
            ended(run.args([&shipped(), &out]).args(extra).args(more).spawn().unwrap())
        };
        fs::create_dir(&out).unwrap();
        run(&[]).ok();
        fs::write(out.join("mine"), "").unwrap();
        let before = names(&out);
        run(&[]).failed(1, &["not empty", "--force"]);
        assert_eq!(names(&out), before);
        run(&["--force"]).ok();
        assert!(!out.join("mine").exists());
        fs::remove_dir_all(&out).unwrap();
        fs::write(&out, "").unwrap();
        let failed = run(&[]).failed(1, &["a file of that name exists"]);
        assert!(!failed.stderr.contains("--force"), "that would not help: {}", failed.stderr);
        run(&["--force"]).failed(1, &["a file of that name exists"]);
    }
    assert_eq!(names(folder.path()), ["export", "quantize"]);
}

#[test]
fn force_never_deletes_the_texts() {
    let folder = scratch();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    let texts = out.join("texts.txt");
    fs::write(&texts, "hello world\n").unwrap();
    let prune = format!("prune={}+int8", texts.display());
    for options in [["--prune", texts.to_str().unwrap()], ["--recipe", &prune]] {
        let mut command = command(["quantize", "--force"]);
        ended(command.args([&shipped(), &out]).args(options).spawn().unwrap())
            .failed(1, &["holds", "texts.txt"]);
    }
    run([&"quantize", &shipped(), &out, &"--dtype", &"int8", &"--texts", &texts, &"--force"])
        .failed(1, &["holds", "texts.txt"]);
    assert_eq!((names(folder.path()), names(&out)), (vec!["out".to_owned()], vec!["texts.txt".to_owned()]));
}

#[test]
fn force_never_deletes_the_model() {
    let folder = scratch();
    let model = folder.path().join("a/model");
    run([&"quantize", &fixture("models/st-nested"), &model, &"--dtype", &"f32"]).ok();
    let before = names(&model);
    for out in [model.clone(), model.join("."), folder.path().join("a"), folder.path().join("a/../a")] {
        for force in [true, false] {
            let mut command = command(["quantize", "--dtype", "f16"]);
            command.args([&model, &out]).args(force.then_some("--force"));
            ended(command.spawn().unwrap()).failed(1, &["is or holds the MODEL"]);
        }
        run([&"export", &model, &out, &"--force"]).failed(1, &["is or holds the MODEL"]);
    }
    #[cfg(unix)]
    {
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&model, &link).unwrap();
        run([&"export", &link, &model, &"--force"]).failed(1, &["is or holds the MODEL"]);
        run([&"export", &model, &link, &"--force"]).failed(1, &["is or holds the MODEL"]);
    }
    assert_eq!(names(&model), before);

    // The table of a nested layout lies below MODEL: OUT may not be its folder either.
    let nested = folder.path().join("nested");
    fs::create_dir_all(nested.join("0_StaticEmbedding")).unwrap();
    for name in [
        "config_sentence_transformers.json",
        "0_StaticEmbedding/model.safetensors",
        "0_StaticEmbedding/tokenizer.json",
    ] {
        fs::copy(fixture("models/st-nested").join(name), nested.join(name)).unwrap();
    }
    let module = nested.join("0_StaticEmbedding");
    run([&"export", &nested, &module, &"--force"]).failed(1, &["is or holds the MODEL"]);
    run([&"export", &module, &nested, &"--force"]).failed(1, &["is or holds the MODEL"]);
    run([&"export", &nested, &nested.join("exported")]).ok();
}
