//! `modules.json`: what sentence-transformers runs, one after the other.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::io::Source;
use crate::layout::read;

const FILE: &str = "modules.json";

/// Whether sentence-transformers would normalise: a `Normalize` module. Modules that may make other vectors are
/// refused.
pub(crate) fn normalizes(source: &dyn Source) -> Result<bool> {
    let Some(bytes) = read(source, FILE)? else { return Ok(false) };
    let file = || source.locate(FILE);
    let wrong = |key: String, expected: &str, found: &Value| Error::Config {
        file: file(),
        key,
        expected: expected.to_owned(),
        found: found.to_string(),
    };
    let modules: Value =
        serde_json::from_slice(&bytes).map_err(|source| Error::Json { file: file(), source })?;
    let list =
        modules.as_array().ok_or_else(|| wrong("(top level)".to_owned(), "a list of modules", &modules))?;
    let mut normalizes = false;
    for (i, module) in list.iter().enumerate() {
        let name = &module["type"];
        // The package they are in has changed.
        match name.as_str().and_then(|name| name.rsplit('.').next()) {
            // The second does nothing but in training.
            Some("StaticEmbedding" | "Dropout") => {}
            Some("Normalize") => normalizes = true,
            _ => {
                return Err(wrong(
                    format!("{i}.type"),
                    "StaticEmbedding or Normalize: no other module is run",
                    name,
                ));
            }
        }
    }
    Ok(normalizes)
}

/// The list of modules that sentence-transformers builds.
pub(crate) fn list(normalize: bool) -> Value {
    let mut modules = vec![json!({
        "idx": 0, "name": "0", "path": ".", "type": "sentence_transformers.models.StaticEmbedding"
    })];
    if normalize {
        modules.push(json!({
            "idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"
        }));
    }
    Value::Array(modules)
}
