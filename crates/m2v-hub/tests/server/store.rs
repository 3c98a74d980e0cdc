//! Repositories, their commits and large objects, and who may do what with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Everything a hub keeps.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) repos: BTreeMap<String, Repo>,
    /// Large files by their sha256; what was uploaded is here before a commit refers to it.
    pub(crate) objects: BTreeMap<String, Arc<Vec<u8>>>,
    /// The users by their token.
    pub(crate) tokens: BTreeMap<String, User>,
    /// Old names of repositories and the new ones.
    pub(crate) aliases: BTreeMap<String, String>,
    /// Whether small files are redirected as well, within the host, as the hub has done since 2025.
    pub(crate) redirect_small_files: bool,
    /// What the answer of the LFS endpoint says of the transfer; `basic` if it is not set.
    pub(crate) transfer: Option<String>,
    /// Entries on a page of a listing, 1000 if it is not set.
    pub(crate) page: Option<usize>,
}

/// Somebody with a token.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) may_write: bool,
}

/// A repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repo {
    pub(crate) private: bool,
    /// Whether its files are only for those who were let in, and nobody is.
    pub(crate) gated: bool,
    /// Branches and tags.
    pub(crate) refs: BTreeMap<String, String>,
    pub(crate) commits: BTreeMap<String, Commit>,
}

/// A state of a repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct Commit {
    pub(crate) message: String,
    pub(crate) parent: Option<String>,
    pub(crate) files: BTreeMap<String, File>,
}

/// A file of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) lfs: bool,
}

impl File {
    /// A file as the hub would store it.
    pub(crate) fn new(name: &str, bytes: impl Into<Arc<Vec<u8>>>) -> Self {
        let bytes = bytes.into();
        let lfs = is_large(name, bytes.len() as u64);
        Self { bytes, lfs }
    }

    /// The git object: the content, or of a large file its pointer.
    pub(crate) fn oid(&self) -> String {
        if self.lfs { sha1_of_blob(self.pointer().as_bytes()) } else { sha1_of_blob(&self.bytes) }
    }

    pub(crate) fn sha256(&self) -> String {
        sha256(&self.bytes)
    }

    /// What names its content: the `ETag`.
    pub(crate) fn etag(&self) -> String {
        if self.lfs { self.sha256() } else { self.oid() }
    }

    pub(crate) fn pointer(&self) -> String {
        let (oid, size) = (self.sha256(), self.bytes.len());
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n")
    }
}

/// Whether `.gitattributes` of a new repository, or the size, sends a file to the large ones.
pub(crate) fn is_large(name: &str, size: u64) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    size > 10_000_000 || ["safetensors", "onnx", "bin", "npy", "zip", "skops"].contains(&extension)
}

impl Repo {
    /// The commit of a branch, tag or hash.
    pub(crate) fn resolve(&self, revision: &str) -> Option<(&str, &Commit)> {
        let hash = self.refs.get(revision).map_or(revision, |hash| hash);
        self.commits.get_key_value(hash).map(|(hash, commit)| (&**hash, commit))
    }

    /// Adds a commit and moves a branch to it; gives its hash.
    pub(crate) fn commit(&mut self, branch: &str, message: &str, files: BTreeMap<String, File>) -> String {
        let parent = self.refs.get(branch).cloned();
        let mut text = format!("{message}\n{parent:?}\n");
        for (name, file) in &files {
            let _ = writeln!(text, "{name} {}", file.oid());
        }
        let hash = hex(&Sha1::digest(text.as_bytes()));
        self.commits.insert(hash.clone(), Commit { message: message.to_owned(), parent, files });
        self.refs.insert(branch.to_owned(), hash.clone());
        hash
    }

    /// The files of a branch.
    pub(crate) fn files(&self, branch: &str) -> BTreeMap<String, File> {
        self.resolve(branch).map(|(_, commit)| commit.files.clone()).unwrap_or_default()
    }
}

impl Store {
    /// Puts files into a repository, which is made if need be, as one commit; gives its hash.
    pub(crate) fn add<'a>(
        &mut self,
        id: &str,
        branch: &str,
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> String {
        let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), File::new(name, bytes.to_vec())));
        let mut all = self.repos.get(id).map(|repo| repo.files(branch)).unwrap_or_default();
        all.extend(files);
        for file in all.values().filter(|file| file.lfs) {
            self.objects.insert(file.sha256(), Arc::clone(&file.bytes));
        }
        self.repos.entry(id.to_owned()).or_default().commit(branch, "Add files", all)
    }

    /// Lets somebody in.
    pub(crate) fn token(&mut self, token: &str, name: &str, may_write: bool) {
        self.tokens.insert(token.to_owned(), User { name: name.to_owned(), may_write });
    }

    /// Where a request for a repository that was renamed should go.
    pub(crate) fn renamed(&self, target: &str) -> Option<String> {
        let find = |(old, new): (&String, &String)| {
            [format!("/{old}/"), format!("/api/models/{old}/")].into_iter().find_map(|prefix| {
                let rest = target.strip_prefix(&prefix)?;
                Some(format!("{}{rest}", prefix.replace(old.as_str(), new)))
            })
        };
        self.aliases.iter().find_map(find)
    }

    /// The names of all files in all commits.
    pub(crate) fn names(&self, id: &str, branch: &str) -> BTreeSet<String> {
        self.repos.get(id).map(|repo| repo.files(branch).into_keys().collect()).unwrap_or_default()
    }

    /// The content of a file of a branch.
    pub(crate) fn read(&self, id: &str, branch: &str, name: &str) -> Option<Arc<Vec<u8>>> {
        self.repos.get(id)?.files(branch).remove(name).map(|file| file.bytes)
    }
}

/// The name git gives a file.
pub(crate) fn sha1_of_blob(bytes: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", bytes.len()));
    hash.update(bytes);
    hex(&hash.finalize())
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
