//! The scanners against the expressions they stand for.

use super::{Case, Digits, Kind, SplitRegex};

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const ASCII_CASE: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const R50K: &str = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const O200K: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// With line breaks as they are, as in the file of DeepSeek-V3.
const DEEPSEEK: [&str; 3] = [
    r"\p{N}{1,3}",
    "[一-龥぀-ゟ゠-ヿ]+",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
];

const PATTERNS: [&str; 8] = [SplitRegex::GPT2, LLAMA3, QWEN2, QWEN35, ASCII_CASE, R50K, O200K, TEKKEN];

fn split<'t>(regex: &SplitRegex, text: &'t str) -> Vec<&'t str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let end = regex.next(text, start);
        pieces.push(&text[start..end]);
        start = end;
    }
    pieces
}

#[test]
fn knows_expressions_by_their_text() {
    use Kind::{Cl100k, Gpt2, O200k};
    let cl100k = |contractions, digits, marks| Cl100k { contractions, digits, marks };
    let kinds = [
        Gpt2,
        cl100k(Case::Unicode, Digits::Three, false),
        cl100k(Case::Unicode, Digits::One, false),
        cl100k(Case::Unicode, Digits::One, true),
        cl100k(Case::Ascii, Digits::One, false),
        Gpt2,
        O200k { contractions: Some(Case::Unicode), digits: Digits::Three, slashes: true },
        O200k { contractions: None, digits: Digits::One, slashes: true },
    ];
    for (pattern, kind) in PATTERNS.into_iter().zip(kinds) {
        assert_eq!(Kind::from_pattern(pattern), Some(kind), "{pattern}");
        assert_eq!(Kind::from_pattern(&pattern[..pattern.len() - 1]), None, "{pattern}");
        assert_eq!(Kind::from_pattern(&format!("{pattern}|x")), None, "{pattern}");
    }
    assert_eq!(Kind::from_pattern(r"\s+"), None);
    assert_eq!(Kind::from_pattern(""), None);
    let [digits, ideographs, others] = DEEPSEEK;
    let kind = |patterns| SplitRegex::from_patterns(patterns).map(|regex| regex.kind);
    assert_eq!(kind(DEEPSEEK), Some(Kind::DeepSeek));
    let escaped = others.replace('\r', r"\r").replace('\n', r"\n");
    assert_eq!(kind([digits, ideographs, &escaped]), Some(Kind::DeepSeek));
    assert_eq!(kind([ideographs, digits, others]), None);
    assert_eq!(kind([digits, ideographs, &others[1..]]), None);
}

#[test]
fn splits_as_expected() {
    let gpt2 = SplitRegex::from_pattern(SplitRegex::GPT2).unwrap();
    let pieces = split(&gpt2, "I'll say: it's  12 'S\n\n x");
    assert_eq!(pieces, ["I", "'ll", " say", ":", " it", "'s", " ", " 12", " '", "S", "\n\n", " x"]);
    let llama = SplitRegex::from_pattern(LLAMA3).unwrap();
    let pieces = split(&llama, "I'LL say:\n\n 'ſo' 12345\t\tno\n \n  ");
    assert_eq!(
        pieces,
        ["I", "'LL", " say", ":\n\n", " '", "ſo", "'", " ", "123", "45", "\t", "\tno", "\n \n", "  "]
    );
    assert_eq!(split(&llama, "a'ſo"), ["a", "'ſ", "o"]);
    let o200k = SplitRegex::from_pattern(O200K).unwrap();
    let deepseek = SplitRegex::from_patterns(DEEPSEEK).unwrap();
    let pieces = split(&deepseek, "I'll 漢字かな混 12345  +x \0\u{1}\0a!?\n\n  9");
    let expected = [
        "I",
        "'ll",
        " ",
        "漢字かな混",
        " ",
        "123",
        "45",
        " ",
        " +",
        "x",
        " ",
        "\0\u{1}",
        "\0a",
        "!?\n\n",
        "  ",
        "9",
    ];
    assert_eq!(pieces, expected);
    let pieces = split(&deepseek, "コーヒー・ハウス゛゠か\u{3040}\u{3097}な\u{3040}・\u{3098}");
    let expected =
        ["コーヒー", "・", "ハウス", "゛゠", "か", "\u{3040}", "\u{3097}な", "\u{3040}", "・", "\u{3098}"];
    assert_eq!(pieces, expected);
    assert_eq!(split(&o200k, "XMLHttp's \u{301}AB!\n/x"), ["XMLHttp's", " \u{301}", "AB", "!\n/", "x"]);
}

#[cfg(feature = "hf")]
mod reference {
    use std::collections::HashMap;
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use tokenizers::tokenizer::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};
    use tokenizers::{
        SplitDelimiterBehavior,
        pre_tokenizers::split::{Split, SplitPattern},
    };

    use super::super::GIVES_UP;
    use super::*;

    /// Those of the `tokenizers` crate, compiled once.
    fn references() -> &'static HashMap<&'static str, Vec<Split>> {
        static ALL: LazyLock<HashMap<&str, Vec<Split>>> = LazyLock::new(|| {
            let regex = |pattern: &str| SplitPattern::Regex(pattern.to_owned());
            let split =
                |pattern| Split::new(regex(pattern), SplitDelimiterBehavior::Isolated, false).unwrap();
            let single = PATTERNS.into_iter().map(|pattern| (pattern, vec![split(pattern)]));
            single.chain([(DEEPSEEK[2], DEEPSEEK.map(split).into())]).collect()
        });
        &ALL
    }

    /// All scanners, and what they are known by.
    fn scanners() -> impl Iterator<Item = (&'static str, SplitRegex)> {
        let single =
            PATTERNS.into_iter().map(|pattern| (pattern, SplitRegex::from_pattern(pattern).unwrap()));
        single.chain([(DEEPSEEK[2], SplitRegex::from_patterns(DEEPSEEK).unwrap())])
    }

    fn expected(reference: &[Split], text: &str) -> Vec<String> {
        let mut pieces = PreTokenizedString::from(text);
        reference.iter().for_each(|split| split.pre_tokenize(&mut pieces).unwrap());
        let pieces = pieces.get_splits(OffsetReferential::Original, OffsetType::Byte);
        pieces.into_iter().map(|(piece, ..)| piece.to_owned()).collect()
    }

    /// Characters of all classes, those that the expressions name most of all.
    fn text() -> impl Strategy<Value = String> {
        let character = prop_oneof![
            6 => prop::sample::select(" \n\r\t'/.,!-_09".chars().collect::<Vec<_>>()),
            6 => prop::sample::select("sStTrRvVeEmMlLdDkKxX".chars().collect::<Vec<_>>()),
            3 => prop::char::range(' ', '~'),
            2 => prop::sample::select("ſKǅʰªßИжאा\u{301}\u{308}\u{20E3}あ漢字한٣Ⅷ²½".chars().collect::<Vec<_>>()),
            2 => prop::sample::select("あ漢ー・゛゠\u{3040}\u{3098}\u{3099}".chars().collect::<Vec<_>>()),
            2 => prop::sample::select("\u{0}\u{b}\u{c}\u{1c}\u{85}\u{a0}\u{ad}\u{2003}\u{2028}\u{200b}\u{200d}\u{3000}\u{feff}\u{2581}’😀🇫🇷".chars().collect::<Vec<_>>()),
            1 => prop::char::any(),
        ];
        prop::collection::vec(prop_oneof![
            20 => character.prop_map(String::from),
            2 => prop::sample::select(vec!["'s", "'LL", "'ſ", "n't", "\r\n", " \n ", "the", " Word", "e\u{301}"]).prop_map(str::to_owned),
        ], 0..40).prop_map(|parts| parts.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn splits_like_the_regex_engine(texts in prop::collection::vec(text(), 4)) {
            for (pattern, scanner) in scanners() {
                let reference = &references()[pattern];
                for text in &texts {
                    prop_assert_eq!(split(&scanner, text), expected(reference, text), "{:?}: {:?}", pattern, text);
                }
            }
        }
    }

    #[test]
    fn knows_every_character() {
        // Assigned planes only; the rest was compared once, as were the other expressions, which have no classes
        // of their own.
        let assigned = (0..0x3_4000).chain(0xE_0000..0xE_0200).collect::<Vec<u32>>();
        let with_classes = [SplitRegex::GPT2, QWEN35, O200K, DEEPSEEK[2]];
        for (pattern, scanner) in scanners().filter(|(pattern, _)| with_classes.contains(pattern)) {
            for block in assigned.chunks(4096) {
                let characters = block.iter().copied().filter_map(char::from_u32);
                let text: String = characters.flat_map(|c| ['x', c, 'X', '1', c, ' ', c, '\n']).collect();
                assert_eq!(
                    split(&scanner, &text),
                    expected(&references()[pattern], &text),
                    "{:X?}",
                    block.first()
                );
            }
        }
    }

    #[test]
    fn gives_up_where_the_regex_engine_does() {
        let spaces = |pattern| match pattern {
            SplitRegex::GPT2 => Some("\t"),
            LLAMA3 => Some("\u{a0}"),
            _ => (pattern == DEEPSEEK[2]).then_some(" "),
        };
        for (pattern, scanner) in scanners() {
            let Some(space) = spaces(pattern) else { continue };
            for (spaces, after) in [
                (GIVES_UP - 1, "c d"),
                (GIVES_UP, "c d"),
                (GIVES_UP, "1 d"),
                (GIVES_UP, "・ d"),
                (GIVES_UP, ""),
            ] {
                let text = format!("a b\0{}{after}一 e{}", space.repeat(spaces), space.repeat(3));
                // Not `assert_eq!`, which would print them.
                assert!(
                    split(&scanner, &text) == expected(&references()[pattern], &text),
                    "{pattern}: {spaces}"
                );
            }
        }
    }
}
