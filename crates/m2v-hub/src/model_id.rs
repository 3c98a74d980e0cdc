//! `org/name@revision:subfolder`.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::name;

/// The revision that is meant if none is named.
pub(crate) const MAIN: &str = "main";

/// What names a model on a hub: `ORG/NAME[@REVISION][:SUBFOLDER]`, perhaps after `hf://`.
///
/// ```
/// use m2v_hub::ModelId;
///
/// let id: ModelId = "hf://minishlab/potion-base-8M@refs/pr/3:onnx".parse()?;
/// assert_eq!(id.repo(), "minishlab/potion-base-8M");
/// assert_eq!(id.revision(), Some("refs/pr/3"));
/// assert_eq!(id.subfolder(), Some("onnx"));
/// assert_eq!(id.to_string(), "minishlab/potion-base-8M@refs/pr/3:onnx");
/// assert!("models/minilm/onnx".parse::<ModelId>().is_err());
/// # Ok::<(), m2v_hub::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelId {
    repo: String,
    revision: Option<String>,
    subfolder: Option<String>,
}

impl ModelId {
    /// The repository, `org/name`.
    #[must_use]
    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// The branch, tag or commit, if one is named.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// The folder of the model in its repository, if it is not the repository's own.
    #[must_use]
    pub fn subfolder(&self) -> Option<&str> {
        self.subfolder.as_deref()
    }

    /// The same model at a branch, a tag or a commit (40 hexadecimal digits, which never change what they mean).
    ///
    /// # Errors
    /// [`Error::Name`] if it cannot be the name of a revision.
    pub fn with_revision(self, revision: &str) -> Result<Self> {
        check_revision(revision)?;
        Ok(Self { revision: Some(revision.to_owned()), ..self })
    }

    /// A model in a folder of its repository.
    ///
    /// # Errors
    /// [`Error::Name`] if it is not a plain relative folder name.
    pub fn with_subfolder(self, subfolder: &str) -> Result<Self> {
        name::check("subfolder", subfolder)?;
        Ok(Self { subfolder: Some(subfolder.to_owned()), ..self })
    }

    /// The folder that the subfolder is in, and the subfolder's name in it.
    pub(crate) fn parent(&self) -> Option<(Self, &str)> {
        let subfolder = self.subfolder.as_deref()?;
        let (parent, name) =
            subfolder.rsplit_once('/').map_or((None, subfolder), |(parent, name)| (Some(parent), name));
        Some((Self { subfolder: parent.map(str::to_owned), ..self.clone() }, name))
    }

    /// The name of a file in the repository.
    pub(crate) fn in_repository(&self, file: &str) -> String {
        self.subfolder.as_ref().map_or_else(|| file.to_owned(), |folder| format!("{folder}/{file}"))
    }
}

impl FromStr for ModelId {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        let error = |reason: &str| Error::ModelId { id: id.to_owned(), reason: reason.to_owned() };
        let rest = id.strip_prefix("hf://").unwrap_or(id);
        // Neither names of repositories nor of revisions have a colon.
        let (rest, subfolder) = rest.split_once(':').map_or((rest, None), |(rest, sub)| (rest, Some(sub)));
        let (repo, revision) = rest.split_once('@').map_or((rest, None), |(repo, rev)| (repo, Some(rev)));
        check_repo(repo).map_err(error)?;
        let id = Self { repo: repo.to_owned(), revision: None, subfolder: None };
        let id = match revision {
            Some(revision) => id.with_revision(revision)?,
            None => id,
        };
        match subfolder {
            Some(subfolder) => id.with_subfolder(subfolder),
            None => Ok(id),
        }
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repo)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        self.subfolder.as_ref().map_or(Ok(()), |subfolder| write!(f, ":{subfolder}"))
    }
}

impl TryFrom<&str> for ModelId {
    type Error = Error;

    fn try_from(id: &str) -> Result<Self> {
        id.parse()
    }
}

impl TryFrom<String> for ModelId {
    type Error = Error;

    fn try_from(id: String) -> Result<Self> {
        id.parse()
    }
}

impl TryFrom<&String> for ModelId {
    type Error = Error;

    fn try_from(id: &String) -> Result<Self> {
        id.parse()
    }
}

/// The rules of `huggingface_hub` (`validate_repo_id`).
fn check_repo(repo: &str) -> Result<(), &'static str> {
    let Some((org, name)) = repo.split_once('/') else {
        return Err("expected an organisation and a name, with a slash between them");
    };
    if name.contains('/') {
        return Err("it has more than one slash");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    for part in [org, name] {
        if part.is_empty() {
            return Err("organisation or name is empty");
        }
        if !part.chars().all(plain) {
            return Err("organisation and name are of ASCII letters, digits, `-`, `_` and `.`");
        }
        if part.starts_with(['-', '.']) || part.ends_with(['-', '.']) {
            return Err("organisation and name do not begin or end with `-` or `.`");
        }
    }
    if repo.contains("--") || repo.contains("..") || repo.ends_with(".git") {
        return Err("it has `--` or `..`, or ends in `.git`");
    }
    if repo.len() > 96 {
        return Err("it is longer than 96 characters");
    }
    Ok(())
}

/// A revision becomes part of paths and addresses.
fn check_revision(revision: &str) -> Result<()> {
    name::check("revision", revision)?;
    if revision.contains(['~', '^', '[', ' ', '@', '#', '%']) {
        let reason = "it has a character that no revision has";
        return Err(Error::Name { what: "revision", name: revision.to_owned(), reason });
    }
    Ok(())
}

/// Whether a revision is a commit, which always means the same.
pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_an_id_is_refused() {
        for id in [
            "",
            "model",
            "/",
            "a/",
            "/b",
            "a/b/c",
            "./model",
            "../model",
            "a/..",
            "a/b.git",
            "a--b/c",
            "-a/b",
            "a/b-",
            "a/.b",
            "a b/c",
            "a/b@",
            "a/b:",
            "a/b@:x",
            "a/b@main:",
            "a/b@../x",
            "a/b@a b",
            "a/b:../x",
            "a/b:/x",
            "a/b:x/",
            "C:/models",
            r"C:\m",
            "a/b@CON",
            "a/ü",
            "hf://",
            "hf://a",
            "https://a/b",
            "a/b@x:y:z",
            "a/b@x@y",
            "a/b?x",
            "a/b#x",
        ] {
            assert!(id.parse::<ModelId>().is_err(), "{id:?}");
        }
        assert!(format!("a/{}", "b".repeat(95)).parse::<ModelId>().is_err());
    }

    #[test]
    fn commits_are_told_from_names() {
        assert!(is_commit(&"0a".repeat(20)));
        for revision in ["main", "0a0a0a0", &"0A".repeat(20), &"0g".repeat(20), &"0a".repeat(32)] {
            assert!(!is_commit(revision), "{revision}");
        }
    }

    proptest! {
        #[test]
        fn any_text_parses_or_says_why(text in "[a-z@:/.-]{0,12}|.{0,12}") {
            if let Ok(id) = text.parse::<ModelId>() {
                prop_assert_eq!(id.to_string().parse::<ModelId>().unwrap(), id);
            }
        }

        #[test]
        fn what_is_shown_is_what_was_read(
            id in "[a-zA-Z0-9]{1,9}/[a-z]([._]?[a-zA-Z0-9]){0,9}(@[a-z0-9_-]{1,9}(/[a-z0-9]{1,3})?)?(:[a-z0-9_]{2,9}(/[a-z0-9_]{5})?)?"
        ) {
            if let Ok(parsed) = id.parse::<ModelId>() {
                prop_assert_eq!(parsed.to_string(), id);
            } else {
                // Devices, `.git`.
                prop_assert!(["con", "aux", "nul", "prn", "com", "lpt", ".git"].iter().any(|name| id.contains(name)), "{}", id);
            }
        }
    }
}
