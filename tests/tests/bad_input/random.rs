//! Files of random bytes, and good files with random damage, never panic: they load or are refused.

use m2v_core::{Buffer, Checkpoint, Memory};
use m2v_infer::{EncoderExt, StaticModel};
use m2v_tests::{small, small_with, tensor_file, tensor_file_with_header};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// Texts that take every way through a tokenizer: words, pieces, bytes, added tokens, nothing at all.
const TEXTS: [&str; 6] =
    ["", "a bb ccc", "ninechars nope [UNK]", "<s>café\u{301} 世界</s>", " \n\0", "aaaaaaaaaaaaabbbb"];

/// Loads, and if that succeeds uses what was loaded.
fn use_it(files: &Memory) {
    if let Ok(model) = StaticModel::load(files)
        && let Ok(vectors) = model.encode(&TEXTS)
    {
        assert_eq!(vectors.dim(), (TEXTS.len(), model.table().dim()));
    }
    if let Ok(checkpoint) = Checkpoint::load(files) {
        let _ = checkpoint.table.embeddings().to_f32();
        let _ = checkpoint.save(&mut Memory::new());
    }
}

/// A change at one place of a file.
#[derive(Clone, Debug)]
enum Damage {
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, Index),
    Repeat(Index, Index),
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let range = |from: &Index, to: &Index| {
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            from.min(to)..from.max(to)
        };
        match self {
            Self::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Insert(at, new) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Remove(from, to) => {
                bytes.drain(range(from, to));
            }
            Self::Repeat(from, to) => {
                let range = range(from, to);
                let again = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, again);
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    let index = any::<Index>;
    // Characters that mean something in JSON, and digits, hit more often than any byte.
    let byte = prop_oneof![any::<u8>(), prop::sample::select(&b"{}[]\",:0123456789.-eE\\"[..])];
    prop_oneof![
        (index(), byte.clone()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (index(), prop::collection::vec(byte, 1..9)).prop_map(|(at, new)| Damage::Insert(at, new)),
        (index(), index()).prop_map(|(from, to)| Damage::Remove(from, to)),
        (index(), index()).prop_map(|(from, to)| Damage::Repeat(from, to)),
    ]
}

/// A model with every file that a load may read.
fn whole() -> Memory {
    let mut files = Memory::new();
    for (name, bytes) in small().unwrap().files().filter(|file| file.0 != "config.json") {
        files.insert(name, bytes.clone());
    }
    let config =
        r#"{"max_length": 3, "head_config": {"n_layers": 1, "activation": "softmax", "classes": [1, "b"]}}"#;
    files.insert("config_sentence_transformers.json", config.to_owned());
    let head = [("head.0.weight", "F16", &[2, 16][..], 64), ("head.0.bias", "F32", &[2], 8)];
    files.insert("head.safetensors", tensor_file(&head));
    files.insert("README.md", b"---\nlicense: mit\n---\n# Model\n\n<!-- m2v: begin -->\n<!-- m2v: end -->\n");
    files
}

/// The name of one of its files.
fn file() -> impl Strategy<Value = String> {
    let names: Vec<_> = whole().files().map(|file| file.0.to_owned()).collect();
    prop::sample::select(names)
}

/// Any JSON, some of it what tokenizers have.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::sample::select(vec![0, 1, 2, 3, 5, 100, -1, i64::MAX, i64::MIN]).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["", "a", "bb", "[UNK]", "##", "\u{2581}", "<0x00>", "BPE", "Unigram", "é"])
            .prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{0,3}", inner, 0..3)
                .prop_map(|entries| entries.into_iter().collect()),
        ]
    })
}

/// One small tokenizer of each family, with parts of most kinds around it.
fn tokenizers() -> [Value; 4] {
    let added = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": true, "lstrip": true, "rstrip": false,
               "normalized": true, "special": false})
    };
    [
        json!({
            "version": "1.0", "truncation": {"direction": "Right", "max_length": 2, "strategy": "LongestFirst", "stride": 0},
            "padding": {"strategy": {"Fixed": 4}, "direction": "Left", "pad_to_multiple_of": null, "pad_id": 0,
                        "pad_type_id": 0, "pad_token": "[PAD]"},
            "added_tokens": [added(4, "nine chars")],
            "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                           "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}],
                               "pair": [{"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {}},
            "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 10, "vocab": {"[PAD]": 0, "[UNK]": 1, "a": 2, "##a": 3}},
        }),
        json!({
            "added_tokens": [added(5, "bb")],
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Replace",
                "pattern": {"Regex": " {2,}"}, "content": " "}, {"type": "Prepend", "prepend": "\u{2581}"}]},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
                {"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true}]},
            "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": true,
                      "vocab": [["<unk>", 0.0], ["\u{2581}", -1.5], ["a", -2.0], ["aa", -2.5], ["<0x00>", -9.0]]},
        }),
        json!({
            "added_tokens": [added(6, "<s>")],
            "normalizer": {"type": "NFC"},
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": "\\p{N}{1,3}|\\s+(?!\\S)|\\s+"}, "behavior": "Isolated",
                 "invert": false},
                {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true}]},
            "model": {"type": "BPE", "dropout": null, "unk_token": "?", "continuing_subword_prefix": null,
                      "end_of_word_suffix": "", "fuse_unk": true, "byte_fallback": true, "ignore_merges": true,
                      "vocab": {"a": 0, "b": 1, "aa": 2, "aab": 3, "?": 4, "<0x00>": 5},
                      "merges": [["a", "a"], ["aa", "b"]]},
        }),
        json!({
            "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "Lowercase"},
                {"type": "StripAccents"}, {"type": "Strip", "strip_left": true, "strip_right": true}]},
            "pre_tokenizer": {"type": "Whitespace"},
            "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "a": 1, "bb": 2}},
        }),
    ]
}

/// The `n`th value inside `value`, itself first.
fn nth<'a>(value: &'a mut Value, n: &mut usize) -> Option<&'a mut Value> {
    if *n == 0 {
        return Some(value);
    }
    *n -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, n)),
        Value::Object(entries) => entries.values_mut().find_map(|item| nth(item, n)),
        _ => None,
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum(),
        _ => 0,
    }
}

/// More cases than usual, each takes microseconds. `PROPTEST_CASES` makes it still more.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.saturating_mul(8), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn files_of_random_bytes(name in file(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut files = whole();
        files.insert(name, bytes);
        use_it(&files);
    }

    #[test]
    fn a_random_header(header in "\\PC{0,60}", data in prop::collection::vec(any::<u8>(), 0..20)) {
        let file = tensor_file_with_header(header.as_bytes(), &data);
        use_it(&small_with("model.safetensors", file).unwrap());
    }

    #[test]
    fn a_good_file_with_damage(name in file(), damage in prop::collection::vec(damage(), 1..4)) {
        let mut files = whole();
        let mut bytes = files.files().find(|file| file.0 == name).unwrap().1.to_vec();
        damage.iter().for_each(|damage| damage.apply(&mut bytes));
        files.insert(name, Buffer::from(bytes));
        use_it(&files);
    }

    #[test]
    fn a_tokenizer_with_another_value_somewhere(
        family in 0..4usize, places in prop::collection::vec((any::<Index>(), any_json()), 1..3)
    ) {
        let mut tokenizer = tokenizers()[family].clone();
        for (place, value) in places {
            let mut n = place.index(count(&tokenizer));
            *nth(&mut tokenizer, &mut n).unwrap() = value;
        }
        if let Ok(tokenizer) = m2v_tokenize::from_json(tokenizer.to_string().as_bytes()) {
            for text in TEXTS {
                let _ = tokenizer.encode(text);
            }
        }
    }
}

#[test]
fn what_is_damaged_above_is_whole() {
    assert!(Checkpoint::load(&whole()).unwrap().head.is_some());
    for tokenizer in tokenizers() {
        let tokenizer = m2v_tokenize::from_json(tokenizer.to_string().as_bytes()).unwrap();
        for text in TEXTS {
            tokenizer.encode(text).unwrap();
        }
    }
}
