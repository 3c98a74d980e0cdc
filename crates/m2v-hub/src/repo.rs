//! One model on a hub.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use m2v_core::{Buffer, Source};
use serde::Deserialize;

use crate::cache::RepoCache;
use crate::digest::Digest;
use crate::error::{At, Error, Result};
use crate::file::File;
use crate::http::{Http, Request};
use crate::hub::Inner;
use crate::listing::{FileInfo, Listing};
use crate::model_id::{MAIN, ModelId, is_commit};
use crate::name;

/// A model on a hub: a [`Source`] whose files are fetched when they are read for the first time.
///
/// What is in the cache is read from there and no request is made; that a name is not in the repository is remembered
/// too. Every file is checked against the hash that names it before anyone sees it, also when it comes from the cache.
///
/// Offline a name that the cache knows nothing about is taken for one that is not there, if something of the model is:
/// what Python has cached is of use without it having noted what there is not. So is a `README.md` that Python did not
/// fetch, although it noted that there is one.
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

/// What was found out, for as long as a repo and its clones live.
#[derive(Debug, Default)]
struct State {
    /// What the revision means.
    commit: Option<String>,
    /// Whether the hub said so, so that the cache has to learn it.
    is_news: bool,
    listing: Option<Arc<Listing>>,
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

    /// A model in a folder of the repository: names are relative to it. Pins of files in it stay with them.
    ///
    /// # Errors
    /// [`Error::Name`] if it is not a plain relative folder name.
    pub fn subfolder(self, subfolder: &str) -> Result<Self> {
        let in_folder = |file: &str| file.strip_prefix(subfolder)?.strip_prefix('/').map(str::to_owned);
        let is_root = self.id.subfolder().is_none();
        let pins = self.pins.into_iter().map(|(file, digest)| match in_folder(&file) {
            Some(file) if is_root => (file, digest),
            _ => (file, digest),
        });
        Ok(Self { id: self.id.with_subfolder(subfolder)?, pins: pins.collect(), ..self })
    }

    /// The folder that the subfolder is in; `None` if it is the repository that is read. Pins stay with their files.
    ///
    /// ```
    /// use m2v_hub::Hub;
    ///
    /// let hub = Hub::builder().cache_dir("cache").build()?;
    /// let module = hub.model("org/name@v1:de/0_StaticEmbedding")?;
    /// let whole = module.parent().and_then(|de| Some((de.id().to_string(), de.parent()?)));
    /// let (de, root) = whole.expect("two folders");
    /// assert_eq!((&*de, &*root.id().to_string()), ("org/name@v1:de", "org/name@v1"));
    /// assert!(root.parent().is_none());
    /// # Ok::<(), m2v_hub::Error>(())
    /// ```
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (id, folder) = self.id.parent()?;
        let pins = self.pins.iter().map(|(file, digest)| (format!("{folder}/{file}"), *digest)).collect();
        Some(Self { id, pins, ..self.clone() })
    }

    /// Asks the hub what the revision means now, once, even if the cache knows what it meant. Offline it has no
    /// effect.
    #[must_use]
    pub fn refresh(self) -> Self {
        Self { refresh: true, state: Arc::default(), ..self }
    }

    /// Pins a file: with another sha256 (64 hexadecimal digits) it is an error, wherever it comes from. The name is
    /// relative to the [subfolder](Self::subfolder), if there is one, and counts where the file is read:
    /// [`Repo::fetch`] of it makes sure that there is one to be pinned.
    ///
    /// # Errors
    /// [`Error::Name`] if the name cannot be a file's, or begins with the subfolder, or the hash cannot be a sha256.
    pub fn sha256(mut self, file: &str, sha256: &str) -> Result<Self> {
        name::check("file name", file)?;
        let subfolder = self.id.subfolder().and_then(|subfolder| file.strip_prefix(subfolder));
        if subfolder.is_some_and(|rest| rest.starts_with('/')) {
            let reason = "names are relative to the subfolder, which this one begins with";
            return Err(Error::Name { what: "file name", name: file.to_owned(), reason });
        }
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
        let mut state = self.state();
        if let Some(commit) = &state.commit {
            return Ok(commit.clone());
        }
        let (revision, http) = (self.revision_name(), self.hub.http.as_ref());
        let cached = || self.cache().reference(revision).filter(|_| !self.refresh || http.is_none());
        let commit = match (http, is_commit(revision)) {
            (_, true) => revision.to_owned(),
            (http, false) => match (cached(), http) {
                (Some(commit), _) => commit,
                (None, Some(http)) => {
                    state.is_news = true;
                    self.hub.hide(self.ask_commit(http))?
                }
                (None, None) => return Err(Error::Offline { at: Box::new(self.at(None)) }),
            },
        };
        state.commit = Some(commit.clone());
        Ok(commit)
    }

    fn ask_commit(&self, http: &Http) -> Result<String> {
        #[derive(Deserialize)]
        struct Body {
            sha: String,
        }

        let at = self.at(None);
        let parts = ["api", "models"].into_iter().chain(self.id.repo().split('/'));
        let url = http.url(parts.chain(["revision", self.revision_name()]));
        let answer = http.send(&at, &Request::get(url.clone()))?;
        let body: Result<Body, _> = serde_json::from_slice(&answer.body);
        let found = match body {
            Ok(Body { sha }) if is_commit(&sha) => return Ok(sha),
            Ok(Body { sha }) => format!("sha {:?}", sha.chars().take(80).collect::<String>()),
            Err(error) => format!("what is none: {error}"),
        };
        let at = Box::new(crate::http::at_url(&at, &url));
        Err(Error::Answer {
            at,
            expected: "JSON with a commit, `sha`, of 40 hexadecimal digits".to_owned(),
            found,
        })
    }

    /// All files of the repository (of the subfolder, if one is set), from the hub, or offline from the listing that
    /// Python left in the cache.
    ///
    /// # Errors
    /// If the hub does not answer well, or with names that would lead out of the cache.
    pub fn files(&self) -> Result<Vec<FileInfo>> {
        let commit = self.commit_hash()?;
        let listing = match self.known_listing(&commit) {
            Some(listing) => listing,
            None => self.hub.hide(self.ask_listing(&commit))?,
        };
        self.hub.hide(listing.all(&self.at(None), self.id.subfolder()))
    }

    /// Makes sure that a file is in the cache and what it should be; says where, or `None` if the repository has no
    /// such file. The name is relative to the subfolder, as in [`Source::read`].
    ///
    /// # Errors
    /// If it cannot be fetched, or is not what it should be.
    pub fn fetch(&self, name: &str) -> Result<Option<PathBuf>> {
        self.hub.hide(File::new(self, name)?.get(File::on_disk))
    }

    /// The revision that is read, `main` if none is named.
    pub(crate) fn revision_name(&self) -> &str {
        self.id.revision().unwrap_or(MAIN)
    }

    pub(crate) fn cache(&self) -> RepoCache {
        RepoCache::new(&self.hub.cache_dir, self.id.repo())
    }

    /// What a message is about.
    pub(crate) fn at(&self, file: Option<&str>) -> At {
        let (repo, revision) = (self.id.repo().to_owned(), self.revision_name().to_owned());
        At { repo, revision, file: file.map(str::to_owned), url: None }
    }

    /// The sha256 that a file has to have.
    pub(crate) fn pin(&self, name: &str) -> Option<Digest> {
        self.pins.get(name).copied()
    }

    /// The listing, if it takes no request.
    pub(crate) fn known_listing(&self, commit: &str) -> Option<Arc<Listing>> {
        let mut state = self.state();
        if state.listing.is_none() {
            state.listing = Listing::stored(&self.cache().tree(commit)).map(Arc::new);
        }
        state.listing.clone()
    }

    /// The listing, from the hub.
    pub(crate) fn ask_listing(&self, commit: &str) -> Result<Arc<Listing>> {
        let at = || self.at(None);
        let http = self.hub.http.as_ref().ok_or_else(|| Error::Offline { at: Box::new(at()) })?;
        let mut state = self.state();
        if let Some(listing) = &state.listing {
            return Ok(Arc::clone(listing));
        }
        let listing = Arc::new(Listing::ask(http, &at(), self.id.repo(), commit)?);
        state.listing = Some(Arc::clone(&listing));
        Ok(listing)
    }

    /// Something of the commit is in the cache: from now on the revision means it.
    pub(crate) fn settle(&self, commit: &str) -> Result<()> {
        if std::mem::take(&mut self.state().is_news) {
            self.cache().set_reference(self.revision_name(), commit)?;
        }
        Ok(())
    }

    /// Nothing that panics is done with it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source for Repo {
    fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
        Ok(self.hub.hide(File::new(self, name)?.get(File::in_memory))?)
    }

    fn locate(&self, name: &str) -> String {
        let path = self.id.in_repository(name);
        let offline = if self.hub.http.is_none() { " (offline, as it is in the cache)" } else { "" };
        format!("{}@{}/{}{offline}", self.id.repo(), self.revision_name(), path.trim_end_matches('/'))
    }
}
