//! The folder that Python's `huggingface_hub` shares.
//!
//! ```text
//! models--ORG--NAME/refs/REVISION              the commit a branch or tag means
//!                  /blobs/HASH                 a file, named by its hash
//!                  /blobs/HASH.incomplete      the beginning of one
//!                  /snapshots/COMMIT/FILE  →   ../../blobs/HASH
//!                  /.no_exist/COMMIT/FILE      a name that is not in the repository
//!                  /trees/COMMIT.json          the listing (only Python writes it)
//! .locks/models--ORG--NAME/HASH.lock           held while HASH is fetched
//! ```
//!
//! A reader follows ref, pointer, blob; a writer makes them in the opposite order, each at once, so that what can be
//! reached is complete, and what a kill left behind is either unreachable or not there yet. Nothing that a server sends
//! becomes part of a path but commits and hashes, which are hexadecimal digits, and names that the caller asked for.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::model_id::is_commit;

/// The part of the cache with one repository.
#[derive(Clone, Debug)]
pub(crate) struct RepoCache {
    folder: PathBuf,
    locks: PathBuf,
}

/// What the cache knows of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cached {
    /// It should be there, in the blob with this hash.
    Blob(Digest),
    /// It is there itself: no symlink, and so no hash.
    Copy,
    /// The repository has no such file.
    Absent,
    /// Nothing.
    Unknown,
}

impl RepoCache {
    pub(crate) fn new(cache_dir: &Path, repo: &str) -> Self {
        let name = format!("models--{}", repo.replace('/', "--"));
        Self { folder: cache_dir.join(&name), locks: cache_dir.join(".locks").join(&name) }
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.folder.join("snapshots").join(commit)
    }

    pub(crate) fn blob(&self, digest: Digest) -> PathBuf {
        self.folder.join("blobs").join(digest.to_string())
    }

    pub(crate) fn incomplete(&self, digest: Digest) -> PathBuf {
        self.folder.join("blobs").join(format!("{digest}.incomplete"))
    }

    pub(crate) fn lock(&self, digest: Digest) -> PathBuf {
        self.locks.join(format!("{digest}.lock"))
    }

    /// Where the listing of a commit would be.
    pub(crate) fn tree(&self, commit: &str) -> PathBuf {
        self.folder.join("trees").join(format!("{commit}.json"))
    }

    /// The commit that a revision meant when it was last looked up.
    pub(crate) fn reference(&self, revision: &str) -> Option<String> {
        let commit = fs::read_to_string(self.folder.join("refs").join(revision)).ok()?;
        let commit = commit.trim();
        is_commit(commit).then(|| commit.to_owned())
    }

    /// Remembers what a revision means.
    pub(crate) fn set_reference(&self, revision: &str, commit: &str) -> Result<()> {
        if self.reference(revision).as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(revision);
        replace(&path, |file| file.write_all(commit.as_bytes())).map_err(|error| Error::cache(path, error))
    }

    /// Looks a file up. Nothing is read but the directory.
    pub(crate) fn find(&self, commit: &str, file: &str) -> Cached {
        let pointer = self.snapshot(commit).join(file);
        match fs::symlink_metadata(&pointer) {
            Ok(metadata) if metadata.is_symlink() => {
                let target = fs::read_link(&pointer).ok();
                let name = target.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
                name.and_then(|name| name.parse().ok()).map_or(Cached::Unknown, Cached::Blob)
            }
            Ok(metadata) if metadata.is_file() => Cached::Copy,
            _ if self.folder.join(".no_exist").join(commit).join(file).is_file() => Cached::Absent,
            _ => Cached::Unknown,
        }
    }

    /// Whether there is any blob, whole.
    pub(crate) fn has_blobs(&self) -> bool {
        let is_blob = |entry: fs::DirEntry| {
            entry.file_name().to_str().is_some_and(|name| name.parse::<Digest>().is_ok())
        };
        fs::read_dir(self.folder.join("blobs"))
            .is_ok_and(|mut blobs| blobs.any(|entry| entry.is_ok_and(is_blob)))
    }

    /// Remembers that a file is not in the repository. Only saves a request: a cache that cannot be written to does
    /// without.
    pub(crate) fn set_absent(&self, commit: &str, file: &str) {
        let marker = self.folder.join(".no_exist").join(commit).join(file);
        if let Some(folder) = marker.parent() {
            let _ = fs::create_dir_all(folder).and_then(|()| fs::File::create(&marker));
        }
    }

    /// Makes a file of a snapshot, which is a blob that is there.
    pub(crate) fn point(&self, commit: &str, file: &str, digest: Digest) -> Result<()> {
        let pointer = self.snapshot(commit).join(file);
        let error = |error| Error::cache(&pointer, error);
        let Some(folder) = pointer.parent() else { return Ok(()) };
        fs::create_dir_all(folder).map_err(error)?;
        // From the file's folder up to the repository's.
        let up = "../".repeat(2 + file.matches('/').count());
        let target = PathBuf::from(format!("{up}blobs/{digest}"));
        if fs::read_link(&pointer).is_ok_and(|there| there == target) {
            return Ok(());
        }
        match symlink(&target, &pointer) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            // No symlinks here (Windows without the right to make them, some file systems): a copy.
            Err(_) => return self.copy(&pointer, digest).map_err(error),
        }
        // Something else has the name: what is put in its place is made beside it.
        let aside = tempfile::Builder::new().prefix(".m2v-").tempdir_in(folder).map_err(error)?;
        let new = aside.path().join("pointer");
        match symlink(&target, &new) {
            Ok(()) => fs::rename(&new, &pointer).map_err(error),
            Err(_) => self.copy(&pointer, digest).map_err(error),
        }
    }

    fn copy(&self, pointer: &Path, digest: Digest) -> io::Result<()> {
        let mut blob = fs::File::open(self.blob(digest))?;
        replace(pointer, |file| io::copy(&mut blob, file).map(drop))
    }
}

/// Writes a file that appears whole or not at all.
fn replace(path: &Path, write: impl FnOnce(&mut fs::File) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::Builder::new().prefix(".m2v-").tempfile_in(folder)?;
    write(file.as_file_mut())?;
    // A temporary file is its owner's alone; caches may be shared.
    #[cfg(unix)]
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(unix)]
fn symlink(target: &Path, pointer: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, pointer)
}

#[cfg(windows)]
fn symlink(target: &Path, pointer: &Path) -> io::Result<()> {
    // Windows follows links only with separators of its own.
    std::os::windows::fs::symlink_file(target.iter().collect::<PathBuf>(), pointer)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn cache() -> (tempfile::TempDir, RepoCache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = RepoCache::new(folder.path(), "org/na.me");
        (folder, cache)
    }

    fn put(cache: &RepoCache, bytes: &[u8]) -> Digest {
        let digest = Digest::git_blob(bytes);
        replace(&cache.blob(digest), |file| file.write_all(bytes)).unwrap();
        digest
    }

    #[test]
    fn paths_are_those_of_python() {
        let (folder, cache) = cache();
        let repo = folder.path().join("models--org--na.me");
        let digest = Digest::git_blob(b"");
        assert_eq!(cache.snapshot(COMMIT), repo.join("snapshots").join(COMMIT));
        assert_eq!(cache.blob(digest), repo.join("blobs/e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"));
        let lock =
            folder.path().join(".locks/models--org--na.me/e69de29bb2d1d6434b8b29ae775ad8c2e48c5391.lock");
        assert_eq!(cache.lock(digest), lock);
    }

    #[test]
    fn references_are_commits_or_nothing() {
        let (folder, cache) = cache();
        assert_eq!(cache.reference("refs/pr/1"), None);
        cache.set_reference("refs/pr/1", COMMIT).unwrap();
        assert_eq!(cache.reference("refs/pr/1").as_deref(), Some(COMMIT));
        let path = folder.path().join("models--org--na.me/refs/refs/pr/1");
        assert_eq!(fs::read_to_string(&path).unwrap(), COMMIT);
        for broken in ["", "main", "../../x", &COMMIT[1..], "\u{fffd}"] {
            fs::write(&path, broken).unwrap();
            assert_eq!(cache.reference("refs/pr/1"), None, "{broken}");
        }
        cache.set_reference("refs/pr/1", COMMIT).unwrap();
        assert_eq!(cache.reference("refs/pr/1").as_deref(), Some(COMMIT));
    }

    #[test]
    fn files_are_found_where_they_were_put() {
        let (_folder, cache) = cache();
        let digest = put(&cache, b"{}");
        for file in ["config.json", "0_StaticEmbedding/config.json"] {
            assert_eq!(cache.find(COMMIT, file), Cached::Unknown);
            cache.point(COMMIT, file, digest).unwrap();
            assert_eq!(cache.find(COMMIT, file), Cached::Blob(digest));
            assert_eq!(fs::read(cache.snapshot(COMMIT).join(file)).unwrap(), b"{}");
        }
        cache.set_absent(COMMIT, "a/head.safetensors");
        assert_eq!(cache.find(COMMIT, "a/head.safetensors"), Cached::Absent);
        assert_eq!(cache.find(COMMIT, "a"), Cached::Unknown);
    }

    #[cfg(unix)]
    #[test]
    fn a_pointer_to_elsewhere_is_replaced() {
        let (folder, cache) = cache();
        let digest = put(&cache, b"{}");
        let pointer = cache.snapshot(COMMIT).join("config.json");
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "precious").unwrap();
        fs::create_dir_all(pointer.parent().unwrap()).unwrap();
        symlink(&elsewhere, &pointer).unwrap();
        assert_eq!(cache.find(COMMIT, "config.json"), Cached::Unknown);
        cache.point(COMMIT, "config.json", digest).unwrap();
        assert_eq!(cache.find(COMMIT, "config.json"), Cached::Blob(digest));
        assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
        // Nothing is left beside it.
        assert_eq!(fs::read_dir(pointer.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn where_there_are_no_symlinks_files_are_copied() {
        let (_folder, cache) = cache();
        let digest = put(&cache, b"{}");
        let pointer = cache.snapshot(COMMIT).join("config.json");
        cache.copy(&pointer, digest).unwrap();
        assert_eq!(cache.find(COMMIT, "config.json"), Cached::Copy);
        assert_eq!(fs::read(pointer).unwrap(), b"{}");
    }
}
