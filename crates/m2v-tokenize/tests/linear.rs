//! What is many takes no more time for each than what is few.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use m2v_tokenize::{Scratch, Subset, Tokenizer, from_json};
use serde_json::{Value, json};

const TEXTS: usize = 60_000;
const FEW: usize = 256;

/// What looks at all texts that are left, for each of these texts again, takes a hundred times as long.
const MOST: u32 = 8;

/// How many times as much many are, and as long they may take: by the square of their number it would be 256 times.
const MORE: usize = 16;
const LONGER: u32 = 4 * MORE as u32;

/// One at a time: they measure time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn texts_that_the_fast_path_leaves_cost_no_more_in_large_calls() {
    let _alone = alone();
    let added = |content: &str| added(content, false, false);
    for (what, json, text) in [
        ("tokens with one first byte", wordpiece(true, &[added("[SEP]")]), "a [SEP]"),
        ("with two", wordpiece(true, &[added("[SEP]"), added("<s>")]), "a <s>"),
        ("NUL", wordpiece(false, &[]), "a \0"),
    ] {
        let tokenizer = from_json(json.as_bytes()).unwrap();
        assert_eq!(tokenizer.implementation(), "m2v, native");
        let texts = vec![text; TEXTS];
        let (few, many) = (fastest(&*tokenizer, &texts, FEW), fastest(&*tokenizer, &texts, TEXTS));
        assert!(many < few * MOST, "{what}: {many:?} in one call, {few:?} in calls of {FEW}");
    }
}

#[test]
fn a_tokenizer_of_many_added_tokens_is_made_and_pruned_as_fast() {
    let json = |count: usize| {
        let tokens: Vec<Value> = (0..count).map(|i| added(&format!("<{i}>"), false, false)).collect();
        wordpiece(true, &tokens)
    };
    let _alone = alone();
    let (few, many) = (json(20_000 / MORE), json(20_000));
    let parts = |json: &str| {
        let start = Instant::now();
        let part = Subset::new(json.as_bytes()).unwrap().to_tokenizer().unwrap();
        assert!(part.ids.len() > 1_000);
        start.elapsed()
    };
    for each in [&make as &dyn Fn(&str) -> Duration, &parts] {
        let [few, many] = [&few, &many].map(|json| (0..5).map(|_| each(json)).min().unwrap());
        assert!(many < few * LONGER, "{many:?} for {MORE} times as many, {few:?}");
    }
}

#[test]
fn added_white_space_takes_the_white_space_around_it_once() {
    for (lstrip, rstrip) in [(true, false), (false, true), (true, true)] {
        let tokenizer = from_json(wordpiece(true, &[added("\n", lstrip, rstrip)]).as_bytes()).unwrap();
        let _alone = alone();
        let [few, many] = [80_000 / MORE, 80_000].map(|count| {
            let text = "\n".repeat(count);
            fastest(&*tokenizer, &[text.as_str()], 1)
        });
        assert!(many < few * LONGER, "{lstrip} {rstrip}: {many:?} for {MORE} times as much, {few:?}");
    }
}

#[test]
fn a_file_of_many_fields_is_read_as_fast() {
    let json = |count: usize| {
        let fields = |name: &str| (0..count).map(|i| format!("\"{name}{i}\": 0, ")).collect::<String>();
        let model = fields("in the model ");
        format!(
            r#"{{{}"model": {{{model}"type": "WordLevel", "unk_token": "?", "vocab": {{"?": 0}}}}}}"#,
            fields("")
        )
    };
    let _alone = alone();
    let [few, many] = [40_000 / MORE, 40_000].map(json);
    let read = |json: &str| {
        let start = Instant::now();
        assert_eq!(from_json(json.as_bytes()).unwrap().vocabulary().len(), 1);
        start.elapsed()
    };
    let [few, many] = [few, many].map(|json| (0..5).map(|_| read(&json)).min().unwrap());
    assert!(many < few * LONGER, "{many:?} for {MORE} times as many, {few:?}");
}

/// Tokens that were chosen to have one hash, of a hash that this crate had.
#[test]
fn tokens_that_were_chosen_to_collide_are_read_as_fast() {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let _alone = alone();
    let second = |first: u64| {
        ((16 ^ first).wrapping_mul(K).rotate_left(23) ^ u64::from_le_bytes(*b"collides")).to_le_bytes()
    };
    let is_plain = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let first = |i: usize| u64::from_le_bytes(format!("{i:08x}").into_bytes().try_into().unwrap());
    let colliding = (0..).map(first).map(|first| [first.to_le_bytes(), second(first)].concat());
    let colliding = colliding.filter(|token| token.iter().all(is_plain)).take(20_000);
    let colliding = colliding.map(|token| String::from_utf8(token).unwrap());
    let others = (0..20_000).map(|i| format!("{i:016}"));
    let [colliding, others] = [colliding.collect::<Vec<_>>(), others.collect()].map(|tokens| {
        let vocab: HashMap<_, _> = tokens.into_iter().zip(0..).collect();
        json!({"model": {"type": "WordLevel", "unk_token": "?", "vocab": vocab}}).to_string()
    });
    let [colliding, others] = [colliding, others].map(|json| (0..5).map(|_| make(&json)).min().unwrap());
    assert!(colliding < others * 8, "{colliding:?} instead of {others:?}");
}

fn make(json: &str) -> Duration {
    let start = Instant::now();
    assert!(from_json(json.as_bytes()).unwrap().vocabulary().len() > 1_000);
    start.elapsed()
}

fn added(content: &str, lstrip: bool, rstrip: bool) -> Value {
    json!({"id": 0, "content": content, "single_word": false, "lstrip": lstrip, "rstrip": rstrip,
           "normalized": false, "special": true})
}

fn wordpiece(clean_text: bool, added: &[Value]) -> String {
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": clean_text, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {"[UNK]": 0, "a": 1, "[SEP]": 2, "<s>": 3}}
    })
    .to_string()
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
    (0..5).map(|_| pass()).min().unwrap()
}

/// One letter would be a terabyte.
#[test]
fn normalizers_that_double_a_text_again_and_again_are_refused() {
    let json = |added: &[Value]| {
        let double = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
        let normalizer = json!({"type": "Sequence", "normalizers": vec![double; 40]});
        json!({
            "version": "1.0", "added_tokens": added, "normalizer": normalizer, "pre_tokenizer": {"type": "Whitespace"},
            "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1}}
        })
        .to_string()
    };
    let cause = |error: &m2v_tokenize::Error| std::error::Error::source(error).unwrap().to_string();
    let tokenizer = from_json(json(&[]).as_bytes()).unwrap();
    let error = tokenizer.encode("a").unwrap_err();
    assert!(cause(&error).contains("64 times as long"), "{error:?}");
    assert_eq!(tokenizer.encode("b").unwrap(), [0]);
    let mut token = added("a", false, false);
    token["normalized"] = true.into();
    let error = from_json(json(&[token]).as_bytes()).err().unwrap();
    assert!(cause(&error).contains("64 times as long"), "{error:?}");
}
