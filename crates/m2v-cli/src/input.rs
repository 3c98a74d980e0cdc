//! Reading texts: one a line, or one a JSON object, perhaps with a label.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use m2v_infer::Target;

use crate::chunk::{Chunk, Limits};
use crate::stop::Stop;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// A text.
    Text,
    /// A JSON object with a `text`.
    Record,
    /// A JSON object with a `text` and a `label`.
    Labelled,
}

/// A stream of texts: a file or standard input.
pub(crate) struct Input {
    /// What messages call it.
    name: String,
    bytes: BufReader<Box<dyn Read + Send>>,
    format: Format,
    /// Bytes there are to read, where that is known.
    len: Option<u64>,
    is_terminal: bool,
    /// Whether its name ends in `.json`.
    is_json: bool,
    /// Lines read so far.
    lines: u64,
    line: Vec<u8>,
}

impl Input {
    /// Opens a file; nothing or `-` is standard input.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Stop> {
        let is_named =
            |names: &[&str]| path.is_some_and(|path| names.iter().any(|name| has_extension(path, name)));
        // Two names of the same.
        let is_record = is_named(&["jsonl", "ndjson"]);
        let mut input = Self::open_as(path, if is_record { Format::Record } else { Format::Text })?;
        input.is_json = is_named(&["json"]);
        Ok(input)
    }

    /// Opens a file of JSON objects with `text` and `label`; `-` is standard input.
    pub(crate) fn open_labelled(path: &Path) -> Result<Self, Stop> {
        Self::open_as(Some(path), Format::Labelled)
    }

    /// What messages call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn open_as(path: Option<&Path>, format: Format) -> Result<Self, Stop> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            let stdin = io::stdin();
            let is_terminal = stdin.is_terminal();
            return Ok(Self::new("standard input".to_owned(), Box::new(stdin), format, None, is_terminal));
        };
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| Stop::error(format!("{name}: {error}")))?;
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file);
        Ok(Self::new(name, Box::new(file), format, metadata.map(|metadata| metadata.len()), false))
    }

    fn new(
        name: String,
        bytes: Box<dyn Read + Send>,
        format: Format,
        len: Option<u64>,
        is_terminal: bool,
    ) -> Self {
        let bytes = BufReader::with_capacity(1 << 18, bytes);
        Self { name, bytes, format, len, is_terminal, is_json: false, lines: 0, line: Vec::new() }
    }

    /// Bytes there are to read, where that is known.
    pub(crate) fn len(&self) -> Option<u64> {
        self.len
    }

    /// Whether somebody types it.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Fills a chunk with the next texts; `false` if there are none.
    ///
    /// A chunk also ends where the input pauses, so that whoever writes a line and waits gets an answer. (A read
    /// of a file ends in the middle of a line; only a writer that pauses leaves the buffer empty after one.)
    pub(crate) fn fill(&mut self, chunk: &mut Chunk, limits: Limits) -> Result<bool, Stop> {
        chunk.reset(self.lines + 1);
        self.line.shrink_to(1 << 22);
        while !chunk.is_full(limits) {
            self.line.clear();
            let read = self.bytes.read_until(b'\n', &mut self.line);
            let read = read.map_err(|error| Stop::error(format!("{}: {error}", self.name)))?;
            if read == 0 {
                break;
            }
            self.lines += 1;
            let wrong = |reason| Stop::error(format!("{}, line {}: {reason}", self.name, self.lines));
            let mut line = &*self.line;
            if self.lines == 1 {
                if self.is_json
                    && let Some(advice) = document(line)
                {
                    return Err(wrong(format!("expected text, found JSON: {advice}")));
                }
                if let Some((_, is, advice)) = OTHER.iter().find(|(start, ..)| line.starts_with(start)) {
                    return Err(wrong(format!("expected text, found {is}: {advice}")));
                }
                // Some editors mark UTF-8 so, in front of the first text.
                line = line.strip_prefix(BOM).unwrap_or(line);
            }
            let line = line_of(line).map_err(wrong)?;
            match self.format {
                Format::Text => chunk.push(line, read),
                Format::Record => chunk.push(&record::<Record<'_>>(line, RECORD).map_err(wrong)?.text, read),
                Format::Labelled => {
                    let Labelled { text, label } = record(line, LABELLED).map_err(wrong)?;
                    chunk.push(&text, read);
                    chunk.push_label(label);
                }
            }
            if self.bytes.buffer().is_empty() {
                break;
            }
        }
        Ok(!chunk.is_empty())
    }
}

/// What to do with a file of JSON that begins with a line; `None` if it may be text after all.
fn document(line: &[u8]) -> Option<&'static str> {
    match line.trim_ascii_start().first() {
        Some(b'[') => Some("of a list of objects with a `text` field, `jq -c '.[]'` makes a .jsonl file"),
        Some(b'{') => Some("a file of an object with a `text` field a line is called .jsonl"),
        _ => None,
    }
}

/// How files begin that are no text, what they are, and what to do.
const OTHER: [(&[u8], &str, &str); 4] = [
    (b"\x1F\x8B", "gzip", "unpack it first, `gunzip -k FILE`"),
    (b"\x28\xB5\x2F\xFD", "Zstandard", "unpack it first, `zstd -d FILE`"),
    (b"PAR1\x15", "Parquet", "write its texts to a .jsonl file first"),
    (b"ARROW1\0", "Arrow", "write its texts to a .jsonl file first"),
];

/// U+FEFF in UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Whether a path ends in `.extension`, in whatever case.
pub(crate) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// A line without its end, or what is wrong with it.
fn line_of(line: &[u8]) -> Result<&str, String> {
    let line = match line.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    };
    std::str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to() + 1;
        format!(
            "not UTF-8 at byte {at} of the line; convert the input first, e.g. `iconv -f latin1 -t utf-8`"
        )
    })
}

const RECORD: &str = "expected an object with a `text` field that is a string";
const LABELLED: &str = "expected an object with a `text` field that is a string, and a `label` field that is a \
                        string, a whole number, a boolean, or a list of such";

#[derive(serde::Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

#[derive(serde::Deserialize)]
struct Labelled<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    label: Target,
}

fn record<'a, T: serde::Deserialize<'a>>(line: &'a str, expected: &str) -> Result<T, String> {
    match line.trim_ascii_start().chars().next() {
        Some('{') => {}
        // serde would take a list for a record.
        Some(_) => return Err(format!("not a JSON object; {expected}")),
        None => return Err(format!("blank line; {expected}")),
    }
    serde_json::from_str(line).map_err(|error| {
        // serde_json counts lines within the record: always 1, and misleading here.
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(&*text, |(reason, _)| reason);
        format!("{reason} (column {}); {expected}", error.column())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_line_feeds_and_nothing_else_is_trimmed() {
        let text = |line: &'static [u8]| line_of(line).unwrap();
        assert_eq!(text(b" a\t\r\n"), " a\t");
        assert_eq!(text(b"\n"), "");
        assert_eq!(text(b"a\r\r\n"), "a\r");
        assert_eq!(text(b"no end\r"), "no end\r");
        assert!(line_of(b"ok \xff\n").unwrap_err().contains("byte 4"));
    }

    #[test]
    fn records_have_a_text() {
        let text = |line: &'static str| {
            record::<Record<'_>>(line_of(line.as_bytes())?, RECORD).map(|record| record.text)
        };
        assert_eq!(text("{\"id\": 1, \"text\": \"a\\nb\"}\r\n").unwrap(), "a\nb");
        for wrong in [
            "",
            "  ",
            "{\"id\": 1}",
            "{\"text\": 1}",
            "{\"text\": null}",
            "[\"a\"]",
            "\"a\"",
            "{\"text\": \"a\"",
        ] {
            assert!(text(wrong).unwrap_err().contains(EXPECTED_PART), "{wrong}");
        }
        assert!(text("{\"id\": 1}").unwrap_err().starts_with("missing field `text` (column 9)"));
    }

    #[test]
    fn labels_are_values_or_lists() {
        let label = |line: &'static str| record::<Labelled<'_>>(line, LABELLED).map(|record| record.label);
        for (value, expected) in [
            ("\"a\"", Target::from("a")),
            ("-7", (-7).into()),
            ("true", true.into()),
            ("[]", Target::Labels(Vec::new())),
            ("[\"a\", \"b\"]", vec!["a", "b"].into()),
        ] {
            let line = format!("{{\"text\": \"t\", \"label\": {value}}}").leak();
            assert_eq!(label(line), Ok(expected));
        }
        for wrong in ["null", "0.5", "{}", "[[]]", "[null]", "18446744073709551615"] {
            let line = format!("{{\"text\": \"t\", \"label\": {wrong}}}").leak();
            assert!(label(line).unwrap_err().contains("a `label` field that is"), "{wrong}");
        }
        assert!(label("{\"text\": \"t\"}").unwrap_err().contains("missing field `label`"));
    }

    const EXPECTED_PART: &str = "expected an object with a `text` field";
}
