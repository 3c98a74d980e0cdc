//! What is saved loads back the same, and says the truth about itself.

use m2v_core::half::bf16;
use m2v_core::{Card, Checkpoint, Dir, DirSink, Layout, Memory, Sink, Source, Tensor};
use m2v_infer::StaticModel;
use m2v_tests::{Recorded, Result, assert_bits, small, small_with, tensor_file};
use ndarray::{Array1, Array2};
use safetensors::SafeTensors;
use serde_json::{Map, Value, json};

use crate::{vectors, with_tensors};

fn saved(checkpoint: &Checkpoint) -> Result<Memory> {
    let mut files = Memory::new();
    checkpoint.save(&mut files)?;
    files.finish()?;
    Ok(files)
}

fn json(files: &Memory, name: &str) -> Result<Value> {
    Ok(serde_json::from_slice(&files.read(name)?.ok_or("no such file")?)?)
}

fn text(files: &Memory, name: &str) -> Result<String> {
    Ok(String::from_utf8(files.read(name)?.ok_or("no such file")?.to_vec())?)
}

#[test]
fn every_model_loads_back_as_it_was() -> Result<()> {
    let parent = tempfile::tempdir()?;
    for recorded in Recorded::all()? {
        let (name, before) = (&recorded.name, recorded.checkpoint()?);
        let folder = parent.path().join(name);
        let mut sink = DirSink::create(&folder)?;
        before.save(&mut sink)?;
        sink.finish()?;
        let after = Checkpoint::load(&Dir::open(&folder)?)?;
        assert_eq!(after.layout, Layout::Model2Vec, "{name}");
        assert_eq!(after.table, before.table, "{name}");
        assert_eq!(after.config, before.saved_config(), "{name}");
        assert_eq!(after.config.normalize(), before.config.normalize(), "{name}");
        assert_eq!(after.config.max_length(), before.config.max_length(), "{name}");
        assert_bits(name, vectors(&after)?.view(), vectors(&before)?.view());
        let (before, after) = (StaticModel::from_checkpoint(before)?, StaticModel::from_checkpoint(after)?);
        assert_eq!(after.tokenizer().vocabulary(), before.tokenizer().vocabulary(), "{name}");
    }
    Ok(())
}

#[test]
fn a_second_save_changes_nothing() -> Result<()> {
    for recorded in Recorded::all()? {
        let once = saved(&recorded.checkpoint()?)?;
        let twice = saved(&Checkpoint::load(&once)?)?;
        assert!(once.files().eq(twice.files()), "{}", recorded.name);
    }
    Ok(())
}

#[test]
fn the_saved_tokenizer_neither_cuts_nor_pads_and_is_otherwise_the_same() -> Result<()> {
    let mut cutting = 0;
    for recorded in Recorded::all()? {
        let checkpoint = recorded.checkpoint()?;
        let mut expected: Map<String, Value> = serde_json::from_slice(&checkpoint.tokenizer)?;
        cutting += usize::from(expected["truncation"].is_object() && expected["padding"].is_object());
        expected["truncation"] = Value::Null;
        expected["padding"] = Value::Null;
        assert_eq!(
            json(&saved(&checkpoint)?, "tokenizer.json")?,
            Value::Object(expected),
            "{}",
            recorded.name
        );
    }
    assert!(cutting > 1, "some recorded tokenizers cut and pad");
    Ok(())
}

#[test]
fn the_saved_config_says_the_truth() -> Result<()> {
    for recorded in Recorded::all()? {
        let name = &recorded.name;
        let checkpoint = recorded.checkpoint()?;
        let config = json(&saved(&checkpoint)?, "config.json")?;
        let table = &checkpoint.table;
        assert_eq!(config["normalize"], json!(checkpoint.config.normalize() == Some(true)), "{name}");
        assert_eq!(config["max_length"], json!(checkpoint.config.max_length()), "{name}");
        assert_eq!(config["hidden_dim"], json!(table.embeddings().shape()[1]), "{name}");
        assert_eq!(config["embedding_dtype"], json!(table.embeddings().dtype().name()), "{name}");
        let quantized = table.mapping().map(|_| table.embeddings().shape()[0]);
        assert_eq!(config.get("vocabulary_quantization"), quantized.map(Value::from).as_ref(), "{name}");
        assert_eq!(config.get("hidden_size"), None, "{name}");
    }
    // Of a model that does not say its type, and of one that does.
    for (before, expected) in [(None, "model2vec"), (Some("static"), "static")] {
        let mut checkpoint = Checkpoint::load(&small()?)?;
        checkpoint.config.set("model_type", before.map(Value::from));
        assert_eq!(json(&saved(&checkpoint)?, "config.json")?["model_type"], json!(expected));
    }
    // Under the other name too, where a folder has it.
    let mut checkpoint = Checkpoint::load(&small()?)?;
    checkpoint.config.set("hidden_size", Some(7.into()));
    assert_eq!(json(&saved(&checkpoint)?, "config.json")?["hidden_size"], json!(checkpoint.table.dim()));
    Ok(())
}

#[test]
fn modules_name_a_normalize_module_where_there_is_one() -> Result<()> {
    for normalize in [true, false] {
        let mut checkpoint = Checkpoint::load(&small()?)?;
        checkpoint.config.set_normalize(normalize);
        let modules = json(&saved(&checkpoint)?, "modules.json")?;
        let types: Vec<_> =
            modules.as_array().ok_or("no list")?.iter().map(|module| &module["type"]).collect();
        let expected = ["StaticEmbedding", "Normalize"]
            .map(|name| json!(format!("sentence_transformers.models.{name}")));
        assert_eq!(types, expected.iter().take(1 + usize::from(normalize)).collect::<Vec<_>>());
    }
    Ok(())
}

#[test]
fn unknown_config_keys_survive_in_their_order() -> Result<()> {
    let config = r#"{"zeta": {"nested": [1, -2.5e-7, null]}, "ключ": "значение", "normalize": true,
        "sif_coefficient": 0.0001, "seq_length": 18446744073709551615, "alpha": false, "max_length": null}"#;
    let before: Map<String, Value> = serde_json::from_str(config)?;
    let files = saved(&Checkpoint::load(&small_with("config.json", config.to_owned())?)?)?;
    let after = json(&files, "config.json")?;
    let after = after.as_object().ok_or("no object")?;
    let kept: Vec<_> = after.iter().filter(|(key, _)| before.contains_key(*key)).collect();
    assert_eq!(kept, before.iter().collect::<Vec<_>>());
    Ok(())
}

#[test]
fn the_card_keeps_its_front_matter_and_text() -> Result<()> {
    let front = "base_model:\n- one\n- two\nlicense: cc-by-4.0\ntags: [a, b]\nmodel-index:\n  - name: x # y";
    // The end of a section that did not begin is part of the text.
    let body = "# Title\n\nText with --- in it.\n\n---\n\nMore. <!-- m2v: end -->";
    for card in
        [format!("---\n{front}\n---\n{body}\n"), format!("---\n{front}\n---\n{body}").replace('\n', "\r\n")]
    {
        let once = saved(&Checkpoint::load(&small_with("README.md", card)?)?)?;
        let twice = saved(&Checkpoint::load(&once)?)?;
        for files in [once, twice] {
            let card = Card::parse(&text(&files, "README.md")?);
            assert_eq!(card.front_matter(), Some(front));
            assert!(card.body().contains(body), "{}", card.body());
            assert_eq!(card.body().matches("## The table in this folder").count(), 1, "{}", card.body());
            assert!(card.body().contains("6 × 16, float32"), "{}", card.body());
        }
    }
    Ok(())
}

#[test]
fn the_card_warns_of_what_others_do_not_read() -> Result<()> {
    let rows = Array2::<f32>::ones((6, 5));
    let scales = Tensor::from_array(&Array1::<f32>::ones(6));
    let mapping = Tensor::from_array(&Array1::<i32>::zeros(6));
    let (floats, halves) = (Tensor::from_array(&rows), Tensor::from_array(&rows.mapv(bf16::from_f32)));
    let int8 = Tensor::from_array(&rows.mapv(|x| x as i8));
    let warnings = [
        "does not read bfloat16",
        "share a row",
        "multiplied by its entry",
        "the scales of the int8",
        "no scales",
    ];
    for (tensors, expected) in [
        (&[("embeddings", &floats)][..], [false; 5]),
        (&[("embeddings", &halves)], [true, false, false, false, false]),
        (&[("embeddings", &floats), ("mapping", &mapping)], [false, true, false, false, false]),
        (&[("embeddings", &floats), ("weights", &scales)], [false, false, true, false, false]),
        (&[("embeddings", &int8), ("weights", &scales)], [false, false, true, true, false]),
        (&[("embeddings", &int8)], [false, false, false, false, true]),
    ] {
        let card = text(&saved(&Checkpoint::load(&with_tensors(tensors)?)?)?, "README.md")?;
        assert_eq!(warnings.map(|warning| card.contains(warning)), expected, "{card}");
    }
    Ok(())
}

#[test]
fn names_that_cannot_be_are_not_written() {
    let tensor = Tensor::from_array(&ndarray::array![1.0f32]);
    for names in [["a", "a"], ["a", "__metadata__"]] {
        let tensors = names.map(|name| (name, &tensor));
        let error = m2v_core::write_tensors(&mut Memory::new(), "x.safetensors", &tensors).unwrap_err();
        assert!(
            error.to_string().contains("x.safetensors") && error.to_string().contains(names[1]),
            "{error}"
        );
    }
}

#[test]
fn a_model_without_a_card_gets_one() -> Result<()> {
    let card = Card::parse(&text(&saved(&Checkpoint::load(&small()?)?)?, "README.md")?);
    assert_eq!(card.front_matter(), Some("library_name: model2vec"));
    Ok(())
}

#[test]
fn a_head_survives() -> Result<()> {
    let head = json!({"n_layers": 2, "activation": "sigmoid", "classes": ["yes", 2]});
    let mut files = small_with("config.json", json!({"head_config": head}).to_string())?;
    let tensors = [
        ("head.0.weight", "F32", &[3, 16][..], 192),
        ("head.0.bias", "F32", &[3], 12),
        ("head.1.weight", "F16", &[2, 3], 12),
        ("head.1.bias", "F64", &[2], 16),
    ];
    files.insert("head.safetensors", tensor_file(&tensors));
    let before = Checkpoint::load(&files)?;
    assert_eq!(before.head.as_ref().map(|head| head.layers().len()), Some(2));
    let files = saved(&before)?;
    assert_eq!(json(&files, "config.json")?["head_config"], head);
    assert_eq!(Checkpoint::load(&files)?.head, before.head);
    // A model whose head was taken off no longer says it has one.
    let mut without = before;
    without.head = None;
    let files = saved(&without)?;
    assert_eq!(json(&files, "config.json")?.get("head_config"), None);
    assert_eq!(Checkpoint::load(&files)?.head, None);
    Ok(())
}

/// Read by the crate of the format, not by ours.
#[test]
fn the_saved_table_is_a_proper_safetensors_file() -> Result<()> {
    // Thirty bytes: what comes after them starts at no multiple of four or eight.
    let rows = Tensor::from_array(&Array2::<i8>::ones((6, 5)));
    let weights = Tensor::from_array(&Array1::<f32>::ones(6));
    let mapping = Tensor::from_array(&Array1::<i64>::zeros(6));
    for tensors in [
        &[("embeddings", &rows)][..],
        &[("embeddings", &rows), ("weights", &weights)],
        &[("embeddings", &rows), ("mapping", &mapping), ("weights", &weights)],
    ] {
        let file = saved(&Checkpoint::load(&with_tensors(tensors)?)?)?.read("model.safetensors")?;
        let file = file.ok_or("no table")?;
        let read = SafeTensors::deserialize(&file)?;
        assert_eq!(read.len(), tensors.len());
        for (name, expected) in tensors {
            let tensor = read.tensor(name)?;
            assert_eq!((tensor.shape(), tensor.data()), (expected.shape(), &**expected.bytes()), "{name}");
            // Other readers view the data in place.
            let offset = tensor.data().as_ptr() as usize - file.as_ptr() as usize;
            assert_eq!(offset % (tensor.dtype().bitsize() / 8), 0, "{name} starts at {offset}");
        }
    }
    Ok(())
}
