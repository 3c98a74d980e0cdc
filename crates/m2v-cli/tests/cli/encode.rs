//! `m2v encode`: formats, options, and equality with the library.

use std::fs;

use m2v_infer::{EncoderExt, StaticModel};
use serde_json::Value;

use crate::support::*;

/// Fewer than a chunk, more than several, and lines that look alike but for their number.
fn many_lines(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("text {i} of {count}, and {}", i * 7919)).collect()
}

fn expected(model: &StaticModel, texts: &[String]) -> Vec<u32> {
    bits(&model.encode(texts).unwrap())
}

#[test]
fn npy_holds_what_the_library_computes() {
    let (folder, model) = (scratch(), load(&shipped()));
    let (input, out) = (folder.path().join("texts.txt"), folder.path().join("out.npy"));
    for count in [1, 4096, 4097, 10_000] {
        let texts = many_lines(count);
        fs::write(&input, texts.join("\n")).unwrap();
        let run = run([&"encode", &shipped(), &input, &"-o", &out]).ok();
        assert_eq!((&*run.stdout, &*run.stderr), ("", ""), "nothing to say, no bar without a terminal");
        let array = read_npy(&out);
        assert_eq!(array.shape(), [count, 64]);
        assert_eq!(bits(&array), expected(&model, &texts));
    }
    assert_eq!(names(folder.path()), ["out.npy", "texts.txt"]);
}

#[test]
fn json_lines_come_back_bit_by_bit() {
    let (folder, model, texts) = (scratch(), load(&shipped()), many_lines(5000));
    let printed = run_with([&"encode", &shipped()], texts.join("\n").as_bytes()).ok().stdout;
    let vectors = read_embeddings(&printed);
    assert_eq!(vectors.len(), texts.len());
    assert_eq!(bits(vectors.iter().flatten()), expected(&model, &texts));

    let out = folder.path().join("out.JSONL");
    run_with([&"encode", &shipped(), &"-", &"-o", &out], texts.join("\n").as_bytes()).ok();
    assert!(fs::read_to_string(&out).unwrap() == printed);
}

#[test]
fn any_number_of_threads_gives_the_same() {
    let texts = many_lines(3000).join("\n");
    let one = run_with([&"encode", &shipped(), &"--threads", &"1"], texts.as_bytes()).ok();
    let three = run_with([&"encode", &shipped(), &"--threads", &"3"], texts.as_bytes()).ok();
    assert!(one.stdout == three.stdout);
    run([&"encode", &shipped(), &"--threads", &"0"]).failed(2, &["--threads"]);
    run([&"encode", &shipped(), &"--threads", &"100000"]).failed(2, &["--threads", "1024"]);
}

#[test]
fn options_are_the_models_unless_given() {
    let model = load(&shipped());
    let text = "a text of more than two tokens";
    let of = |options| model.with_options(options).encode_one(text).unwrap();
    let defaults = model.options();
    for (args, options) in [
        (vec![], defaults),
        (vec!["--normalize", "false"], defaults.with_normalize(false)),
        (vec!["--normalize", "true"], defaults.with_normalize(true)),
        (vec!["--max-length", "2"], defaults.with_max_length(Some(2))),
        (vec!["--max-length=0"], defaults.with_max_length(Some(0))),
        (
            vec!["--max-length", "2", "--normalize=false"],
            defaults.with_normalize(false).with_max_length(Some(2)),
        ),
    ] {
        let folder = scratch();
        let input = folder.path().join("in");
        fs::write(&input, text).unwrap();
        let path = shipped();
        let mut all = vec!["encode", path.to_str().unwrap(), input.to_str().unwrap()];
        all.extend(&args);
        let run = ended(command(all).spawn().unwrap()).ok();
        assert_eq!(bits(&read_embeddings(&run.stdout)[0]), bits(&of(options)), "{args:?}");
    }
    let long = "first ".repeat(1000) + &"then ".repeat(1000);
    let cut = run_with([&"encode", &shipped()], long.as_bytes()).ok();
    let whole = run_with([&"encode", &shipped(), &"--max-length", &"none"], long.as_bytes()).ok();
    let all = model.with_options(defaults.with_max_length(None)).encode_one(&long).unwrap();
    assert_eq!(bits(&read_embeddings(&whole.stdout)[0]), bits(&all));
    assert_ne!(cut.stdout, whole.stdout);
    run([&"encode", &shipped(), &"--max-length", &"many"]).failed(2, &["whole number or `none`"]);
    run([&"encode", &shipped(), &"--normalize", &"yes"]).failed(2, &["true", "false"]);
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Tokens {
    ids: Vec<u32>,
    embeddings: Vec<Vec<f32>>,
}

#[test]
fn per_token_gives_a_vector_for_each_id() {
    let model = load(&shipped());
    // More than one of the small chunks, an empty text, one that is longer than the model's max_length.
    let mut texts = many_lines(600);
    texts.extend([String::new(), "word ".repeat(1000), "last".to_owned()]);
    let input = texts.join("\n");
    for length in [None, Some(3)] {
        let flag = length.map_or("none".to_owned(), |length| length.to_string());
        let args: [&dyn AsRef<std::ffi::OsStr>; 5] =
            [&"encode", &shipped(), &"--per-token", &"--max-length", &flag];
        let lines: Vec<Tokens> = run_with(args, input.as_bytes())
            .ok()
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), texts.len());
        for (text, found) in texts.iter().zip(lines) {
            let expected = model.encode_as_sequence(text, length).unwrap();
            assert_eq!(found.ids, expected.ids, "{text}");
            assert_eq!(found.embeddings.len(), expected.ids.len());
            assert_eq!(bits(found.embeddings.iter().flatten()), bits(&expected.embeddings), "{text}");
        }
    }
    let explicit =
        run_with([&"encode", &shipped(), &"--per-token", &"--max-length", &"none"], input.as_bytes());
    let absent = run_with([&"encode", &shipped(), &"--per-token"], input.as_bytes());
    assert!(explicit.ok().stdout == absent.ok().stdout, "the model's own max_length does not hold");
}

#[test]
fn per_token_gives_the_tokens_too() {
    let texts = many_lines(60).join("\n");
    let lines = |stdout: String| -> Vec<Value> {
        stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let ids = lines(run_with([&"encode", &shipped(), &"--per-token"], texts.as_bytes()).ok().stdout);
    let args: [&dyn AsRef<std::ffi::OsStr>; 4] = [&"encode", &shipped(), &"--per-token", &"--tokens"];
    let both = lines(run_with(args, texts.as_bytes()).ok().stdout);
    let file: Value = serde_json::from_slice(&fs::read(shipped().join("tokenizer.json")).unwrap()).unwrap();
    assert_eq!(both.len(), 60);
    for (mut line, ids) in both.into_iter().zip(ids) {
        let tokens = line.as_object_mut().unwrap().remove("tokens").unwrap();
        let back: Vec<&Value> = tokens
            .as_array()
            .unwrap()
            .iter()
            .map(|token| &file["model"]["vocab"][token.as_str().unwrap()])
            .collect();
        assert!(!back.is_empty() && back == ids["ids"].as_array().unwrap().iter().collect::<Vec<_>>());
        assert_eq!(line, ids, "nothing else is another");
    }
    run([&"encode", &shipped(), &"--tokens"]).failed(2, &["--per-token"]);
}

#[test]
fn per_token_has_no_npy_and_is_never_normalised() {
    let folder = scratch();
    let out = folder.path().join("out.npy");
    run([&"encode", &shipped(), &"--per-token", &"-o", &out]).failed(2, &["out.npy", "use .jsonl"]);
    run([&"encode", &shipped(), &"--per-token", &"--normalize", &"true"]).failed(2, &["--normalize"]);
    assert!(names(folder.path()).is_empty());
    let out = folder.path().join("out.jsonl");
    run_with([&"encode", &shipped(), &"--per-token", &"-o", &out], b"\n").ok();
    assert_eq!(fs::read_to_string(&out).unwrap(), "{\"ids\":[],\"embeddings\":[]}\n");
}

#[test]
fn other_extensions_are_refused() {
    let folder = scratch();
    for name in ["out.csv", "out", "-", "npy"] {
        let out = folder.path().join(name);
        run([&"encode", &shipped(), &"-o", &out]).failed(2, &[name, ".npy or .jsonl"]);
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn json_cannot_hold_nan_but_npy_can() {
    let folder = scratch();
    let (model, out) = (small_model(folder.path(), false), folder.path().join("out.npy"));
    let input = "one\n".repeat(4999) + "nan two\none\n";
    run_with([&"encode", &model], input.as_bytes()).failed(1, &["text 5000", "NaN", "-o OUT.npy"]);
    run_with([&"encode", &model, &"--per-token"], input.as_bytes()).failed(1, &["text 5000", "NaN"]);
    run_with([&"encode", &model, &"-o", &out], input.as_bytes()).ok();
    assert!(read_npy(&out).row(4999).iter().any(|value| value.is_nan()));
}

#[test]
fn out_replaces_an_older_one_with_usual_permissions() {
    let folder = scratch();
    let out = folder.path().join("out.npy");
    fs::write(&out, "old").unwrap();
    run_with([&"encode", &shipped(), &"-o", &out], b"one\ntwo").ok();
    assert_eq!(read_npy(&out).shape(), [2, 64]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let usual = folder.path().join("usual");
        fs::write(&usual, "").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&out), mode(&usual));
    }
}
