//! What cannot be done, and what to do next.

use std::fs;
use std::path::Path;

use ndarray::Array2;

use crate::support::*;

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
    let what = ["int8/model.safetensors", "0.9998", "int8/onnx/model.onnx"];
    failed(
        &missed,
        1,
        &[&what[..], &["nothing was written", "; leave it out with --dtype", "--recipe int8)"]].concat(),
    );
    assert!(text(&missed.stdout).contains("**FAILED**"));
    assert_eq!(names(&out), ["f32", "report.html", "report.json", "report.md"], "the earlier output stays");
    assert_eq!(names(work.path()), ["model", "out", "texts.txt"]);
}

/// A folder with some files of the model of the repository, and others in place of them.
fn model_with(folder: &Path, leave_out: &[&str], instead: &[(&str, &[u8])]) {
    fs::create_dir(folder).unwrap();
    for name in names(&shipped()).iter().filter(|name| !leave_out.contains(&name.as_str())) {
        fs::copy(shipped().join(name), folder.join(name)).unwrap();
    }
    for (name, bytes) in instead {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

#[test]
fn what_is_no_model_comes_with_the_next_step() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name).to_str().unwrap().to_owned();
    let tokenizer = |name: &str| {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/models").join(name)).unwrap()
    };
    fs::create_dir(path("empty")).unwrap();
    let table = fs::read(shipped().join("model.safetensors")).unwrap();
    model_with(&work.path().join("no-tokenizer"), &["tokenizer.json"], &[]);
    model_with(&work.path().join("bad-tokenizer"), &[], &[("tokenizer.json", b"{oops")]);
    model_with(&work.path().join("bad-config"), &[], &[("config.json", b"{oops")]);
    model_with(&work.path().join("cut"), &[], &[("model.safetensors", &table[..table.len() / 2])]);
    let other = tokenizer("unigram/tokenizer.json");
    model_with(&work.path().join("mixed"), &[], &[("tokenizer.json", &other)]);
    recorded_pipeline(&work.path().join("classifier"), "multilabel");
    let before = names(work.path());
    let config = shipped().join("config.json");
    for (model, args, parts) in [
        (
            "no/such/folder",
            &[][..],
            &["no/such/folder: no such folder", "config.json, model.safetensors"][..],
        ),
        (config.to_str().unwrap(), &[], &["expected a model folder, found a file", "give --model"]),
        (&path("empty"), &[], &["no model here: missing config.json", "name the folder"]),
        (&path("no-tokenizer"), &[], &["but not tokenizer.json", "name the folder"]),
        (&path("bad-tokenizer"), &[], &["tokenizer.json: broken JSON", "save or fetch it again"]),
        (&path("bad-config"), &[], &["config.json: broken JSON", "fetch the model again"]),
        (&path("cut"), &[], &["model.safetensors: not a valid", "fetch the model again"]),
        (&path("mixed"), &[], &["29525 rows", "of different ones"]),
        (&path("classifier"), &["--dims", "8"], &["head", "leave dims out"]),
    ] {
        for dry_run in [&[][..], &["--dry-run"]] {
            let run = run(&work.path().join("out"), &[&["--model", model], args, dry_run].concat());
            failed(&run, 1, parts);
            assert_eq!((text(&run.stdout), names(work.path())), (String::new(), before.clone()), "{model}");
        }
    }
}

#[test]
fn a_model_that_holds_no_numbers_is_told_from_a_fault() {
    let work = tempfile::tempdir().unwrap();
    let model = work.path().join("model");
    model_of(&model, &Array2::from_elem((2, 4), f32::NAN));
    let args = ["--model", model.to_str().unwrap(), "--dtype", "f32"];
    failed(&run(&work.path().join("out"), &args), 1, &["holds NaN or infinity", "fetch the model again"]);
    assert_eq!(names(work.path()), ["model"]);
}

#[test]
fn what_cannot_be_written_to_comes_with_the_next_step() {
    let work = tempfile::tempdir().unwrap();
    let (mine, file) = (work.path().join("mine"), work.path().join("file"));
    fs::create_dir(&mine).unwrap();
    fs::write(mine.join("report.json"), r#"{"tool": "another"}"#).unwrap();
    fs::write(&file, "").unwrap();
    let made = work.path().join("made");
    assert!(run(&made, &["--no-verify", "--dtype", "f16"]).status.success());
    let model = made.join("f16");
    for dry_run in [&[][..], &["--dry-run"]] {
        failed(&run(&mine, dry_run), 1, &["mine: the folder exists and is not empty; choose another --out"]);
        failed(&run(&file, dry_run), 1, &["file: a file of that name exists; choose another --out"]);
        failed(&run(&file.join("out"), dry_run), 1, &["choose another --out"]);
        // It would be replaced by copies of itself.
        for out in [&made, &model] {
            let args = [&["--model", model.to_str().unwrap()], dry_run].concat();
            failed(&run(out, &args), 1, &["is or holds the model", "choose another --out"]);
        }
    }
    // What somebody put beside an earlier run's is not deleted.
    fs::write(made.join("notes.txt"), "precious").unwrap();
    failed(&run(&made, &[]), 1, &["made: the folder exists and is not empty", "choose another --out"]);
    fs::remove_file(made.join("notes.txt")).unwrap();
    assert_eq!(names(&mine), ["report.json"]);
    assert_eq!(names(&made), ["f16", "report.html", "report.json", "report.md"]);
    assert_eq!(names(work.path()), ["file", "made", "mine"]);
}

#[test]
fn bad_arguments_are_named() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    for (args, code, parts) in [
        (&["--dims", "65"][..], 1, &["found 65; give dims a number from 1 to 64"][..]),
        (&["--dims", "0"], 1, &["found 0; give dims a number from 1 to 64"]),
        (&["--dtype", "int4"], 2, &["int4", "f32, f16, int8"]),
        (&["--dtype", ""], 2, &["--dtype", "f32, f16, int8"]),
        (&["--recipe"], 2, &["--recipe"]),
        (&["--recipe", "int4"], 2, &["expected one of"]),
        (&["--recipe", "int8", "--dims", "3"], 2, &["--dims"]),
        (&["--recipe", "prune=no-such.txt"], 1, &["no-such.txt", "one text a line"]),
        (&["--recipe", "clusters=99999"], 1, &["give clusters a number from 1 to 29525"]),
        (&["--texts", "no-such.txt"], 1, &["no-such.txt", "check the path"]),
        (&["--texts", "/dev/null"], 1, &["/dev/null", "leave --texts out"]),
        (&["--texts", "."], 1, &["name a file"]),
        (&["--texts", "x", "--no-verify"], 2, &["--no-verify"]),
    ] {
        failed(&run(&out, args), code, parts);
    }
    assert_eq!(names(work.path()), [""; 0]);
}

#[test]
fn help_teaches() {
    let help = text(&command("out".as_ref(), &["--help"]).output().unwrap().stdout);
    for part in ["Examples:", "What is written:", "--dry-run", "Ctrl-C", "ORG/NAME", "Exit codes: 0 done"] {
        assert!(help.contains(part), "no `{part}` in {help}");
    }
    // What is not wrapped has to fit as it is.
    let (_, examples) = help.split_once("Examples:").unwrap();
    assert!(examples.lines().all(|line| line.chars().count() <= 80), "{examples}");
}
