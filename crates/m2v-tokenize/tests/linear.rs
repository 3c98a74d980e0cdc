//! A call of many texts takes no more time for each of them than calls of a few do.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use m2v_tokenize::{Scratch, Tokenizer, from_json};
use serde_json::json;

const TEXTS: usize = 60_000;
const FEW: usize = 256;

/// What looks at all texts that are left, for each of these texts again, takes a hundred times as long.
const MOST: u32 = 8;

#[test]
fn texts_that_the_fast_path_leaves_cost_no_more_in_large_calls() {
    let added = |id: u32, content: &str| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
               "normalized": false, "special": true})
    };
    let wordpiece = |clean_text: bool, added: serde_json::Value| {
        json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
            "normalizer": {"type": "BertNormalizer", "clean_text": clean_text, "handle_chinese_chars": true,
                           "strip_accents": null, "lowercase": true},
            "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": null,
            "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                      "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "a": 1, "[SEP]": 2, "<s>": 3}}
        })
        .to_string()
    };
    for (what, json, text) in [
        ("tokens with one first byte", wordpiece(true, json!([added(2, "[SEP]")])), "a [SEP]"),
        ("with two", wordpiece(true, json!([added(2, "[SEP]"), added(3, "<s>")])), "a <s>"),
        ("NUL", wordpiece(false, json!([])), "a \0"),
    ] {
        let tokenizer = from_json(json.as_bytes()).unwrap();
        assert_eq!(tokenizer.implementation(), "m2v, native");
        let texts = vec![text; TEXTS];
        let (few, many) = (fastest(&*tokenizer, &texts, FEW), fastest(&*tokenizer, &texts, TEXTS));
        assert!(many < few * MOST, "{what}: {many:?} in one call, {few:?} in calls of {FEW}");
    }
}

/// The best of some passes: others may run on the machine.
fn fastest(tokenizer: &dyn Tokenizer, texts: &[&str], size: usize) -> Duration {
    let mut scratch = Scratch::default();
    let mut pass = || {
        let start = Instant::now();
        for texts in texts.chunks(size) {
            let (mut ids, mut ends) = (Vec::new(), Vec::new());
            tokenizer.encode_block_into(texts, &mut scratch, &mut ids, &mut ends).unwrap();
            assert_eq!((ends.len(), ends.last()), (texts.len(), Some(&ids.len())));
        }
        start.elapsed()
    };
    (0..3).map(|_| pass()).min().unwrap()
}
