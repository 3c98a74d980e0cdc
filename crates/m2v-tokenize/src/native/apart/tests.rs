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

/// A model that tells all texts apart.
fn unigram() -> Value {
    let word = |piece: &str| [json!([piece, -4.0]), json!([format!("\u{2581}{piece}"), -5.0])];
    let words = ["a", "b", "c", "d", "e", "f", "g", "h", "ab", "abc", "é"].into_iter().flat_map(word);
    let bytes = (0..=255).map(|byte| json!([format!("<0x{byte:02X}>"), -20.0]));
    let special = [json!(["<unk>", 0.0]), json!(["\u{2581}", -6.0])].into_iter();
    let vocab: Vec<_> = special.chain(words).chain(bytes).collect();
    json!({"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": true})
}

/// A model of which most words are known before.
fn word_level() -> Value {
    let vocab = json!({"<unk>": 0, "a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "ab": 6, "ba": 7, "é": 8});
    json!({"type": "WordLevel", "unk_token": "<unk>", "vocab": vocab})
}

fn tokenizer(charsmap: &[u8], more: &[Value], pre_tokenizer: &Value, model: &Value) -> Vec<u8> {
    let table = json!({"type": "Precompiled", "precompiled_charsmap": STANDARD.encode(charsmap)});
    let normalizers: Vec<_> = [table].iter().chain(more).cloned().collect();
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn texts_are_cut_where_they_may_be(
        // Spaces with what is behind them, and what may take a space behind it.
        keys in btree_map(
            prop_oneof![
                any_char().prop_map(|c| format!(" {c}")),
                any_char().prop_map(String::from),
                prop::sample::select(vec!["\u{600}", " \u{301}", "\t", "\n", "\r", "\r\n", "\u{b}", "\u{c}", "a"])
                    .prop_map(str::to_owned),
            ],
            "[ab ]{0,2}|\u{301}",
            0..12,
        ),
        mut texts in vec(any_text(), 6),
    ) {
        let keys: BTreeMap<String, String> = keys.into_iter().filter(|(key, _)| !key.contains('\0')).collect();
        texts.extend(["a\r\nb", "a\u{600} b", "a \u{301}c", "a\tb", "a\u{b}b\u{c}c"].map(str::to_owned));
        let charsmap = charsmap(&keys);
        let replace = |content: &str| json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": content});
        let one = |name: &str| json!({"type": name});
        let metaspace = json!({"type": "Metaspace", "replacement": "\u{2581}", "prepend_scheme": "always", "split": true});
        let words = json!({"type": "Sequence", "pretokenizers": [one("WhitespaceSplit"), metaspace]});
        for more in [vec![], vec![replace(" ")], vec![replace("\u{2581}")], vec![one("NFC"), one("Lowercase")]] {
            for (pre_tokenizer, model) in
                [(&metaspace, unigram()), (&words, unigram()), (&one("WhitespaceSplit"), word_level())]
            {
                check(&tokenizer(&charsmap, &more, pre_tokenizer, &model), &texts);
            }
        }
    }
}
