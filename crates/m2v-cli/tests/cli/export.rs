//! `m2v export`: the graphs and the folder around them, read back with an independent decoder of the ONNX schema.

use std::path::Path;

use m2v_core::{Checkpoint, Dir};
use onnx_protobuf::{Message, ModelProto, ValueInfoProto};

use crate::pipelines::pipeline;
use crate::support::*;

/// Element types of the ONNX schema.
const FLOAT: i32 = 1;
const INT8: i32 = 3;
const FLOAT16: i32 = 10;

fn graph(folder: &Path, name: &str) -> ModelProto {
    ModelProto::parse_from_bytes(&std::fs::read(folder.join("onnx").join(name)).unwrap()).unwrap()
}

fn value_names(values: &[ValueInfoProto]) -> Vec<&str> {
    values.iter().map(|value| value.name.as_str()).collect()
}

/// The element type of the largest constant, which is the table.
fn table_type(model: &ModelProto) -> i32 {
    model.graph.initializer.iter().max_by_key(|tensor| tensor.raw_data.len()).unwrap().data_type
}

fn note<'a>(model: &'a ModelProto, key: &str) -> Option<&'a str> {
    model.metadata_props.iter().find(|note| note.key == key).map(|note| note.value.as_str())
}

#[test]
fn a_dtype_that_cannot_be_leaves_the_others() {
    let folder = scratch();
    let (large, out) = (folder.path().join("large"), folder.path().join("out"));
    let mut checkpoint = Checkpoint::load(&Dir::open(shipped()).unwrap()).unwrap();
    let mut rows = checkpoint.table.embeddings().to_f32().unwrap().into_owned();
    rows[[7, 0]] = 70_000.0;
    let rows = m2v_core::Tensor::from_array(&rows);
    checkpoint.table = m2v_core::EmbeddingTable::try_new(rows, None, None).unwrap();
    let mut sink = m2v_core::DirSink::create(&large).unwrap();
    checkpoint.save(&mut sink).unwrap();
    m2v_core::Sink::finish(&mut sink).unwrap();
    let parts = &["70000 in row 7 cannot be quantised to float16", "--dtype with the other types"];
    run([&"export", &large, &out]).failed(1, parts);
    run([&"export", &large, &out, &"--dtype", &"f32,int8"]).ok();
}

#[test]
fn one_folder_holds_a_graph_for_each_dtype() {
    let folder = scratch();
    let out = folder.path().join("new/deep/out");
    let run = run([&"export", &shipped(), &out]).ok();
    assert_eq!(run.stdout, "");
    let lines: Vec<Vec<&str>> =
        run.stderr.lines().map(|line| line.split("  ").filter(|part| !part.is_empty()).collect()).collect();
    let graphs =
        [("model.onnx", 4, FLOAT), ("model_fp16.onnx", 2, FLOAT16), ("model_quantized.onnx", 1, INT8)];
    assert_eq!(names(&out.join("onnx")), graphs.map(|(name, ..)| name));
    for ((name, size, dtype), line) in graphs.into_iter().zip(&lines) {
        let bytes = out.join("onnx").join(name).metadata().unwrap().len();
        assert!((29525 * 64 * size..29525 * (64 * size + 4) + 16_384).contains(&bytes), "{name}: {bytes}");
        assert_eq!(table_type(&graph(&out, name)), dtype, "{name}");
        // What it did not do, it does not claim.
        let [listed, size, run] = line.as_slice() else { panic!("{}", run.stderr) };
        assert_eq!((*listed, *run), (format!("onnx/{name}").as_str(), "not run here"));
        let mega: f64 = size.trim().strip_suffix(" MB").unwrap().parse().unwrap();
        assert!((mega - bytes as f64 / 1e6).abs() <= 0.005, "{size}: {bytes}");
    }
    assert_eq!(lines.len(), 5, "{}", run.stderr);
    let wrote = format!("wrote {}: {} files, ", out.display(), 3 + names(&out).len() - 1);
    assert!(run.stderr.contains(&wrote), "{}", run.stderr);
    assert!(run.stderr.contains("cargo xtask pipeline --onnx"), "{}", run.stderr);
    let table = |path| Checkpoint::load(&Dir::open(path).unwrap()).unwrap().table;
    assert_eq!(table(&out), table(&shipped()));
    assert_eq!(names(out.parent().unwrap()), ["out"]);
}

#[test]
fn signatures_have_their_inputs_and_outputs() {
    let folder = scratch();
    let transformer = (["input_ids", "attention_mask"], vec!["last_hidden_state", "sentence_embedding"]);
    let bag = (["input_ids", "offsets"], vec!["embeddings"]);
    for (name, (inputs, outputs)) in [("transformer", transformer), ("bag", bag)] {
        let out = folder.path().join(name);
        run([&"export", &shipped(), &out, &"--signature", &name]).ok();
        for file in names(&out.join("onnx")) {
            let model = graph(&out, &file);
            assert_eq!(value_names(&model.graph.input), inputs, "{name}/{file}");
            assert_eq!(value_names(&model.graph.output), outputs, "{name}/{file}");
        }
    }
    let default = folder.path().join("default");
    run([&"export", &shipped(), &default]).ok();
    for file in names(&default.join("onnx")) {
        let [one, two] = [&default, &folder.path().join("transformer")]
            .map(|dir| std::fs::read(dir.join("onnx").join(&file)).unwrap());
        assert!(one == two, "{file}: the default is another signature");
    }
}

#[test]
fn only_the_dtypes_that_are_asked_for_are_written() {
    let folder = scratch();
    let lists: [(&str, &[&str]); 4] = [
        ("f32", &["model.onnx"]),
        ("int8", &["model_quantized.onnx"]),
        ("f16,f32", &["model.onnx", "model_fp16.onnx"]),
        ("int8,f16,int8", &["model_fp16.onnx", "model_quantized.onnx"]),
    ];
    for (list, files) in lists {
        let out = folder.path().join(list);
        let run = run([&"export", &shipped(), &out, &"--dtype", &list]).ok();
        assert_eq!(names(&out.join("onnx")), files, "{list}");
        assert_eq!(run.stderr.lines().filter(|line| line.starts_with("onnx/")).count(), files.len());
    }
}

#[test]
fn other_values_are_refused() {
    let folder = scratch();
    let out = folder.path().join("out");
    for list in ["f32,int4", "int4", "", "f32,"] {
        run([&"export", &shipped(), &out, &"--dtype", &list]).failed(2, &["--dtype", "f32, f16, int8"]);
    }
    run([&"export", &shipped(), &out, &"--signature", &"bags"]).failed(2, &["bags", "transformer", "bag"]);
    let broken = small_model(folder.path(), false);
    run([&"export", &broken, &out]).failed(1, &["NaN"]);
    assert_eq!(names(folder.path()), ["model"], "a failed run leaves nothing");
}

#[test]
fn heads_have_an_output_in_each_signature() {
    let folder = scratch();
    for (name, output) in
        [("softmax", "probabilities"), ("multilabel", "probabilities"), ("regression", "predictions")]
    {
        let model = pipeline(folder.path(), name, false);
        let head = Checkpoint::load(&Dir::open(&model).unwrap()).unwrap().head.unwrap();
        let classes = head.classes().map(|classes| serde_json::to_string(classes).unwrap());
        for (signature, first) in
            [("transformer", &["last_hidden_state", "sentence_embedding"][..]), ("bag", &["embeddings"])]
        {
            let out = folder.path().join(format!("{name}-{signature}"));
            run([&"export", &model, &out, &"--signature", &signature]).ok();
            assert_eq!(names(&out.join("onnx")).len(), 3);
            for file in names(&out.join("onnx")) {
                let model = graph(&out, &file);
                assert_eq!(value_names(&model.graph.output), [first, &[output]].concat(), "{file}");
                assert_eq!(note(&model, "classes"), classes.as_deref(), "{file}");
            }
            // The folder is a pipeline still.
            assert_eq!(Checkpoint::load(&Dir::open(&out).unwrap()).unwrap().head.as_ref(), Some(&head));
        }
    }
}
