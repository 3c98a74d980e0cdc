//! A part of a vocabulary tokenises the texts it was made for as the whole does: read by this crate and by the
//! `tokenizers` crate.
#![cfg(feature = "hf")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use m2v_tokenize::{Error, Part, Subset, Vocabulary, from_json};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

fn fixtures() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures")
}

fn texts() -> Vec<String> {
    serde_json::from_slice(&fs::read(fixtures().join("texts.json")).unwrap()).unwrap()
}

/// One of each kind of tokenizer.
const RECORDED: [&str; 10] = [
    "bpe-byte-fallback",
    "bpe-byte-level",
    "bpe-split-regex",
    "median",
    "unigram",
    "unigram-precompiled",
    "word-level",
    "wordpiece-added-tokens",
    "wordpiece-cased",
    "wordpiece-raw",
];

fn recorded(name: &str) -> Vec<u8> {
    fs::read(fixtures().join("models").join(name).join("tokenizer.json")).unwrap()
}

/// The tokenizer of the `tokenizers` crate.
fn reference(json: &[u8]) -> tokenizers::Tokenizer {
    let mut reference = tokenizers::Tokenizer::from_bytes(json).unwrap();
    reference.with_padding(None);
    reference.with_truncation(None).unwrap();
    reference
}

/// The part for some texts, as it has to be made.
fn part_for<S: AsRef<str>>(json: &[u8], texts: &[S]) -> Part {
    part_with(json, texts, &[])
}

/// The part for some texts, and some tokens more.
fn part_with<S: AsRef<str>>(json: &[u8], texts: &[S], more: &[u32]) -> Part {
    let whole = from_json(json).unwrap();
    let before: Vec<_> = texts.iter().map(|text| whole.encode(text.as_ref()).unwrap()).collect();
    let mut subset = Subset::new(json).unwrap();
    before.iter().flatten().chain(more).for_each(|&id| subset.keep(id));
    loop {
        let part = subset.to_tokenizer().unwrap();
        let tokenizer = from_json(&part.json).unwrap();
        let (mut differ, mut changed) = (false, false);
        for (text, before) in texts.iter().zip(&before) {
            let after = old_ids(&part, &tokenizer.encode(text.as_ref()).unwrap());
            if &after != before {
                differ = true;
                // What a text lacks may have come with an earlier one.
                changed |= subset.reconcile(before, &after);
            }
        }
        assert_eq!(differ, changed, "something is missing, and nobody knows what");
        if !differ {
            assert_eq!(part.ids.len(), subset.kept());
            return part;
        }
    }
}

fn old_ids(part: &Part, ids: &[u32]) -> Vec<u32> {
    ids.iter().map(|&id| part.ids[id as usize]).collect()
}

/// Both readers of a part say what the `tokenizers` crate says of the whole.
#[track_caller]
fn assert_same<S: AsRef<str>>(json: &[u8], part: &Part, texts: &[S]) {
    let (whole, native, theirs) = (reference(json), from_json(&part.json).unwrap(), reference(&part.json));
    for text in texts.iter().map(AsRef::as_ref) {
        let expected = whole.encode_fast(text, false).unwrap();
        let found = theirs.encode_fast(text, false).unwrap();
        assert_eq!(old_ids(part, found.get_ids()), expected.get_ids(), "tokenizers: {text:?}");
        assert_eq!(old_ids(part, &native.encode(text).unwrap()), expected.get_ids(), "native: {text:?}");
    }
    // Each token has the id that the list of old ones says.
    let (whole, theirs) = (whole.get_vocab(true), theirs.get_vocab(true));
    assert_eq!(theirs.len(), part.ids.len());
    assert_eq!(theirs.values().collect::<BTreeSet<_>>().len(), theirs.len());
    for (token, id) in theirs {
        assert_eq!(part.ids[id as usize], whole[&token], "{token:?}");
    }
}

#[test]
fn every_recorded_tokenizer_keeps_the_ids_of_half_the_texts() {
    let texts = texts();
    let (half, other): (Vec<_>, Vec<_>) = texts.iter().enumerate().partition(|(i, _)| i % 2 == 0);
    let (half, other): (Vec<_>, Vec<_>) =
        (half.iter().map(|text| text.1).collect(), other.iter().map(|text| text.1).collect());
    let mut smaller = 0;
    for name in RECORDED {
        let json = recorded(name);
        let part = part_for(&json, &half);
        assert_same(&json, &part, &half);
        let (before, after) =
            (Vocabulary::from_json(&json).unwrap(), Vocabulary::from_json(&part.json).unwrap());
        smaller += usize::from(after.len() < before.len());
        let content = |vocabulary: &Vocabulary| vocabulary.unk().map(|unk| unk.content.clone());
        assert_eq!((before.family(), content(&before)), (after.family(), content(&after)), "{name}");
        assert_eq!(before.pad().content, after.pad().content, "{name}");
        // Of characters it knows, it can still spell anything.
        let (whole, tokenizer) = (from_json(&json).unwrap(), from_json(&part.json).unwrap());
        for text in &other {
            let (before, after) = (whole.encode(text).unwrap(), tokenizer.encode(text).unwrap());
            assert_eq!(before.is_empty(), after.is_empty(), "{name}: {text:?}");
        }
    }
    // Some of the vocabularies have little but characters.
    assert!(smaller >= 6, "{smaller}");
}

#[test]
fn the_median_can_be_kept() {
    for name in RECORDED {
        let json = recorded(name);
        let median = Vocabulary::from_json(&json).unwrap().median_token_length();
        for texts in [&texts()[..5], &[]] {
            let whole = from_json(&json).unwrap();
            let mut subset = Subset::new(&json).unwrap();
            let ids = texts.iter().flat_map(|text| whole.encode(text).unwrap());
            ids.for_each(|id| subset.keep(id));
            subset.keep_median_token_length();
            let part = subset.to_tokenizer().unwrap();
            assert_eq!(Vocabulary::from_json(&part.json).unwrap().median_token_length(), median, "{name}");
            assert_same(&json, &part, texts);
        }
    }
}

#[test]
fn likely_tokens_are_kept_up_to_two_fifths() {
    let english: Vec<_> = texts().into_iter().filter(|text| text.is_ascii()).collect();
    let mut more = 0;
    for name in RECORDED.into_iter().chain(["../../../models/minilm-l6-64d"]) {
        let json = recorded(name);
        let whole = from_json(&json).unwrap();
        let mut counts = std::collections::BTreeMap::new();
        for id in english.iter().flat_map(|text| whole.encode(text).unwrap()) {
            *counts.entry(id).or_default() += 1;
        }
        let counts: Vec<(u32, usize)> = counts.into_iter().collect();
        let mut subset = Subset::new(&json).unwrap();
        counts.iter().for_each(|(id, _)| subset.keep(*id));
        let (used, limit) = (subset.kept(), whole.vocabulary().len() * 2 / 5);
        subset.keep_likely(&counts, true);
        // What makes the last one reachable may come on top.
        assert!(subset.kept() <= used.max(limit + 40), "{name}: {used} {}", subset.kept());
        more += usize::from(subset.kept() > used);
        assert_same(&json, &subset.to_tokenizer().unwrap(), &english);
    }
    assert!(more >= 2, "{more}");
}

/// All places of a file that hold ids.
#[test]
fn ids_are_renumbered_everywhere() {
    let json = json!({
        "version": "1.0",
        "truncation": null,
        "padding": {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": null, "pad_id": 4,
                    "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": [
            {"id": 6, "content": "[MASK]", "single_word": false, "lstrip": false, "rstrip": false,
             "normalized": false, "special": true},
            {"id": 1, "content": "[CLS]", "single_word": false, "lstrip": false, "rstrip": false,
             "normalized": false, "special": true},
        ],
        "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {"type": "Sequence", "processors": [
            {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
             "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [1], "tokens": ["[CLS]"]}}},
            {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 1]},
            {"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["gone", 77], "trim_offsets": true,
             "add_prefix_space": false},
            {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true},
        ]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordLevel", "unk_token": "[UNK]",
                  "vocab": {"unused": 0, "[CLS]": 1, "[UNK]": 2, "[SEP]": 3, "[PAD]": 4, "used": 5}},
    });
    let bytes = json.to_string().into_bytes();
    let mut subset = Subset::new(&bytes).unwrap();
    subset.keep(5);
    let part = subset.to_tokenizer().unwrap();
    assert_eq!(part.ids, [1, 2, 3, 4, 5, 6]);
    let found: Value = serde_json::from_slice(&part.json).unwrap();
    let mut expected = json;
    expected["padding"]["pad_id"] = json!(3);
    expected["added_tokens"][0]["id"] = json!(5);
    expected["added_tokens"][1]["id"] = json!(0);
    let processors = &mut expected["post_processor"]["processors"];
    processors[0]["special_tokens"]["[CLS]"]["ids"] = json!([0]);
    processors[1]["sep"] = json!(["[SEP]", 2]);
    processors[1]["cls"] = json!(["[CLS]", 0]);
    processors[2]["sep"] = json!(["[SEP]", 2]);
    expected["model"]["vocab"] = json!({"[CLS]": 0, "[UNK]": 1, "[SEP]": 2, "[PAD]": 3, "used": 4});
    assert_eq!(found, expected);
    // With its special tokens, it says the same.
    let (whole, part) =
        (tokenizers::Tokenizer::from_bytes(&bytes), tokenizers::Tokenizer::from_bytes(&part.json));
    let tokens = |tokenizer: tokenizers::Result<tokenizers::Tokenizer>| {
        tokenizer.unwrap().encode("used [MASK] used", true).unwrap().get_tokens().to_vec()
    };
    assert_eq!(tokens(part), tokens(whole));
}

#[test]
fn a_model_without_unknown_token_is_refused() {
    for model in [
        json!({"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"a": 0}}),
        json!({"type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "##",
               "max_input_chars_per_word": 9, "vocab": {"a": 0}}),
        json!({"type": "Unigram", "unk_id": null, "vocab": [["a", -1.0]]}),
    ] {
        let json = json!({"model": model}).to_string();
        assert!(matches!(Subset::new(json.as_bytes()), Err(Error::Field { .. })), "{json}");
    }
    assert!(matches!(Subset::new(b"{"), Err(Error::Json(_))));
}

#[test]
fn a_word_stays_unknown() {
    // The longest match, `ab`, leads nowhere; without it, `a` and `##bc` would spell the word.
    let json = json!({
        "pre_tokenizer": {"type": "Whitespace"},
        "model": {"type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {"?": 0, "a": 1, "ab": 2, "##bc": 3, "x": 4, "##b": 5}},
    })
    .to_string();
    let texts = ["abc x", "xbc"];
    let whole = from_json(json.as_bytes()).unwrap();
    assert_eq!(whole.encode(texts[0]).unwrap(), [0, 4]);
    let part = part_for(json.as_bytes(), &texts);
    assert_same(json.as_bytes(), &part, &texts);
    assert_eq!(part.ids, [0, 1, 2, 3, 4, 5]);
    // Twice, in two texts.
    assert_eq!(part_for(json.as_bytes(), &["abc", "x abc", "xbc"]).ids, [0, 1, 2, 3, 4, 5]);
    // Not in the corpus, not kept.
    assert_eq!(part_for(json.as_bytes(), &["xbc"]).ids, [0, 1, 3, 4, 5]);
}

fn file(model: &Value) -> Vec<u8> {
    let whole = json!({"version": "1.0", "pre_tokenizer": {"type": "Whitespace"}, "model": model});
    whole.to_string().into_bytes()
}

/// A BPE model whose merges make tokens of tokens, some of them in several ways.
fn bpe() -> impl Strategy<Value = Vec<u8>> {
    let merges = vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..40);
    (merges, any::<bool>(), prop::sample::select(vec!["", "##"]), prop::sample::select(vec!["", "</w>"]))
        .prop_map(|(merges, ignore, prefix, suffix)| {
            let mut tokens: Vec<String> = Vec::new();
            for c in ["a", "b", "c"] {
                for form in [
                    c.to_owned(),
                    format!("{prefix}{c}"),
                    format!("{c}{suffix}"),
                    format!("{prefix}{c}{suffix}"),
                ] {
                    if !tokens.contains(&form) {
                        tokens.push(form);
                    }
                }
            }
            let mut pairs: Vec<[String; 2]> = Vec::new();
            for (left, right) in merges {
                let (left, right) = (left.get(&tokens).clone(), right.get(&tokens).clone());
                let ends = !suffix.is_empty() && left.ends_with(suffix);
                let Some(rest) = right.strip_prefix(prefix).filter(|_| !ends) else { continue };
                let merged = format!("{left}{rest}");
                let pair = [left, right];
                if !pairs.contains(&pair) {
                    pairs.push(pair);
                }
                if !tokens.contains(&merged) {
                    tokens.push(merged);
                }
            }
            let vocab: serde_json::Map<String, Value> =
                tokens.into_iter().zip((0..).map(Value::from)).collect();
            let affix = |affix: &str| (!affix.is_empty()).then(|| affix.to_owned());
            file(&json!({"type": "BPE", "dropout": null, "unk_token": null, "fuse_unk": false,
                         "continuing_subword_prefix": affix(prefix), "end_of_word_suffix": affix(suffix),
                         "byte_fallback": false, "ignore_merges": ignore, "vocab": vocab, "merges": pairs}))
        })
}

/// A WordPiece model that cannot spell everything.
fn wordpiece() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::btree_set("(##)?[abc]{1,3}", 1..20).prop_map(|tokens| {
        let vocab: serde_json::Map<String, Value> =
            std::iter::once("[UNK]".to_owned()).chain(tokens).zip((0..).map(Value::from)).collect();
        file(&json!({"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                     "max_input_chars_per_word": 8, "vocab": vocab}))
    })
}

/// A Unigram model with few different scores: many segmentations are equally probable, and some as probable as an
/// unknown character.
fn unigram() -> impl Strategy<Value = Vec<u8>> {
    let scores = prop::sample::select(vec![1, 2, 3, 4, 5, 10, 11, 12, 13, 30]);
    let pieces = prop::collection::btree_map("[abcd]{1,4}", scores, 1..25);
    (pieces, any::<bool>()).prop_map(|(pieces, bytes)| {
        let mut vocab: Vec<(String, f64)> = vec![("<unk>".to_owned(), 0.0)];
        vocab.extend(pieces.into_iter().map(|(piece, score)| (piece, -f64::from(score))));
        if bytes {
            vocab.extend((0..256).map(|byte| (format!("<0x{byte:02X}>"), -9.0)));
        }
        file(&json!({"type": "Unigram", "unk_id": 0, "byte_fallback": bytes, "vocab": vocab}))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn any_model_keeps_the_ids_of_any_texts(
        json in prop_oneof![bpe(), wordpiece(), unigram()],
        texts in vec("[abcd]{1,9}( [abc]{1,9}){0,2}", 0..6),
        more in vec(0..60_u32, 0..5),
    ) {
        let part = part_for(&json, &texts);
        assert_same(&json, &part, &texts);
        // Nor do they lose them to any tokens more.
        let part = part_with(&json, &texts, &more);
        assert_same(&json, &part, &texts);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn a_recorded_tokenizer_keeps_the_ids_of_any_texts(chosen in prop::sample::subsequence(texts(), 0..40)) {
        for name in RECORDED {
            let json = recorded(name);
            let part = part_for(&json, &chosen);
            assert_same(&json, &part, &chosen);
        }
    }
}
