//! The reference's answers, recorded again: every file has to come out as it is in the repository.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::Outcome;
use super::job::Job;

pub(super) fn run(job: &mut Job, python: &str) -> io::Result<Outcome> {
    let imports = "import model2vec, sklearn, sentencepiece, safetensors; print(model2vec.__version__)";
    if job.output_of(job.command(python).args(["-c", imports])).is_none() {
        let needs = "model2vec, scikit-learn and sentencepiece (tests/fixtures/README.md)";
        return Ok(Outcome::Skipped(format!("{python} lacks {needs}")));
    }
    let fixtures = job.workspace().join("tests/fixtures");
    let again = job.empty_folder()?;
    for name in ["texts.json", "models"] {
        copy(&fixtures.join(name), &again.join(name))?;
    }
    let mut record = job.command(python);
    record.arg(fixtures.join("make_reference.py")).arg(job.workspace().join("models/minilm-l6-64d"));
    let outcome = job.run(record.args([&again, &again]))?;
    if !matches!(outcome, Outcome::Passed) {
        return Ok(outcome);
    }
    let (mut found, mut differ) = (BTreeMap::new(), Vec::new());
    list(&again.join("answers"), &again, &mut found)?;
    for name in ["casts.safetensors", "quantization.json", "wordpiece-added-tokens.per-token.safetensors"] {
        found.insert(name.to_owned(), fs::read(again.join(name))?);
    }
    for (name, bytes) in &found {
        if fs::read(fixtures.join(name)).ok().as_ref() != Some(bytes) {
            differ.push(name.as_str());
        }
    }
    if found.len() < 20 {
        return Ok(Outcome::Failed(format!("only {} files were recorded", found.len())));
    }
    Ok(if differ.is_empty() {
        Outcome::Passed
    } else {
        Outcome::Failed(format!("recorded otherwise now: {}", differ.join(", ")))
    })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(|_| ());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// All files below a folder, named relative to `root`.
fn list(folder: &Path, root: &Path, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, root, files)?;
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            files.insert(name, fs::read(&path)?);
        }
    }
    Ok(())
}
