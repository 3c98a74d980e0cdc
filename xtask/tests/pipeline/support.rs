//! Running the task, and the models it is run with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use m2v_core::{Checkpoint, Config, DirSink, EmbeddingTable, Sink, Tensor};
use ndarray::Array2;
use serde_json::Value;

pub(crate) fn command(out: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["pipeline", "--out"]).arg(out).args(args);
    command
}

pub(crate) fn run(out: &Path, args: &[&str]) -> Output {
    command(out, args).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn report(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("report.json")).unwrap()).unwrap()
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
    names.sort_unstable();
    names
}

pub(crate) fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/minilm-l6-64d")
}

/// Asserts how it ended, and that the message says each of `parts`.
#[track_caller]
pub(crate) fn failed(run: &Output, code: i32, parts: &[&str]) {
    let message = text(&run.stderr);
    assert_eq!(run.status.code(), Some(code), "{message}");
    for part in parts {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

/// A model whose small values vanish beside the large one when it becomes int8.
pub(crate) fn model_that_int8_breaks(folder: &Path) {
    model_of(folder, &Array2::from_shape_fn((2, 1024), |(_, column)| if column == 0 { 127.0 } else { 0.49 }));
}

/// A model of two rows: of what is unknown, and of `the`.
pub(crate) fn model_of(folder: &Path, rows: &Array2<f32>) {
    let table = EmbeddingTable::try_new(Tensor::from_array(rows), None, None).unwrap();
    let tokenizer = br#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "the": 1}}}"#;
    let mut config = Config::default();
    config.set_normalize(true);
    let mut sink = DirSink::create(folder).unwrap();
    Checkpoint::new(config, table, tokenizer).save(&mut sink).unwrap();
    sink.finish().unwrap();
}

/// A recorded pipeline as a folder.
pub(crate) fn recorded_pipeline(folder: &Path, name: &str) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    fs::create_dir(folder).unwrap();
    for file in ["config.json", "head.safetensors", "model.safetensors"] {
        fs::copy(fixtures.join("pipelines").join(name).join(file), folder.join(file)).unwrap();
    }
    fs::copy(fixtures.join("models/vq256/tokenizer.json"), folder.join("tokenizer.json")).unwrap();
}
