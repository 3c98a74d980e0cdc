//! The texts that are encoded.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;

/// A kind of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Corpus {
    /// English prose.
    Prose,
    /// URLs, code, numbers.
    Messy,
    /// Five hundred languages.
    Udhr,
}

impl Corpus {
    pub(crate) const ALL: [Self; 3] = [Self::Prose, Self::Messy, Self::Udhr];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Prose => "prose",
            Self::Messy => "messy",
            Self::Udhr => "udhr",
        }
    }
}

/// All texts, in memory.
pub(crate) struct Corpora {
    texts: [Vec<String>; 3],
    /// Tells these texts from others.
    pub(crate) fingerprint: u64,
}

impl Corpora {
    /// Reads `NAME.txt`, `NAME.txt.gz`, `en_NAME.txt` or `en_NAME.txt.gz` of each corpus from a folder, a text a
    /// line; empty lines are left out.
    pub(crate) fn load(folder: &Path) -> Result<Self> {
        let [prose, messy, udhr] = Corpus::ALL.map(|corpus| read(folder, corpus.name()));
        let texts = [prose?, messy?, udhr?];
        let mut hasher = DefaultHasher::new();
        texts.hash(&mut hasher);
        Ok(Self { texts, fingerprint: hasher.finish() })
    }

    pub(crate) fn texts(&self, corpus: Corpus) -> &[String] {
        &self.texts[corpus as usize]
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &String> {
        self.texts.iter().flatten()
    }
}

fn read(folder: &Path, name: &str) -> Result<Vec<String>> {
    let names = ["", "en_"].map(|prefix| [".txt", ".txt.gz"].map(|ending| format!("{prefix}{name}{ending}")));
    let path = names.iter().flatten().map(|name| folder.join(name)).find(|path| path.exists());
    let path = path.with_context(|| format!("{}: no {name}.txt or {name}.txt.gz", folder.display()))?;
    let lines = read_lines(&path).with_context(|| path.display().to_string())?;
    anyhow::ensure!(!lines.is_empty(), "{}: no texts", path.display());
    Ok(lines)
}

fn read_lines(path: &Path) -> Result<Vec<String>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut content = String::new();
    if path.extension().is_some_and(|ending| ending == "gz") {
        MultiGzDecoder::new(file).read_to_string(&mut content)?;
    } else {
        file.read_to_string(&mut content)?;
    }
    Ok(content.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// Writes texts for another process, a line each.
pub(crate) fn write_lines(path: &Path, texts: &[String]) -> Result<()> {
    let folder = path.parent().context("a file in a folder")?;
    fs::create_dir_all(folder)?;
    let mut content = texts.join("\n");
    content.push('\n');
    fs::write(path, content).with_context(|| path.display().to_string())
}
