//! `m2v inspect`.

use serde_json::{Value, json};

use crate::support::*;

fn inspect(model: &std::path::Path) -> Value {
    let run = run([&"inspect", &model, &"--json"]).ok();
    assert_eq!(run.stdout.lines().count(), 1);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn json_has_everything_under_stable_keys() {
    let mut facts = inspect(&shipped());
    assert_eq!(facts["path"].take(), shipped().to_str().unwrap());
    assert!(facts["tokenizer"]["implementation"].take().is_string());
    let table = 29525 * 64 * 2;
    let files = facts["bytes"]["files"].take();
    assert_eq!(files["model.safetensors"], shipped().join("model.safetensors").metadata().unwrap().len());
    let total = files.as_object().unwrap().values().map(|size| size.as_u64().unwrap()).sum::<u64>();
    let expected = json!({
        "path": null,
        "layout": "model2vec",
        "rows": 29525,
        "dims": 64,
        "dtype": "float16",
        "weights": null,
        "mapping": null,
        "tokenizer": {
            "family": "WordPiece",
            "implementation": null,
            "vocabulary_size": 29525,
            "max_id": 29524,
            "unk": {"id": 1, "token": "[UNK]"},
            "median_token_length": 6
        },
        "options": {"normalize": true, "max_length": 512},
        "head": null,
        "bytes": {"table": table, "files": null, "total": total}
    });
    assert_eq!(facts, expected);
}

#[test]
fn other_layouts_weights_mapping_and_heads() {
    let nested = inspect(&fixture("models/st-nested"));
    assert_eq!(nested["layout"], "static_embedding");
    assert!(nested["bytes"]["files"]["0_StaticEmbedding/model.safetensors"].is_u64());
    assert_eq!(inspect(&fixture("models/st-nested/0_StaticEmbedding"))["layout"], "sentence_transformers");
    assert_eq!(inspect(&fixture("models/st-root"))["layout"], "sentence_transformers");
    assert_eq!(inspect(&fixture("models/bpe-byte-level"))["tokenizer"]["unk"], Value::Null);
    let clustered = inspect(&fixture("models/vq256"));
    assert_eq!((&clustered["rows"], &clustered["mapping"]["length"]), (&json!(256), &json!(29525)));
    assert_eq!(clustered["mapping"]["dtype"], "int32");
    assert_eq!(clustered["weights"]["length"], 29525);

    let folder = scratch();
    let model = small_model(folder.path(), true);
    let facts = inspect(&model);
    assert_eq!(
        facts["head"],
        json!({"layers": [[2, 3]], "activation": "softmax", "classes": ["a", "b", "c"]})
    );
    assert!(facts["bytes"]["files"]["head.safetensors"].is_u64());
    let text = run([&"inspect", &model]).ok().stdout;
    assert!(text.contains("2 → 3 → softmax, 3 classes"), "{text}");
}

#[test]
fn text_is_aligned() {
    let text = run([&"inspect", &shipped()]).ok().stdout;
    assert!(text.contains("table              29,525 × 64 float16\n"), "{text}");
    assert!(text.contains("unknown token      [UNK] (id 1)\n"), "{text}");
    assert!(text.contains("model.safetensors  3.78 MB\n"), "{text}");
    let column = text.lines().next().unwrap().find(shipped().to_str().unwrap()).unwrap();
    assert!(
        text.lines().all(|line| line.as_bytes()[column - 1] == b' ' && line.as_bytes()[column] != b' '),
        "{text}"
    );
}
