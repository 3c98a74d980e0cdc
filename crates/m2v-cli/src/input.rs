//! Reading texts: one a line, or one a JSON object.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use crate::chunk::{Chunk, Limits};
use crate::stop::Stop;

/// A stream of texts: a file or standard input.
pub(crate) struct Input {
    /// What messages call it.
    name: String,
    bytes: BufReader<Box<dyn Read + Send>>,
    is_json: bool,
    /// Bytes there are to read, where that is known.
    len: Option<u64>,
    is_terminal: bool,
    /// Lines read so far.
    lines: u64,
    line: Vec<u8>,
}

impl Input {
    /// Opens a file; nothing or `-` is standard input.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Stop> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            let stdin = io::stdin();
            let is_terminal = stdin.is_terminal();
            return Ok(Self::new("standard input".to_owned(), Box::new(stdin), false, None, is_terminal));
        };
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| Stop::error(format!("{name}: {error}")))?;
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file);
        let is_json = has_extension(path, "jsonl");
        Ok(Self::new(name, Box::new(file), is_json, metadata.map(|metadata| metadata.len()), false))
    }

    fn new(
        name: String,
        bytes: Box<dyn Read + Send>,
        is_json: bool,
        len: Option<u64>,
        is_terminal: bool,
    ) -> Self {
        let bytes = BufReader::with_capacity(1 << 18, bytes);
        Self { name, bytes, is_json, len, is_terminal, lines: 0, line: Vec::new() }
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
            let text = text_of(&self.line, self.is_json);
            let wrong = |reason| Stop::error(format!("{}, line {}: {reason}", self.name, self.lines));
            chunk.push(&text.map_err(wrong)?, read);
            if self.bytes.buffer().is_empty() {
                break;
            }
        }
        Ok(!chunk.is_empty())
    }
}

/// Whether a path ends in `.extension`, in whatever case.
pub(crate) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

/// The text of a line, or what is wrong with it.
fn text_of(line: &[u8], is_json: bool) -> Result<Cow<'_, str>, String> {
    let line = match line.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    };
    let line = std::str::from_utf8(line).map_err(|error| {
        let at = error.valid_up_to() + 1;
        format!(
            "not UTF-8 at byte {at} of the line; convert the input first, e.g. `iconv -f latin1 -t utf-8`"
        )
    })?;
    if is_json { text_of_json(line) } else { Ok(line.into()) }
}

#[derive(serde::Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

fn text_of_json(line: &str) -> Result<Cow<'_, str>, String> {
    const EXPECTED: &str = "expected an object with a `text` field that is a string";
    match line.trim_ascii_start().chars().next() {
        Some('{') => {}
        // serde would take a list for a record.
        Some(_) => return Err(format!("not a JSON object; {EXPECTED}")),
        None => return Err(format!("blank line; {EXPECTED}")),
    }
    let record: Record<'_> = serde_json::from_str(line).map_err(|error| {
        // serde_json counts lines within the record: always 1, and misleading here.
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(&*text, |(reason, _)| reason);
        format!("{reason} (column {}); {EXPECTED}", error.column())
    })?;
    Ok(record.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_line_feeds_and_nothing_else_is_trimmed() {
        let text = |line: &'static [u8]| text_of(line, false).unwrap();
        assert_eq!(text(b" a\t\r\n"), " a\t");
        assert_eq!(text(b"\n"), "");
        assert_eq!(text(b"a\r\r\n"), "a\r");
        assert_eq!(text(b"no end\r"), "no end\r");
        assert!(text_of(b"ok \xff\n", false).unwrap_err().contains("byte 4"));
    }

    #[test]
    fn records_have_a_text() {
        let text = |line: &'static str| text_of(line.as_bytes(), true);
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

    const EXPECTED_PART: &str = "expected an object with a `text` field";
}
