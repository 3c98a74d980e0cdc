//! `m2v tokenize` against the answers of the reference.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::*;

/// The ids that were recorded for each text: `ids`, one text's after the other's, and how many each has.
fn recorded_ids(name: &str) -> Vec<Vec<u32>> {
    let bytes = fs::read(fixture(&format!("answers/{name}.safetensors"))).unwrap();
    let data = 8 + usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header: Value = serde_json::from_slice(&bytes[8..data]).unwrap();
    let tensor = |name: &str| -> Vec<u32> {
        assert_eq!(header[name]["dtype"], "U16");
        let offset =
            |i: usize| data + usize::try_from(header[name]["data_offsets"][i].as_u64().unwrap()).unwrap();
        let values = bytes[offset(0)..offset(1)].chunks_exact(2);
        values.map(|two| u16::from_le_bytes([two[0], two[1]]).into()).collect()
    };
    let (ids, counts) = (tensor("ids"), tensor("id_counts"));
    let mut rest = &ids[..];
    let mut take = |&count: &u32| {
        let (these, others) = rest.split_at(count as usize);
        rest = others;
        these.to_vec()
    };
    counts.iter().map(&mut take).collect()
}

fn parse(lines: &str) -> Vec<Vec<u32>> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn models() -> Vec<(String, PathBuf, Vec<&'static str>)> {
    let folders = names(&fixture("models")).into_iter();
    let mut models: Vec<_> =
        folders.map(|name| (name.clone(), fixture(&format!("models/{name}")), vec![])).collect();
    models.push(("wordpiece-f16".to_owned(), shipped(), vec![]));
    models.push(("wordpiece-f16-max8".to_owned(), shipped(), vec!["--max-length", "8"]));
    models.push(("wordpiece-f16-maxNone".to_owned(), shipped(), vec!["--max-length", "none"]));
    models
}

fn write_records(folder: &Path, texts: &[String]) -> PathBuf {
    let records: Vec<_> =
        texts.iter().map(|text| serde_json::json!({"text": text}).to_string() + "\n").collect();
    let path = folder.join("texts.jsonl");
    fs::write(&path, records.concat()).unwrap();
    path
}

#[test]
fn ids_are_those_of_the_reference() {
    let folder = scratch();
    let texts = recorded_texts();
    let jsonl = write_records(folder.path(), &texts);
    // In a file of lines a text cannot hold a line end, nor end in half of one.
    let is_line = |text: &String| !text.contains('\n') && !text.ends_with('\r');
    let lines: Vec<_> = texts.iter().filter(|text| is_line(text)).map(|text| text.clone() + "\n").collect();
    let txt = folder.path().join("texts.txt");
    fs::write(&txt, lines.concat()).unwrap();
    assert!(lines.len() + 3 > texts.len(), "nearly all are lines");

    for (name, model, args) in models() {
        let expected = recorded_ids(&name);
        assert_eq!(expected.len(), texts.len());
        let of = |input: &Path| {
            let mut command = command(["tokenize"]);
            parse(&ended(command.args([&model, input]).args(&args).spawn().unwrap()).ok().stdout)
        };
        for ((found, expected), text) in of(&jsonl).iter().zip(&expected).zip(&texts) {
            assert_eq!(found, expected, "{name}: {text:?}");
        }
        let mut expected = expected;
        let mut texts = texts.iter();
        expected.retain(|_| texts.next().is_some_and(is_line));
        assert!(of(&txt) == expected, "{name}");
    }
}

/// What the file of a model says of its ids.
fn tokens_of(model: &Path) -> HashMap<u32, String> {
    let paths = ["tokenizer.json", "0_StaticEmbedding/tokenizer.json"].map(|name| model.join(name));
    let path = paths.iter().find(|path| path.exists()).unwrap();
    let file: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let id = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let mut tokens: HashMap<u32, String> = match &file["model"]["vocab"] {
        Value::Array(pieces) => (0..).zip(pieces.iter().map(|piece| text(&piece[0]))).collect(),
        vocab => vocab.as_object().unwrap().iter().map(|(token, of)| (id(of), token.clone())).collect(),
    };
    let added = file["added_tokens"].as_array().unwrap().iter();
    tokens.extend(added.map(|token| (id(&token["id"]), text(&token["content"]))));
    tokens
}

#[test]
fn tokens_are_those_of_the_ids() {
    let (folder, texts) = (scratch(), recorded_texts());
    let input = write_records(folder.path(), &texts);
    for (name, model, args) in models() {
        let tokens = tokens_of(&model);
        let expected: Vec<Vec<String>> =
            recorded_ids(&name).iter().map(|ids| ids.iter().map(|id| tokens[id].clone()).collect()).collect();
        let mut command = command(["tokenize", "--tokens"]);
        let found = ended(command.args([&model, &input]).args(&args).spawn().unwrap()).ok().stdout;
        let found: Vec<Vec<String>> = found.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(found.len() == texts.len() && found == expected, "{name}");
    }
    let text = "It's a [UNK], embeddings\n".as_bytes();
    let raw = run_with([&"tokenize", &shipped(), &"--raw", &"--tokens"], text).ok();
    assert!(raw.stdout.contains(",\"[UNK]\",") && raw.stdout.contains("\"##"), "{}", raw.stdout);
}

#[test]
fn raw_gives_every_id() {
    let text = "a [UNK] ".repeat(600) + "\n";
    let cut = parse(&run_with([&"tokenize", &shipped()], text.as_bytes()).ok().stdout);
    let raw = parse(&run_with([&"tokenize", &shipped(), &"--raw"], text.as_bytes()).ok().stdout);
    assert_eq!((cut[0].len(), raw[0].len()), (256, 1200));
    assert!(raw[0].contains(&1) && !cut[0].contains(&1));
    run([&"tokenize", &shipped(), &"--raw", &"--max-length", &"3"]).failed(2, &["--raw", "--max-length"]);
}

#[test]
fn lines_are_in_order_whatever_the_threads() {
    let texts: String = (0..9000).map(|i| format!("{i}\n")).collect();
    let one = run_with([&"tokenize", &shipped(), &"--threads", &"1"], texts.as_bytes()).ok();
    let four = run_with([&"tokenize", &shipped(), &"--threads", &"4"], texts.as_bytes()).ok();
    assert_eq!(one.stdout.lines().count(), 9000);
    assert!(one.stdout == four.stdout);
}
