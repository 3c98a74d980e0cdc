//! One file of a model: from the cache if it is there and what it should be, otherwise from the hub.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use m2v_core::{Buffer, Dir, Source};

use crate::cache::{Cached, RepoCache};
use crate::digest::Digest;
use crate::download::Wanted;
use crate::error::{At, Error, Result};
use crate::http::Http;
use crate::listing::FileInfo;
use crate::lock::Lock;
use crate::name;
use crate::progress::Progress;
use crate::push::README;
use crate::repo::Repo;

/// A file that somebody asks for.
pub(crate) struct File<'a> {
    repo: &'a Repo,
    /// As the caller says it.
    name: &'a str,
    /// In the repository.
    path: String,
    commit: String,
    cache: RepoCache,
    at: At,
}

/// Content of which hashes can be made.
pub(crate) trait Content: Sized {
    /// Its hash of the same kind as another.
    fn digest(&self, kind: Digest) -> io::Result<Digest>;
}

impl Content for Buffer {
    fn digest(&self, kind: Digest) -> io::Result<Digest> {
        Ok(kind.of(self))
    }
}

impl Content for PathBuf {
    fn digest(&self, kind: Digest) -> io::Result<Digest> {
        let mut file = fs::File::open(self)?;
        let mut hasher = kind.hasher(file.metadata()?.len());
        hasher.read(&mut file)?;
        Ok(hasher.finish())
    }
}

/// What is there in the cache.
enum Found<T> {
    Good(T),
    /// Something that it should not be.
    Wrong {
        expected: String,
        found: String,
    },
    Nothing,
}

impl<'a> File<'a> {
    /// A file by its name, which is checked before anything else is done with it.
    pub(crate) fn new(repo: &'a Repo, name: &'a str) -> Result<Self> {
        name::check("file name", name)?;
        let path = repo.id.in_repository(name);
        let at = repo.at(Some(&path));
        Ok(Self { repo, name, commit: repo.commit_hash()?, cache: repo.cache(), path, at })
    }

    /// Reads it to memory.
    pub(crate) fn in_memory(&self) -> io::Result<Option<Buffer>> {
        match Dir::open(self.cache.snapshot(&self.commit)) {
            Ok(folder) => folder.read(&self.path),
            // No folder, no file.
            Err(_) => Ok(None),
        }
    }

    /// Where it is.
    pub(crate) fn on_disk(&self) -> io::Result<Option<PathBuf>> {
        let path = self.cache.snapshot(&self.commit).join(&self.path);
        Ok(path.try_exists()?.then_some(path))
    }

    /// The file, checked, as `open` makes it of what is in the cache.
    pub(crate) fn get<T: Content>(&self, open: impl Fn(&Self) -> io::Result<Option<T>>) -> Result<Option<T>> {
        let there = self.cache.find(&self.commit, &self.path);
        if there == Cached::Absent {
            return self.absent();
        }
        let known = self.repo.known_listing(&self.commit);
        let info = match &known {
            Some(listing) => match listing.get(&self.at, &self.path)? {
                Some(info) => Some(info),
                None => return self.learn_absent(),
            },
            None => None,
        };
        let found = self.look(&there, info.as_ref(), &open)?;
        let (http, found) = match (&self.repo.hub.http, found) {
            (_, Found::Good(content)) => return self.give(content).map(Some),
            (Some(http), found) => (http, found),
            (None, Found::Wrong { expected, found }) => return Err(self.corrupt(expected, found)),
            (None, Found::Nothing) => {
                // Nobody noted whether there is such a file, or it is the card, which clients may leave out and on
                // which nothing depends that a model does.
                let may_lack = there == Cached::Unknown && (info.is_none() || self.name == README);
                if may_lack && self.cache.snapshot(&self.commit).is_dir() {
                    return self.absent();
                }
                return Err(Error::Offline { at: Box::new(self.at.clone()) });
            }
        };
        drop(found);
        let info = match info {
            Some(info) => info,
            None => match self.repo.ask_listing(&self.commit)?.get(&self.at, &self.path)? {
                Some(info) => info,
                None => return self.learn_absent(),
            },
        };
        self.check_pin(info.digest, || Ok(info.digest))?;
        self.bring(http, &info)?;
        match self.look(&Cached::Blob(info.digest), Some(&info), &open)? {
            Found::Good(content) => self.give(content).map(Some),
            Found::Wrong { expected, found } => Err(self.corrupt(expected, found)),
            Found::Nothing => Err(self.corrupt(info.digest.describe(), "nothing".to_owned())),
        }
    }

    /// Opens what the cache has, if it can be checked, and checks it.
    fn look<T: Content>(
        &self,
        there: &Cached,
        info: Option<&FileInfo>,
        open: &impl Fn(&Self) -> io::Result<Option<T>>,
    ) -> Result<Found<T>> {
        let expected = match (there, info) {
            (Cached::Absent | Cached::Unknown, _) => return Ok(Found::Nothing),
            // A pointer to something else.
            (Cached::Blob(digest), Some(info)) if *digest != info.digest => return Ok(Found::Nothing),
            (Cached::Blob(digest), _) => Some(*digest),
            (Cached::Copy, Some(info)) => Some(info.digest),
            (Cached::Copy, None) => None,
        };
        let error = |error| Error::cache(self.pointer(), error);
        let Some(content) = open(self).map_err(error)? else { return Ok(Found::Nothing) };
        let Some(expected) = expected else { return self.look_for_blob(content).map_err(error) };
        let found = content.digest(expected).map_err(error)?;
        if found == expected {
            return Ok(Found::Good(content));
        }
        Ok(Found::Wrong { expected: expected.describe(), found: found.describe() })
    }

    /// A copy has no hash in its name, but is one of a blob. Except where Python cannot make links: there it moves each
    /// blob to its snapshot, and without the hub nothing has the hash.
    fn look_for_blob<T: Content>(&self, content: T) -> io::Result<Found<T>> {
        if self.repo.hub.http.is_none() && !self.cache.has_blobs() {
            return Ok(Found::Good(content));
        }
        for kind in [Digest::git_blob(b""), Digest::sha256(b"")] {
            if self.cache.blob(content.digest(kind)?).is_file() {
                return Ok(Found::Good(content));
            }
        }
        let found = "another, and no listing that has the file's hash".to_owned();
        Ok(Found::Wrong { expected: "a copy of a blob".to_owned(), found })
    }

    /// Makes sure that the cache has a file, in what may be a race with others.
    fn bring(&self, http: &Http, info: &FileInfo) -> Result<()> {
        let hub = &self.repo.hub;
        let (digest, size) = (info.digest, info.size);
        let (blob, part) = (self.cache.blob(digest), self.cache.incomplete(digest));
        let report = |done| {
            if let Some(progress) = &hub.progress {
                progress(&Progress { repo: self.repo.id.repo(), file: &self.path, done, total: size });
            }
        };
        {
            let _lock =
                Lock::acquire(&self.cache.lock(digest), &part, hub.lock_limit, &hub.cancel, &self.at)?;
            // Another revision may have it, or another process brought it meanwhile.
            let is_there = blob.is_file() && blob.digest(digest).is_ok_and(|found| found == digest);
            if !is_there {
                let (org, name) = self.repo.id.repo().split_once('/').unwrap_or_default();
                let parts = [org, name, "resolve", &self.commit].into_iter().chain(self.path.split('/'));
                let (url, commit) = (http.url(parts), &self.commit);
                Wanted { at: &self.at, url, commit, size, digest, progress: &report }.fetch(http, &part)?;
                fs::rename(&part, &blob).map_err(|error| Error::cache(&blob, error))?;
            }
            self.cache.point(&self.commit, &self.path, digest)?;
        }
        report(size);
        Ok(())
    }

    /// Hands content out, unless it is pinned to be something else.
    fn give<T: Content>(&self, content: T) -> Result<T> {
        self.check_pin(Digest::sha256(b""), || content.digest(Digest::sha256(b"")))?;
        self.repo.settle(&self.commit)?;
        Ok(content)
    }

    /// Compares a hash with the pin, if it is of the pin's kind.
    fn check_pin(&self, kind: Digest, digest: impl FnOnce() -> io::Result<Digest>) -> Result<()> {
        let Some(pin) = self.repo.pin(self.name).filter(|_| matches!(kind, Digest::Sha256(_))) else {
            return Ok(());
        };
        let found = digest().map_err(|error| Error::cache(self.pointer(), error))?;
        if found == pin { Ok(()) } else { Err(self.not_pinned(pin, found.describe())) }
    }

    /// The listing says that there is no such file: a later run knows without it.
    fn learn_absent<T>(&self) -> Result<Option<T>> {
        if self.repo.hub.http.is_some() {
            self.cache.set_absent(&self.commit, &self.path);
        }
        self.absent()
    }

    fn absent<T>(&self) -> Result<Option<T>> {
        match self.repo.pin(self.name) {
            Some(pin) => Err(self.not_pinned(pin, "no such file".to_owned())),
            None => Ok(None),
        }
    }

    fn not_pinned(&self, pin: Digest, found: String) -> Error {
        Error::Digest {
            at: Box::new(self.at.clone()),
            expected: format!("{}, to which it is pinned", pin.describe()),
            found,
        }
    }

    fn corrupt(&self, expected: String, found: String) -> Error {
        Error::Corrupt { path: self.pointer(), expected, found }
    }

    fn pointer(&self) -> PathBuf {
        self.cache.snapshot(&self.commit).join(Path::new(&self.path))
    }
}
