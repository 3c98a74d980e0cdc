//! The texts that artefacts are verified on.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Prose, other scripts, messy text, empty and unknown-only texts, more than 512 tokens.
const SHIPPED: &str = "tests/fixtures/texts.json";

/// Texts to verify on, and where they come from.
pub(crate) struct Texts {
    pub(crate) texts: Vec<String>,
    pub(crate) origin: String,
}

#[derive(serde::Deserialize)]
struct Record {
    text: String,
}

impl Texts {
    /// Reads a file of one text a line, or one object with a `text` if it is `.jsonl` or `.ndjson`, or the texts that
    /// come with the repository.
    pub(crate) fn load(file: Option<&Path>, workspace: &Path) -> Result<Self> {
        let path = file.map_or_else(|| workspace.join(SHIPPED), PathBuf::from);
        let read = fs::read_to_string(&path).map_err(|source| Error::io(&path, source))?;
        // Some editors mark UTF-8 so, in front of the first text.
        let read = read.strip_prefix('\u{feff}').unwrap_or(&read);
        let texts: Vec<String> = match file {
            None => serde_json::from_str(read).map_err(|source| Error::texts(&path, source))?,
            Some(path) if has_extension(path, &["json"]) && read.trim_start().starts_with(['[', '{']) => {
                return Err(Error::texts(path, "expected one text a line, or a .jsonl file, found JSON"));
            }
            Some(path) if has_extension(path, &["jsonl", "ndjson"]) => {
                let record = |(line, record): (usize, &str)| match serde_json::from_str::<Record>(record) {
                    Ok(record) => Ok(record.text),
                    Err(source) => Err(Error::texts(path, format!("record {}: {source}", line + 1))),
                };
                read.split_terminator('\n').enumerate().map(record).collect::<Result<_>>()?
            }
            // Not `lines`: a text may end in a carriage return of its own.
            Some(_) => read
                .split_terminator('\n')
                .map(|line| line.strip_suffix('\r').unwrap_or(line).to_owned())
                .collect(),
        };
        if texts.is_empty() {
            return Err(Error::texts(&path, "no texts, expected one a line"));
        }
        let origin = file.map_or_else(|| SHIPPED.to_owned(), |file| file.display().to_string());
        Ok(Self { texts, origin })
    }
}

fn has_extension(path: &Path, names: &[&str]) -> bool {
    let is_extension = |name: &&str| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(name));
    names.iter().any(is_extension)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Texts;

    #[test]
    fn records_are_read_as_the_command_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let load_as = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            Texts::load(Some(&path), folder.path()).map(|texts| texts.texts)
        };
        let load = |content: &str| load_as("texts.jsonl", content);
        assert_eq!(load_as("texts.NDJSON", "\u{feff}{\"text\": \"a\"}\n").unwrap(), ["a"]);
        assert_eq!(load_as("texts.txt", "\u{feff}a\r\n\u{feff}b\n").unwrap(), ["a", "\u{feff}b"]);
        assert_eq!(load("{\"text\": \"a\\nb\"}\r\n{\"id\": 1, \"text\": \"\"}").unwrap(), ["a\nb", ""]);
        let error = load_as("texts.json", "[{\"text\": \"a\"}]").err().unwrap().to_string();
        assert!(error.contains("texts.json") && error.contains("found JSON"), "{error}");
        assert_eq!(load_as("texts.json", "a\nb\n").unwrap(), ["a", "b"]);
        let error = load("{\"text\": \"a\"}\n{\"id\": 1}\n").err().unwrap().to_string();
        assert!(error.contains("texts.jsonl") && error.contains("record 2: missing field `text`"), "{error}");
    }
}
