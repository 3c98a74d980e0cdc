//! What a text is: lines, line ends, records.

use std::fs;

use m2v_infer::EncoderExt;

use crate::support::*;

/// The texts of an input, as the program understands them, by their ids.
fn assert_texts(name: &str, content: &[u8], texts: &[&str]) {
    let (folder, model) = (scratch(), load(&fixture("models/bpe-byte-level")));
    let input = folder.path().join(name);
    fs::write(&input, content).unwrap();
    let lines = run([&"tokenize", &fixture("models/bpe-byte-level"), &input, &"--raw"]).ok().stdout;
    let expected: Vec<_> = texts.iter().map(|text| model.tokenizer().encode(text).unwrap()).collect();
    let found: Vec<Vec<u32>> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(content));
}

#[test]
fn lines() {
    assert_texts("a.txt", b"one\ntwo\n", &["one", "two"]);
    assert_texts("a.txt", b"one\ntwo", &["one", "two"]);
    assert_texts("a.txt", b"one\r\ntwo\r\n", &["one", "two"]);
    assert_texts("a.txt", b"one\r\ntwo\r", &["one", "two\r"]);
    assert_texts("a.txt", b"one\r\r\n\rtwo\n", &["one\r", "\rtwo"]);
    assert_texts("a.txt", b"\n\none\n\n", &["", "", "one", ""]);
    assert_texts("a.txt", b"  one\t \n", &["  one\t "]);
    assert_texts(
        "a.txt",
        "one\u{feff}\u{85}two\u{2028}three\x0bfour".as_bytes(),
        &["one\u{feff}\u{85}two\u{2028}three\x0bfour"],
    );
    assert_texts("a.txt", b"{\"text\": \"one\"}\n", &["{\"text\": \"one\"}"]);
    assert_texts("a.txt", b"", &[]);
    assert_texts("a.txt", b"\n", &[""]);
}

#[test]
fn records() {
    assert_texts(
        "a.jsonl",
        b"{\"text\": \"one\"}\r\n{\"id\": [1], \"text\": \"a\\nb\\u00e9\"}",
        &["one", "a\nb\u{e9}"],
    );
    assert_texts("a.JSONL", b" {\"text\":\"\"} \n", &[""]);
    assert_texts("a.jsonl", b"", &[]);
    assert_texts("a.ndjson", b"{\"text\": \"one\"}", &["one"]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_text() {
    let feff = "\u{feff}";
    assert_texts("a.txt", format!("{feff}one\n{feff}two").as_bytes(), &["one", &format!("{feff}two")]);
    assert_texts("a.txt", feff.as_bytes(), &[""]);
    assert_texts(
        "a.jsonl",
        format!("{feff}{{\"text\": \"{feff}one\"}}").as_bytes(),
        &[&format!("{feff}one")],
    );
}

#[test]
fn what_is_not_a_text_is_named_by_file_and_line() {
    let folder = scratch();
    let out = folder.path().join("out.npy");
    for (name, content, parts) in [
        ("bad.txt", &b"one\ntwo\xffthree\nfour"[..], &["line 2", "not UTF-8", "byte 4"][..]),
        ("bad.jsonl", b"{\"text\": \"one\"}\n\n{\"text\": \"two\"}\n", &["line 2", "blank line"]),
        ("bad.jsonl", b"{\"text\": \"one\"}\n{\"txt\": \"two\"}\n", &["line 2", "missing field `text`"]),
        ("bad.jsonl", b"{\"text\": 1}\n", &["line 1", "integer", "expected a string"]),
        ("bad.jsonl", b"{\"text\": null}\n", &["line 1", "null"]),
        ("bad.jsonl", b"[\"one\"]\n", &["line 1", "not a JSON object"]),
        ("bad.jsonl", b"{\"text\": \"one\"\n", &["line 1", "EOF"]),
        ("bad.jsonl", b"{\"text\": \"\xff\"}\n", &["line 1", "not UTF-8"]),
        ("bad.json", b"[{\"text\": \"one\"}]", &["line 1", "found JSON", ".jsonl", "jq -c"]),
        ("bad.json", b"{\"text\": \"one\"}\n", &["line 1", "found JSON", "is called .jsonl"]),
        ("bad.jsonl.gz", b"\x1f\x8b\x08\x00", &["line 1", "found gzip", "gunzip"]),
        ("bad.zst", b"\x28\xb5\x2f\xfd\n", &["line 1", "found Zstandard"]),
        ("bad.parquet", b"PAR1\x15\x04\n", &["line 1", "found Parquet", ".jsonl"]),
        ("bad.arrow", b"ARROW1\x00\x00\n", &["line 1", "found Arrow"]),
    ] {
        let input = folder.path().join(name);
        fs::write(&input, content).unwrap();
        run([&"encode", &shipped(), &input, &"-o", &out]).failed(1, parts).failed(1, &[name]);
        assert_eq!(names(folder.path()), [name], "a failed run leaves nothing");
        fs::remove_file(&input).unwrap();
    }
    let mut late = "line\n".repeat(9000).into_bytes();
    late.extend(b"\xff\n");
    run_with([&"tokenize", &shipped()], &late).failed(1, &["standard input, line 9001"]);
}

#[test]
fn standard_input_is_absent_or_a_dash() {
    let absent = run_with([&"encode", &shipped()], b"one\ntwo").ok();
    let dash = run_with([&"encode", &shipped(), &"-"], b"one\ntwo").ok();
    assert_eq!(absent.stdout, dash.stdout);
    assert_eq!(absent.stdout.lines().count(), 2);
}

#[test]
fn no_texts_give_no_rows() {
    let folder = scratch();
    let out = folder.path().join("out.npy");
    run([&"encode", &shipped(), &"-o", &out]).ok();
    assert_eq!(read_npy(&out).shape(), [0, 64]);
    assert_eq!(run([&"encode", &shipped()]).ok().stdout, "");
    assert_eq!(run([&"tokenize", &shipped()]).ok().stdout, "");
}

#[test]
fn an_empty_line_is_a_vector_of_zeros() {
    let run = run_with([&"encode", &shipped()], b"\none\n").ok();
    let vectors = read_embeddings(&run.stdout);
    assert_eq!(bits(&vectors[0]), bits(&[0.0; 64]));
    assert_eq!(bits(&vectors[1]), bits(&load(&shipped()).encode_one("one").unwrap()));
}

#[test]
fn one_huge_line_is_one_text() {
    let line = "word ".repeat(1 << 20);
    let run = run_with([&"tokenize", &shipped()], line.as_bytes()).ok();
    let ids: Vec<u32> = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(ids.len(), 512);
}
