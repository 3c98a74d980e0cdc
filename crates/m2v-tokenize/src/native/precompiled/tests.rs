//! Against the `tokenizers` crate, and the rules for cutting against `unicode-segmentation`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use tokenizers::{NormalizedString, Normalizer};

use super::*;

/// Characters that clusters, normalizers and Unigram models treat differently, and any others.
pub(in crate::native) fn any_char() -> impl Strategy<Value = char> {
    let special = [
        "\u{2581}\u{3000}\u{a0}\u{2028}\u{85}\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{fffd}",
        "\0\u{1}\t\n\r\u{b}\u{c}\u{1f}\u{7f}\u{ad}",
        // Marks: extending, spacing, prepended; regional indicators, modifiers, tags.
        "\u{300}\u{301}\u{308}\u{327}\u{345}\u{3099}\u{309a}\u{ff9e}\u{20e3}\u{fe0f}\u{1f3fd}\u{e0067}\u{e007f}",
        "\u{600}\u{605}\u{6dd}\u{70f}\u{d4e}\u{110bd}\u{1f1e6}\u{1f1ff}",
        // Hangul parts and syllables, Arabic, Devanagari, Thai, Tamil.
        "\u{1100}\u{1161}\u{11a8}가각힣ㄱ\u{3164}",
        "ابتةىﷺﻻ\u{64b}\u{670}कखर\u{93e}\u{93f}\u{94d}\u{902}ก\u{e33}\u{e34}த\u{bbf}",
        "👍👩👧🏴☃\u{2764}©™ℵ",
        "éÅäöüßıſǅﬁ½²①㎏㌔ｶﾞａＡ！～日本語漢字ひらカタ𠀀𝐀ΑΣςжщ",
    ];
    prop_oneof![
        6 => proptest::char::range('a', 'h'),
        3 => Just(' '),
        3 => proptest::char::range('\0', '\x7F'),
        10 => proptest::sample::select(special.concat().chars().collect::<Vec<_>>()),
        1 => proptest::char::range('\u{80}', '\u{FFFF}'),
        1 => any::<char>(),
    ]
}

/// Texts of such characters.
pub(in crate::native) fn any_text() -> impl Strategy<Value = String> {
    vec(any_char(), 0..40).prop_map(String::from_iter)
}

/// The same table twice.
struct Both {
    ours: Precompiled,
    theirs: tokenizers::normalizers::Precompiled,
}

impl Both {
    fn new(charsmap: &[u8]) -> Self {
        let ours = Precompiled::new(charsmap).unwrap();
        Self { ours, theirs: tokenizers::normalizers::Precompiled::from(charsmap).unwrap() }
    }

    fn fixture() -> Self {
        Self::new(&decode_base64(&fixture()).unwrap())
    }

    #[track_caller]
    fn check(&self, text: &str) {
        let mut ours = "before".to_owned();
        self.ours.normalize(text, &mut ours);
        let mut theirs = NormalizedString::from(text);
        self.theirs.normalize(&mut theirs).unwrap();
        assert_eq!(ours.strip_prefix("before").unwrap(), theirs.get(), "{text:?}");
    }
}

fn fixture() -> String {
    let path = "../../tests/fixtures/models/unigram-precompiled/tokenizer.json";
    let json = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let steps = json["normalizer"]["normalizers"].as_array().unwrap();
    let step = steps.iter().find(|step| step["type"] == "Precompiled").unwrap();
    step["precompiled_charsmap"].as_str().unwrap().to_owned()
}

/// A table: the children of each node of the trie have 256 units, and the first of those says what replaces the key.
pub(in crate::native) fn charsmap(entries: &BTreeMap<String, String>) -> Vec<u8> {
    let mut replacements = String::new();
    let mut units = vec![0_u32; 512];
    // So small a table has no need of scaled offsets.
    units[0] = 256 << 10;
    for (key, replacement) in entries {
        let mut children = 256;
        let mut last = 0;
        for &byte in key.as_bytes() {
            last = children ^ usize::from(byte);
            if units[last] == 0 {
                let new = units.len();
                units.resize(new + 256, 0);
                units[last] = ((last ^ new) as u32) << 10 | u32::from(byte);
            }
            children = last ^ (units[last] >> 10) as usize;
        }
        units[last] |= 1 << 8;
        units[children] = replacements.len() as u32;
        replacements += replacement;
        replacements.push('\0');
    }
    let len = (units.len() * 4) as u32;
    [len].iter().chain(&units).flat_map(|unit| unit.to_le_bytes()).chain(replacements.into_bytes()).collect()
}

proptest! {
    #[test]
    fn replaces_like_the_reference(texts in vec(any_text(), 20)) {
        let both = Both::fixture();
        texts.iter().for_each(|text| both.check(text));
    }

    #[test]
    fn any_table_replaces_like_the_reference(
        keys in btree_map(vec(any_char(), 1..3), vec(any_char(), 0..3), 1..30),
        texts in vec(any_text(), 5),
        seed in vec(any::<proptest::sample::Index>(), 0..60),
    ) {
        let key = |key: Vec<char>| String::from_iter(key).replace('\0', "a");
        let keys: BTreeMap<String, String> =
            keys.into_iter().map(|(from, to)| (key(from), key(to))).collect();
        let both = Both::new(&charsmap(&keys));
        texts.iter().for_each(|text| both.check(text));
        // A text that has entries of the table in it.
        let list: Vec<&String> = keys.keys().collect();
        let text: String = seed.iter().map(|index| index.get(&list).as_str()).collect();
        both.check(&text);
    }

    #[test]
    fn cuts_before_spaces(left in any_text(), spaces in 1..4_usize, right in any_text()) {
        let right = " ".repeat(spaces) + &right;
        prop_assume!(left.chars().next_back().is_none_or(may_cut_before_space));
        let table = Precompiled::from_base64(Some(&fixture())).unwrap();
        let normalize = |texts: &[&str]| {
            let mut out = String::new();
            texts.iter().for_each(|text| table.normalize(text, &mut out));
            out
        };
        prop_assert_eq!(normalize(&[&left, &right]), normalize(&[&(left.clone() + &right)]));
    }
}

/// White space at which the scanner cuts.
const SPACES: [&str; 7] = [" ", "\t", "\n", "\r", "\r\n", "\u{b}", "\u{c}"];

proptest! {
    #[test]
    fn what_stands_apart_is_normalised_alone(
        keys in btree_map(prop_oneof![vec(any_char(), 1..3), vec(any_char(), 1..2).prop_map(|key| [vec![' '], key].concat())],
            vec(any_char(), 0..3), 0..12),
        parts in vec(any_text().prop_map(|text| text.replace(|c: char| c.is_ascii_whitespace() || c == '\u{b}', "")), 1..6),
        spaces in vec(prop::sample::select(SPACES.to_vec()), 6),
    ) {
        let key = |key: Vec<char>| String::from_iter(key).replace('\0', "a");
        let keys: BTreeMap<String, String> = keys.into_iter().map(|(from, to)| (key(from), key(to))).collect();
        for table in [Precompiled::new(&charsmap(&keys)).unwrap(), Precompiled::from_base64(Some(&fixture())).unwrap()] {
            let is_space = |space: &&str| {
                let made = table.normalized(space);
                !made.is_empty() && made.chars().all(char::is_whitespace)
            };
            let cuts: Vec<&str> = spaces.iter().copied().filter(is_space).collect();
            prop_assume!(!cuts.is_empty());
            let words = |text: &str| -> Vec<String> {
                table.normalized(text).split_whitespace().map(str::to_owned).collect()
            };
            let parts: Vec<&String> = parts.iter().filter(|part| stands_apart(part)).collect();
            let whole: String = parts.iter().zip(cuts.iter().cycle()).map(|(part, space)| format!("{part}{space}")).collect();
            let apart: Vec<String> = parts.iter().flat_map(|part| words(part)).collect();
            prop_assert_eq!(words(&whole), apart);
        }
    }
}

#[test]
fn replaces_every_character_like_the_reference() {
    let both = Both::fixture();
    for c in '\0'..=char::MAX {
        both.check(c.encode_utf8(&mut [0; 4]));
    }
    // And marks after it.
    for c in '\0'..='\u{2FFF}' {
        for mark in ["\u{301}", "\u{308}", "\u{3099}", "\u{301}\u{301}\u{301}", "\u{200D}", "\n"] {
            both.check(&format!("{c}{mark} a{c}{mark}{c}"));
        }
    }
}

#[test]
fn knows_where_clusters_end() {
    let clusters = |text: String| text.graphemes(true).count();
    for c in '\0'..=char::MAX {
        assert_eq!(may_cut_before_space(c), clusters(format!("{c} ")) == 2, "{c:?}");
        let kind = kind(c);
        if kind == Kind::Any {
            continue;
        }
        // A character is known by what it does with one of each class in the rules of Unicode (UAX 29).
        let befores =
            ["a", " ", "\r", "\u{AC00}", "\u{AC01}", "👍\u{200D}", "\u{915}\u{94D}", "\u{1F1E6}", "\u{301}"];
        for before in befores {
            assert_eq!(clusters(format!("{before}{c}")), clusters(before.to_owned()) + 1, "{before:?} {c:?}");
        }
        let parts = if kind == Kind::Syllable { &[][..] } else { &["\u{1160}", "\u{11A8}"] };
        for after in [["a", " ", "\n", "\u{AC00}", "\u{AC01}", "👍", "\u{1F1E6}"].as_slice(), parts].concat()
        {
            assert_eq!(clusters(format!("{c}{after}")), 2, "{c:?} {after:?}");
        }
        for after in ["\u{200D}👍", "\u{94D}\u{915}"] {
            let alone = usize::from(c.is_control());
            assert_eq!(clusters(format!("{c}{after}")), 2 + alone, "{c:?} {after:?}");
        }
    }
    for text in ["\r\n", "e\u{301}", "\u{600} ", "\u{1100}\u{AC00}", "가\u{11A8}", "👩\u{200D}👧"] {
        assert_eq!(stretch(text), text.len(), "{text:?}");
    }
    for text in ["ab", "éü", "каж", "가각", "日本", "\u{301} ", "\n\u{2581}"] {
        assert_eq!(stretch(text), text.chars().next().unwrap().len_utf8(), "{text:?}");
    }
}

#[test]
fn refuses_what_is_no_table() {
    for (charsmap, error) in [
        ("", "less than 4 bytes"),
        ("AAA=", "less than 4 bytes"),
        ("CAAAAAAAAAA=", "less than its length"),
        ("BAAAAAAAAAD/", "not UTF-8"),
        ("BAAAAA", "less than its length"),
        ("BAAAA", "something else"),
        ("BAAAAA=", "less than its length"),
        ("BAA\nAAAAAAA", "something else"),
        ("QR==", "something else"),
    ] {
        let found = Precompiled::from_base64(Some(charsmap)).err().unwrap().to_string();
        assert!(found.contains(error), "{charsmap:?}: {found}");
        let json = serde_json::json!({"type": "Precompiled", "precompiled_charsmap": charsmap}).to_string();
        assert!(serde_json::from_str::<tokenizers::normalizers::Precompiled>(&json).is_err(), "{charsmap:?}");
    }
    // What the reference panics at.
    for (charsmap, error) in [(Some("AAAAAA=="), "found an empty one"), (None, "found nothing")] {
        assert!(Precompiled::from_base64(charsmap).err().unwrap().to_string().ends_with(error));
    }
}
