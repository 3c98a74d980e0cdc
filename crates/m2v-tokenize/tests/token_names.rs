//! Tokens and ids are those of the `tokenizers` crate.
#![cfg(feature = "hf")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use m2v_tokenize::{Error, TokenNames, Vocabulary};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The same answers for all tokens that the reference has, for all ids and some others; and nothing more in the list.
#[track_caller]
fn assert_agrees(json: &[u8]) {
    let reference = tokenizers::Tokenizer::from_bytes(json).unwrap();
    let names = TokenNames::from_json(json).unwrap();
    let (vocab, model, added) =
        (reference.get_vocab(true), reference.get_vocab(false), reference.get_added_tokens_decoder());
    for (token, id) in &vocab {
        assert_eq!(names.token_to_id(token), Some(*id), "{token:?}");
        for other in [format!("{token}x"), format!("#{token}"), token.chars().skip(1).collect()] {
            assert_eq!(names.token_to_id(&other), reference.token_to_id(&other), "{other:?}");
        }
    }
    let mut sharing = BTreeMap::<u32, Vec<&String>>::new();
    model.iter().for_each(|(token, id)| sharing.entry(*id).or_default().push(token));
    // The pieces of Unigram have more ids than the vocabulary says.
    let listed = u32::try_from(reference.get_vocab_size(false)).unwrap();
    let ids: BTreeSet<u32> = vocab.values().copied().chain(0..listed).collect();
    let others = ids.iter().flat_map(|id| [id.wrapping_sub(1), id.saturating_add(1), u32::MAX]);
    let mut expected = Vec::new();
    for id in ids.iter().copied().chain(others).collect::<BTreeSet<_>>() {
        let found = names.id_to_token(id);
        let token = match (added.get(&id), sharing.get(&id)) {
            // It may be normalised, for decoders.
            (Some(added), _) if reference.get_normalizer().is_some() => Some(added.content.clone()),
            // The reference has either.
            (None, Some(tokens)) if tokens.len() > 1 => {
                assert!(tokens.iter().any(|token| Some(&***token) == found), "{id}: {found:?} of {tokens:?}");
                found.map(str::to_owned)
            }
            _ => reference.id_to_token(id),
        };
        assert_eq!(found, token.as_deref(), "{id}");
        expected.extend(token.map(|token| (id, token)));
    }
    assert!(names.iter().eq(expected.iter().map(|(id, token)| (*id, &**token))));
    assert_eq!((names.len(), names.iter().len()), (expected.len(), expected.len()));
    let again = TokenNames::from_json(json).unwrap();
    assert!(again.iter().eq(names.iter()), "the same in each run");
}

fn tokenizers_in(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tokenizers_in(&path, found);
        } else if path.ends_with("tokenizer.json") {
            found.push(path);
        }
    }
}

#[test]
fn of_every_recorded_tokenizer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths = Vec::new();
    for folder in ["tests/fixtures/models", "models"] {
        tokenizers_in(&root.join(folder), &mut paths);
    }
    assert!(paths.len() >= 20, "{paths:?}");
    let mut spellings = BTreeSet::new();
    for path in paths {
        let json = fs::read(&path).unwrap();
        assert_agrees(&json);
        let names = TokenNames::from_json(&json).unwrap();
        assert_eq!(names.len(), Vocabulary::from_json(&json).unwrap().len(), "{}", path.display());
        spellings
            .extend(["##ing", "▁the", "Ġthe"].into_iter().filter(|token| names.token_to_id(token).is_some()));
    }
    assert_eq!(spellings.len(), 3, "{spellings:?}");
}

fn added(content: &str, id: u32, normalized: bool) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
           "normalized": normalized, "special": false})
}

fn word_level(added: &[Value], vocab: &str) -> String {
    let added = json!(added);
    format!(
        r#"{{"added_tokens": {added}, "normalizer": {{"type": "Lowercase"}},
            "model": {{"type": "WordLevel", "unk_token": "?", "vocab": {vocab}}}}}"#
    )
}

#[test]
fn a_new_token_takes_the_id_of_one_behind_a_gap() {
    let names = |list: &[&str]| {
        let list: Vec<_> = list.iter().map(|content| added(content, 9, false)).collect();
        let json = word_level(&list, r#"{"?": 0, "x": 1, "y": 3}"#);
        assert_agrees(json.as_bytes());
        TokenNames::from_json(json.as_bytes()).unwrap()
    };
    for (list, token) in [
        (&["new"][..], "new"),
        (&["new", "y"], "y"),
        (&["y", "new"], "new"),
        (&["new", "y", "new"], "new"),
        (&["y", "new", "", "y"], "y"),
    ] {
        let names = names(list);
        assert_eq!(names.id_to_token(3), Some(token), "{list:?}");
        assert_eq!((names.token_to_id("y"), names.token_to_id("new")), (Some(3), Some(3)), "{list:?}");
        assert_eq!(names.len(), 3);
    }
}

#[test]
fn of_a_token_that_is_listed_again_the_last_id_counts() {
    let json = word_level(
        &[added("b", 0, false)],
        r#"{"?": 0, "a": 1, "b": 4294967295, "\u0061": 2000000000, "\"": 2}"#,
    );
    assert_agrees(json.as_bytes());
    let names = TokenNames::from_json(json.as_bytes()).unwrap();
    assert_eq!((names.id_to_token(1), names.token_to_id("a")), (None, Some(2_000_000_000)));

    let json =
        br#"{"model": {"type": "Unigram", "unk_id": 0, "vocab": [["?", 0], ["a", -1], ["b", -2], ["a", -3]]},
                    "added_tokens": []}"#;
    assert_agrees(json);
    let names = TokenNames::from_json(json).unwrap();
    let both = [names.id_to_token(1), names.id_to_token(3)];
    assert_eq!((both, names.token_to_id("a")), ([Some("a"); 2], Some(3)));
    assert_eq!((names.len(), Vocabulary::from_json(json).unwrap().len()), (4, 3));
}

/// For its decoders the reference has such a token as it is in normalised text.
#[test]
fn a_token_in_normalised_text_is_spelled_as_in_the_file() {
    let json = word_level(&[added("New York", 0, true), added("Y", 0, true)], r#"{"?": 0, "Y": 1, "y": 2}"#);
    assert_agrees(json.as_bytes());
    let names = TokenNames::from_json(json.as_bytes()).unwrap();
    assert!(names.iter().eq([(0, "?"), (1, "Y"), (2, "y"), (3, "New York")]));
    assert_eq!((names.token_to_id("New York"), names.token_to_id("new york")), (Some(3), None));
    let reference = tokenizers::Tokenizer::from_bytes(json.as_bytes()).unwrap();
    assert_eq!(reference.id_to_token(3).as_deref(), Some("new york"), "if not, drop what is said of it");
}

#[test]
fn what_is_no_tokenizer_has_none() {
    let error = |json: &str| TokenNames::from_json(json.as_bytes()).unwrap_err();
    assert!(matches!(error("{"), Error::Json(_)));
    assert!(matches!(error(r#"{"model": {"type": "WordLevel"}}"#), Error::Json(_)));
    assert!(matches!(error(&word_level(&[], "{}")), Error::Field { field: "model.vocab", .. }));
    assert!(matches!(error(&word_level(&[json!({"id": 1})], r#"{"?": 0}"#)), Error::Json(_)));
    let unigram = r#"{"model": {"type": "Unigram", "unk_id": 1, "vocab": [["?", 0]]}}"#;
    assert!(matches!(error(unigram), Error::Field { field: "model.unk_id", .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn of_any_vocabulary(
        family in 0..4usize,
        vocab in btree_map("#{0,2}[abé]{1,3}|[ab]{10,20}", 0..14u32, 1..8),
        pieces in vec("[▁ab]{1,2}", 1..8),
        list in vec(("[abéÉ]{0,3}", any::<bool>()), 0..6),
        normalizer in prop::sample::select(vec![Value::Null, json!({"type": "Lowercase"})]),
    ) {
        let mut model = match family {
            0 => json!({"type": "WordLevel"}),
            1 => json!({"type": "WordPiece", "continuing_subword_prefix": "##", "max_input_chars_per_word": 9}),
            2 => json!({"type": "BPE", "merges": []}),
            _ => {
                let pieces: Vec<_> = pieces.iter().map(|piece| json!([piece, -1.0])).collect();
                json!({"type": "Unigram", "unk_id": 0, "vocab": pieces})
            }
        };
        if family < 3 {
            model["unk_token"] = json!("a");
            model["vocab"] = json!(vocab);
        }
        let list: Vec<_> = list.iter().map(|(content, normalized)| added(content, 3, *normalized)).collect();
        let json = json!({"added_tokens": list, "normalizer": normalizer, "model": model}).to_string();
        assert_agrees(json.as_bytes());
    }
}
