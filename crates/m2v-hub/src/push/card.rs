//! The model card's front matter: what the hub refuses, and what nobody can load safely, found before anything is sent.

use m2v_core::Card;
use yaml_rust2::parser::{Event, Parser};
use yaml_rust2::yaml::Hash;
use yaml_rust2::{ScanError, Yaml, YamlLoader};

use crate::error::{Error, Result};

/// What the hub wants under the keys it reads
/// (<https://huggingface.co/docs/hub/model-cards#model-card-metadata>, [specification]).
///
/// [specification]: https://github.com/huggingface/hub-docs/blob/main/modelcard.md
const RULES: [(&str, Kind); 11] = [
    ("license", Kind::TextOrTexts),
    ("license_name", Kind::Text),
    ("license_link", Kind::Text),
    ("language", Kind::TextOrTexts),
    ("tags", Kind::Texts),
    ("datasets", Kind::TextOrTexts),
    ("metrics", Kind::TextOrTexts),
    ("base_model", Kind::TextOrTexts),
    ("library_name", Kind::Text),
    ("pipeline_tag", Kind::Text),
    ("model-index", Kind::List),
];

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Texts,
    TextOrTexts,
    List,
}

impl Kind {
    fn expected(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Texts => "a list of texts",
            Self::TextOrTexts => "text, or a list of texts",
            Self::List => "a list",
        }
    }

    /// What is there instead, if it is something else.
    fn mismatch(self, value: &Yaml) -> Option<String> {
        match (self, value) {
            // No value is no key.
            (_, Yaml::Null) => None,
            (Self::Text | Self::TextOrTexts, Yaml::String(_)) | (Self::List, Yaml::Array(_)) => None,
            (Self::Texts | Self::TextOrTexts, Yaml::Array(items)) => {
                let wrong = items.iter().position(|item| !matches!(item, Yaml::String(_)))?;
                Some(format!("{} as item {}", describe(&items[wrong]), wrong + 1))
            }
            _ => Some(describe(value)),
        }
    }
}

fn describe(value: &Yaml) -> String {
    match value {
        Yaml::String(text) => format!("the text `{}`", text.chars().take(60).collect::<String>()),
        Yaml::Integer(number) => format!("the number {number}"),
        Yaml::Real(number) => format!("the number {number}"),
        Yaml::Boolean(value) => format!("the truth value {value}"),
        Yaml::Array(_) => "a list".to_owned(),
        Yaml::Hash(_) => "a mapping".to_owned(),
        _ => "nothing".to_owned(),
    }
}

/// Checks a `README.md`: that it is text, that its front matter is YAML, and that keys the hub reads have values of the
/// types it wants. One without front matter passes.
pub(super) fn check(readme: &[u8]) -> Result<()> {
    let error = |reason: String| Error::Card { reason };
    let text = std::str::from_utf8(readme).map_err(|utf8| error(format!("no UTF-8 text: {utf8}")))?;
    let card = Card::parse(text);
    let Some(front) = card.front_matter() else {
        if card.body().lines().next().is_some_and(|line| line.trim_end() == "---") {
            let reason = "the front matter begins with `---` and does not end: there is no other such line";
            return Err(error(reason.to_owned()));
        }
        return Ok(());
    };
    let broken = |yaml: ScanError| {
        let (line, column) = (yaml.marker().line() + 1, yaml.marker().col() + 1);
        error(format!("the front matter is no YAML: line {line}, column {column}: {}", yaml.info()))
    };
    if let Some(reason) = why_refused(front).map_err(broken)? {
        return Err(error(reason));
    }
    let documents = YamlLoader::load_from_str(front).map_err(broken)?;
    let fields = match documents.as_slice() {
        [] | [Yaml::Null] => return Ok(()),
        [Yaml::Hash(fields)] => fields,
        [other] => {
            let found = describe(other);
            return Err(error(format!("the front matter: expected `key: value` lines, found {found}")));
        }
        _ => return Err(error("the front matter: expected one document, found several".to_owned())),
    };
    check_fields(fields).map_err(error)
}

/// Lists and mappings in each other; the loader calls itself for each.
const DEEPEST: usize = 64;

/// What the loader would run out of memory or stack with: it copies what aliases stand for, and of nine aliases of
/// aliases that is everything there is.
fn why_refused(front: &str) -> Result<Option<String>, ScanError> {
    let mut parser = Parser::new_from_str(front);
    let mut depth = 0_usize;
    loop {
        let (event, at) = parser.next_token()?;
        let line = at.line() + 1;
        match event {
            Event::StreamEnd => return Ok(None),
            Event::Alias(_) => {
                return Ok(Some(format!(
                    "the front matter, line {line}: an alias (`*name`); write out what it stands for"
                )));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if depth == DEEPEST => {
                return Ok(Some(format!(
                    "the front matter, line {line}: more than {DEEPEST} lists in each other"
                )));
            }
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
}

fn check_fields(fields: &Hash) -> Result<(), String> {
    for (key, value) in fields {
        let Yaml::String(key) = key else {
            return Err(format!("the front matter: expected text as a key, found {}", describe(key)));
        };
        let rule = RULES.into_iter().find(|rule| rule.0 == key);
        if let Some((found, kind)) = rule.and_then(|(_, kind)| Some((kind.mismatch(value)?, kind))) {
            return Err(format!("key `{key}`: expected {}, found {found}", kind.expected()));
        }
    }
    let is_other = fields.get(&Yaml::String("license".to_owned())).and_then(Yaml::as_str) == Some("other");
    if is_other && !fields.contains_key(&Yaml::String("license_name".to_owned())) {
        return Err("key `license` is `other`, which needs `license_name` and `license_link`".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cards_of_models_pass() {
        for front in [
            "license: mit",
            "license: [mit, apache-2.0]",
            "license: other\nlicense_name: mine\nlicense_link: LICENSE",
            "language:\n- en\n- 'no'\ntags:\n- embeddings\n- model2vec",
            "language: en\nbase_model: a/b\nlibrary_name: model2vec\ncustom: {a: [1, 2]}\ndate: 2024-01-01",
            "model-index:\n- name: x\n  results: []",
            "tags:\n# none\n",
            "",
        ] {
            let card = format!("---\n{front}\n---\n# Model\n\n---\n");
            check(card.as_bytes()).unwrap_or_else(|error| panic!("{front}: {error}"));
            check(card.replace('\n', "\r\n").as_bytes()).unwrap();
        }
        check(b"# A card without front matter\n---\n").unwrap();
        check(b"").unwrap();
    }

    #[test]
    fn what_the_hub_refuses_is_told() {
        for (card, parts) in [
            ("---\ntags: embeddings\n---\n", &["`tags`", "a list of texts", "the text `embeddings`"][..]),
            ("---\ntags: [a, 1]\n---\n", &["`tags`", "the number 1 as item 2"]),
            ("---\nlicense: 2.0\n---\n", &["`license`", "text, or a list of texts", "the number 2.0"]),
            ("---\nlanguage: [en, true]\n---\n", &["`language`", "the truth value true as item 2"]),
            ("---\nlicense: other\n---\n", &["`license_name`"]),
            ("---\nmodel-index: {name: x}\n---\n", &["`model-index`", "a list", "a mapping"]),
            ("---\na: b: c\n---\n", &["no YAML", "line 2"]),
            ("---\nlicense: mit\ntags: [\n---\n", &["no YAML"]),
            ("---\nlicense: mit\nlicense: mit\n---\n", &["no YAML"]),
            ("---\n- a\n---\n", &["`key: value` lines", "a list"]),
            ("---\n1: a\n---\n", &["text as a key", "the number 1"]),
            ("---\nlicense: mit\n", &["does not end"]),
        ] {
            let error = check(card.as_bytes()).expect_err(card);
            assert!(matches!(error, Error::Card { .. }));
            let text = error.to_string();
            assert!(text.starts_with("README.md: "), "{text}");
            for part in parts {
                assert!(text.contains(part), "no `{part}` in: {text}");
            }
        }
        for (card, part) in [
            (format!("---\n{}a\n---\n", "- ".repeat(100_000)), "more than 64"),
            (format!("---\na: {}\n---\n", "[".repeat(100_000)), "YAML"),
            ("---\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\n".to_owned(), "line 3: an alias"),
        ] {
            let error = check(card.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
        assert!(check(b"---\nlicense: \xff\n---\n").unwrap_err().to_string().contains("no UTF-8"));
    }

    proptest! {
        #[test]
        fn any_card_passes_or_is_refused(front in "[a-z\\[\\]{}:,&*!|>'\"#%@` \n-]{0,60}|.{0,40}") {
            let _ = check(format!("---\n{front}\n---\n").as_bytes());
        }
    }
}
