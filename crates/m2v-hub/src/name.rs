//! Names that may become paths.

use crate::error::{Error, Result};

/// Longest part of a path that file systems take, in bytes.
const LONGEST: usize = 255;

/// Names that Windows gives to devices, whatever the ending, in every folder.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Checks a name that is relative, with `/` between its parts: that it stays below the folder it is relative to, on
/// every system.
pub(crate) fn check(what: &'static str, name: &str) -> Result<()> {
    name.split('/').find_map(fault).map_or(Ok(()), |reason| {
        let name = name.chars().take(LONGEST).collect();
        Err(Error::Name { what, name, reason })
    })
}

/// What is wrong with a part of a path.
fn fault(part: &str) -> Option<&'static str> {
    let forbidden = |c: char| c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    match part {
        "" => Some("a part of it is empty"),
        "." | ".." => Some("it leads to another folder"),
        _ if part.contains(forbidden) => Some("it has a character that no portable file name has"),
        _ if part.len() > LONGEST => Some("a part of it is longer than 255 bytes"),
        _ if part.ends_with(['.', ' ']) => Some("a part of it ends in a dot or a space"),
        _ if is_device(part) => Some("it names a device"),
        _ => None,
    }
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or(part).trim_end().to_ascii_lowercase();
    let numbered = |stem: &str| {
        let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
        number.is_some_and(|number| {
            let mut digits = number.chars();
            matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    DEVICES.contains(&stem.as_str()) || numbered(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../x",
            "a/../../x",
            "a/./b",
            ".",
            "a//b",
            "a/",
            r"..\x",
            r"a\b",
            r"C:\x",
            "C:/x",
            "c:x",
            "file:stream",
            "a\0b",
            "a\nb",
            "a\u{85}b",
            "CON",
            "con.json",
            "aux",
            "NUL",
            "nul.tar.gz",
            "a/prn/b",
            "COM1",
            "lpt9.txt",
            "com¹",
            "CONIN$",
            "nul .txt",
            "a.",
            "a ",
            "...",
            "a*",
            "a?b",
            "a|b",
            "\"",
        ] {
            assert!(check("file name", name).is_err(), "{name:?}");
        }
        assert!(check("file name", &"x".repeat(256)).is_err());
    }

    #[test]
    fn names_of_files_pass() {
        for name in [
            "config.json",
            "0_StaticEmbedding/model.safetensors",
            ".gitattributes",
            "a b.json",
            "a..b",
            "console.json",
            "com10",
            "com",
            "nullable",
            "ünïcode.json",
            "refs/pr/1",
            "v1.0",
            "-x",
        ] {
            assert!(check("file name", name).is_ok(), "{name:?}");
        }
        assert!(check("file name", &"x".repeat(255)).is_ok());
    }
}
