//! Tidiness that no compiler looks at.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Outcome;
use super::job::Job;

/// Lines that a file of a library may have, its tests apart.
const LINES: usize = 400;

/// Columns of a comment, which rustfmt leaves as it is.
const COLUMNS: usize = 120;

/// What libraries do not do outside their tests. Clippy looks for it too, unless it is allowed somewhere; an
/// `.expect()` that cannot fail may be, with its reason.
const BANNED: [&str; 9] = [
    ".unwrap()",
    "panic!(",
    "todo!(",
    "unimplemented!(",
    "std::env::var",
    "process::exit",
    "thread_local!",
    "print!(",
    "println!(",
];

pub(super) fn run(job: &mut Job) -> io::Result<Outcome> {
    let mut wrong = Vec::new();
    for folder in fs::read_dir(job.workspace().join("crates"))? {
        let folder = folder?.path();
        let library = folder.join("src/lib.rs").is_file();
        for file in files(&folder.join("src"))? {
            let text = fs::read_to_string(&file)?;
            let name = file.strip_prefix(job.workspace()).unwrap_or(&file).display().to_string();
            wrong.extend(check(&name, &text, library).into_iter().map(|what| format!("{name}: {what}")));
        }
        if !folder.join("README.md").is_file() {
            wrong.push(format!("{}: no README.md", folder.display()));
        }
        let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
        if !manifest.contains("\nversion.workspace = true\n") {
            wrong.push(format!("{}/Cargo.toml: a version of its own", folder.display()));
        }
        if library && files(&folder.join("examples"))?.is_empty() {
            wrong.push(format!("{}: no examples", folder.display()));
        }
    }
    let root = |name| fs::read_to_string(job.workspace().join(name));
    wrong.extend(lockstep(&root("Cargo.toml")?, &root("CHANGELOG.md")?));
    wrong.sort();
    Ok(if wrong.is_empty() { Outcome::Passed } else { Outcome::Failed(wrong.join("\n")) })
}

/// All `.rs` files below a folder.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

/// What is wrong with a file.
fn check(name: &str, text: &str, library: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    if !text.starts_with("//!") {
        wrong.push("does not start with what it is about (//!)".to_owned());
    }
    for (i, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("//") && line.chars().count() > COLUMNS {
            wrong.push(format!("line {}: a comment of more than {COLUMNS} columns", i + 1));
        }
    }
    // Tests stand at the end of a file, or in one of their own.
    let own_file = name.ends_with("tests.rs") || name.contains("/tests/");
    let lines: Vec<&str> = text.lines().collect();
    let begins_tests = |pair: &[&str]| {
        let is_for_tests = pair[0] == "#[cfg(test)]" || pair[0].starts_with("#[cfg(all(test, ");
        is_for_tests && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    };
    let end = if own_file { Some(0) } else { lines.windows(2).position(begins_tests) };
    let code: Vec<(usize, &str)> = lines.into_iter().enumerate().take(end.unwrap_or(usize::MAX)).collect();
    if code.len() > LINES {
        wrong.push(format!("{} lines, expected at most {LINES}", code.len()));
    }
    for (i, line) in &code {
        let line = line.trim_start();
        if library && !line.starts_with("//") {
            let found = BANNED.iter().filter(|banned| line.contains(**banned));
            wrong.extend(found.map(|banned| format!("line {}: {banned}", i + 1)));
        }
        if name.ends_with("src/lib.rs")
            && ["fn ", "pub fn ", "pub struct ", "pub enum "].iter().any(|item| line.starts_with(item))
        {
            wrong.push(format!("line {}: lib.rs is documentation and re-exports", i + 1));
        }
    }
    wrong
}

/// What is wrong with the versions: all crates have that of the workspace, and the changelog knows it.
fn lockstep(manifest: &str, changelog: &str) -> Vec<String> {
    let version = |line: &str| Some(line.split_once("version = \"")?.1.split_once('"')?.0.to_owned());
    let Some(own) = manifest.lines().find(|line| line.starts_with("version = ")).and_then(version) else {
        return vec!["Cargo.toml: no version of the workspace".to_owned()];
    };
    let siblings = manifest.lines().filter(|line| line.starts_with("m2v-"));
    let mut wrong: Vec<String> = siblings
        .filter(|line| version(line).as_ref() != Some(&own))
        .map(|line| format!("Cargo.toml: expected version {own} in {line}"))
        .collect();
    if !changelog.lines().any(|line| line.starts_with(&format!("## {own}"))) {
        wrong.push(format!("CHANGELOG.md: nothing about {own}"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::{check, lockstep};

    #[test]
    fn versions_that_are_not_in_lockstep_are_reported() {
        let manifest = |sibling: &str| {
            format!(
                "[workspace.package]\nversion = \"0.2.0\"\n\n[workspace.dependencies]\nm2v-a = {{ path = \"a\", {sibling} }}\n"
            )
        };
        let (good, changelog) = (manifest("version = \"0.2.0\""), "# Changelog\n\n## 0.2.0, soon\n");
        assert_eq!(lockstep(&good, changelog), [""; 0]);
        assert_eq!(lockstep(&manifest("version = \"0.1.0\""), changelog).len(), 1);
        assert_eq!(lockstep(&manifest("features = []"), changelog).len(), 1);
        assert_eq!(lockstep(&good, "## 0.1.0\n").len(), 1);
    }

    #[test]
    fn what_is_wrong_is_reported() {
        let tidy = "//! Adds.\n/// Adds, never `.unwrap()`s.\npub fn add() {}\n\n#[cfg(test)]\nmod tests {\n    x.unwrap()\n}\n";
        assert_eq!(check("crates/a/src/add.rs", tidy, true), [""; 0]);
        assert_eq!(check("crates/a/src/lib.rs", tidy, true).len(), 1);
        let wrong = "fn f() {\n    x.unwrap();\n    todo!()\n}\n";
        assert_eq!(check("crates/a/src/f.rs", wrong, true).len(), 3);
        assert_eq!(check("crates/a/src/f.rs", wrong, false).len(), 1);
        let long = format!("//! Long.\n{}", "\n".repeat(500));
        assert_eq!(check("crates/a/src/long.rs", &long, false).len(), 1);
        let wide = format!("//! Wide.\n{}\n// {}\n", "x".repeat(500), "x".repeat(118));
        assert_eq!(check("crates/a/src/wide.rs", &wide, false).len(), 1);
        // Tests in a file of their own end nothing, those in this one do.
        for (tests, wrongs) in [("mod tests;", 1), ("mod tests {", 0)] {
            let text =
                format!("//! Tests.\n#[cfg(all(test, feature = \"a\"))]\n{tests}\nfn f() {{ x.unwrap() }}\n");
            assert_eq!(check("crates/a/src/f.rs", &text, true).len(), wrongs);
        }
        for line in ["std::process::exit(1)", "thread_local! {", "print!(\"\")", "eprintln!(\"\")"] {
            assert!(!check("crates/a/src/f.rs", &format!("//! F.\n{line}\n"), true).is_empty(), "{line}");
        }
    }
}
