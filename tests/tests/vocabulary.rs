//! What is read from a `tokenizer.json` without building a tokenizer is what the built one says.

use m2v_tests::{Recorded, Result};
use m2v_tokenize::Vocabulary;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Value, json};

/// The tokenizer says how many tokens there are, the largest id, the median length, and the id of a token.
#[track_caller]
fn assert_agrees(json: &[u8], unk: Option<&str>) -> Result<()> {
    let built = tokenizers::Tokenizer::from_bytes(json)?;
    let read = Vocabulary::from_json(json)?;
    let tokens = built.get_vocab(true);
    assert_eq!(read.len(), tokens.len(), "number of tokens");
    assert_eq!(Some(read.max_id()), tokens.values().copied().max(), "largest id");
    assert_eq!(read.unk_id(), unk.and_then(|unk| built.token_to_id(unk)), "id of {unk:?}");
    let mut lengths: Vec<_> = tokens.keys().map(|token| token.chars().count()).collect();
    lengths.sort_unstable();
    let (below, above) = (lengths[(lengths.len() - 1) / 2], lengths[lengths.len() / 2]);
    assert_eq!(read.median_token_length(), usize::midpoint(below, above), "median of {lengths:?}");
    Ok(())
}

fn added(id: u32, content: &str) -> Value {
    json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
           "normalized": false, "special": false})
}

#[test]
fn it_agrees_on_every_recorded_tokenizer() -> Result<()> {
    for recorded in Recorded::all()? {
        let checkpoint = recorded.checkpoint()?;
        let unk = Vocabulary::from_json(&checkpoint.tokenizer)?.unk().map(|unk| unk.content.clone());
        assert_agrees(&checkpoint.tokenizer, unk.as_deref())?;
    }
    Ok(())
}

/// As the reference: the ids of added tokens are counted on, whatever the file says.
#[test]
fn ids_of_added_tokens_are_not_read() -> Result<()> {
    let listed = [added(50, "[UNK]"), added(3, ""), added(0, "b"), added(0, "new"), added(51, "new")];
    let json = json!({
        "added_tokens": listed,
        "model": {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {"a": 0, "b": 1}},
    })
    .to_string();
    assert_agrees(json.as_bytes(), Some("[UNK]"))?;
    let vocabulary = Vocabulary::from_json(json.as_bytes())?;
    assert_eq!((vocabulary.len(), vocabulary.max_id(), vocabulary.unk_id()), (4, 3, Some(2)));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_on_any_vocabulary(
        family in 0..4usize,
        vocab in btree_map("[abé]{1,4}", 0..12u32, 1..6),
        list in vec(("[abé]{0,3}", 0..20u32), 0..5),
        unk in "[abé]{1,2}",
    ) {
        let mut model = match family {
            0 => json!({"type": "WordLevel"}),
            1 => json!({"type": "WordPiece", "continuing_subword_prefix": "##", "max_input_chars_per_word": 9}),
            2 => json!({"type": "BPE", "merges": []}),
            // The last piece twice: the later id counts. Not the first, which is the unknown one.
            _ => {
                let pieces = vocab.keys().chain(vocab.keys().skip(1).last()).map(|piece| json!([piece, -1.0]));
                json!({"type": "Unigram", "unk_id": 0, "vocab": pieces.collect::<Vec<_>>()})
            }
        };
        let unk = if family == 3 { vocab.keys().next().cloned() } else { Some(unk) };
        if family < 3 {
            model["unk_token"] = json!(unk);
            model["vocab"] = json!(vocab);
        }
        let list: Vec<_> = list.iter().map(|(content, id)| added(*id, content)).collect();
        let json = json!({"added_tokens": list, "model": model}).to_string();
        assert_agrees(json.as_bytes(), unk.as_deref()).unwrap();
    }
}
