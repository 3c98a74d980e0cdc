//! Native tokenizers next to the `tokenizers` crate.

use std::cell::RefCell;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use m2v_tokenize::{Scratch, Tokenizer, from_json};
use proptest::prelude::*;

/// A native tokenizer and the one it has to equal.
pub(crate) struct Pair {
    name: String,
    native: Box<dyn Tokenizer>,
    reference: tokenizers::Tokenizer,
    /// One for all texts, so that what is remembered of one is used for the next.
    scratch: RefCell<Scratch>,
    /// Likewise, for texts whose ids are handed on.
    scratch_with_ids: RefCell<Scratch>,
}

impl Pair {
    pub(crate) fn new(name: &str, json: &[u8]) -> Self {
        let native = from_json(json).unwrap();
        assert_eq!(native.implementation(), "m2v, native", "{name}");
        let mut reference = tokenizers::Tokenizer::from_bytes(json).unwrap();
        reference.with_padding(None);
        reference.with_truncation(None).unwrap();
        let (scratch, scratch_with_ids) = <(RefCell<_>, RefCell<_>)>::default();
        Self { name: name.to_owned(), native, reference, scratch, scratch_with_ids }
    }

    /// The ids of the reference. Where added tokens overlap it panics.
    fn expected(&self, text: &str) -> tokenizers::Result<Vec<u32>> {
        let encode = AssertUnwindSafe(|| self.reference.encode_fast(text, false));
        let encoding = catch_unwind(encode).unwrap_or_else(|_| Err("it panicked".into()))?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The same ids, twice: the second time from memory.
    #[track_caller]
    pub(crate) fn assert_same(&self, text: &str) {
        let expected = self.expected(text);
        for pass in ["first", "second"] {
            let mut ids = Vec::new();
            let found = self.native.encode_into(text, &mut self.scratch.borrow_mut(), &mut ids);
            let mut handed_on = Vec::new();
            let mut scratch = self.scratch_with_ids.borrow_mut();
            let with_ids = self.native.with_ids(text, &mut scratch, &mut |ids| handed_on.push(ids.to_vec()));
            match &expected {
                Ok(expected) => {
                    assert_eq!(&ids, expected, "{}: {text:?}, {pass} time", self.name);
                    assert_eq!(handed_on, [&**expected], "{}: {text:?}, {pass} time, handed on", self.name);
                }
                Err(error) => {
                    assert!(found.is_err(), "{}: {text:?} should fail: {error}", self.name);
                    assert!(with_ids.is_err() && handed_on.is_empty(), "{}: {text:?}: {error}", self.name);
                }
            }
        }
    }
}

impl Pair {
    /// The same ids of texts that are tokenised together, twice; and if one of them cannot be, an error.
    #[track_caller]
    pub(crate) fn assert_same_block(&self, texts: &[&str]) {
        let expected: Option<Vec<Vec<u32>>> = texts.iter().map(|text| self.expected(text).ok()).collect();
        for pass in ["first", "second"] {
            let (mut ids, mut ends) = (vec![7], vec![1]);
            let mut scratch = self.scratch.borrow_mut();
            let found = self.native.encode_block_into(texts, &mut scratch, &mut ids, &mut ends);
            let Some(expected) = &expected else {
                assert!(found.is_err(), "{}: {texts:?} should fail", self.name);
                continue;
            };
            let found: Vec<_> = ends.windows(2).map(|ends| ids[ends[0]..ends[1]].to_vec()).collect();
            assert_eq!(&found, expected, "{}: {texts:?}, {pass} time", self.name);
            assert_eq!(ends.last(), Some(&ids.len()));
        }
    }
}

/// A file of the recorded answers.
pub(crate) fn fixture(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(path)).unwrap()
}

/// The `tokenizer.json` of a recorded model.
pub(crate) fn recorded(model: &str) -> Vec<u8> {
    fixture(&format!("models/{model}/tokenizer.json"))
}

/// Text of characters that tokenizers treat differently.
pub(crate) fn any_text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(
        [
            " ",
            "  ",
            "\t",
            "\n",
            "\r\n",
            "\u{b}",
            "\u{c}",
            "\0",
            "\u{1f}",
            "\u{7f}",
            "\u{85}",
            "\u{a0}",
            "\u{3000}",
            "\u{200b}",
            "\u{200d}",
            "\u{feff}",
            "\u{ad}",
            "\u{fffd}",
            "é",
            "e\u{301}",
            "\u{301}",
            // What the first become with the second depends on what comes first: composing, lower-casing, splitting.
            "=\u{338}",
            "H\u{331}",
            "\u{338}",
            "\u{344}",
            "\u{958}",
            "Å",
            "ﬁ",
            "Ⅻ",
            "İ",
            "ß",
            "Σ",
            "ς",
            "ſ",
            "一",
            "二",
            "日本",
            "\u{f900}",
            "\u{2f800}",
            "한",
            "ᄒ",
            "\u{1161}",
            "مر",
            "\u{600}",
            "न\u{947}",
            "ส\u{e31}",
            "😀",
            "👩\u{200d}👧",
            "🇮🇳",
            "𝔘",
            "\u{10ffff}",
            "’",
            "“",
            "…",
            "—",
            "¿",
            "。",
            "▁",
            "_",
            "#",
            "##",
            "[UNK]",
            "[CLS]",
            "[cls]",
            "[",
            "]",
            "<s>",
            "</s>",
            "<",
            "<tag>",
            "c++",
            "new york",
            "New York City",
            "machine learning",
            "Café au lait",
            "'s",
            "'LL",
            "0",
            "123",
            "٣",
            "½",
            "a",
            "b",
            "hello",
            "World",
            "ing",
            "un",
            "don't",
            "x",
            "the",
            "of",
            "ab\u{0}",
            "supercalifragilistic",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    let piece = prop_oneof![
        6 => special,
        2 => "[a-z]{1,12}",
        1 => any::<char>().prop_map(String::from),
        1 => ("[a-zà-ÿ一-三]", 90usize..120).prop_map(|(c, n)| c.repeat(n)),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}
