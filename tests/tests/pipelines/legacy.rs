//! `pipeline.skops` of several skops and scikit-learn versions, and what such a file may not be.

use std::collections::BTreeMap;
use std::fs;

use m2v_core::{Activation, Checkpoint, Error, Label, Memory, MlpHead};
use m2v_infer::{Head, HeadScratch, Mlp};
use m2v_tests::{RecordedPipeline, Result, assert_close, fixture, small, tensor_file};
use ndarray::Array2;
use serde::Deserialize;
use serde_json::Value;

/// What one version of skops and scikit-learn wrote and answered.
#[derive(Deserialize)]
struct Recorded {
    inputs: Vec<Vec<f32>>,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    activation: String,
    classes: Option<Vec<Value>>,
    scores: Value,
}

/// A model of three tokens with vectors of length 6, and a legacy head.
fn with_legacy(skops: Vec<u8>) -> Result<Memory> {
    let mut files = Memory::new();
    files.insert("config.json", b"{}");
    let tokenizer =
        br#"{"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1, "b": 2}}}"#;
    files.insert("tokenizer.json", tokenizer);
    files.insert("model.safetensors", tensor_file(&[("embeddings", "F32", &[3, 6], 72)]));
    files.insert("pipeline.skops", skops);
    Ok(files)
}

fn head(skops: Vec<u8>) -> Result<MlpHead> {
    Ok(Checkpoint::load(&with_legacy(skops)?)?.head.ok_or("no head")?)
}

/// The error that loading ends with, without the file it was found in.
#[track_caller]
fn refused(skops: Vec<u8>) -> (Error, String) {
    let mut error = Checkpoint::load(&with_legacy(skops).unwrap()).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("(memory)/pipeline.skops: "), "{message}");
    while let Error::InFile { source, .. } = error {
        error = *source;
    }
    (error, message)
}

fn matrix(rows: Vec<Vec<f32>>) -> Result<Array2<f32>> {
    let columns = rows.first().map_or(0, Vec::len);
    Ok(Array2::from_shape_vec((rows.len(), columns), rows.concat())?)
}

#[test]
fn every_recorded_version_loads_and_answers_as_scikit_learn() -> Result<()> {
    let mut files = 0;
    for version in ["0.9", "0.11", "0.13", "0.16"] {
        let answers = fs::read(fixture(&format!("legacy/answers-{version}.json")))?;
        let Recorded { inputs, cases } = serde_json::from_slice(&answers)?;
        let inputs = matrix(inputs)?;
        for (case, Case { activation, classes, scores }) in cases {
            let name = format!("{case}-{version}");
            let head = head(fs::read(fixture(&format!("legacy/{name}.skops")))?)?;
            assert_eq!(head.activation().name(), activation, "{name}");
            let expected: Option<Vec<_>> =
                classes.as_ref().map(|all| all.iter().flat_map(Label::from_json).collect());
            assert_eq!(head.classes().map(<[_]>::to_vec), expected, "{name}");
            // A regression of one value is recorded without its axis.
            let expected = match serde_json::from_value::<Vec<Vec<f32>>>(scores.clone()) {
                Ok(rows) => matrix(rows)?,
                Err(_) => Array2::from_shape_vec((inputs.nrows(), 1), serde_json::from_value(scores)?)?,
            };
            let mut found = Array2::zeros(expected.dim());
            let mlp = Mlp::new(&head, inputs.ncols())?;
            mlp.score_block(inputs.view(), &mut HeadScratch::default(), found.view_mut())?;
            mlp.to_probabilities(found.view_mut());
            assert_close(&name, found.view(), expected.view());
            files += 1;
        }
    }
    assert_eq!(files, 28);
    Ok(())
}

#[test]
fn the_legacy_head_is_the_head_of_today() -> Result<()> {
    for recorded in RecordedPipeline::all()? {
        let today = Checkpoint::load(&recorded.files()?)?.head.ok_or("no head")?;
        let legacy = Checkpoint::load(&recorded.legacy_files()?)?.head.ok_or("no head")?;
        assert_eq!(legacy, today, "{}", recorded.name);
    }
    Ok(())
}

#[test]
fn other_heads_are_refused_by_name() -> Result<()> {
    let refusals: BTreeMap<String, String> =
        serde_json::from_slice(&fs::read(fixture("legacy/refused.json"))?)?;
    assert!(refusals.len() > 7);
    for (case, name) in refusals {
        let (error, message) = refused(fs::read(fixture(&format!("legacy/refused/{case}.skops")))?);
        assert!(matches!(error, Error::Skops { .. } | Error::SkopsType { .. }), "{case}: {error:?}");
        assert!(message.contains(&name), "{case}: no {name:?} in: {message}");
    }
    Ok(())
}

/// A zip of stored members, made by hand, so that it can be what no writer writes.
#[derive(Clone, Default)]
struct Zip {
    members: Vec<Member>,
}

#[derive(Clone)]
struct Member {
    name: String,
    data: Vec<u8>,
    method: u16,
    flags: u16,
    /// Bytes it claims to have unpacked.
    length: u32,
    crc: u32,
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

impl Zip {
    fn with(mut self, name: &str, data: impl Into<Vec<u8>>) -> Self {
        let data = data.into();
        let (length, crc) = (data.len() as u32, crc32(&data));
        self.members.push(Member { name: name.to_owned(), data, method: 0, flags: 0, length, crc });
        self
    }

    fn changed(mut self, name: &str, change: impl FnOnce(&mut Member)) -> Self {
        change(self.members.iter_mut().find(|member| member.name == name).unwrap());
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let (mut out, mut directory) = (Vec::new(), Vec::new());
        for member in &self.members {
            let fields = |out: &mut Vec<u8>| {
                for field in [20, member.flags, member.method, 0, 0x21] {
                    out.extend(u16::to_le_bytes(field));
                }
                for field in [member.crc, member.data.len() as u32, member.length] {
                    out.extend(field.to_le_bytes());
                }
                out.extend((member.name.len() as u16).to_le_bytes());
                out.extend([0, 0]);
            };
            let offset = out.len() as u32;
            out.extend(b"PK\x03\x04");
            fields(&mut out);
            out.extend(member.name.bytes());
            out.extend(&member.data);
            directory.extend(b"PK\x01\x02\x14\x00");
            fields(&mut directory);
            directory.extend([0; 10]);
            directory.extend(offset.to_le_bytes());
            directory.extend(member.name.bytes());
        }
        let (start, count) = (out.len() as u32, self.members.len() as u16);
        out.extend(&directory);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend((directory.len() as u32).to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend([0, 0]);
        out
    }
}

/// A `.npy` array of version 1.
fn npy(descr: &str, fortran_order: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran_order { "True" } else { "False" };
    let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': ({shape}), }}\n");
    [b"\x93NUMPY\x01\x00", &(header.len() as u16).to_le_bytes()[..], header.as_bytes(), data].concat()
}

fn node(loader: &str, module: &str, class: &str, content: Value) -> Value {
    serde_json::json!({"__loader__": loader, "__module__": module, "__class__": class, "content": content})
}

fn text(value: impl Into<Value>) -> Value {
    node("JsonNode", "builtins", "str", value.into().to_string().into())
}

fn list(items: Vec<Value>) -> Value {
    node("ListNode", "builtins", "list", items.into())
}

fn array(file: &str) -> Value {
    serde_json::json!({"__loader__": "NdArrayNode", "__module__": "numpy", "__class__": "ndarray", "type": "numpy", "file": file})
}

const MLP: &str = "sklearn.neural_network._multilayer_perceptron";

/// The tree of a classifier of two classes with one layer.
fn schema() -> Value {
    let state = serde_json::json!({
        "activation": text("relu"), "out_activation_": text("softmax"), "classes_": array("classes.npy"),
        "coefs_": list(vec![array("coef.npy")]), "intercepts_": list(vec![array("intercept.npy")]),
    });
    let head = node("ObjectNode", MLP, "MLPClassifier", node("DictNode", "builtins", "dict", state));
    let step = node("TupleNode", "builtins", "tuple", serde_json::json!([text("mlp"), head]));
    let steps = serde_json::json!({"steps": list(vec![step])});
    let mut root =
        node("ObjectNode", "sklearn.pipeline", "Pipeline", node("DictNode", "builtins", "dict", steps));
    root["protocol"] = 2.into();
    root
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn zip_with(schema: &Value) -> Zip {
    let strings: Vec<u8> = "noyes".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    // "no" and "yes", each of three characters.
    let strings = [&strings[..8], &[0; 4], &strings[8..]].concat();
    Zip::default()
        .with("schema.json", schema.to_string())
        .with(
            "coef.npy",
            npy(
                "'<f4'",
                true,
                "6, 2",
                &floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0]),
            ),
        )
        .with("intercept.npy", npy("'<f4'", false, "2,", &floats(&[0.5, -0.5])))
        .with("classes.npy", npy("'<U3'", false, "2,", &strings))
}

#[test]
fn what_is_damaged_below_is_whole() -> Result<()> {
    let head = head(zip_with(&schema()).bytes())?;
    assert_eq!(head.activation(), Activation::Softmax);
    assert_eq!(head.classes(), Some(&["no".into(), "yes".into()][..]));
    let weight = head.layers()[0].weight.to_f32()?;
    assert_eq!(
        weight,
        ndarray::array![[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]].into_dyn()
    );
    // A member nobody asks for is never unpacked.
    let unused = zip_with(&schema())
        .with("unused.npy", b"not an array")
        .changed("unused.npy", |member| member.crc = 1);
    assert!(Checkpoint::load(&with_legacy(unused.bytes())?)?.head.is_some());
    Ok(())
}

/// The archive with another array.
fn zip_with_array(member: &str, bytes: Vec<u8>) -> Zip {
    zip_with(&schema()).changed(member, |member| {
        (member.length, member.crc) = (bytes.len() as u32, crc32(&bytes));
        member.data = bytes;
    })
}

#[test]
fn classes_may_be_of_every_type_of_numpy() -> Result<()> {
    let (minus, most) = ([0xFF; 8], [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]);
    for (descr, size, last, expected) in [
        ("'|i1'", 1, minus, -1_i64),
        ("'|u1'", 1, minus, 0xFF),
        ("'<i2'", 2, minus, -1),
        ("'<u2'", 2, minus, 0xFFFF),
        ("'<i4'", 4, minus, -1),
        ("'<u4'", 4, minus, 0xFFFF_FFFF),
        ("'<i8'", 8, minus, -1),
        ("'<u8'", 8, most, 0xFFFF_FFFF),
    ] {
        let data = [&7_u64.to_le_bytes()[..size], &last[..size]].concat();
        let head = head(zip_with_array("classes.npy", npy(descr, false, "2,", &data)).bytes())?;
        assert_eq!(head.classes(), Some(&[7.into(), expected.into()][..]), "{descr}");
    }
    let head = head(zip_with_array("classes.npy", npy("'|b1'", false, "2,", &[0, 1])).bytes())?;
    assert_eq!(head.classes(), Some(&[false.into(), true.into()][..]));
    Ok(())
}

#[test]
fn arrays_may_be_of_every_version_and_order() -> Result<()> {
    let whole = head(zip_with(&schema()).bytes())?;
    let one = npy(
        "'<f4'",
        false,
        "6, 2",
        &floats(&[1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 4.0, -4.0, 5.0, -5.0, 6.0, -6.0]),
    );
    assert_eq!(head(zip_with_array("coef.npy", one.clone()).bytes())?, whole);
    for version in [2, 3] {
        let (length, rest) = one[8..].split_first_chunk::<2>().ok_or("no length")?;
        let length = u32::from(u16::from_le_bytes(*length)).to_le_bytes();
        let array = [b"\x93NUMPY", &[version, 0][..], &length, rest].concat();
        assert_eq!(head(zip_with_array("coef.npy", array).bytes())?, whole, "version {version}");
    }
    Ok(())
}

/// One change to the zip, and what the error has to say.
#[test]
fn archives_that_are_none_are_refused() {
    let zip = || zip_with(&schema());
    // The number of members stands 12 and 14 bytes before the end.
    let announces = |count: u8| {
        let mut bytes = zip().bytes();
        let end = bytes.len();
        (bytes[end - 14], bytes[end - 12]) = (count, count);
        bytes
    };
    for (bytes, parts) in [
        (announces(3), &["zip", "3 members", "4"][..]),
        (announces(5), &["zip", "5 members", "4"]),
        (b"not a zip".to_vec(), &["zip", "archive"]),
        (Vec::new(), &["zip"]),
        (zip().bytes()[..300].to_vec(), &["zip"]),
        (Zip::default().bytes(), &["schema.json", "nothing"]),
        (zip().with("../../etc/passwd.npy", "x").bytes(), &["../../etc/passwd.npy", "plainly named"]),
        (zip().with("/absolute.npy", "x").bytes(), &["/absolute.npy", "plainly named"]),
        (zip().with("folder/1.npy", "x").bytes(), &["folder/1.npy", "plainly named"]),
        (zip().with("c:\\1.npy", "x").bytes(), &["c:\\1.npy", "plainly named"]),
        (zip().with(".npy", "x").bytes(), &[".npy", "plainly named"]),
        (zip().with("run.pkl", "x").bytes(), &["run.pkl", "plainly named"]),
        (zip().with("coef.npy", "x").bytes(), &["coef.npy", "one member", "two"]),
        (zip().changed("coef.npy", |member| member.flags = 1).bytes(), &["coef.npy", "encrypted"]),
        (zip().changed("coef.npy", |member| member.method = 14).bytes(), &["coef.npy", "stored or deflated"]),
        (zip().changed("coef.npy", |member| member.crc ^= 1).bytes(), &["coef.npy", "checksum"]),
        (zip().changed("coef.npy", |member| member.length += 1).bytes(), &["coef.npy", "bytes"]),
        (zip().changed("coef.npy", |member| member.data.clear()).bytes(), &["coef.npy", "found 0"]),
    ] {
        let (error, message) = refused(bytes);
        assert!(matches!(error, Error::Skops { .. }), "{error:?}");
        for part in parts {
            assert!(message.contains(part), "no {part:?} in: {message}");
        }
    }
}

/// Deflated zeros: each block of stored zeros would be long, so these are the run-length codes of fixed Huffman.
fn deflated_zeros(runs: usize) -> Vec<u8> {
    let (mut bits, mut out, mut count) = (0u32, Vec::new(), 0);
    let mut push = |value: u32, length: u32, out: &mut Vec<u8>| {
        bits |= value << count;
        count += length;
        while count >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    push(0b011, 3, &mut out);
    // The literal 0: code 0x30 of 8 bits, most significant first.
    push(0x30u32.reverse_bits() >> 24, 8, &mut out);
    for _ in 0..runs {
        // Length 258 is code 0xc5 of 8 bits, distance 1 is code 0 of 5 bits.
        push(0xc5u32.reverse_bits() >> 24, 8, &mut out);
        push(0, 5, &mut out);
    }
    push(0, 7, &mut out);
    push(0, 7, &mut out);
    out
}

#[test]
fn bombs_are_refused() {
    let zip = || zip_with(&schema());
    let zeros = |runs: usize, length: u32| {
        zip().with("bomb.npy", deflated_zeros(runs)).changed("bomb.npy", |member| {
            member.method = 8;
            member.length = length;
        })
    };
    // 4 MB in 26 kB.
    let (_, message) = refused(zeros(16_000, 16_000 * 258 + 1).bytes());
    assert!(message.contains("bomb.npy") && message.contains("64 times"), "{message}");
    // Claims less than it has: what is read is no longer than what was claimed.
    let lying = zip().changed("coef.npy", |member| {
        member.data = deflated_zeros(16_000);
        member.method = 8;
    });
    let (_, message) = refused(lying.bytes());
    assert!(message.contains("coef.npy") && message.contains("deflated data"), "{message}");
    // Little of its own, much of others: members that lie on top of each other, all within the ratio.
    let mut many = zip();
    for i in 0..300 {
        many = many
            .with(&format!("m{i}.npy"), vec![0; 1 << 10])
            .changed(&format!("m{i}.npy"), |member| member.length = 4 << 20 >> 2);
    }
    many.members.iter_mut().skip(4).for_each(|member| member.length = 1 << 20);
    let (_, message) = refused(
        (0..800)
            .fold(many, |zip, i| {
                zip.with(&format!("n{i}.npy"), "").changed(&format!("n{i}.npy"), |m| m.length = 1 << 20)
            })
            .bytes(),
    );
    assert!(message.contains("bytes in all"), "{message}");
    // A thousand layers of the same member.
    let mut tree = schema();
    let state = "/content/content/steps/content/0/content/1/content/content";
    for (key, file) in [("coefs_", "square.npy"), ("intercepts_", "bias.npy")] {
        tree.pointer_mut(state).unwrap()[key] = list(vec![array(file); 1000]);
    }
    let layers = zip_with(&tree)
        .with("square.npy", npy("'<f4'", true, "6, 6", &[0; 144]))
        .with("bias.npy", npy("'<f4'", false, "6,", &[0; 24]));
    let (_, message) = refused(layers.bytes());
    assert!(message.contains("square.npy") && message.contains("read before"), "{message}");
    let large = Zip::default().with("schema.json", vec![b' '; (1 << 24) + 1]);
    let (_, message) = refused(large.bytes());
    assert!(message.contains("schema.json") && message.contains("at most 16777216 bytes"), "{message}");
    let many = (0..5000).fold(zip(), |zip, i| zip.with(&format!("n{i}.npy"), ""));
    let (_, message) = refused(many.bytes());
    assert!(message.contains("at most 4096 members"), "{message}");
}

/// One change to the tree, and what the error has to say.
#[test]
fn trees_of_other_things_are_refused() {
    let head = "/content/content/steps/content/0/content/1";
    let state = format!("{head}/content/content");
    let reduce = node("ReduceNode", "builtins", "eval", serde_json::json!({}));
    let method = node("MethodNode", "os", "system", serde_json::json!({}));
    let nested = (0..200).fold(Value::Null, |inner, _| serde_json::json!([inner]));
    for (pointer, value, parts) in [
        ("/protocol".to_owned(), 3.into(), &["protocol", "0, 1 or 2", "3"][..]),
        ("/protocol".to_owned(), Value::Null, &["protocol", "null"]),
        ("/__class__".to_owned(), "FeatureUnion".into(), &["sklearn.pipeline.FeatureUnion"]),
        ("/__module__".to_owned(), Value::Null, &["?.Pipeline"]),
        ("/__loader__".to_owned(), "TupleNode".into(), &["loaded by TupleNode"]),
        ("/content".to_owned(), Value::Null, &["steps", "nothing"]),
        ("/content/content/steps".to_owned(), text("none"), &["steps", "a list"]),
        ("/content/content/steps/content".to_owned(), serde_json::json!([]), &["one step", "0 steps"]),
        (
            "/content/content/steps/content/0/content".to_owned(),
            serde_json::json!([]),
            &["a name and the head"],
        ),
        ("/content/content/evil".to_owned(), reduce, &["builtins.eval (loaded by ReduceNode)"]),
        (format!("{state}/evil"), method, &["os.system (loaded by MethodNode)"]),
        (format!("{head}/__class__"), "MLPRegressor".into(), &["out_activation_", "identity", "softmax"]),
        (format!("{state}/activation"), text("tanh"), &["activation", "relu", "tanh"]),
        (format!("{state}/activation"), text(1), &["activation", "a string"]),
        (format!("{state}/activation"), array("coef.npy"), &["activation", "JSON", "numpy.ndarray"]),
        (
            format!("{state}/activation"),
            node("JsonNode", "builtins", "str", "{".into()),
            &["activation", "JSON"],
        ),
        (format!("{state}/out_activation_"), text("exp"), &["out_activation_", "logistic or softmax", "exp"]),
        (format!("{state}/coefs_"), Value::Null, &["coefs_", "nothing"]),
        (format!("{state}/coefs_"), list(vec![]), &["intercepts_", "at least 1"]),
        (
            format!("{state}/intercepts_"),
            list(vec![array("intercept.npy"), array("vector.npy")]),
            &["intercepts_", "1, as many as coefs_", "2"],
        ),
        (format!("{state}/coefs_"), list(vec![text(1)]), &["coefs_", "numpy.ndarray", "builtins.str"]),
        (format!("{state}/coefs_"), list(vec![array("gone.npy")]), &["gone.npy", "a member of the archive"]),
        (
            format!("{state}/coefs_"),
            list(vec![array("../coef.npy")]),
            &["../coef.npy", "a member of the archive"],
        ),
        (format!("{state}/coefs_"), list(vec![array("schema.json")]), &["schema.json", "read before"]),
        (format!("{state}/coefs_"), list(vec![array("classes.npy")]), &["classes.npy", "floats", "<U3"]),
        (format!("{state}/intercepts_"), list(vec![array("matrix.npy")]), &["matrix.npy", "[out]", "[6, 2]"]),
        (format!("{state}/intercepts_"), list(vec![array("coef.npy")]), &["coef.npy", "read before"]),
        (format!("{state}/classes_"), array("matrix.npy"), &["matrix.npy", "[classes]"]),
        (format!("{state}/classes_"), array("vector.npy"), &["vector.npy", "strings", "<f4"]),
        (format!("{state}/classes_"), text("no"), &["classes_", "numpy.ndarray"]),
        (format!("{state}/nested"), nested, &["schema.json", "recursion"]),
    ] {
        let mut tree = schema();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        tree.pointer_mut(parent).unwrap()[key] = value;
        let zip = zip_with(&tree)
            .with("matrix.npy", npy("'<f4'", true, "6, 2", &[0; 48]))
            .with("vector.npy", npy("'<f4'", false, "2,", &[0; 8]));
        let (error, message) = refused(zip.bytes());
        assert!(
            matches!(error, Error::Skops { .. } | Error::SkopsType { .. } | Error::Json { .. }),
            "{error:?}"
        );
        for part in parts {
            assert!(message.contains(part), "{pointer}: no {part:?} in: {message}");
        }
    }
}

#[test]
fn arrays_of_other_things_are_refused() {
    let nan = floats(&[f32::NAN, 0.0]);
    for (member, bytes, parts) in [
        ("coef.npy", b"\x93NUMPY".to_vec(), &["coef.npy", ".npy array"][..]),
        ("coef.npy", b"\x93NUMPY\x04\x00\x00\x00".to_vec(), &["version 1, 2 or 3"]),
        ("coef.npy", b"\x93NUMPY\x01\x00\xff\xff{}".to_vec(), &["whole header"]),
        ("coef.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}".to_vec(), &["whole header"]),
        ("coef.npy", npy("'|O'", false, "2,", b"cos\nsystem\n"), &["pickles", "|O"]),
        ("coef.npy", npy("[('a', '<f4')]", false, "2,", &[0; 8]), &["'descr'"]),
        ("coef.npy", npy("'>f4'", false, "6, 2", &[0; 48]), &[">f4"]),
        ("coef.npy", npy("'<f4'", false, "6, 2", &[0; 47]), &["48 bytes", "47"]),
        ("coef.npy", npy("'<f4'", false, "18446744073709551615, 2", &[0; 8]), &["fewer elements"]),
        ("coef.npy", npy("'<f4'", false, "6, 3", &[0; 72]), &["head.0", "[3, 6]", "bias [2]"]),
        ("coef.npy", npy("'<f4'", false, "5, 2", &[0; 40]), &["head.0.weight", "[out, 6]", "[5]"]),
        ("intercept.npy", npy("'<f4'", false, "2,", &nan), &["head.0.bias", "finite", "NaN at [0]"]),
        ("classes.npy", npy("'|b1'", false, "3,", &[0, 1, 2]), &["classes_", "2 classes", "found 3"]),
        ("classes.npy", npy("'<u8'", false, "2,", &[255; 16]), &["classes.npy", "64-bit integers"]),
        ("classes.npy", npy("'<U1'", false, "2,", &[255; 8]), &["classes.npy", "strings"]),
        ("classes.npy", npy("'<U0'", false, "18446744073709551615,", &[]), &["classes.npy", "<U0"]),
    ] {
        let (error, message) = refused(zip_with_array(member, bytes).bytes());
        assert!(matches!(error, Error::Skops { .. } | Error::Tensor { .. }), "{error:?}");
        for part in parts {
            assert!(message.contains(part), "no {part:?} in: {message}");
        }
    }
}

#[test]
fn a_model_without_a_head_has_none() -> Result<()> {
    assert_eq!(Checkpoint::load(&small()?)?.head, None);
    let error = m2v_infer::Pipeline::load(&small()?).map(|_| ()).unwrap_err();
    assert!(matches!(&error, m2v_infer::Error::NoHead { location } if location == "(memory)"), "{error:?}");
    Ok(())
}

/// More cases than usual, each takes microseconds. `PROPTEST_CASES` makes it still more.
fn config() -> proptest::prelude::ProptestConfig {
    let usual = proptest::prelude::ProptestConfig::default();
    proptest::prelude::ProptestConfig {
        cases: usual.cases.saturating_mul(8),
        failure_persistence: None,
        ..usual
    }
}

proptest::proptest! {
    #![proptest_config(config())]

    /// Whatever happens to a file, it is an answer or an error.
    #[test]
    fn damage_anywhere_is_no_panic(
        changes in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), proptest::prelude::any::<u8>()), 1..4),
        cut in proptest::option::of(proptest::prelude::any::<proptest::sample::Index>()),
    ) {
        let mut bytes = zip_with(&schema()).bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        let _ = Checkpoint::load(&with_legacy(bytes).unwrap());
    }
    /// The same of a file that skops wrote, deflated.
    #[test]
    fn damage_to_a_recorded_file_is_no_panic(
        changes in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), proptest::prelude::any::<u8>()), 1..4),
    ) {
        let mut bytes = fs::read(fixture("legacy/booleans-0.16.skops")).unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = Checkpoint::load(&with_legacy(bytes).unwrap());
    }
}
