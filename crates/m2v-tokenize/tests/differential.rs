//! Native tokenizers give the ids of the `tokenizers` crate on any text.
#![cfg(feature = "hf")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::ops::{Deref, DerefMut};
use std::path::Path;

use common::{Pair, any_text, fixture, recorded};
use m2v_tokenize::{Scratch, from_json};
use proptest::prelude::*;
use serde_json::{Value, json};

macro_rules! same_ids {
    ($($test:ident: $model:literal),* $(,)?) => {$(
        #[test]
        fn $test() {
            let pair = Pair::new($model, &recorded($model));
            let texts: Vec<String> = serde_json::from_slice(&fixture("texts.json")).unwrap();
            texts.iter().for_each(|text| pair.assert_same(text));
            let all: Vec<&str> = texts.iter().map(|text| &**text).collect();
            Pair::new($model, &recorded($model)).assert_same_block(&all);
            proptest!(ProptestConfig::with_cases(200), |(texts in prop::collection::vec(any_text(), 0..30))| {
                pair.assert_same_block(&texts.iter().map(|text| &**text).collect::<Vec<_>>());
            });
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
    proptest!(ProptestConfig::with_cases(400), |(texts in prop::collection::vec(any_text(), 0..30))| {
        pair.assert_same_block(&texts.iter().map(|text| &**text).collect::<Vec<_>>());
    });
}

#[test]
fn texts_about_as_long_as_are_taken_alone() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/minilm-l6-64d/tokenizer.json");
    let pair = Pair::new("minilm-l6-64d", &fs::read(path).unwrap());
    let letters = ["a ", ". ", "é "].map(|chunk| [15, 16, 17].map(|times| chunk.repeat(times)));
    let long = ["a", "z", "7"].map(|letter| [62, 63, 64, 65].map(|len| letter.repeat(len)));
    for text in letters.iter().flatten().chain(long.iter().flatten()) {
        for more in ["", "qzj", " qzj", " qzj.", "[", "[SEP]", "\0"] {
            pair.assert_same(&[text, more].concat());
            pair.assert_same(&[more, text].concat());
        }
    }
}

/// A scratch that counts how often it is looked at.
#[derive(Default)]
struct Looked(Scratch, usize);

impl Deref for Looked {
    type Target = Scratch;

    fn deref(&self) -> &Scratch {
        &self.0
    }
}

impl DerefMut for Looked {
    fn deref_mut(&mut self) -> &mut Scratch {
        self.1 += 1;
        &mut self.0
    }
}

#[test]
fn short_texts_of_known_words_need_no_scratch() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/minilm-l6-64d/tokenizer.json");
    let native = from_json(&fs::read(path).unwrap()).unwrap();
    for (text, times) in [
        ("", 0),
        ("A query, and the next!", 0),
        (&"a ".repeat(16), 0),
        (&"a ".repeat(17), 1),
        ("a strangeword", 1),
        ("[", 1),
        ("[CLS]", 1),
        (&"ab ".repeat(22), 1),
    ] {
        let mut scratch = Looked::default();
        native.with_ids(text, &mut scratch, &mut |_| ()).unwrap();
        assert_eq!(scratch.1, times, "{text}");
    }
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
        "ẖ",
        "h\u{331}",
        "##\u{331}",
        "≠",
        "=",
        "ab",
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
fn of_added_tokens_with_one_id_the_last_is_found() {
    let token = |content: &str| {
        json!({"id": 0, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": false})
    };
    for added in [["y", "new"], ["new", "y"], ["new", "new"], ["y", "y"]] {
        let json = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": added.map(token),
            "normalizer": null, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"[UNK]": 0, "x": 1, "y": 3}}
        });
        let pair = Pair::new(&format!("{added:?}"), json.to_string().as_bytes());
        ["ynew xy", "x new", "y", "newy x"].iter().for_each(|text| pair.assert_same(text));
    }
}

/// The reference finds such a token in strange places, panics where that is within a character, and never ends where
/// another token almost begins.
#[test]
fn an_added_token_of_which_nothing_is_left_is_found_where_the_reference_finds_it() {
    let normalizer = json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                            "strip_accents": null, "lowercase": true});
    let token = |content: &str| {
        json!({"id": 0, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": true, "special": false})
    };
    let json = |added: Value| wordpiece(&normalizer, &json!({"type": "BertPreTokenizer"}), &added);
    let alone = Pair::new("a token of nothing", &json(json!([token("\u{feff}")])));
    for text in ["the hello", "", "a", "\u{feff}", "the\u{feff} i", "héllo"] {
        alone.assert_same(text);
        alone.assert_same_block(&[text, "the"]);
    }
    for (added, text) in
        [(json!([token("\u{feff}")]), "日本"), (json!([token("new york"), token("\u{feff}")]), "the n")]
    {
        let error = from_json(&json(added)).unwrap().encode(text).unwrap_err().to_string();
        assert!(error.contains(r#"the added token "\u{feff}" is empty once it is normalised"#), "{error}");
    }
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
        sequence(vec![one("NFC"), one("Lowercase")]),
        sequence(vec![one("Lowercase"), one("NFC")]),
        sequence(vec![one("NFKC"), bert(true, true, Some(false), true)]),
        sequence(vec![one("NFC"), bert(true, true, None, true)]),
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
        // White space, of which the token before takes some or all.
        json!([token("[CLS]", false, false, true, false), token("\n", false, true, false, false)]),
        json!([token("  ", false, true, true, false), token("\u{3000}", false, true, false, true)]),
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

/// The vocabulary of a WordPiece tokenizer as a file may have it: in any order, with escapes, white space, gaps between
/// ids, numbers of other lengths, and tokens that are listed again, where the last id counts.
fn any_vocabulary() -> impl Strategy<Value = String> {
    let text =
        prop_oneof![4 => "[ab]{1,3}", 1 => "[abé]{4,20}", 1 => "[ab\0\"\\\\]{0,3}", 1 => "(ab){30,40}"];
    let token = ("#{0,3}", text, prop_oneof![0..10_u32, 0..70_000_u32, any::<u32>()]);
    let space = || prop::sample::select(vec!["", " ", "\n  "]);
    let entry = (token, any::<bool>(), space(), space(), space()).prop_map(
        |((prefix, text, id), escapes, before, between, behind)| {
            let text = prefix + &text;
            let text = match escapes {
                true => text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
                false => serde_json::to_string(&text).unwrap(),
            };
            let quote = if escapes { "\"" } else { "" };
            // No table is so large that it has larger ones.
            format!("{before}{quote}{text}{quote}:{between}{}{behind}", id >> 2)
        },
    );
    prop::collection::vec(entry, 1..120).prop_map(|entries| format!("{{{},\"[UNK]\": 7}}", entries.join(",")))
}

#[test]
fn any_wordpiece_vocabulary() {
    let texts = prop::collection::vec("[ab]{1,6}|[abé]{1,30}|(ab){28,42}|#{1,2}a?|[ab#]{1,5}|\0", 1..30);
    let json = |vocab: &str, prefix: &str| {
        format!(
            "{{\"version\": \"1.0\", \"pre_tokenizer\": {{\"type\": \"WhitespaceSplit\"}}, \"model\": \
             {{\"type\": \"WordPiece\", \"vocab\": {vocab}, \"unk_token\": \"[UNK]\", \
             \"continuing_subword_prefix\": \"{prefix}\", \"max_input_chars_per_word\": 60}}}}"
        )
    };
    let prefix = prop::sample::select(vec!["##", "#", "", "##aaaaaaaa", "abab"]);
    proptest!(ProptestConfig::with_cases(1000), |(vocab in any_vocabulary(), prefix in prefix, texts in texts)| {
        let pair = Pair::new("any", json(&vocab, prefix).as_bytes());
        pair.assert_same(&texts.join(" "));
        pair.assert_same_block(&texts.iter().map(|text| &**text).collect::<Vec<_>>());
    });
}
