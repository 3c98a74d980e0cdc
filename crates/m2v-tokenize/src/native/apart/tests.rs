//! Against the `tokenizers` crate.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::native::precompiled::tests::{any_char, any_text, charsmap};
use crate::{Scratch, from_json};

/// A model that tells all texts apart, with a mark before words.
fn unigram(mark: char) -> Value {
    let word = |piece: &str| [json!([piece, -4.0]), json!([format!("{mark}{piece}"), -5.0])];
    let words = ["a", "b", "c", "d", "e", "f", "g", "h", "ab", "abc", "é"].into_iter().flat_map(word);
    let bytes = (0..=255).map(|byte| json!([format!("<0x{byte:02X}>"), -20.0]));
    let special = [json!(["<unk>", 0.0]), json!([mark, -6.0])].into_iter();
    let vocab: Vec<_> = special.chain(words).chain(bytes).collect();
    json!({"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": true})
}

/// A model of which most words are known before.
fn word_level() -> Value {
    let vocab = json!({"<unk>": 0, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "ab": 6, "ba": 7, "é": 8});
    json!({"type": "WordLevel", "unk_token": "<unk>", "vocab": vocab})
}

fn tokenizer(charsmap: Option<&[u8]>, more: &[Value], pre_tokenizer: &Value, model: &Value) -> Vec<u8> {
    let table = charsmap
        .map(|charsmap| json!({"type": "Precompiled", "precompiled_charsmap": STANDARD.encode(charsmap)}));
    let normalizers: Vec<_> = table.iter().chain(more).cloned().collect();
    let json = json!({
        "version": "1.0", "added_tokens": [], "post_processor": null, "decoder": null,
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": pre_tokenizer,
        "model": model,
    });
    json.to_string().into_bytes()
}

fn check(json: &[u8], texts: &[String]) {
    let ours = from_json(json).unwrap();
    assert_eq!(ours.implementation(), "m2v, native");
    let theirs = tokenizers::Tokenizer::from_bytes(json).unwrap();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let mut scratch = Scratch::default();
    // Again, with what was remembered.
    for _ in 0..2 {
        let (mut ids, mut ends) = (Vec::new(), Vec::new());
        ours.encode_block_into(&texts, &mut scratch, &mut ids, &mut ends).unwrap();
        let mut start = 0;
        for (text, end) in texts.iter().zip(ends) {
            assert_eq!(&ids[start..end], theirs.encode_fast(*text, false).unwrap().get_ids(), "{text:?}");
            start = end;
        }
    }
}

/// A normalizer that may stand behind a table, or without one.
fn any_step(mark: char) -> impl Strategy<Value = Value> {
    let replace =
        |content: String| json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": content});
    let bert = |clean: bool| json!({"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true});
    let steps = [replace(" ".into()), replace(mark.into()), replace(mark.into()), bert(true), bert(false)];
    let named = ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents"].map(|name| json!({"type": name}));
    prop::sample::select([&steps[..], &named[..]].concat())
}

/// What a table replaces: white space, spaces with what is behind them, what may take a space behind it, others.
fn any_table() -> impl Strategy<Value = BTreeMap<String, String>> {
    let space = || {
        prop::sample::select(vec![" ", "\t", "\n", "\r", "\r\n", "\u{b}", "\u{c}"]).prop_map(str::to_owned)
    };
    let others = btree_map(
        prop_oneof![
            any_char().prop_map(|c| format!(" {c}")),
            any_char().prop_map(String::from),
            prop::sample::select(vec!["\u{600}", " \u{301}", "a", "\u{a0}", "\u{200b}", "\u{3000}"])
                .prop_map(str::to_owned),
        ],
        "[ab ]{0,2}|\u{301}",
        0..8,
    );
    let spaces = btree_map(
        space(),
        prop::sample::select(vec![" ", " ", " ", "  ", "", "a", "\u{b}", "\u{85}"]).prop_map(str::to_owned),
        0..3,
    );
    // As in tables of SentencePiece, most of the time.
    (any::<bool>(), others, spaces).prop_map(|(all, others, spaces)| {
        let usual = ["\t", "\n", "\r", "\r\n", "\u{c}"].map(|space| (space.to_owned(), " ".to_owned()));
        let keys = usual.into_iter().filter(|_| all).chain(others).chain(spaces);
        keys.filter(|(key, _)| !key.contains('\0')).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_are_cut_where_they_may_be(
        (mark, steps) in prop::sample::select(vec!['\u{2581}', '\u{2581}', '_', 'X', 'Ġ', '\u{301}'])
            .prop_flat_map(|mark| (Just(mark), vec(any_step(mark), 0..3))),
        table in prop::option::weighted(0.7, any_table()),
        mut texts in vec(any_text(), 4),
    ) {
        texts.extend(
            ["a\r\nb", "a\u{600} b", "a \u{301}c", "a\tb", "a  b", "a\u{b}b\u{c}c", "a\u{a0}b c\u{a0} d", "a b\t \nc", "\ta ", " a\u{3000}b"]
                .map(str::to_owned),
        );
        let table = table.map(|table| charsmap(&table));
        let metaspace = json!({"type": "Metaspace", "replacement": mark, "prepend_scheme": "always", "split": true});
        let split = json!({"type": "WhitespaceSplit"});
        let words = json!({"type": "Sequence", "pretokenizers": [split, metaspace]});
        for (pre_tokenizer, model) in [(metaspace, unigram(mark)), (words, unigram(mark)), (split, word_level())] {
            check(&tokenizer(table.as_deref(), &steps, &pre_tokenizer, &model), &texts);
        }
    }
}

/// Runs are joined before others come to be, and marks are changed, or composed with what is around them.
#[test]
fn steps_behind_the_one_that_joins_runs_count() {
    let replace =
        |content: &str| json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": content});
    let one = |name: &str| json!({"type": name});
    let bert = json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": false,
                      "strip_accents": false, "lowercase": false});
    let texts = ["a  b", "a\t\tb", "a \tb", "a\r\nb", "a  \u{301}b", "a \u{301}b", "a \u{a0}\u{a0}b"]
        .map(str::to_owned);
    let table = |keys: &[&str]| Some(keys.iter().map(|&key| (key.to_owned(), " ".to_owned())).collect());
    for (table, mark, steps) in [
        (table(&["\r\n"]), '\u{2581}', [replace(" "), bert.clone()]),
        (None, '\u{2581}', [replace(" "), bert.clone()]),
        (None, '\u{2581}', [bert, replace("\u{2581}")]),
        (table(&["\u{a0}"]), 'X', [replace("X"), one("Lowercase")]),
        (None, '\u{301}', [replace("\u{301}"), one("NFC")]),
        (None, 'e', [replace("e"), one("NFC")]),
        (None, 'Ġ', [replace("Ġ"), one("NFD")]),
    ] {
        let table = table.map(|table: BTreeMap<String, String>| charsmap(&table));
        let metaspace =
            json!({"type": "Metaspace", "replacement": mark, "prepend_scheme": "always", "split": true});
        check(&tokenizer(table.as_deref(), &steps, &metaspace, &unigram(mark)), &texts);
    }
}

/// What is too much for a part of a text need not be for the whole.
#[test]
fn a_text_is_measured_as_a_whole() {
    let table = charsmap(&BTreeMap::from([("é".to_owned(), "b".repeat(1_500_000))]));
    let json = tokenizer(Some(&table), &[], &json!({"type": "WhitespaceSplit"}), &word_level());
    check(&json, &["a ".repeat(30_000) + "é"]);
}
