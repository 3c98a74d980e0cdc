//! Running the program, and the models it is run with.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use m2v_core::ndarray::{Array2, array};
use m2v_core::{Checkpoint, Config, Dir, DirSink, EmbeddingTable, MlpHead, Sink, Tensor};
use m2v_infer::StaticModel;

pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self
    }

    /// Asserts how it ended and that the message says each of `parts`.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "no `{part}` in: {}", self.stderr);
        }
        self
    }
}

pub(crate) fn command<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(args: I) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_m2v"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the program with something on standard input.
pub(crate) fn run_with<const N: usize>(args: [&dyn AsRef<std::ffi::OsStr>; N], stdin: &[u8]) -> Run {
    let mut child = command(args.map(AsRef::as_ref)).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    // A program that fails early closes its end: not this test's concern.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&stdin)));
    let run = ended(child);
    writer.join().unwrap();
    run
}

pub(crate) fn run<const N: usize>(args: [&dyn AsRef<std::ffi::OsStr>; N]) -> Run {
    run_with(args, b"")
}

pub(crate) fn ended(child: Child) -> Run {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

pub(crate) fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/minilm-l6-64d")
}

pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(path)
}

pub(crate) fn recorded_texts() -> Vec<String> {
    serde_json::from_slice(&std::fs::read(fixture("texts.json")).unwrap()).unwrap()
}

pub(crate) fn load(path: &Path) -> StaticModel {
    StaticModel::load(&Dir::open(path).unwrap()).unwrap()
}

/// A folder that is removed with the test, and the names in it.
pub(crate) fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const TOKENIZER: &[u8] = br#"{"pre_tokenizer": {"type": "Whitespace"},
    "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "one": 1, "two": 2, "nan": 3}}}"#;

/// A model of four tokens; the vector of `nan` is not a number.
pub(crate) fn small_model(folder: &Path, head: bool) -> PathBuf {
    let rows: Array2<f32> = array![[9.0, 9.0], [0.1, -1.0], [3.0, 0.0], [f32::NAN, 1.0]];
    let table = EmbeddingTable::try_new(Tensor::from_array(&rows), None, None).unwrap();
    let mut checkpoint = Checkpoint::new(Config::default(), table, TOKENIZER);
    if head {
        let weight = Tensor::from_array(&Array2::<f32>::zeros((3, 2)));
        let bias = Tensor::from_array(&array![0.0f32, 0.0, 0.0]);
        let classes = Some(vec!["a".into(), "b".into(), "c".into()]);
        let head = MlpHead::try_new(vec![(weight, bias)], m2v_core::Activation::Softmax, classes);
        checkpoint.head = Some(head.unwrap());
    }
    let path = folder.join("model");
    let mut sink = DirSink::create(&path).unwrap();
    checkpoint.save(&mut sink).unwrap();
    sink.finish().unwrap();
    path
}

/// An `.npy` file, read by the format's rules.
pub(crate) fn read_npy(path: &Path) -> Array2<f32> {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (text, data) = (std::str::from_utf8(&bytes[10..10 + header]).unwrap(), &bytes[10 + header..]);
    assert!((10 + header).is_multiple_of(64) && text.ends_with('\n'), "{text:?}");
    let shape = text.strip_prefix("{'descr': '<f4', 'fortran_order': False, 'shape': (").unwrap();
    let shape = shape.trim_end().strip_suffix("), }").unwrap();
    let (rows, dim) = shape.split_once(", ").unwrap();
    let shape = (rows.parse().unwrap(), dim.parse().unwrap());
    let values = data.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(data.len(), shape.0 * shape.1 * 4);
    Array2::from_shape_vec(shape, values).unwrap()
}

/// The bits of vectors, for comparisons that tell −0 from 0.
pub(crate) fn bits<'a>(values: impl IntoIterator<Item = &'a f32>) -> Vec<u32> {
    values.into_iter().map(|value| value.to_bits()).collect()
}

/// `{"embedding": […]}` on each line.
pub(crate) fn read_embeddings(jsonl: &str) -> Vec<Vec<f32>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        embedding: Vec<f32>,
    }
    jsonl.lines().map(|line| serde_json::from_str::<Line>(line).unwrap().embedding).collect()
}
