//! A Unigram tokenizer of the words and fragments of texts.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

/// What stands before a word.
const SPACE: char = '▁';

/// Pieces before the ones of the texts; the last is the unknown one.
const SPECIAL: [&str; 4] = ["<s>", "<pad>", "</s>", "<unk>"];

/// Characters of the longest word that becomes a piece, and of the longest fragment.
const LONGEST: (usize, usize) = (16, 7);

/// Writes a `tokenizer.json` of `size` pieces, fewer if the texts do not have as many: all characters, then the
/// most frequent words and fragments of words, with the logarithms of their frequencies as scores.
pub(crate) fn make<'a>(texts: impl Iterator<Item = &'a String>, size: usize, normalizer: &Value) -> Vec<u8> {
    let mut words: HashMap<String, u64> = HashMap::new();
    for text in texts {
        let text: String = text.nfkc().collect();
        for word in text.split_whitespace() {
            *words.entry(format!("{SPACE}{word}")).or_default() += 1;
        }
    }
    let mut pieces: HashMap<&str, u64> = HashMap::new();
    for (word, count) in &words {
        fragments(word).for_each(|piece| *pieces.entry(piece).or_default() += count);
    }
    let total: u64 = pieces.values().sum();
    let mut pieces: Vec<_> = pieces.into_iter().collect();
    let is_character = |piece: &str| piece.chars().nth(1).is_none();
    pieces.sort_by_key(|&(piece, count)| (!is_character(piece), u64::MAX - count, piece));
    pieces.truncate(size.saturating_sub(SPECIAL.len()));
    let score = |count: u64| (count as f64 / total as f64).ln();
    let special: HashSet<&str> = SPECIAL.into();
    let vocab: Vec<Value> = SPECIAL
        .iter()
        .map(|piece| json!([piece, 0.0]))
        .chain(
            pieces.iter().filter(|(piece, _)| !special.contains(piece)).map(|(p, n)| json!([p, score(*n)])),
        )
        .collect();
    tokenizer(&vocab, normalizer).to_string().into_bytes()
}

/// NFKC, and one space for several.
pub(crate) fn nfkc() -> Value {
    json!({"type": "Sequence", "normalizers": [
        {"type": "NFKC"},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}
    ]})
}

/// A word, if it is short, and its parts.
fn fragments(word: &str) -> impl Iterator<Item = &str> {
    let ends: Vec<usize> = word.char_indices().map(|(start, _)| start).chain([word.len()]).collect();
    let characters = ends.len() - 1;
    let whole = (LONGEST.1 < characters && characters <= LONGEST.0).then_some(word);
    let parts = (0..characters).flat_map(move |start| {
        let longest = LONGEST.1.min(characters - start);
        let ends = ends.clone();
        (1..=longest).map(move |length| &word[ends[start]..ends[start + length]])
    });
    parts.chain(whole)
}

fn tokenizer(vocab: &[Value], normalizer: &Value) -> Value {
    let added = |(id, content): (usize, &&str)| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true
        })
    };
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": SPECIAL.iter().enumerate().map(added).collect::<Vec<_>>(),
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"},
            {"type": "Metaspace", "replacement": SPACE, "prepend_scheme": "always", "split": true}
        ]},
        "post_processor": null,
        "decoder": null,
        "model": {"type": "Unigram", "unk_id": SPECIAL.len() - 1, "vocab": vocab, "byte_fallback": false}
    })
}
