//! The model against that of the `tokenizers` crate.

use serde_json::{Value, json};

use super::spelling::{byte_for, character_of};
use super::{Bpe, BpeScratch};
use crate::arena::Arena;
use crate::error::Result;
use crate::json::File;

fn load(model: &Value, byte_level: bool) -> Result<Option<Bpe>> {
    let mut model = model.clone();
    model["type"] = "BPE".into();
    let json = json!({ "model": model }).to_string();
    Bpe::new(&File::parse(json.as_bytes())?.model, byte_level, &mut Arena::default())
}

fn ids(model: &Bpe, text: &str) -> Vec<u32> {
    let mut ids = Vec::new();
    model.tokenize(text, &mut BpeScratch::default(), &mut ids);
    ids
}

#[test]
fn bytes_have_characters() {
    let characters: String = (0..=255).map(character_of).collect();
    assert!(characters.starts_with("ĀāĂ") && characters.contains("Ġ!\"#") && characters.ends_with("ýþÿ"));
    for byte in 0..=255 {
        assert_eq!(byte_for(character_of(byte)), Some(byte));
    }
    let with_bytes = ('\0'..=char::MAX).filter(|&c| byte_for(c).is_some());
    assert_eq!(with_bytes.count(), 256);
}

#[test]
fn merges_by_rank_then_position() {
    let vocab = json!({"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4, "abc": 5, "aa": 6});
    let model = json!({"vocab": vocab, "merges": ["#version: 0.2", "b c", "a b", "ab c", "a a"]});
    let model = load(&model, false).unwrap().unwrap();
    assert_eq!(ids(&model, "abc"), [0, 4]);
    assert_eq!(ids(&model, "aaab"), [6, 3]);
    assert_eq!(ids(&model, "aaa"), [6, 0]);
    // No unknown token: nothing stands for what is not in the vocabulary.
    assert_eq!(ids(&model, "axb"), [3]);
    assert!(ids(&model, "").is_empty());
}

#[test]
fn refuses_what_it_does_not_know() {
    let vocab = json!({"a": 0, "b": 1, "ab": 2});
    let native = |model: Value| load(&model, false).unwrap().is_some();
    assert!(native(json!({"vocab": vocab, "merges": [["a", "b"]], "dropout": 0.0})));
    assert!(!native(json!({"vocab": vocab, "merges": [["a", "b"]], "dropout": 0.1})));
    assert!(!native(json!({"vocab": vocab, "merges": [], "unk_token": "?"})));
    assert!(!native(json!({"vocab": {"a": 3_000_000}, "merges": []})));
}

#[test]
fn cuts_only_where_nothing_crosses() {
    let vocab = json!({"?": 0, "a": 1, "▁": 2, "▁▁": 3, "▁a": 4, "a▁": 5, "aa": 6});
    let model = |merges: Value, fields: Value| {
        let mut model = json!({"vocab": vocab, "merges": merges, "unk_token": "?"});
        model.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        load(&model, false).unwrap().unwrap()
    };
    let within = json!([["▁", "▁"], ["▁", "a"], ["a", "a"]]);
    assert!(model(within.clone(), json!({})).splits_before('▁'));
    assert!(model(within.clone(), json!({"fuse_unk": true})).splits_before('▁'));
    assert!(!model(json!([["▁", "a"], ["a", "▁"]]), json!({})).splits_before('▁'));
    assert!(!model(within.clone(), json!({"ignore_merges": true})).splits_before('▁'));
    assert!(!model(within.clone(), json!({"end_of_word_suffix": "/"})).splits_before('▁'));
    assert!(!model(within.clone(), json!({"unk_token": null})).splits_before('▁'));
    assert!(!model(within.clone(), json!({"unk_token": "a▁"})).splits_before('▁'));
    // It is not known itself.
    assert!(!model(within, json!({})).splits_before('_'));
}

#[cfg(feature = "hf")]
mod reference {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use tokenizers::{Model as _, ModelWrapper};

    use super::super::SHORT;
    use super::super::queue::Queue;
    use super::*;

    fn reference(model: &Value) -> std::result::Result<ModelWrapper, serde_json::Error> {
        serde_json::from_value(model.clone())
    }

    /// The ids of the reference, whose byte-level models want mapped text.
    fn expected(reference: &ModelWrapper, text: &str, byte_level: bool) -> tokenizers::Result<Vec<u32>> {
        let mapped = text.bytes().map(character_of).collect::<String>();
        let tokens = reference.tokenize(if byte_level { &mapped } else { text })?;
        Ok(tokens.into_iter().map(|token| token.id).collect())
    }

    /// The ids in all other ways: all must be right in a regular vocabulary.
    fn other_ways(model: &Bpe, text: &str) -> Vec<Vec<u32>> {
        let mut symbols = Vec::new();
        model.spelling.spell(text, &mut symbols);
        let way = |merge: &dyn Fn(&mut [u32]) -> usize| {
            let mut ids = symbols.clone();
            let len = merge(&mut ids);
            ids.truncate(len);
            ids
        };
        let mut ways = vec![way(&|ids| Queue::default().merge(&model.pairs, ids))];
        for (window, overlap) in [(1, 0), (3, 1), (8, 2), (20, 4), (50, 0)] {
            ways.push(way(&|ids| Queue::default().merge_windows(&model.pairs, ids, window, overlap)));
        }
        if symbols.len() < 64 {
            ways.push(way(&|ids| model.merge_short::<64>(ids)));
        }
        ways
    }

    fn fixture(name: &str) -> Value {
        let root = env!("CARGO_MANIFEST_DIR");
        let path = format!("{root}/../../tests/fixtures/models/{name}/tokenizer.json");
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        file["model"].clone()
    }

    fn text() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            8 => prop::char::range('a', 'z').prop_map(String::from),
            3 => prop::char::range(' ', '~').prop_map(String::from),
            4 => select(vec!["▁", " ", "\n", "the", "ing", "▁and", "ation", "'s", "00"]).prop_map(str::to_owned),
            1 => select(vec!["é", "ſ", "e\u{301}", "ж", "語", "한", "😀", "👩‍🚀", "\u{0}", "\u{7f}", "\u{ad}", "<0x0A>", "<unk>"])
                .prop_map(str::to_owned),
            1 => prop::char::any().prop_map(String::from),
        ];
        prop_oneof![
            3 => prop::collection::vec(character.clone(), 0..12),
            1 => prop::collection::vec(character.clone(), 0..200),
            1 => (character, 1..200_usize).prop_map(|(part, count)| vec![part; count]),
        ]
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn models_of_the_fixtures(texts in prop::collection::vec(text(), 200)) {
            for (name, byte_level) in [("bpe-byte-level", true), ("bpe-split-regex", true), ("bpe-byte-fallback", false)] {
                let json = fixture(name);
                let (model, reference) = (load(&json, byte_level).unwrap().unwrap(), reference(&json).unwrap());
                for text in &texts {
                    let expected = expected(&reference, text, byte_level).unwrap();
                    prop_assert_eq!(ids(&model, text), expected, "{}: {:?}", name, text);
                }
            }
        }
    }

    /// What a generated model is made from.
    #[derive(Debug)]
    struct Recipe {
        byte_level: bool,
        prefix: &'static str,
        suffix: &'static str,
        characters: Vec<bool>,
        byte_tokens: bool,
        missing_byte: Option<u8>,
        merges: Vec<(Index, Index)>,
        order: Vec<u16>,
        repeated: Vec<Index>,
        shared_ids: u32,
        unknown: Option<&'static str>,
        flags: [Option<bool>; 3],
        lines: bool,
    }

    const CHARACTERS: [&str; 8] = ["a", "b", "c", "▁", "é", "Ġ", "Ã", "©"];

    impl Recipe {
        fn model(&self) -> Value {
            let (prefix, suffix) = (self.prefix, self.suffix);
            let mut tokens = vec!["<unk>".to_owned(), "▁".to_owned()];
            let mut known = self.characters.iter().cycle();
            for c in CHARACTERS {
                for token in [
                    c.to_owned(),
                    format!("{prefix}{c}"),
                    format!("{c}{suffix}"),
                    format!("{prefix}{c}{suffix}"),
                ] {
                    if *known.next().unwrap() && !tokens.contains(&token) {
                        tokens.push(token);
                    }
                }
            }
            if self.byte_tokens {
                let bytes = (0..=255).filter(|&byte| Some(byte) != self.missing_byte);
                tokens.extend(bytes.map(|byte: u8| format!("<0x{byte:02X}>")));
            }
            let mut merges: Vec<[String; 2]> = Vec::new();
            for (left, right) in &self.merges {
                // Of the first tokens and the last, which merges have made.
                let pick = |at: &Index| {
                    tokens[(tokens.len() + 30 - at.index(60.min(tokens.len()))) % tokens.len()].clone()
                };
                let (left, right) = (pick(left), pick(right));
                let Some(rest) = right.get(prefix.len()..) else { continue };
                let merged = format!("{left}{rest}");
                if merged.len() < 40 && !(self.lines && (left.contains(' ') || right.contains(' '))) {
                    if !tokens.contains(&merged) {
                        tokens.push(merged);
                    }
                    merges.push([left, right]);
                }
            }
            let mut order: Vec<_> =
                merges.into_iter().zip(self.order.iter().chain(std::iter::repeat(&0))).collect();
            order.sort_by_key(|entry| entry.1);
            let mut merges: Vec<_> = order.into_iter().map(|entry| entry.0).collect();
            for at in &self.repeated {
                if let Some(merge) = merges.get(at.index(merges.len().max(1))).cloned() {
                    merges.push(merge);
                }
            }
            let ids = tokens.iter().zip(0..).map(|(token, id)| {
                (token.clone(), json!(id % (tokens.len() as u32 - self.shared_ids.min(5))))
            });
            let merges = match self.lines {
                true => merges.iter().map(|merge| json!(merge.join(" "))).collect(),
                false => json!(merges),
            };
            json!({
                "type": "BPE",
                "vocab": ids.collect::<serde_json::Map<_, _>>(),
                "merges": merges,
                "unk_token": self.unknown,
                "continuing_subword_prefix": Some(prefix).filter(|prefix| !prefix.is_empty()),
                "end_of_word_suffix": suffix,
                "fuse_unk": self.flags[0],
                "byte_fallback": self.flags[1],
                "ignore_merges": self.flags[2],
            })
        }
    }

    fn recipe() -> impl Strategy<Value = Recipe> {
        let affixes = (select(vec!["", "", "", "##", "Ġ"]), select(vec!["", "", "</w>"]));
        let alphabet = (
            prop::collection::vec(prop::bool::weighted(0.85), 32),
            any::<bool>(),
            prop::option::of(select(vec![b'x', 0xE2, 0x0A])),
        );
        let merges = prop::collection::vec(any::<(Index, Index)>(), 0..60);
        let order = (prop::collection::vec(0..40_u16, 0..60), prop::collection::vec(any::<Index>(), 0..3));
        let ids = prop_oneof![3 => Just(0), 1 => 1..5_u32];
        let unknown = (
            select(vec![None, Some("<unk>"), Some("<unk>"), Some("▁"), Some("missing")]),
            any::<[Option<bool>; 3]>(),
        );
        (any::<(bool, bool)>(), affixes, alphabet, merges, order, ids, unknown).prop_map(
            |(
                (byte_level, lines),
                (prefix, suffix),
                alphabet,
                merges,
                (order, repeated),
                shared_ids,
                (unknown, flags),
            )| {
                let (characters, byte_tokens, missing_byte) = alphabet;
                Recipe {
                    byte_level,
                    prefix,
                    suffix,
                    characters,
                    byte_tokens,
                    missing_byte,
                    merges,
                    order,
                    repeated,
                    shared_ids,
                    unknown,
                    flags,
                    lines,
                }
            },
        )
    }

    fn small_text() -> impl Strategy<Value = String> {
        let part =
            select(vec!["a", "b", "c", "▁", "é", "Ġ", "Ã", "©", " ", "x", "☃", "ab", "aa", "▁a", "ca"]);
        prop_oneof![
            4 => prop::collection::vec(part.clone(), 0..10),
            2 => prop::collection::vec(part.clone(), 0..2 * SHORT),
            1 => prop::collection::vec(part.clone(), 0..300),
            1 => (prop::collection::vec(part, 1..4), 1..100_usize).prop_map(|(part, count)| part.repeat(count)),
        ]
        .prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        #[test]
        fn generated_models(recipe in recipe(), texts in prop::collection::vec(small_text(), 12)) {
            let json = recipe.model();
            let byte_level = recipe.byte_level;
            let model = load(&json, byte_level).unwrap();
            let reference = reference(&json).unwrap();
            for text in &texts {
                let expected = expected(&reference, text, byte_level);
                let Some(model) = &model else {
                    // The unknown token is missing.
                    prop_assert_eq!(recipe.unknown, Some("missing"));
                    continue;
                };
                let expected = expected.unwrap();
                prop_assert_eq!(&ids(model, text), &expected, "{}: {:?}", json, text);
                let by_merges = model.regular && !(model.pieces.is_some() && expected.len() < 2);
                for ids in by_merges.then(|| other_ways(model, text)).into_iter().flatten() {
                    prop_assert_eq!(&ids, &expected, "{}: {:?}", json, text);
                }
                for c in ['a', '▁', 'é', '>'] {
                    if !byte_level && model.splits_before(c) {
                        let mut parts = Vec::new();
                        let mut start = 0;
                        for (at, _) in text.match_indices(c).filter(|found| !text[..found.0].ends_with(c)) {
                            parts.extend(ids(model, &text[start..at]));
                            start = at;
                        }
                        parts.extend(ids(model, &text[start..]));
                        prop_assert_eq!(&parts, &expected, "cut before {}, {}: {:?}", c, json, text);
                    }
                }
            }
        }
    }

    #[test]
    fn tokens_that_share_an_id() {
        // When `a b` comes up, `a bc` stands there: stale, had it not the same id.
        let vocab = json!({"a": 0, "b": 1, "c": 2, "d": 3, "bc": 4, "ab": 5, "abc": 5, "bcd": 6});
        let mut json = json!({"type": "BPE", "vocab": vocab, "merges": ["b c", "a b", "bc d", "a bc"]});
        for (shared, expected_ids) in [(5, [5, 3]), (7, [0, 6])] {
            json["vocab"]["abc"] = json!(shared);
            let model = load(&json, false).unwrap().unwrap();
            assert_eq!(ids(&model, "abcd"), expected_ids);
            assert_eq!(expected(&reference(&json).unwrap(), "abcd", false).unwrap(), expected_ids);
        }
    }

    #[test]
    fn refuses_what_the_reference_refuses() {
        let vocab = json!({"a": 0, "b": 1, "ab": 2, "##": 3, "#b": 4});
        let models = [
            json!({"vocab": vocab, "merges": [["a", "b"]]}),
            json!({"vocab": vocab, "merges": [["a", "b"], ["a", "b"]], "extra": 1}),
            json!({"vocab": vocab, "merges": ["#version 1 2 3", "a b"]}),
            json!({"vocab": vocab, "merges": [["a", "c"]]}),
            json!({"vocab": vocab, "merges": [["c", "a"]]}),
            json!({"vocab": vocab, "merges": [["b", "a"]]}),
            json!({"vocab": vocab, "merges": [["a", "b", "a"]]}),
            json!({"vocab": vocab, "merges": [["a"]]}),
            json!({"vocab": vocab, "merges": ["ab"]}),
            json!({"vocab": vocab, "merges": ["a b "]}),
            json!({"vocab": vocab, "merges": ["a  b"]}),
            json!({"vocab": vocab, "merges": ["a b", ["a", "b"]]}),
            json!({"vocab": vocab, "merges": null}),
            json!({"vocab": vocab}),
            json!({"vocab": [["a", 0]], "merges": []}),
            json!({"vocab": {"a": -1}, "merges": []}),
            json!({"vocab": {"a": 5_000_000_000_u64}, "merges": []}),
            json!({"vocab": {"a": 0.5}, "merges": []}),
            json!({"vocab": vocab, "merges": [["a", "#b"]], "continuing_subword_prefix": "#"}),
            json!({"vocab": vocab, "merges": [["a", "b"]], "continuing_subword_prefix": "#"}),
            json!({"vocab": vocab, "merges": [], "dropout": 1.5}),
            json!({"vocab": vocab, "merges": [], "dropout": "0"}),
            json!({"vocab": vocab, "merges": [], "fuse_unk": "no"}),
            json!({"vocab": vocab, "merges": [], "unk_token": 1}),
        ];
        for mut model in models {
            model["type"] = json!("BPE");
            let expected = reference(&model).is_ok();
            assert_eq!(load(&model, false).is_ok(), expected, "{model}");
        }
    }

    #[test]
    fn long_pieces() {
        let json = fixture("bpe-byte-level");
        let (model, reference) = (load(&json, true).unwrap().unwrap(), reference(&json).unwrap());
        for text in ["a", " ", "the", "😀", "[", "\u{301}", "▁", "antidisestablishmentarianism"] {
            let text = text.repeat(20_000);
            assert!(ids(&model, &text) == expected(&reference, &text, true).unwrap(), "{:?}", &text[..4]);
        }
    }
}
