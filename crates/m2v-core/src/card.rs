//! The model card, `README.md`.

use crate::dtype::Dtype;
use crate::table::EmbeddingTable;

const BEGIN: &str = "<!-- m2v: begin -->";
const END: &str = "<!-- m2v: end -->";

/// The model card: its YAML front matter (licence, base model, language, tags, …) and text, kept as they are
/// but for the ends of lines, which become line feeds.
///
/// Saving replaces only the section between two `m2v` comments, which describes the table that is saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    front_matter: Option<String>,
    body: String,
}

impl Card {
    /// Splits a `README.md`. Front matter is what stands between a first line `---` and the next such line.
    ///
    /// ```
    /// let card = m2v_core::Card::parse("---\nlicense: apache-2.0\n---\n# Model\n");
    /// assert_eq!(card.front_matter(), Some("license: apache-2.0"));
    /// assert_eq!(card.body(), "# Model\n");
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        let is_rule = |line: &str| line.trim_end() == "---";
        let mut lines = text.split_inclusive('\n');
        if lines.next().is_some_and(is_rule) {
            let start = text.len() - lines.clone().map(str::len).sum::<usize>();
            let mut end = start;
            for line in lines {
                if is_rule(line) {
                    let front = text[start..end].strip_suffix('\n').unwrap_or_default();
                    return Self {
                        front_matter: Some(front.to_owned()),
                        body: text[end + line.len()..].to_owned(),
                    };
                }
                end += line.len();
            }
        }
        Self { front_matter: None, body: text }
    }

    /// The YAML between the `---` lines.
    #[must_use]
    pub fn front_matter(&self) -> Option<&str> {
        self.front_matter.as_deref()
    }

    /// What the front matter says under a key: one value, each of a list, or nothing.
    ///
    /// Reads what cards have, plain and quoted words and lists of them, in brackets or one a line; no other YAML.
    ///
    /// ```
    /// let text = "---\nlicense: 'mit' # ours\ntags: [a, \"b\"]\nbase_model:\n- org/name\n---\n";
    /// let card = m2v_core::Card::parse(text);
    /// assert_eq!(card.values("license"), ["mit"]);
    /// assert_eq!(card.values("tags"), ["a", "b"]);
    /// assert_eq!(card.values("base_model"), ["org/name"]);
    /// assert!(card.values("language").is_empty());
    /// ```
    #[must_use]
    pub fn values(&self, key: &str) -> Vec<String> {
        let mut lines = self.front_matter.iter().flat_map(|front| front.lines());
        let after_key = |line: &str| line.strip_prefix(key)?.strip_prefix(':').map(str::to_owned);
        let Some(value) = lines.find_map(after_key) else { return Vec::new() };
        let value = without_comment(&value);
        if let Some(list) = value.strip_prefix('[') {
            let mut list = list.to_owned();
            while !list.contains(']')
                && let Some(line) = lines.next()
            {
                list += without_comment(line);
            }
            let list = list.split(']').next().unwrap_or_default();
            return list.split(',').map(unquote).filter(|item| !item.is_empty()).collect();
        }
        if !value.is_empty() {
            return vec![unquote(value)];
        }
        let lines = lines.map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let items = lines.map_while(|line| line.strip_prefix('-'));
        items.map(|item| unquote(without_comment(item))).filter(|item| !item.is_empty()).collect()
    }

    /// Everything after the front matter.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The text of the card for a table: front matter and body as they were, and the section about the table.
    #[must_use]
    pub(crate) fn render(&self, table: &EmbeddingTable) -> String {
        let front = self.front_matter.as_deref().filter(|front| !front.is_empty());
        let front = front.unwrap_or("library_name: model2vec");
        let section =
            self.body.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
        let body = match section {
            Some((before, after)) => [before.trim_end(), after.trim_start()].join("\n\n"),
            None => self.body.clone(),
        };
        let body = body.trim();
        let body = if body.is_empty() { "# Model2Vec model" } else { body };
        format!("---\n{front}\n---\n\n{body}\n\n{BEGIN}\n{}{END}\n", describe(table))
    }
}

fn without_comment(value: &str) -> &str {
    value.split_once(" #").map_or(value, |(value, _)| value).trim()
}

fn unquote(value: &str) -> String {
    value.trim().trim_matches(['"', '\'']).to_owned()
}

fn describe(table: &EmbeddingTable) -> String {
    let mut text = format!(
        "## The table in this folder\n\nSaved by m2v {}: {} × {}, {}.\n",
        env!("CARGO_PKG_VERSION"),
        table.rows(),
        table.dim(),
        table.dtype(),
    );
    if table.dtype() == Dtype::BF16 {
        text += "Python model2vec does not read bfloat16.\n";
    }
    if table.mapping().is_some() {
        text += "Several tokens share a row: `mapping` gives the row of each token.\n";
    }
    if table.weights().is_some() {
        text += "Each token's row is multiplied by its entry in `weights`";
        if !table.dtype().is_float() {
            text += ", which holds the scales of the int8 rows";
        }
        text += ". model2vec, m2v and sentence-transformers from 6.2 read it; older sentence-transformers ignore \
                 `weights` and give other vectors.\n";
    } else if !table.dtype().is_float() {
        text += "The int8 rows have no scales: embeddings are right up to one common factor. \
                 sentence-transformers cannot load this table.\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Card;

    #[test]
    fn lists_may_go_over_several_lines() {
        let card = Card::parse("---\na:\n- x\n# y\n\n  - 'z' # w\nb: [x, # y\n  z]\nc: [x\n---\n");
        assert_eq!(card.values("a"), ["x", "z"]);
        assert_eq!(card.values("b"), ["x", "z"]);
        assert_eq!(card.values("c"), ["x"]);
    }

    #[test]
    fn front_matter_ends_with_a_line_of_its_own() {
        for (text, front, body) in [
            ("---\na: b\n---\nBody\n---\n", Some("a: b"), "Body\n---\n"),
            ("\u{feff}---\r\na: b\r\n---\r\nBody", Some("a: b"), "Body"),
            ("---\na: b\n--- \nBody\n", Some("a: b"), "Body\n"),
            ("---\na: ---\n----\nb: c\n---", Some("a: ---\n----\nb: c"), ""),
            ("---\n---\nBody\n\n---\nMore\n", Some(""), "Body\n\n---\nMore\n"),
            ("---\na: b\n", None, "---\na: b\n"),
            ("Body\n---\na: b\n---\n", None, "Body\n---\na: b\n---\n"),
            ("---", None, "---"),
            ("", None, ""),
        ] {
            let card = Card::parse(text);
            assert_eq!((card.front_matter(), card.body()), (front, body), "{text:?}");
        }
    }
}
