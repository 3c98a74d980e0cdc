//! What is in a repository, as the hub or Python's copy of its answer says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use reqwest::header::LINK;
use serde::Deserialize;

use crate::digest::Digest;
use crate::error::{At, Error, Result};
use crate::http::{Http, Request, at_url};
use crate::name;

/// Pages of a listing that are read, of 1,000 files each.
const PAGES: usize = 100;

/// The files of a commit. Names and hashes are as the server sent them: both are checked when they are asked for, so
/// that a strange file that nobody wants does no harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    files: BTreeMap<String, (u64, String)>,
}

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileInfo {
    /// Its name, with `/` between folder and file.
    pub name: String,
    /// Bytes it has.
    pub size: u64,
    /// Its hash: sha256 if it is in LFS (or Xet), otherwise that of a git blob.
    pub digest: Digest,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    #[serde(default)]
    oid: String,
    #[serde(default)]
    size: u64,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

/// `trees/COMMIT.json` of Python's cache.
#[derive(Deserialize)]
struct Stored {
    format_version: u64,
    files: BTreeMap<String, StoredFile>,
}

#[derive(Deserialize)]
struct StoredFile {
    size: u64,
    blob_id: String,
    lfs_sha256: Option<String>,
    lfs_size: Option<u64>,
}

impl Listing {
    /// Asks the hub.
    pub(crate) fn ask(http: &Http, at: &At, repo: &str, commit: &str) -> Result<Self> {
        let mut listing = Self::default();
        let mut url = http.url(["api", "models"].into_iter().chain(repo.split('/')).chain(["tree", commit]));
        url.set_query(Some("recursive=true&expand=false"));
        for _ in 0..PAGES {
            let answer = |expected: &str, found: String| Error::Answer {
                at: Box::new(at_url(at, &url)),
                expected: expected.to_owned(),
                found,
            };
            let page = http.send(at, &Request::get(url.clone()))?;
            let entries: Vec<Entry> = serde_json::from_slice(&page.body)
                .map_err(|error| answer("a list of files", format!("what is none: {error}")))?;
            for entry in entries.into_iter().filter(|entry| entry.kind == "file") {
                let (size, oid) = entry.lfs.map_or((entry.size, entry.oid), |lfs| (lfs.size, lfs.oid));
                listing.files.insert(entry.path, (size, oid));
            }
            let links = page.headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok());
            let Some(next) = links.flat_map(|links| links.split(',')).find_map(next_page) else {
                return Ok(listing);
            };
            let next = url
                .join(next)
                .map_err(|error| answer("a next page", format!("a broken address: {error}")))?;
            if !http.is_endpoint(&next) {
                return Err(answer(
                    "a next page at the same server",
                    format!("one at {:?}", next.host_str()),
                ));
            }
            url = next;
        }
        let (expected, found) = (format!("at most {PAGES} pages of files"), "with more".to_owned());
        Err(Error::Answer { at: Box::new(at_url(at, &url)), expected, found })
    }

    /// Reads what Python keeps, if it is there and whole.
    pub(crate) fn stored(path: &Path) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let file = |(name, file): (String, StoredFile)| match (file.lfs_sha256, file.lfs_size) {
            (Some(sha256), size) => (name, (size.unwrap_or(file.size), sha256)),
            (None, _) => (name, (file.size, file.blob_id)),
        };
        (stored.format_version == 1).then(|| Self { files: stored.files.into_iter().map(file).collect() })
    }

    /// A file, if there is one of that name, or what is wrong with its hash.
    pub(crate) fn get(&self, at: &At, name: &str) -> Result<Option<FileInfo>> {
        self.files.get(name).map(|entry| info(at, name, entry)).transpose()
    }

    /// All files below a folder.
    pub(crate) fn all(&self, at: &At, subfolder: Option<&str>) -> Result<Vec<FileInfo>> {
        let below = |name: &str| {
            subfolder.is_none_or(|folder| name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
        };
        let files = self.files.iter().filter(|(name, _)| below(name));
        files
            .map(|(name, entry)| {
                name::check("file name in the listing", name)?;
                info(at, name, entry)
            })
            .collect()
    }
}

fn info(at: &At, name: &str, (size, hash): &(u64, String)) -> Result<FileInfo> {
    let digest = hash.parse().map_err(|_| {
        let at = Box::new(At { file: Some(name.to_owned()), ..at.clone() });
        let found: String = hash.chars().take(80).collect();
        Error::Answer {
            at,
            expected: "a hash of 40 or 64 hexadecimal digits".to_owned(),
            found: format!("{found:?}"),
        }
    })?;
    Ok(FileInfo { name: name.to_owned(), size: *size, digest })
}

/// The address in `<ADDRESS>; rel="next"`.
fn next_page(link: &str) -> Option<&str> {
    let (address, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    parameters
        .split(';')
        .any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"))
        .then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(files: &[(&str, &str)]) -> Listing {
        let files = files.iter().map(|(name, hash)| ((*name).to_owned(), (1, (*hash).to_owned())));
        Listing { files: files.collect() }
    }

    const HASH: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

    #[test]
    fn links_to_the_next_page_are_found() {
        assert_eq!(next_page("<https://x/y?cursor=1>; rel=\"next\""), Some("https://x/y?cursor=1"));
        assert_eq!(next_page(" </y>;rel=next"), Some("/y"));
        for link in ["", "<x>; rel=\"prev\"", "x; rel=\"next\"", "<x; rel=\"next\""] {
            assert_eq!(next_page(link), None, "{link}");
        }
    }

    #[test]
    fn hostile_entries_harm_only_those_who_ask_for_them() {
        let at = At::default();
        let all = listing(&[("config.json", HASH), ("../../x", HASH), ("bad", "../../../../x")]);
        assert_eq!(all.get(&at, "config.json").unwrap().unwrap().size, 1);
        assert_eq!(all.get(&at, "other").unwrap(), None);
        assert!(matches!(all.get(&at, "bad"), Err(Error::Answer { .. })));
        assert!(matches!(all.all(&at, None), Err(Error::Name { .. })));
    }

    #[test]
    fn folders_hold_what_is_below_them() {
        let all = listing(&[("a/x", HASH), ("a/b/y", HASH), ("ab/z", HASH), ("x", HASH)]);
        let names = |folder| -> Vec<_> {
            all.all(&At::default(), folder).unwrap().into_iter().map(|file| file.name).collect()
        };
        assert_eq!(names(Some("a")), ["a/b/y", "a/x"]);
        assert_eq!(names(None).len(), 4);
    }

    #[test]
    fn what_python_stored_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tree.json");
        assert_eq!(Listing::stored(&path), None);
        let sha256 = "a".repeat(64);
        let text = format!(
            r#"{{"format_version": 1, "files": {{
                "config.json": {{"size": 2, "blob_id": "{HASH}"}},
                "model.safetensors": {{"size": 130, "blob_id": "{HASH}", "lfs_sha256": "{sha256}", "lfs_size": 9}}}}}}"#
        );
        fs::write(&path, &text).unwrap();
        let stored = Listing::stored(&path).unwrap();
        let file = |name| stored.get(&At::default(), name).unwrap().unwrap();
        assert_eq!((file("config.json").size, file("config.json").digest.to_string()), (2, HASH.to_owned()));
        let table = file("model.safetensors");
        assert_eq!((table.size, table.digest.to_string()), (9, sha256));
        for broken in [&text[..40], &text.replace("version\": 1", "version\": 2"), "[]", ""] {
            fs::write(&path, broken).unwrap();
            assert_eq!(Listing::stored(&path), None, "{broken}");
        }
    }
}
