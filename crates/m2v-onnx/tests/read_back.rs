//! What is written, read back with an independent decoder of the ONNX schema.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::OnceLock;

use m2v_core::{
    Activation, Checkpoint, Config, Dtype, EmbeddingTable, Label, Memory, MlpHead, Sink, Source, Tensor,
};
use m2v_onnx::{
    DEFAULT_GRAPH, Error, ExportOptions, GraphBuilder, Lower, Signature, Value, export, export_graph,
};
use ndarray::{Array2, array};
use onnx_protobuf::{Message, ModelProto, NodeProto, TensorProto};
use protobuf::Enum as _;

const TOKENIZER: &str = r#"{"truncation": {"max_length": 3}, "post_processor": {"type": "x"}, "model":
    {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[PAD]": 0, "[UNK]": 1, "a": 2}}}"#;

fn rows() -> Array2<f32> {
    array![[1.0, 2.0], [3.0, 4.0], [5.0, -6.5]]
}

fn checkpoint(embeddings: Tensor, weights: Option<Tensor>, mapping: Option<Tensor>) -> Checkpoint {
    let mut config = Config::default();
    config.set_normalize(true);
    let table = EmbeddingTable::try_new(embeddings, weights, mapping).unwrap();
    // A token for each row.
    let more: String = (3..table.id_count()).map(|id| format!(r#", "t{id}": {id}"#)).collect();
    let tokenizer = TOKENIZER.replace(r#""a": 2"#, &format!(r#""a": 2{more}"#));
    Checkpoint::new(config, table, tokenizer.into_bytes())
}

fn exported(checkpoint: &Checkpoint, options: &ExportOptions<'_>) -> (Memory, ModelProto) {
    let mut folder = Memory::new();
    export(checkpoint, options, &mut folder).unwrap();
    let bytes = folder.read(DEFAULT_GRAPH).unwrap().unwrap();
    let model = ModelProto::parse_from_bytes(&bytes).unwrap();
    (folder, model)
}

fn constant<'a>(model: &'a ModelProto, name: &str) -> &'a TensorProto {
    model.graph.initializer.iter().find(|tensor| tensor.name == name).unwrap()
}

fn floats(tensor: &TensorProto) -> Vec<f32> {
    assert_eq!(tensor.data_type, 1);
    tensor.raw_data.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// Adds what nodes define; every input of a node is defined before it, or around the branch it is in.
fn define(nodes: &[NodeProto], defined: &mut Vec<String>) {
    for node in nodes {
        for input in &node.input {
            assert!(defined.contains(input), "{}: {input} is not defined before it", node.name);
        }
        let around = defined.len();
        let mut inside = Vec::new();
        for branch in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
            assert!(branch.input.is_empty() && branch.initializer.is_empty(), "{}", branch.name);
            define(&branch.node, defined);
            let result = &branch.output[0].name;
            assert!(defined[around..].contains(result), "{}: {result} is not made in it", branch.name);
            // What a branch makes is not seen outside, nor in the other.
            inside.extend(defined.drain(around..));
        }
        assert!(
            inside.iter().all(|name| !defined.contains(name)),
            "{}: a name of its branches is taken",
            node.name
        );
        inside.sort_unstable();
        assert!(inside.is_sorted_by(|one, two| one < two), "{}: {inside:?}", node.name);
        defined.extend(node.output.iter().cloned());
    }
}

/// Every input of a node is defined before it, every name once, every output produced.
fn assert_well_formed(model: &ModelProto) {
    let graph = &model.graph;
    let inputs = graph.input.iter().map(|input| input.name.clone());
    let mut defined: Vec<String> =
        inputs.chain(graph.initializer.iter().map(|tensor| tensor.name.clone())).collect();
    define(&graph.node, &mut defined);
    for output in &graph.output {
        assert!(defined.contains(&output.name), "{} is not produced", output.name);
    }
    let mut unique = defined.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), defined.len(), "a name is defined twice: {defined:?}");
    for tensor in &graph.initializer {
        let size = match tensor.data_type {
            1 | 6 => 4,
            3 => 1,
            7 => 8,
            10 => 2,
            other => panic!("data type {other}"),
        };
        let elements: i64 = tensor.dims.iter().product();
        assert_eq!(tensor.raw_data.len() as i64, elements * size, "{}", tensor.name);
    }
}

fn signature(infos: &[onnx_protobuf::ValueInfoProto]) -> Vec<String> {
    let describe = |info: &onnx_protobuf::ValueInfoProto| {
        let tensor = info.type_.tensor_type();
        let axes: Vec<_> =
            tensor
                .shape
                .dim
                .iter()
                .map(|dim| {
                    if dim.has_dim_param() { dim.dim_param().to_owned() } else { dim.dim_value().to_string() }
                })
                .collect();
        format!("{} {} {}", info.name, tensor.elem_type, axes.join(" "))
    };
    infos.iter().map(describe).collect()
}

#[test]
fn has_the_signature_clients_look_for() {
    let (_, model) =
        exported(&checkpoint(Tensor::from_array(&rows()), None, None), &ExportOptions::default());
    assert_well_formed(&model);
    assert_eq!((model.ir_version, model.opset_import[0].version), (8, 18));
    assert_eq!((model.producer_name.as_str(), model.opset_import.len()), ("m2v", 1));
    let (float, int64) = (1, 7);
    assert_eq!(
        signature(&model.graph.input),
        [
            format!("input_ids {int64} batch_size sequence_length"),
            format!("attention_mask {int64} batch_size sequence_length")
        ]
    );
    assert_eq!(
        signature(&model.graph.output),
        [
            format!("last_hidden_state {float} batch_size sequence_length 2"),
            format!("sentence_embedding {float} batch_size 2")
        ]
    );
}

#[test]
fn keeps_the_dtype_of_the_table() {
    let f16 = Tensor::from_array(&rows().mapv(m2v_core::half::f16::from_f32));
    let bf16 = Tensor::from_array(&rows().mapv(m2v_core::half::bf16::from_f32));
    let f64 = Tensor::from_array(&rows().mapv(f64::from));
    let int8 = Tensor::from_array(&rows().mapv(|x| x as i8));
    for (table, data_type) in [(Tensor::from_array(&rows()), 1), (f16, 10), (int8, 3), (bf16, 1), (f64, 1)] {
        let (_, model) = exported(&checkpoint(table.clone(), None, None), &ExportOptions::default());
        assert_well_formed(&model);
        let constant = constant(&model, "m2v.table");
        assert_eq!(constant.data_type, data_type, "{}", table.dtype());
        assert_eq!(constant.dims, [3, 2]);
        let stride = constant.raw_data.len() / 3;
        assert_eq!(constant.raw_data[stride..2 * stride], vec![0; stride], "the row of the unknown token");
        if !matches!(table.dtype(), Dtype::BF16 | Dtype::F64) {
            assert_eq!(constant.raw_data[..stride], table.bytes()[..stride]);
            assert_eq!(constant.raw_data[2 * stride..], table.bytes()[2 * stride..]);
        }
    }
}

#[test]
fn masks_the_unknown_token_by_its_weight_where_there_are_weights_or_shared_rows() {
    let mapping = || Some(Tensor::from_array(&array![1i64, 0, 0]));
    let weights = || Some(Tensor::from_array(&array![0.5f64, 7.0, 2.0]));
    let rows = Tensor::from_array(&rows().mapv(m2v_core::half::f16::from_f32));
    for (weights, mapping, expected) in [
        (weights(), None, [0.5, 0.0, 2.0]),
        (weights(), mapping(), [0.5, 0.0, 2.0]),
        (None, mapping(), [1.0, 0.0, 1.0]),
    ] {
        let mapped = mapping.is_some();
        let (_, model) = exported(&checkpoint(rows.clone(), weights, mapping), &ExportOptions::default());
        assert_well_formed(&model);
        assert_eq!(floats(constant(&model, "m2v.weights")), expected);
        assert_eq!(constant(&model, "m2v.table").raw_data, rows.bytes()[..]);
        if mapped {
            let bytes: Vec<u8> = [1i32, 0, 0].iter().flat_map(|row| row.to_le_bytes()).collect();
            assert_eq!(constant(&model, "m2v.mapping").raw_data, bytes);
        }
    }
}

#[test]
fn writes_the_files_clients_need() {
    let (folder, _) =
        exported(&checkpoint(Tensor::from_array(&rows()), None, None), &ExportOptions::default());
    let mut names: Vec<_> = folder.files().map(|file| file.0).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "README.md",
            "config.json",
            "model.safetensors",
            "modules.json",
            "onnx/model.onnx",
            "special_tokens_map.json",
            "tokenizer.json",
            "tokenizer_config.json"
        ]
    );
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&folder.read(name).unwrap().unwrap()).unwrap()
    };
    let config = json("config.json");
    assert_eq!((&config["pad_token_id"], &config["hidden_size"]), (&0.into(), &2.into()));
    assert_eq!((&config["num_hidden_layers"], &config["model_type"]), (&0.into(), &"model2vec".into()));
    let tokenizer = json("tokenizer.json");
    assert!(tokenizer["post_processor"].is_null() && tokenizer["truncation"].is_null());
    assert_eq!(tokenizer["model"]["vocab"]["a"], 2);
    let tokens = json("tokenizer_config.json");
    assert_eq!((&tokens["pad_token"], &tokens["unk_token"]), (&"[PAD]".into(), &"[UNK]".into()));
    assert_eq!(
        (&tokens["model_max_length"], &tokens["tokenizer_class"]),
        (&512.into(), &"PreTrainedTokenizerFast".into())
    );
    assert_eq!(tokens["model_input_names"], serde_json::json!(["input_ids", "attention_mask"]));
    // Neither is an added token: a text that spells one has others.
    assert_eq!(json("special_tokens_map.json"), serde_json::json!({}));
}

#[test]
fn special_tokens_are_those_that_the_tokenizer_calls_special() {
    let mut checkpoint = checkpoint(Tensor::from_array(&rows()), None, None);
    let token = |content: &str, special| serde_json::json!({"content": content, "special": special});
    let mut tokenizer: serde_json::Value = serde_json::from_str(TOKENIZER).unwrap();
    tokenizer["added_tokens"] = [token("[PAD]", true), token("[UNK]", false)].into();
    checkpoint.tokenizer = tokenizer.to_string().into_bytes().into();
    let (folder, _) = exported(&checkpoint, &ExportOptions::default());
    let special = folder.read("special_tokens_map.json").unwrap().unwrap();
    let special: serde_json::Value = serde_json::from_slice(&special).unwrap();
    assert_eq!(special, serde_json::json!({"pad_token": "[PAD]"}));
}

#[test]
fn same_input_same_bytes() {
    let checkpoint = checkpoint(Tensor::from_array(&rows()), None, None);
    let [(one, _), (two, _)] = [(); 2].map(|()| exported(&checkpoint, &ExportOptions::default()));
    assert!(one.files().eq(two.files()));
}

/// A head that doubles the embedding, of two classes.
struct Doubled;

impl Lower for Doubled {
    fn lower(&self, graph: &mut GraphBuilder, embedding: Value) -> Result<Value, Error> {
        let two = graph.constant_float("two", 2.0)?;
        graph.node("Mul", &[embedding, two], &[])
    }

    fn output(&self) -> (&str, usize) {
        ("doubled", 2)
    }

    fn classes(&self) -> Option<&[Label]> {
        static CLASSES: OnceLock<[Label; 2]> = OnceLock::new();
        Some(CLASSES.get_or_init(|| ["left".into(), "right".into()]))
    }
}

#[test]
fn a_head_becomes_one_more_output() {
    let options = ExportOptions::default().with_head(&Doubled);
    let (_, model) = exported(&checkpoint(Tensor::from_array(&rows()), None, None), &options);
    assert_well_formed(&model);
    assert_eq!(signature(&model.graph.output)[2], "doubled 1 batch_size 2");
}

#[test]
fn the_models_own_head_is_an_output_with_its_classes() {
    let mut checkpoint = checkpoint(Tensor::from_array(&rows()), None, None);
    let (weight, bias) = (array![[1.0f64, 2.0], [3.0, 4.0], [5.0, 6.0]], array![0.5f32, 0.0, -0.5]);
    let layers = vec![(Tensor::from_array(&weight), Tensor::from_array(&bias))];
    let classes = vec!["ä \"b\"".into(), 7.into(), false.into()];
    for (activation, classes, output, op) in [
        (Activation::Softmax, Some(classes.clone()), "probabilities 1 batch_size 3", "Softmax"),
        (Activation::Sigmoid, Some(classes), "probabilities 1 batch_size 3", "Sigmoid"),
        (Activation::Softmax, None, "probabilities 1 batch_size 3", "Softmax"),
        (Activation::Identity, None, "predictions 1 batch_size 3", "Gemm"),
    ] {
        let has_classes = classes.is_some();
        checkpoint.head = Some(MlpHead::try_new(layers.clone(), activation, classes).unwrap());
        let (folder, model) = exported(&checkpoint, &ExportOptions::default());
        assert_well_formed(&model);
        assert_eq!(signature(&model.graph.output)[2], output);
        assert_eq!(model.graph.node.last().unwrap().op_type, op);
        assert_eq!(floats(constant(&model, "head.0.weight")), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(floats(constant(&model, "head.0.bias")), [0.5, 0.0, -0.5]);
        let notes: Vec<_> = model.metadata_props.iter().map(|note| (&*note.key, &*note.value)).collect();
        let (classes, normalize) = (("classes", r#"["ä \"b\"",7,false]"#), ("normalize", "true"));
        assert_eq!(notes, if has_classes { vec![classes, normalize] } else { vec![normalize] });
        assert!(folder.files().any(|(name, _)| name == "head.safetensors"));
    }
}

#[test]
fn a_head_that_is_given_takes_the_place_of_the_models_own() {
    let mut checkpoint = checkpoint(Tensor::from_array(&rows()), None, None);
    let layer = (Tensor::from_array(&array![[1f32, 2.0]]), Tensor::from_array(&array![0f32]));
    checkpoint.head = Some(MlpHead::try_new(vec![layer], Activation::Identity, None).unwrap());
    let (folder, model) = exported(&checkpoint, &ExportOptions::default().with_head(&Doubled));
    assert_eq!(signature(&model.graph.output)[2..], ["doubled 1 batch_size 2"]);
    let config: serde_json::Value =
        serde_json::from_slice(&folder.read("config.json").unwrap().unwrap()).unwrap();
    assert_eq!(config["id2label"], serde_json::json!({"0": "left", "1": "right"}));
    assert!(
        model
            .metadata_props
            .iter()
            .any(|note| (&*note.key, &*note.value) == ("classes", r#"["left","right"]"#))
    );
}

#[test]
fn a_head_that_changes_nothing_is_still_an_output_of_its_own() {
    struct Nothing;

    impl Lower for Nothing {
        fn lower(&self, _: &mut GraphBuilder, embedding: Value) -> Result<Value, Error> {
            Ok(embedding)
        }

        fn output(&self) -> (&str, usize) {
            ("same", 2)
        }
    }

    let options = ExportOptions::default().with_head(&Nothing);
    let (_, model) = exported(&checkpoint(Tensor::from_array(&rows()), None, None), &options);
    assert_well_formed(&model);
    assert_eq!(
        signature(&model.graph.output)[1..],
        ["sentence_embedding 1 batch_size 2", "same 1 batch_size 2"]
    );
}

#[test]
fn refuses_a_table_that_does_not_cover_the_ids() {
    let short = checkpoint(Tensor::from_array(&array![[1.0f32], [2.0]]), None, None);
    let error = export(&short, &ExportOptions::default(), &mut Memory::new()).unwrap_err();
    assert!(matches!(error, Error::Ids { covered: 2, max_id: 2 }), "{error}");
    let mut long = checkpoint(Tensor::from_array(&array![[1.0f32], [2.0], [3.0], [4.0]]), None, None);
    long.tokenizer = TOKENIZER.as_bytes().into();
    let error = export(&long, &ExportOptions::default(), &mut Memory::new()).unwrap_err();
    assert!(matches!(error, Error::Rows { rows: 4, tokens: 3 }), "{error}");
}

#[test]
fn what_protobuf_readers_refuse_goes_to_a_file_beside_the_graph() {
    let rows = Array2::from_shape_fn((3, 300), |(i, j)| (i * 300 + j) as f32);
    let checkpoint = checkpoint(Tensor::from_array(&rows), None, None);
    let options = ExportOptions::default().with_inline_limit(2048);
    let (folder, model) = exported(&checkpoint, &options);
    assert!(folder.read(DEFAULT_GRAPH).unwrap().unwrap().len() < 4096);
    let table = constant(&model, "m2v.table");
    assert_eq!((table.raw_data.len(), table.data_location.unwrap().value()), (0, 1));
    let entries: Vec<_> = table.external_data.iter().map(|entry| (&*entry.key, &*entry.value)).collect();
    assert_eq!(entries, [("location", "model.onnx_data"), ("offset", "0"), ("length", "3600")]);
    let data = folder.read("onnx/model.onnx_data").unwrap().unwrap();
    let stride = 1200;
    assert_eq!(data.len(), 3 * stride);
    assert_eq!(data[..stride], checkpoint.table.embeddings().bytes()[..stride]);
    assert_eq!(data[stride..2 * stride], vec![0; stride], "the row of the unknown token");
    assert_eq!(data[2 * stride..], checkpoint.table.embeddings().bytes()[2 * stride..]);
    // What shapes are made of stays where readers without the data see it.
    assert!(
        model
            .graph
            .initializer
            .iter()
            .filter(|tensor| tensor.name != "m2v.table")
            .all(|t| !t.raw_data.is_empty())
    );
}

#[test]
fn a_graph_of_2_gib_is_split() {
    // Zeroed memory that is never touched: its size is all that counts.
    struct Sizes(Vec<(String, u64)>);

    impl Sink for Sizes {
        fn write(
            &mut self,
            name: &str,
            len: u64,
            _: &mut dyn FnMut(&mut dyn std::io::Write) -> std::io::Result<()>,
        ) -> std::io::Result<()> {
            self.0.push((name.to_owned(), len));
            Ok(())
        }

        fn finish(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let zeros = Tensor::try_new(Dtype::I8, &[1 << 16, 1 << 15], vec![0; 1 << 31].into()).unwrap();
    let mut sizes = Sizes(Vec::new());
    export_graph(&checkpoint(zeros, None, None), &ExportOptions::default(), &mut sizes).unwrap();
    let [(graph, small), (data, large)] = <[_; 2]>::try_from(sizes.0).unwrap();
    assert_eq!((&*graph, &*data, large), ("onnx/model.onnx", "onnx/model.onnx_data", 1 << 31));
    assert!(small < 16_384, "{small}");
}

#[test]
fn a_bag_has_the_signature_of_older_exports() {
    let options = ExportOptions::default().with_signature(Signature::Bag);
    let (_, model) = exported(&checkpoint(Tensor::from_array(&rows()), None, None), &options);
    assert_well_formed(&model);
    let (float, int64) = (1, 7);
    assert_eq!(
        signature(&model.graph.input),
        [format!("input_ids {int64} num_tokens"), format!("offsets {int64} batch_size")]
    );
    assert_eq!(signature(&model.graph.output), [format!("embeddings {float} batch_size 2")]);
}

#[test]
fn a_float32_table_takes_its_weights_into_its_rows() {
    let weights = || Some(Tensor::from_array(&array![0.5f32, 7.0, 0.1]));
    let bf16 = Tensor::from_array(&rows().mapv(m2v_core::half::bf16::from_f32));
    for table in [Tensor::from_array(&rows()), Tensor::from_array(&rows().mapv(f64::from)), bf16] {
        let (_, model) = exported(&checkpoint(table, weights(), None), &ExportOptions::default());
        assert_well_formed(&model);
        let expected = [0.5, 1.0, 0.0, 0.0, 5.0 * 0.1, -6.5 * 0.1];
        assert_eq!(floats(constant(&model, "m2v.table")), expected);
        assert!(model.graph.initializer.iter().all(|tensor| tensor.name != "m2v.weights"));
    }
}

#[test]
fn a_file_is_its_table_and_little_more() {
    let (rows, dim) = (500, 64);
    let table = Array2::from_shape_fn((rows, dim), |(i, j)| (i + j) as f32 / 8.0);
    let shared = Tensor::from_array(&ndarray::Array1::from_shape_fn(2000, |i| (i % rows) as i64));
    let of = |dtype: Dtype| match dtype {
        Dtype::F32 => Tensor::from_array(&table),
        Dtype::F16 => Tensor::from_array(&table.mapv(m2v_core::half::f16::from_f32)),
        _ => Tensor::from_array(&table.mapv(|x| x as i8)),
    };
    for dtype in [Dtype::F32, Dtype::F16, Dtype::I8] {
        for (mapping, tokens) in [(None, rows), (Some(shared.clone()), 2000)] {
            let scales = Tensor::from_array(&ndarray::Array1::from_elem(tokens, 0.5f32));
            for weights in [None, Some(scales)] {
                for signature in [Signature::Transformer, Signature::Bag] {
                    let checkpoint = checkpoint(of(dtype), weights.clone(), mapping.clone());
                    let options = ExportOptions::default().with_signature(signature);
                    let bytes = exported(&checkpoint, &options).0.read(DEFAULT_GRAPH).unwrap().unwrap().len();
                    let numbers = if mapping.is_some() || weights.is_some() { 4 * tokens } else { 0 };
                    let mapped = if mapping.is_some() { 4 * tokens } else { 0 };
                    let most = rows * dim * dtype.size() + numbers + mapped + 16_384;
                    assert!(bytes <= most, "{dtype}: {bytes} bytes, at most {most}");
                }
            }
        }
    }
}

#[test]
fn rows_with_weights_are_made_once_for_each_of_many_tokens() {
    let weights = || Some(Tensor::from_array(&array![0.5f32, 7.0, 0.1]));
    let int8 = Tensor::from_array(&rows().mapv(|x| x as i8));
    let choices = |model: &ModelProto| {
        let nodes = model.graph.node.iter().filter(|node| node.op_type == "If");
        nodes.cloned().collect::<Vec<_>>()
    };
    for weights in [weights(), None] {
        let options = ExportOptions::default().with_signature(Signature::Bag);
        let (_, model) = exported(&checkpoint(int8.clone(), weights.clone(), None), &options);
        assert_well_formed(&model);
        assert_eq!(choices(&model).len(), 1, "how texts are summed, and nothing in it");

        let options = ExportOptions::default();
        let (_, model) = exported(&checkpoint(int8.clone(), weights.clone(), None), &options);
        assert_well_formed(&model);
        let choices = choices(&model);
        assert_eq!(choices.len(), usize::from(weights.is_some()));
        let Some(choice) = choices.first() else { continue };
        let branches: Vec<_> =
            choice.attribute.iter().map(|branch| (&*branch.name, &branch.g.node)).collect();
        let [("then_branch", few), ("else_branch", many)] = branches[..] else { panic!("{branches:?}") };
        let ops = |nodes: &[NodeProto]| nodes.iter().map(|node| node.op_type.clone()).collect::<Vec<_>>();
        let lookup = ["Gather", "Cast", "Gather", "Mul"];
        assert_eq!(ops(few), lookup);
        let last = ops(many).split_off(many.len() - 5);
        assert_eq!(last[..4], lookup);
        assert_eq!(last[4], "Gather");
    }
}

#[test]
fn says_where_the_model_is_from() {
    let mut checkpoint = checkpoint(Tensor::from_array(&rows()), None, None);
    let card = "---\nlicense: apache-2.0\nbase_model:\n- org/one\n- org/two\n---\n# A model\n";
    checkpoint.card = Some(m2v_core::Card::parse(card));
    let (_, model) = exported(&checkpoint, &ExportOptions::default());
    let notes: Vec<_> = model.metadata_props.iter().map(|note| (&*note.key, &*note.value)).collect();
    assert_eq!(notes, [("base_model", "org/one, org/two"), ("license", "apache-2.0"), ("normalize", "true")]);
    assert_eq!(model.producer_version, env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_graph_takes_the_place_of_no_other_file() {
    let checkpoint = checkpoint(Tensor::from_array(&rows()), None, None);
    for name in ["model.safetensors", "README.md", "readme.MD", "special_tokens_map.json"] {
        let options = ExportOptions::default().with_graph(name);
        let mut folder = Memory::new();
        let error = export(&checkpoint, &options, &mut folder).unwrap_err();
        assert!(matches!(&error, Error::GraphName { name: found } if found == name), "{error:?}");
        assert_eq!(folder.files().count(), 0);
    }
}
