//! The model card, `README.md`.

use crate::table::EmbeddingTable;

const BEGIN: &str = "<!-- m2v: begin -->";
const END: &str = "<!-- m2v: end -->";

/// The model card: its YAML front matter (licence, base model, language, tags, …) and text, kept as they are.
///
/// Saving replaces only the section between two `m2v` comments, which describes the table that is saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    front_matter: Option<String>,
    body: String,
}

impl Card {
    /// Splits a `README.md`.
    ///
    /// ```
    /// let card = m2v_core::Card::parse("---\nlicense: apache-2.0\n---\n# Model\n");
    /// assert_eq!(card.front_matter(), Some("license: apache-2.0"));
    /// assert_eq!(card.body(), "# Model\n");
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
        if let Some(rest) = text.strip_prefix("---\n")
            && let Some((front, body)) =
                rest.split_once("\n---\n").or(rest.strip_suffix("\n---").map(|f| (f, "")))
        {
            return Self { front_matter: Some(front.to_owned()), body: body.to_owned() };
        }
        Self { front_matter: None, body: text }
    }

    /// The YAML between the `---` lines.
    #[must_use]
    pub fn front_matter(&self) -> Option<&str> {
        self.front_matter.as_deref()
    }

    /// Everything after the front matter.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The text of the card for a table: front matter and body as they were, and the section about the table.
    #[must_use]
    pub(crate) fn render(&self, table: &EmbeddingTable) -> String {
        let front = self.front_matter.as_deref().unwrap_or("library_name: model2vec");
        let body = match (self.body.find(BEGIN), self.body.find(END)) {
            (Some(begin), Some(end)) if begin < end => {
                let after = self.body[end + END.len()..].trim_start();
                [self.body[..begin].trim_end(), after].join("\n\n")
            }
            _ => self.body.clone(),
        };
        let body = body.trim();
        let body = if body.is_empty() { "# Model2Vec model" } else { body };
        format!("---\n{front}\n---\n\n{body}\n\n{BEGIN}\n{}{END}\n", describe(table))
    }
}

fn describe(table: &EmbeddingTable) -> String {
    let mut text = format!(
        "## The table in this folder\n\nSaved by m2v {}: {} × {}, {}.\n",
        env!("CARGO_PKG_VERSION"),
        table.rows(),
        table.dim(),
        table.dtype(),
    );
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
