//! Native tokenizers give the ids of the `tokenizers` crate on any text.
#![cfg(feature = "hf")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use m2v_tokenize::{Scratch, Tokenizer, from_json};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A native tokenizer and the one it has to equal.
struct Pair {
    name: String,
    native: Box<dyn Tokenizer>,
    reference: tokenizers::Tokenizer,
    /// One for all texts, so that what is remembered of one is used for the next.
    scratch: RefCell<Scratch>,
}

impl Pair {
    fn new(name: &str, json: &[u8]) -> Self {
        let native = from_json(json).unwrap();
        assert_eq!(native.implementation(), "m2v, native", "{name}");
        let mut reference = tokenizers::Tokenizer::from_bytes(json).unwrap();
        reference.with_padding(None);
        reference.with_truncation(None).unwrap();
        Self { name: name.to_owned(), native, reference, scratch: RefCell::default() }
    }

    fn recorded(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/models").join(name);
        Self::new(name, &fs::read(path.join("tokenizer.json")).unwrap())
    }

    /// The same ids, twice: the second time from memory.
    #[track_caller]
    fn assert_same(&self, text: &str) {
        let expected = self.reference.encode_fast(text, false).map(|encoding| encoding.get_ids().to_vec());
        for pass in ["first", "second"] {
            let mut ids = Vec::new();
            let found = self.native.encode_into(text, &mut self.scratch.borrow_mut(), &mut ids);
            match &expected {
                Ok(expected) => assert_eq!(&ids, expected, "{}: {text:?}, {pass} time", self.name),
                Err(error) => assert!(found.is_err(), "{}: {text:?} should fail: {error}", self.name),
            }
        }
    }
}

/// Text of characters that tokenizers treat differently.
fn any_text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(
        [
            " ",
            "  ",
            "\t",
            "\n",
            "\r\n",
            "\u{b}",
            "\u{c}",
            "\0",
            "\u{1f}",
            "\u{7f}",
            "\u{85}",
            "\u{a0}",
            "\u{3000}",
            "\u{200b}",
            "\u{200d}",
            "\u{feff}",
            "\u{ad}",
            "\u{fffd}",
            "é",
            "e\u{301}",
            "\u{301}",
            "\u{344}",
            "\u{958}",
            "Å",
            "ﬁ",
            "Ⅻ",
            "İ",
            "ß",
            "Σ",
            "ς",
            "ſ",
            "一",
            "二",
            "日本",
            "\u{f900}",
            "\u{2f800}",
            "한",
            "ᄒ",
            "\u{1161}",
            "مر",
            "\u{600}",
            "न\u{947}",
            "ส\u{e31}",
            "😀",
            "👩\u{200d}👧",
            "🇮🇳",
            "𝔘",
            "\u{10ffff}",
            "’",
            "“",
            "…",
            "—",
            "¿",
            "。",
            "▁",
            "_",
            "#",
            "##",
            "[UNK]",
            "[CLS]",
            "[cls]",
            "[",
            "]",
            "<s>",
            "</s>",
            "<",
            "<tag>",
            "c++",
            "new york",
            "New York City",
            "machine learning",
            "Café au lait",
            "'s",
            "'LL",
            "0",
            "123",
            "٣",
            "½",
            "a",
            "b",
            "hello",
            "World",
            "ing",
            "un",
            "don't",
            "x",
            "the",
            "of",
            "ab\u{0}",
            "supercalifragilistic",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    let piece = prop_oneof![
        6 => special,
        2 => "[a-z]{1,12}",
        1 => any::<char>().prop_map(String::from),
        1 => ("[a-zà-ÿ一-三]", 90usize..120).prop_map(|(c, n)| c.repeat(n)),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

macro_rules! same_ids {
    ($($test:ident: $model:literal),* $(,)?) => {$(
        #[test]
        fn $test() {
            let pair = Pair::recorded($model);
            let texts: Vec<String> = serde_json::from_slice(
                &fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/texts.json")).unwrap(),
            )
            .unwrap();
            texts.iter().for_each(|text| pair.assert_same(text));
            proptest!(ProptestConfig::with_cases(1500), |(text in any_text())| {
                pair.assert_same(&text);
            });
        }
    )*};
}

same_ids! {
    word_level: "word-level",
    median: "median",
    wordpiece_cased: "wordpiece-cased",
    wordpiece_raw: "wordpiece-raw",
    wordpiece_added_tokens: "wordpiece-added-tokens",
    stored_padding_truncation: "stored-padding-truncation",
    unigram: "unigram",
    unigram_precompiled: "unigram-precompiled",
    bpe_byte_level: "bpe-byte-level",
    bpe_split_regex: "bpe-split-regex",
    bpe_byte_fallback: "bpe-byte-fallback",
}

#[test]
fn every_recorded_model_runs_natively() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/models");
    let mut found = 0;
    for model in fs::read_dir(models).unwrap() {
        let path = model.unwrap().path().join("tokenizer.json");
        // Some have it in a folder of their own.
        if path.exists() {
            Pair::new(&path.display().to_string(), &fs::read(&path).unwrap());
            found += 1;
        }
    }
    assert!(found >= 16, "{found} tokenizers");
}

#[test]
fn the_shipped_model() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/minilm-l6-64d/tokenizer.json");
    let pair = Pair::new("minilm-l6-64d", &fs::read(path).unwrap());
    proptest!(ProptestConfig::with_cases(4000), |(text in any_text())| {
        pair.assert_same(&text);
    });
}

/// A WordPiece tokenizer with a small vocabulary that covers the pieces of [`any_text`] in part.
fn wordpiece(normalizer: &Value, pre_tokenizer: &Value, added: &Value) -> Vec<u8> {
    let tokens = [
        "[UNK]",
        "a",
        "b",
        "##a",
        "##b",
        "ab",
        "##ab",
        "hello",
        "world",
        "World",
        "##ing",
        "un",
        "the",
        ".",
        ",",
        "'",
        "#",
        "##",
        "é",
        "e",
        "##é",
        "##e",
        "一",
        "日",
        "[",
        "]",
        "CLS",
        "cls",
        "x",
        "##x",
        "xx",
        "_",
        "…",
        "¿",
        "мир",
        "##ир",
        "м",
        "1",
        "##2",
        "##3",
        "12",
        "ß",
        "ss",
        "i",
        "##\u{307}",
        "i\u{307}",
        "▁",
        "▁a",
        "▁the",
        "\u{301}",
        "\u{b}",
        "\u{1f}",
    ];
    let vocab: serde_json::Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| ((*token).to_owned(), id.into())).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer, "post_processor": null, "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocab}
    })
    .to_string()
    .into_bytes()
}

#[test]
fn every_combination_of_normalizers_and_pre_tokenizers() {
    let bert = |clean: bool, chinese: bool, strip: Option<bool>, lower: bool| {
        json!({"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese,
               "strip_accents": strip, "lowercase": lower})
    };
    let one = |name: &str| json!({"type": name});
    let sequence = |list: Vec<Value>| json!({"type": "Sequence", "normalizers": list});
    let replace =
        |pattern: Value, content: &str| json!({"type": "Replace", "pattern": pattern, "content": content});
    let normalizers = [
        Value::Null,
        bert(true, true, None, true),
        bert(true, false, Some(true), false),
        bert(false, true, Some(false), true),
        bert(false, false, Some(true), false),
        one("NFC"),
        one("NFKC"),
        sequence(vec![one("NFD"), one("Lowercase"), one("StripAccents")]),
        sequence(vec![one("NFKD"), one("StripAccents"), one("Lowercase")]),
        sequence(vec![json!({"type": "Strip", "strip_left": true, "strip_right": true}), one("NFC")]),
        sequence(vec![json!({"type": "Prepend", "prepend": "▁"}), replace(json!({"String": " "}), "▁")]),
        sequence(vec![replace(json!({"Regex": " {2,}"}), " "), one("NFKC")]),
    ];
    let metaspace = |scheme: &str, split: bool| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split});
    let pre_tokenizers = [
        one("BertPreTokenizer"),
        one("Whitespace"),
        one("WhitespaceSplit"),
        metaspace("always", true),
        metaspace("never", false),
        json!({"type": "Sequence", "pretokenizers": [one("WhitespaceSplit"), metaspace("always", true)]}),
        Value::Null,
    ];
    let token = |content: &str, single_word: bool, lstrip: bool, rstrip: bool, normalized: bool| {
        json!({"id": 0, "content": content, "single_word": single_word, "lstrip": lstrip, "rstrip": rstrip,
               "normalized": normalized, "special": false})
    };
    let added = [
        json!([]),
        json!([token("[CLS]", false, false, false, false), token("<s>", false, true, true, false)]),
        json!([
            token("new york", false, false, false, true),
            token("the", true, true, false, false),
            token("New York City", true, false, true, true),
            token("hello", false, false, false, false)
        ]),
    ];
    for normalizer in &normalizers {
        for pre_tokenizer in &pre_tokenizers {
            for added in &added {
                let pair = Pair::new(
                    &format!("{normalizer} {pre_tokenizer} {added}"),
                    &wordpiece(normalizer, pre_tokenizer, added),
                );
                proptest!(ProptestConfig::with_cases(60), |(text in any_text())| {
                    pair.assert_same(&text);
                });
            }
        }
    }
}
