//! What `tokenizer.json` says about normalising and splitting, as far as there is native code for it.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The parts of a `tokenizer.json` that the native path reads itself.
#[derive(Deserialize)]
pub(super) struct Config<'a> {
    #[serde(default)]
    pub(super) version: Option<String>,
    #[serde(default)]
    pub(super) added_tokens: Option<Vec<AddedToken>>,
    #[serde(borrow, default)]
    normalizer: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pre_tokenizer: Option<&'a RawValue>,
}

#[derive(Clone, Deserialize)]
pub(super) struct AddedToken {
    pub(super) content: String,
    pub(super) single_word: bool,
    pub(super) lstrip: bool,
    pub(super) rstrip: bool,
    pub(super) normalized: bool,
}

/// A normalizer; `Other` is one without native code.
#[derive(Clone, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Normalizer {
    #[serde(rename = "BertNormalizer")]
    Bert(Bert),
    #[serde(rename = "NFC")]
    Nfc,
    #[serde(rename = "NFD")]
    Nfd,
    #[serde(rename = "NFKC")]
    Nfkc,
    #[serde(rename = "NFKD")]
    Nfkd,
    Lowercase,
    StripAccents,
    Strip {
        strip_left: bool,
        strip_right: bool,
    },
    Prepend {
        prepend: String,
    },
    Replace {
        pattern: Pattern,
        content: String,
    },
    Precompiled {
        precompiled_charsmap: Option<String>,
    },
    Sequence {
        normalizers: Vec<Normalizer>,
    },
    #[serde(other)]
    Other,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct Bert {
    pub(super) clean_text: bool,
    pub(super) handle_chinese_chars: bool,
    pub(super) strip_accents: Option<bool>,
    pub(super) lowercase: bool,
}

#[derive(Clone, Deserialize)]
pub(super) enum Pattern {
    String(String),
    Regex(String),
}

/// A pre-tokenizer; `Other` is one without native code.
#[derive(Clone, Deserialize)]
#[serde(tag = "type")]
pub(super) enum PreTokenizer {
    #[serde(rename = "BertPreTokenizer")]
    Bert,
    Whitespace,
    WhitespaceSplit,
    Metaspace(Metaspace),
    ByteLevel(ByteLevel),
    Split {
        pattern: Pattern,
        behavior: String,
        #[serde(default)]
        invert: bool,
    },
    Sequence {
        pretokenizers: Vec<PreTokenizer>,
    },
    #[serde(other)]
    Other,
}

#[derive(Clone, Deserialize)]
pub(super) struct Metaspace {
    pub(super) replacement: char,
    #[serde(default)]
    pub(super) add_prefix_space: Option<bool>,
    #[serde(default)]
    pub(super) prepend_scheme: Option<PrependScheme>,
    #[serde(default)]
    pub(super) split: Option<bool>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PrependScheme {
    First,
    Never,
    Always,
}

#[derive(Clone, Copy, Deserialize)]
pub(super) struct ByteLevel {
    pub(super) add_prefix_space: bool,
    #[serde(default = "yes")]
    pub(super) use_regex: bool,
}

fn yes() -> bool {
    true
}

impl<'a> Config<'a> {
    /// The normalizers, in order and without nesting; `None` if one has no native code.
    pub(super) fn normalizers(&self) -> Option<Vec<Normalizer>> {
        let mut flat = Vec::new();
        if let Some(json) = self.normalizer.filter(|json| json.get() != "null") {
            flatten_normalizer(serde_json::from_str(json.get()).ok()?, &mut flat)?;
        }
        Some(flat)
    }

    /// The pre-tokenizers, in order and without nesting; `None` if one has no native code.
    pub(super) fn pre_tokenizers(&self) -> Option<Vec<PreTokenizer>> {
        let mut flat = Vec::new();
        if let Some(json) = self.pre_tokenizer.filter(|json| json.get() != "null") {
            flatten_pre_tokenizer(serde_json::from_str(json.get()).ok()?, &mut flat)?;
        }
        Some(flat)
    }
}

fn flatten_normalizer(normalizer: Normalizer, flat: &mut Vec<Normalizer>) -> Option<()> {
    match normalizer {
        Normalizer::Other => return None,
        Normalizer::Sequence { normalizers } => {
            return normalizers.into_iter().try_for_each(|normalizer| flatten_normalizer(normalizer, flat));
        }
        normalizer => flat.push(normalizer),
    }
    Some(())
}

fn flatten_pre_tokenizer(pre_tokenizer: PreTokenizer, flat: &mut Vec<PreTokenizer>) -> Option<()> {
    match pre_tokenizer {
        PreTokenizer::Other => return None,
        PreTokenizer::Sequence { pretokenizers } => {
            return pretokenizers.into_iter().try_for_each(|each| flatten_pre_tokenizer(each, flat));
        }
        pre_tokenizer => flat.push(pre_tokenizer),
    }
    Some(())
}
