//! JSON files that are broken, or say what they cannot say.

use std::fs;

use m2v_core::{Error, Memory};
use m2v_infer::{EncoderExt, StaticModel};
use m2v_tests::{Result, fixture, small, small_with, tensor_file};
use m2v_tokenize::Error as TokenizerError;

use crate::{data, refused, refused_with, says};

/// The small model as sentence-transformers lays it out, where `modules.json` counts.
fn sentence_transformers(modules: &str) -> Result<Memory> {
    let mut files = Memory::new();
    for name in ["model.safetensors", "tokenizer.json"] {
        files.insert(name, fs::read(fixture("models/median").join(name))?);
    }
    files.insert("config_sentence_transformers.json", b"{}");
    files.insert("modules.json", modules.to_owned());
    Ok(files)
}

/// The small model with a head of two outputs: `config` is its `head_config`, `tensors` its file.
fn with_head(config: &str, tensors: &[(&str, &str, &[usize], usize)]) -> Result<Memory> {
    let mut files = small_with("config.json", format!(r#"{{"head_config": {config}}}"#))?;
    files.insert("head.safetensors", tensor_file(tensors));
    Ok(files)
}

const WEIGHT: (&str, &str, &[usize], usize) = ("head.0.weight", "F32", &[2, 16], 128);
const BIAS: (&str, &str, &[usize], usize) = ("head.0.bias", "F32", &[2], 8);
const HEAD: &str = r#"{"n_layers": 1, "activation": "softmax", "classes": ["no", "yes"]}"#;

#[test]
fn a_json_file_cut_off_anywhere_is_refused() -> Result<()> {
    let files = small()?;
    for name in ["config.json", "tokenizer.json"] {
        let (_, whole) = files.files().find(|file| file.0 == name).ok_or("no such file")?;
        for length in 0..whole.len() {
            let error = refused_with(name, &whole[..length]);
            let is_json = match &error {
                m2v_infer::Error::Tokenize(error) => matches!(error, TokenizerError::Json(_)),
                _ => matches!(data(&error), Error::Json { .. }),
            };
            assert!(is_json, "{name} cut at {length}: {error:?}");
            says(&error, &[name, "broken JSON"]);
        }
    }
    Ok(())
}

#[test]
fn a_config_that_is_no_object_is_refused() {
    for config in ["[]", "null", "512", "\"config\"", "{\"a\": 1} {}", "\u{feff}{}"] {
        let error = refused_with("config.json", config);
        assert!(matches!(data(&error), Error::Json { .. }), "{config}: {error:?}");
        says(&error, &["(memory)/config.json"]);
    }
}

#[test]
fn a_config_value_of_another_type_is_refused() {
    for (key, value, expected) in [
        ("normalize", "1", "true, false or null"),
        ("normalize", "\"true\"", "true, false or null"),
        ("max_length", "-1", "a whole number"),
        ("max_length", "512.0", "a whole number"),
        ("max_length", "0.5", "a whole number"),
        ("max_length", "\"512\"", "a whole number"),
        ("max_length", "true", "a whole number"),
        ("max_length", "[512]", "a whole number"),
        ("max_length", "18446744073709551616", "a whole number"),
    ] {
        let error = refused_with("config.json", format!(r#"{{"{key}": {value}}}"#));
        assert!(matches!(data(&error), Error::Config { key: found, .. } if found == key), "{error:?}");
        says(&error, &["(memory)/config.json", &format!("`{key}`"), expected]);
    }
}

#[test]
fn a_long_value_is_told_in_part() {
    let value = "ä".repeat(100_000);
    let error = refused_with("config.json", format!(r#"{{"max_length": "{value}"}}"#));
    says(&error, &["`max_length`", "a whole number", "found \"ää", "ä…"]);
    assert!(error.to_string().len() < 1_000);
}

#[test]
fn broken_modules_are_refused() -> Result<()> {
    StaticModel::load(&sentence_transformers("[]")?)?;
    let error = refused(&sentence_transformers("[{")?);
    assert!(matches!(data(&error), Error::Json { .. }), "{error:?}");
    says(&error, &["(memory)/modules.json", "broken JSON"]);
    for modules in ["{}", "null", "\"Normalize\""] {
        let error = refused(&sentence_transformers(modules)?);
        assert!(matches!(data(&error), Error::Config { .. }), "{error:?}");
        says(&error, &["(memory)/modules.json", "a list of modules", modules]);
    }
    Ok(())
}

/// Whatever they do to the vectors would not be done.
#[test]
fn other_modules_are_refused() -> Result<()> {
    let table = r#"{"type": "sentence_transformers.models.StaticEmbedding"}"#;
    for (module, found) in [
        (r#"{"type": "sentence_transformers.models.Dense", "path": "1_Dense"}"#, "models.Dense"),
        (r#"{"type": "modeling.SeparableDyT"}"#, "SeparableDyT"),
        (r#"{"type": "Normalized"}"#, "Normalized"),
        (r#"{"type": 3}"#, "3"),
        ("{}", "null"),
        ("1", "null"),
    ] {
        let error = refused(&sentence_transformers(&format!("[{table}, {module}]"))?);
        assert!(matches!(data(&error), Error::Config { key, .. } if key == "1.type"), "{error:?}");
        says(&error, &["(memory)/modules.json", "StaticEmbedding or Normalize", found]);
    }
    let dropout = r#"{"type": "sentence_transformers.models.Dropout"}"#;
    StaticModel::load(&sentence_transformers(&format!("[{table}, {dropout}]"))?)?;
    // Whether to normalise is said elsewhere, but what is run is not.
    let mut files = sentence_transformers(r#"[{"type": "models.Pooling"}]"#)?;
    files.insert("config_sentence_transformers.json", br#"{"normalize": true}"#);
    says(&refused(&files), &["(memory)/modules.json", "models.Pooling"]);
    for name in
        ["Normalize", "sentence_transformers.models.Normalize", "sentence_transformers.x.modules.Normalize"]
    {
        let model =
            StaticModel::load(&sentence_transformers(&format!(r#"[{table}, {{"type": "{name}"}}]"#))?)?;
        assert!(model.options().normalize, "{name}");
    }
    Ok(())
}

#[test]
fn a_head_config_that_says_too_little_is_refused() -> Result<()> {
    StaticModel::load(&with_head(HEAD, &[WEIGHT, BIAS])?)?;
    for (config, key) in [
        ("3", "n_layers"),
        ("[]", "n_layers"),
        ("{}", "n_layers"),
        (r#"{"n_layers": -1, "activation": "softmax"}"#, "n_layers"),
        (r#"{"n_layers": 1.5, "activation": "softmax"}"#, "n_layers"),
        (r#"{"n_layers": 1}"#, "activation"),
        (r#"{"n_layers": 1, "activation": "relu"}"#, "activation"),
        (r#"{"n_layers": 1, "activation": "softmax", "classes": "no"}"#, "classes"),
    ] {
        let error = refused(&with_head(config, &[WEIGHT, BIAS])?);
        let key = format!("head_config.{key}");
        assert!(
            matches!(data(&error), Error::Config { key: found, .. } if *found == key),
            "{config}: {error:?}"
        );
        says(&error, &["(memory)/config.json", &key]);
    }
    Ok(())
}

#[test]
fn a_head_that_does_not_fit_is_refused() -> Result<()> {
    let of_three = r#"{"n_layers": 1, "activation": "softmax", "classes": [1, 2, 3]}"#;
    let of_many = r#"{"n_layers": 18446744073709551615, "activation": "softmax"}"#;
    for (config, weight, bias, tensor, parts) in [
        (HEAD, WEIGHT, ("bias", "F32", &[2][..], 8), "head.0.bias", ["1 layers", "nothing"]),
        (of_many, WEIGHT, BIAS, "head.1.weight", ["18446744073709551615 layers", "nothing"]),
        (HEAD, ("head.0.weight", "F32", &[2, 15], 120), BIAS, "head.0.weight", ["[out, 16]", "[15]"]),
        (HEAD, ("head.0.weight", "F32", &[32], 128), BIAS, "head.0.weight", ["2 axes", "[32]"]),
        (HEAD, ("head.0.weight", "I8", &[2, 16], 32), BIAS, "head.0.weight", ["floats", "int8"]),
        (HEAD, ("head.0.weight", "U8", &[2, 16], 32), BIAS, "head.0.weight", ["floats", "U8 [2, 16]"]),
        (HEAD, WEIGHT, ("head.0.bias", "F32", &[3], 12), "head.0", ["bias [out]", "bias [3]"]),
        (of_three, WEIGHT, BIAS, "head_config.classes", ["2 (one for each output)", "3"]),
    ] {
        let error = refused(&with_head(config, &[weight, bias])?);
        assert!(matches!(data(&error), Error::Tensor { tensor: found, .. } if found == tensor), "{error:?}");
        says(&error, &["(memory)/head.safetensors"]);
        says(&error, &parts);
    }
    Ok(())
}

#[test]
fn a_tokenizer_without_a_known_model_is_refused() {
    for (tokenizer, field) in [
        (r#"{"model": {"type": "CharacterLevel", "vocab": {"a": 0}}}"#, "model.type"),
        (r#"{"model": {"type": "WordLevel", "vocab": {}}}"#, "model.vocab"),
        (r#"{"model": {"type": "Unigram", "vocab": []}}"#, "model.vocab"),
    ] {
        let error = refused_with("tokenizer.json", tokenizer);
        assert!(
            matches!(&error, m2v_infer::Error::Tokenize(TokenizerError::Field { field: found, .. }) if *found == field),
            "{tokenizer}: {error:?}"
        );
        says(&error, &["tokenizer.json", field]);
    }
}

#[test]
fn a_tokenizer_of_other_types_is_refused() {
    for tokenizer in [
        "[]",
        "{}",
        r#"{"model": null}"#,
        r#"{"model": {"type": "WordLevel"}}"#,
        r#"{"model": {"type": "WordLevel", "vocab": [1]}}"#,
        r#"{"model": {"type": "WordLevel", "vocab": {"a": -1}}}"#,
        r#"{"model": {"type": "WordLevel", "vocab": {"a": 0.5}}}"#,
        r#"{"model": {"type": "WordLevel", "vocab": {"a": 4294967296}}}"#,
        r#"{"model": {"type": "Unigram", "vocab": [["a"]]}}"#,
        r#"{"model": {"type": "Unigram", "vocab": {"a": 0}}}"#,
        r#"{"model": {"type": "WordLevel", "unk_token": 3, "vocab": {"a": 0}}}"#,
        r#"{"added_tokens": {}, "model": {"type": "WordLevel", "vocab": {"a": 0}}}"#,
        r#"{"added_tokens": [{"id": 1}], "model": {"type": "WordLevel", "vocab": {"a": 0}}}"#,
    ] {
        let error = refused_with("tokenizer.json", tokenizer);
        assert!(
            matches!(error, m2v_infer::Error::Tokenize(TokenizerError::Json(_))),
            "{tokenizer}: {error:?}"
        );
        says(&error, &["tokenizer.json"]);
    }
}

#[test]
fn a_tokenizer_nobody_can_run_is_refused() {
    for tokenizer in [
        r#"{"version": "2.0", "model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0}}}"#,
        r#"{"normalizer": {"type": "Upper"}, "model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0}}}"#,
        r#"{"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "("}, "behavior": "Removed", "invert": false},
            "model": {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0}}}"#,
        r#"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "b"]]}}"#,
        r#"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a b c"]}}"#,
        r#"{"model": {"type": "Unigram", "unk_id": 1, "vocab": [["a", 0]]}}"#,
        // The tokenizers crate panics on these two.
        r#"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": [["a", "a"]]}}"#,
        r###"{"model": {"type": "BPE", "continuing_subword_prefix": "##", "vocab": {"a": 0}, "merges": [["a", "a"]]}}"###,
    ] {
        let error = refused_with("tokenizer.json", tokenizer);
        assert!(
            matches!(
                error,
                m2v_infer::Error::Tokenize(
                    TokenizerError::Unsupported(_) | TokenizerError::Field { .. } | TokenizerError::Json(_)
                )
            ),
            "{tokenizer}: {error:?}"
        );
        says(&error, &["tokenizer.json: "]);
    }
}

#[test]
fn a_text_that_cannot_be_tokenised_is_an_error() -> Result<()> {
    let small = small()?;
    let (_, tokenizer) = small.files().find(|file| file.0 == "tokenizer.json").ok_or("no tokenizer")?;
    let tokenizer = std::str::from_utf8(tokenizer)?;
    // No unknown token; and normalizers on which the tokenizers crate, which runs `Nmt`, panics.
    let normalizer = r#""normalizer":{"type":"Sequence","normalizers":[{"type":"Nmt"},{"type":"Prepend","prepend":""},
        {"type":"Strip","strip_left":true,"strip_right":true}]}"#;
    for (from, to, text) in [
        (r#""unk_token":"[UNK]""#, r#""unk_token":"-""#, "a strange"),
        (r#""normalizer":null"#, normalizer, " a bb"),
    ] {
        assert!(tokenizer.contains(from));
        let model = StaticModel::load(&small_with("tokenizer.json", tokenizer.replace(from, to))?)?;
        let error = model.encode(&["", text]).unwrap_err();
        let is_tokenizers = |error: &m2v_infer::Error| matches!(error, m2v_infer::Error::Tokenize(_));
        let is_second = matches!(&error, m2v_infer::Error::Text { text: 1, source } if is_tokenizers(source));
        assert!(is_second, "{error:?}");
        says(&error, &["text 1: a text "]);
        assert!(is_tokenizers(&model.encode_one(text).unwrap_err()));
        // The model is none the worse.
        assert_eq!(model.encode(&["", ""])?.dim(), (2, 16));
    }
    Ok(())
}
