//! Tokenizers of the shapes that models in use have run natively, and give the ids of the `tokenizers` crate.
//!
//! A shape is what a family of models has in its `tokenizer.json` around the vocabulary: normalizers, pre-tokenizers,
//! the options of the model. The vocabularies are those of the recorded models.
#![cfg(feature = "hf")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::HashSet;

use common::{Pair, any_text, recorded};
use m2v_tokenize::from_json;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const DEEPSEEK3: &str = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+";

/// What stands around a vocabulary.
struct Shape {
    normalizer: Value,
    pre_tokenizer: Value,
    model: Value,
}

impl Shape {
    fn json(&self, added: &[Value]) -> Vec<u8> {
        let Self { normalizer, pre_tokenizer, model } = self;
        json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
               "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": null,
               "decoder": null, "model": model})
        .to_string()
        .into_bytes()
    }

    /// Native and equal, without added tokens and with each of these lists.
    #[track_caller]
    fn check(&self, lists: &[Vec<Value>]) {
        for added in [&Vec::new()].into_iter().chain(lists) {
            let pair = Pair::new(
                &format!("{} {} {added:?}", self.normalizer, self.pre_tokenizer),
                &self.json(added),
            );
            // Shapes tell nothing with a vocabulary that does not fit them.
            let ids = from_json(&self.json(added)).unwrap().encode(ENGLISH).unwrap();
            assert!(
                ids.len() * 4 < ENGLISH.len() * 3 && ids.iter().collect::<HashSet<_>>().len() > 8,
                "{ids:?}"
            );
            let contents: Vec<String> =
                added.iter().map(|token| token["content"].as_str().unwrap().to_owned()).collect();
            pair.assert_same_block(&NASTY);
            for text in NASTY {
                pair.assert_same(text);
                for token in &contents {
                    glued(text, token).iter().for_each(|text| pair.assert_same(text));
                }
            }
            let tokens = prop::sample::select([contents, vec![String::new()]].concat());
            let part = prop_oneof![2 => any_text(), 1 => any_text().prop_map(|text| format!(" {text}")), 2 => tokens];
            let text = prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat());
            proptest!(ProptestConfig::with_cases(300), |(text in text)| {
                pair.assert_same(&text);
            });
        }
    }
}

const ENGLISH: &str =
    "This is what people have been talking about in the city for many years, and it was good.";

/// A text and an added token, next to each other in all ways.
fn glued(text: &str, token: &str) -> [String; 7] {
    [
        format!("{token}{text}"),
        format!("{text}{token}"),
        format!("{token} {text}"),
        format!(" {token}{text}{token}{token}"),
        format!("x{token}y {text}"),
        format!("{text}  {token}  {text}"),
        format!("{text}\n{token}\u{2581}{text}"),
    ]
}

const NASTY: [&str; 66] = [
    "",
    " ",
    "  ",
    "   ",
    "\n",
    "\n\n",
    " \n \n",
    "\t",
    "\r\n\t\r\n",
    "\u{2581}",
    "\u{2581}\u{2581}",
    " \u{2581} ",
    "\u{2581}the",
    "the",
    " the",
    "  the  ",
    "the\u{2581}world \u{2581} \u{2581}\u{2581}x",
    "double  space, triple   space, trailing ",
    " leading",
    "hello world",
    "Hello, World! It's what we'LL do; they're I'm you'D can't 'twas rock'n'roll",
    "line one\nline two\r\nline three\n\n\nline four\n",
    "tab\tseparated\t\tvalues",
    "a\u{85}b\u{a0}c\u{3000}d\u{2003}e\u{2028}f\u{200b}g",
    "\u{85}",
    "\u{a0}\u{a0}x",
    "\u{3000}日本",
    "漢字かな混じり文。東京タワー、333メートル",
    "中文分词测试,没有空格。",
    "日本 語 の",
    "\u{30fb}ー\u{309b}\u{3099}\u{3097}〇一",
    "한국어 문장입니다. \u{1112}\u{1161}\u{11ab}",
    "مرحبا بالعالم \u{64b}\u{650}",
    "\u{600}١٢٣",
    "ภาษาไทยไม่มีช่องว่าง",
    "नमस्ते दुनिया क्\u{200d}ष",
    "שלום עולם",
    "Привет, мир! Ёё",
    "ﬁne ﬂow ﬃ Ⅻ ½ ² ①",
    "e\u{301}te\u{301} caf\u{e9} \u{301}\u{327}x",
    "\u{301}",
    "\u{301} a",
    "x\u{344}\u{327}",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦 🏳\u{fe0f}\u{200d}🌈 🇫🇷🇩🇪 👍🏽",
    "😀",
    "😀😀😀",
    "\0",
    "a\0b \0 \0\0",
    "\u{1}\u{2}\u{1f} \u{7f}\u{80}",
    "\u{1f}\u{1e}a",
    "\0 a\u{1}!\u{1}\n\u{1}1",
    "\u{fffd}\u{feff}\u{ad}\u{e000}\u{10ffff}",
    "1 12 123 1234 12345678901234567890 3.14159 1,000,000 0x1F 50%",
    "١٢٣٤٥ ५६७ Ⅷ²½",
    "12a34b一5六",
    "``quoted'' 'single' “curly” «guillemets»",
    "```code``` ''''",
    "foo_bar.baz(qux)[0]{1}<tag/>&amp;#$%^*+=|\\~",
    "http://example.com/a?b=c&d=%20#e user@example.org",
    "!a +b (c) !É ?é $$x\n\n/y",
    "İstanbul ISPARTA ıi ß ẞ ſ ς Σ ǅ",
    "supercalifragilisticexpialidocioussupercalifragilisticexpialidocious",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}\u{2581}",
    "<0x0A><0x41><unk> <s></s>[UNK][CLS]",
    "New York City new york NEW YORK newyork",
];

fn token(content: &str, [single_word, lstrip, rstrip, normalized]: [bool; 4]) -> Value {
    json!({"id": 0, "content": content, "single_word": single_word, "lstrip": lstrip, "rstrip": rstrip,
           "normalized": normalized, "special": !normalized})
}

/// Tokens, each with other flags: all combinations.
fn all_flags(contents: [&str; 8], normalized: bool) -> Vec<Value> {
    let flags = |n: usize| [n & 1 != 0, n & 2 != 0, n & 4 != 0, normalized];
    contents.into_iter().enumerate().map(|(n, content)| token(content, flags(n))).collect()
}

const RAW: [&str; 8] = ["<tag>", "the", "</s>", "new york", "<mask>", "c++", "日本", "'s"];
const NORMALIZED: [&str; 8] =
    ["<s>", "hello", "World", "machine learning", "[cls]", "Café au lait", "12", "."];

/// Lists of tokens that are matched on the text as it is.
fn raw_lists() -> Vec<Vec<Value>> {
    let plain = |contents: &[&str]| contents.iter().map(|content| token(content, [false; 4])).collect();
    vec![
        plain(&["<unk>", "<s>", "</s>"]),
        plain(&["\n\n", "\t", "  ", "\u{2581}\u{2581}", "é"]),
        all_flags(RAW, false),
    ]
}

/// Lists with tokens that are matched on the normalised text.
fn normalized_lists() -> Vec<Vec<Value>> {
    let plain = ["<s>", "</s>"].map(|content| token(content, [false, false, false, true]));
    vec![plain.into(), [all_flags(RAW, false), all_flags(NORMALIZED, true)].concat()]
}

fn all_lists() -> Vec<Vec<Value>> {
    [raw_lists(), normalized_lists()].concat()
}

/// The model of a recorded tokenizer, with other options.
fn model(name: &str, options: Value) -> Value {
    let mut file: Value = serde_json::from_slice(&recorded(name)).unwrap();
    let mut model = file["model"].take();
    if let (Some(model), Value::Object(options)) = (model.as_object_mut(), options) {
        model.extend(options);
    }
    model
}

/// The table of a recorded tokenizer.
fn precompiled() -> Value {
    let mut file: Value = serde_json::from_slice(&recorded("unigram-precompiled")).unwrap();
    file["normalizer"]["normalizers"][0].take()
}

fn one(kind: &str) -> Value {
    json!({"type": kind})
}

fn normalizers(list: &[Value]) -> Value {
    json!({"type": "Sequence", "normalizers": list})
}

fn pre_tokenizers(list: &[Value]) -> Value {
    json!({"type": "Sequence", "pretokenizers": list})
}

fn replace(pattern: &str, content: &str) -> Value {
    json!({"type": "Replace", "pattern": {"String": pattern}, "content": content})
}

fn replace_spaces(content: &str) -> Value {
    json!({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": content})
}

fn metaspace(scheme: &str, split: bool) -> Value {
    json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split})
}

fn split(pattern: &str) -> Value {
    json!({"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false})
}

fn byte_level(add_prefix_space: bool, use_regex: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": add_prefix_space, "trim_offsets": true, "use_regex": use_regex})
}

fn unigram() -> Value {
    model("unigram-precompiled", json!({}))
}

/// SentencePiece's BPE with bytes for what is not in the vocabulary: recorded pieces, and runs as Gemma has them, which
/// are merged of any two that they are one together. Converters of SentencePiece models make their merges so.
fn byte_fallback(options: Value) -> Value {
    let pieces = unigram()["vocab"].take();
    let pieces = pieces.as_array().unwrap().iter().map(|piece| piece[0].as_str().unwrap().to_owned());
    let special = ["<unk>", "<s>", "</s>"].map(str::to_owned).into_iter();
    let bytes = (0..=255).map(|byte: u8| format!("<0x{byte:02X}>"));
    let runs = ["▁▁", "▁▁▁▁", "\n", "\n\n", "12", "..", "▁="].map(str::to_owned);
    let mut vocab = Map::new();
    for token in special.chain(bytes).chain(pieces).chain(runs) {
        let next = vocab.len();
        vocab.entry(token).or_insert(next.into());
    }
    with_all_merges(vocab, options)
}

/// The same with tokens that reach across spaces, so that no text can be cut there.
fn merges_across_spaces() -> Value {
    let mut model = byte_fallback(json!({}));
    let mut vocab = model["vocab"].as_object_mut().map(std::mem::take).unwrap();
    for token in ["e▁", "s▁the", ",▁", "▁the▁", "x▁▁"] {
        vocab.insert(token.to_owned(), vocab.len().into());
    }
    with_all_merges(vocab, json!({}))
}

fn with_all_merges(vocab: Map<String, Value>, options: Value) -> Value {
    let mut merges = Vec::new();
    for token in vocab.keys() {
        let cuts = token.char_indices().skip(1).map(|(at, _)| token.split_at(at));
        merges.extend(cuts.filter(|(left, right)| vocab.contains_key(*left) && vocab.contains_key(*right)));
    }
    assert!(merges.len() > 1000);
    let mut model = json!({"type": "BPE", "dropout": null, "unk_token": "<unk>", "continuing_subword_prefix": null,
                           "end_of_word_suffix": null, "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
                           "vocab": vocab, "merges": merges});
    if let (Some(model), Value::Object(options)) = (model.as_object_mut(), options) {
        model.extend(options);
    }
    model
}

#[test]
fn xlm_roberta() {
    let [spaces, marks] = [" ", "▁"].map(replace_spaces);
    let (table, words) = (precompiled(), [one("WhitespaceSplit"), metaspace("always", true)]);
    for normalizer in [
        table.clone(),
        normalizers(std::slice::from_ref(&table)),
        normalizers(&[table.clone(), spaces]),
        normalizers(&[table.clone(), marks.clone()]),
        marks,
    ] {
        for pre_tokenizer in [metaspace("always", true), pre_tokenizers(&words)] {
            let shape = Shape { normalizer: normalizer.clone(), pre_tokenizer, model: unigram() };
            shape.check(&all_lists());
        }
    }
}

#[test]
fn t5() {
    let old = json!({"type": "Metaspace", "replacement": "▁", "add_prefix_space": true, "str_rep": "▁"});
    let strip = json!({"type": "Strip", "strip_left": false, "strip_right": true});
    let new = normalizers(&[precompiled(), strip, replace_spaces("▁")]);
    Shape { normalizer: precompiled(), pre_tokenizer: old, model: unigram() }.check(&all_lists());
    for scheme in ["always", "never"] {
        let pre_tokenizer = metaspace(scheme, true);
        Shape { normalizer: new.clone(), pre_tokenizer, model: unigram() }.check(&all_lists());
    }
    // Where tokens cut normalised text in two, the reference runs.
    for normalizer in [precompiled(), new] {
        let shape = Shape { normalizer, pre_tokenizer: metaspace("first", true), model: unigram() };
        shape.check(&raw_lists());
        let file = shape.json(&normalized_lists()[0]);
        assert_eq!(from_json(&file).unwrap().implementation(), "tokenizers crate");
    }
}

#[test]
fn mt5() {
    let normalizer = normalizers(&[precompiled(), replace_spaces(" ")]);
    let pre_tokenizer = pre_tokenizers(&[one("WhitespaceSplit"), metaspace("always", true)]);
    let model = model("unigram-precompiled", json!({"byte_fallback": true}));
    Shape { normalizer, pre_tokenizer, model }.check(&all_lists());
}

/// Cut at white space, with normalizers that leave most words as they are.
#[test]
fn unigram_of_words() {
    // Bytes tell apart what is not in the vocabulary.
    let mut model = model("unigram-precompiled", json!({"byte_fallback": true}));
    let bytes = (0..=255).map(|byte: u8| json!([format!("<0x{byte:02X}>"), -30.0]));
    model["vocab"].as_array_mut().unwrap().extend(bytes);
    let marked = metaspace("always", true);
    let words = pre_tokenizers(&[one("WhitespaceSplit"), marked.clone()]);
    for normalizer in [
        Value::Null,
        one("NFC"),
        one("NFKC"),
        normalizers(&[one("NFKC"), one("Lowercase")]),
        normalizers(&[one("Lowercase"), one("NFC")]),
        normalizers(&[one("NFKD"), one("StripAccents")]),
    ] {
        for pre_tokenizer in [words.clone(), marked.clone(), one("WhitespaceSplit")] {
            let shape = Shape { normalizer: normalizer.clone(), pre_tokenizer, model: model.clone() };
            shape.check(&raw_lists()[..1]);
        }
    }
}

#[test]
fn albert() {
    let quotes = [replace("``", "\""), replace("''", "\"")];
    let rest = [one("NFKD"), one("StripAccents"), one("Lowercase"), precompiled()];
    let words = pre_tokenizers(&[one("WhitespaceSplit"), metaspace("always", true)]);
    for (end, pre_tokenizer) in [(vec![], metaspace("always", true)), (vec![replace_spaces(" ")], words)] {
        let normalizer = normalizers(&[&quotes[..], &rest[..], &end[..]].concat());
        Shape { normalizer, pre_tokenizer, model: unigram() }.check(&all_lists());
    }
}

#[test]
fn llama2_and_mistral() {
    let normalizer = normalizers(&[json!({"type": "Prepend", "prepend": "▁"}), replace(" ", "▁")]);
    for model in [byte_fallback(json!({})), byte_fallback(json!({"fuse_unk": false})), merges_across_spaces()]
    {
        let shape = Shape { normalizer: normalizer.clone(), pre_tokenizer: Value::Null, model };
        shape.check(&all_lists());
    }
}

#[test]
fn llama2_with_metaspace() {
    for scheme in ["first", "always", "never"] {
        for (model, split) in [
            (byte_fallback(json!({})), false),
            (merges_across_spaces(), false),
            (byte_fallback(json!({})), true),
        ] {
            let shape = Shape { normalizer: Value::Null, pre_tokenizer: metaspace(scheme, split), model };
            shape.check(&all_lists());
        }
    }
}

/// The reference doubles the first character.
#[test]
fn nothing_to_prepend_is_left_to_the_crate() {
    let normalizer = json!({"type": "Prepend", "prepend": ""});
    let shape = Shape { normalizer, pre_tokenizer: Value::Null, model: unigram() };
    assert_eq!(from_json(&shape.json(&[])).unwrap().implementation(), "tokenizers crate");
}

/// The crate would find such a token in every text without end.
#[test]
fn a_token_that_is_nothing_once_normalised_is_refused_by_the_crate_too() {
    let json = r#"{"added_tokens": [
        {"id": 0, "content": "\u0301", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true,
         "special": false},
        {"id": 1, "content": "ab", "single_word": false, "lstrip": false, "rstrip": false, "normalized": true,
         "special": false}],
        "normalizer": {"type": "StripAccents"}, "pre_tokenizer": {"type": "UnicodeScripts"},
        "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1}}}"#;
    let error = from_json(json.as_bytes()).err().unwrap();
    let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(cause.contains("leaves nothing"), "{error}: {cause}");
}

#[test]
fn metaspace_at_the_first_place_after_normalizers() {
    let prefix = json!({"type": "Prepend", "prepend": "x"});
    for normalizer in [
        one("NFKC"),
        one("NFKD"),
        one("Lowercase"),
        prefix,
        replace("a", "bc"),
        normalizers(&[one("NFD"), one("Lowercase"), replace(" ", "▁▁")]),
        normalizers(&[one("NFC"), replace("  ", "▁")]),
    ] {
        let shape = Shape { normalizer, pre_tokenizer: metaspace("first", true), model: unigram() };
        shape.check(&raw_lists());
    }
    // These move the first place, or may.
    for normalizer in [
        one("StripAccents"),
        json!({"type": "Strip", "strip_left": true, "strip_right": false}),
        replace("``", "\""),
        replace("a", ""),
        normalizers(&[replace_spaces("▁"), one("NFC")]),
    ] {
        let shape = Shape { normalizer, pre_tokenizer: metaspace("first", true), model: unigram() };
        assert_eq!(from_json(&shape.json(&[])).unwrap().implementation(), "tokenizers crate");
    }
}

#[test]
fn llama3() {
    for ignore_merges in [true, false] {
        let model = model("bpe-split-regex", json!({"ignore_merges": ignore_merges}));
        let pre_tokenizer = pre_tokenizers(&[split(LLAMA3), byte_level(false, false)]);
        Shape { normalizer: Value::Null, pre_tokenizer, model }.check(&all_lists());
    }
}

#[test]
fn qwen2() {
    let options = json!({"continuing_subword_prefix": "", "end_of_word_suffix": "", "ignore_merges": false});
    let model = model("bpe-split-regex", options);
    let pre_tokenizer = pre_tokenizers(&[split(QWEN2), byte_level(false, false)]);
    Shape { normalizer: one("NFC"), pre_tokenizer, model }.check(&all_lists());
}

#[test]
fn gpt2_and_roberta() {
    let model =
        || model("bpe-byte-level", json!({"continuing_subword_prefix": "", "end_of_word_suffix": ""}));
    let mut levels = vec![pre_tokenizers(&[split(GPT2), byte_level(false, false)])];
    for prefix_space in [false, true] {
        for trim_offsets in [false, true] {
            // Older files do not have `use_regex`.
            levels.push(
                json!({"type": "ByteLevel", "add_prefix_space": prefix_space, "trim_offsets": trim_offsets}),
            );
        }
    }
    let mask = vec![token("<s>", [false, false, false, true]), token("<mask>", [false, true, false, false])];
    for pre_tokenizer in levels {
        let shape = Shape { normalizer: Value::Null, pre_tokenizer, model: model() };
        shape.check(&[all_lists(), vec![mask.clone()]].concat());
    }
}

#[test]
fn modern_bert_and_olmo() {
    let model = model("bpe-byte-level", json!({}));
    // GPT-NeoX: runs of spaces, matched on the normalised text.
    let spaces: Vec<Value> =
        (2..8).map(|count| token(&" ".repeat(count), [false, false, false, true])).collect();
    let mask = vec![token("[MASK]", [false, true, false, false])];
    let shape = Shape { normalizer: one("NFC"), pre_tokenizer: byte_level(false, true), model };
    shape.check(&[all_lists(), vec![[spaces, mask].concat()]].concat());
}

#[test]
fn gemma() {
    let after_spaces = json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false});
    for model in [byte_fallback(json!({})), merges_across_spaces()] {
        let shape = Shape { normalizer: replace(" ", "▁"), pre_tokenizer: after_spaces.clone(), model };
        shape.check(&all_lists());
    }
    // Spaces survive.
    for normalizer in [Value::Null, replace("a", " ")] {
        let shape =
            Shape { normalizer, pre_tokenizer: after_spaces.clone(), model: byte_fallback(json!({})) };
        shape.check(&all_lists());
    }
}

/// EmbeddingGemma has thousands of added tokens: runs of line breaks, of U+2581, HTML tags, unused ones.
#[test]
fn embedding_gemma() {
    let runs = (1..32).flat_map(|count| ["\n", "▁", "\t"].map(|part| part.repeat(count)));
    let tags = ["<table>", "</table>", "<pad>", "<eos>", "<bos>", "[multimodal]", "<start_of_turn>"];
    let unused = (0..500).map(|n| format!("<unused{n}>"));
    let contents = runs.chain(tags.map(str::to_owned)).chain(unused);
    let added: Vec<Value> = contents.map(|content| token(&content, [false; 4])).collect();
    let after_spaces = json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false});
    let shape =
        Shape {
            normalizer: replace(" ", "▁"), pre_tokenizer: after_spaces, model: byte_fallback(json!({}))
        };
    shape.check(&[added]);
}

#[test]
fn deepseek_v3() {
    let splits = [split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK3)];
    let pre_tokenizer = pre_tokenizers(&[&splits[..], &[byte_level(false, false)]].concat());
    let model = model("bpe-byte-level", json!({}));
    Shape { normalizer: normalizers(&[]), pre_tokenizer, model }.check(&all_lists());
}

#[test]
fn bert_multilingual_cased() {
    let bert = |chinese: bool, strip: Value, lower: bool| {
        json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": chinese,
               "strip_accents": strip, "lowercase": lower})
    };
    for normalizer in
        [bert(true, Value::Null, false), bert(true, json!(false), false), bert(true, Value::Null, true)]
    {
        let model = model("vq256", json!({}));
        Shape { normalizer, pre_tokenizer: one("BertPreTokenizer"), model }.check(&all_lists());
    }
}

#[test]
fn word_level() {
    let lower = normalizers(&[one("NFD"), one("Lowercase"), one("StripAccents")]);
    for normalizer in [Value::Null, lower] {
        let model = model("word-level", json!({}));
        Shape { normalizer, pre_tokenizer: one("Whitespace"), model }.check(&all_lists());
    }
}
