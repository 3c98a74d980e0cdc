//! One model on a hub.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use m2v_core::{Buffer, Source};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::hub::Inner;
use crate::model_id::{MAIN, ModelId};
use crate::name;

/// A model on a hub: a [`Source`] whose files are fetched when they are read for the first time.
///
/// What is in the cache is read from there and no request is made; names that were asked for and are not in the
/// repository are remembered too. Every file is checked against the hash that names it before anyone sees it, also
/// when it comes from the cache.
///
/// Clones share what they found out.
#[derive(Clone, Debug)]
pub struct Repo {
    pub(crate) hub: Arc<Inner>,
    pub(crate) id: ModelId,
    refresh: bool,
    pins: BTreeMap<String, Digest>,
    state: Arc<Mutex<State>>,
}

/// What was found out.
#[derive(Debug, Default)]
struct State {
    /// What the revision means, for as long as this repo and its clones live.
    commit: Option<String>,
}

/// A file of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileInfo {
    /// Its name, with `/` between folder and file, relative to the repository.
    pub name: String,
    /// Bytes it has.
    pub size: u64,
    /// Its hash: sha256 if it is in LFS (or Xet), otherwise that of a git blob.
    pub digest: Digest,
}

impl Repo {
    pub(crate) fn new(hub: Arc<Inner>, id: ModelId) -> Self {
        Self { hub, id, refresh: false, pins: BTreeMap::new(), state: Arc::default() }
    }

    /// The model's id.
    #[must_use]
    pub fn id(&self) -> &ModelId {
        &self.id
    }

    /// The model at a branch, a tag or a commit; `main` if not said.
    ///
    /// # Errors
    /// [`Error::Name`] if it cannot be the name of a revision.
    pub fn revision(self, revision: &str) -> Result<Self> {
        Ok(Self { id: self.id.with_revision(revision)?, state: Arc::default(), ..self })
    }

    /// A model in a folder of the repository: names are relative to it.
    ///
    /// # Errors
    /// [`Error::Name`] if it is not a plain relative folder name.
    pub fn subfolder(self, subfolder: &str) -> Result<Self> {
        Ok(Self { id: self.id.with_subfolder(subfolder)?, ..self })
    }

    /// Asks the hub what the revision means now, once, even if the cache knows what it meant. Offline it has no
    /// effect.
    #[must_use]
    pub fn refresh(self) -> Self {
        Self { refresh: true, state: Arc::default(), ..self }
    }

    /// Pins a file: with another sha256 (64 hexadecimal digits) it is an error, wherever it comes from.
    ///
    /// # Errors
    /// [`Error::Name`] if the name cannot be a file's, or the hash cannot be a sha256.
    pub fn sha256(mut self, file: &str, sha256: &str) -> Result<Self> {
        name::check("file name", file)?;
        let digest = sha256.to_ascii_lowercase().parse();
        let Ok(digest @ Digest::Sha256(_)) = digest else {
            let reason = "a sha256 has 64 hexadecimal digits";
            return Err(Error::Name { what: "sha256", name: sha256.to_owned(), reason });
        };
        self.pins.insert(file.to_owned(), digest);
        Ok(self)
    }

    /// The commit that is read, 40 hexadecimal digits: what the cache says of the revision, or else the hub.
    ///
    /// # Errors
    /// If neither knows, or the hub does not answer well.
    pub fn commit_hash(&self) -> Result<String> {
        Err(Error::Offline { at: Box::default() })
    }

    /// All files of the repository (of the subfolder, if one is set), from the hub, or offline from the listing that
    /// Python left in the cache.
    ///
    /// # Errors
    /// If the hub does not answer well, or with names that would lead out of the cache.
    pub fn files(&self) -> Result<Vec<FileInfo>> {
        Err(Error::Offline { at: Box::default() })
    }

    /// Makes sure that a file is in the cache and what it should be; says where, or `None` if the repository has no
    /// such file. The name is relative to the subfolder, as in [`Source::read`].
    ///
    /// # Errors
    /// If it cannot be fetched, or is not what it should be.
    pub fn fetch(&self, name: &str) -> Result<Option<PathBuf>> {
        name::check("file name", name)?;
        Err(Error::Offline { at: Box::default() })
    }

    /// The revision that is read, `main` if none is named.
    pub(crate) fn revision_name(&self) -> &str {
        self.id.revision().unwrap_or(MAIN)
    }
}

impl Source for Repo {
    fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
        self.fetch(name)?;
        Ok(None)
    }

    fn locate(&self, name: &str) -> String {
        let path = self.id.in_repository(name);
        format!("{}@{}/{}", self.id.repo(), self.revision_name(), path.trim_end_matches('/'))
    }
}
