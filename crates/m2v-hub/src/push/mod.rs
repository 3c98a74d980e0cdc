//! Pushing: a sink whose files become one commit.
//!
//! ```text
//! Commit ─ collects ─▶ staged
//!    └──── finish ───▶ steps ─ ask (wire, protocol) ─▶ the hub; large files first (lfs, upload), then the commit
//! ```

mod card;
mod lfs;
mod protocol;
mod staged;
mod steps;
mod upload;
mod wire;

use std::io::{self, Write};

use m2v_core::Sink;

use crate::error::Result;
use crate::name;
use crate::repo::Repo;
use staged::Staged;
use steps::{Missing, Steps};

/// Files that become one commit of a repository: a [`Sink`] far away, from [`Repo::commit`].
///
/// They are kept, in memory or in unnamed temporary files, until [`Sink::finish`] sends them: large ones, and those the
/// hub wants there, to LFS, the others within the commit. What the hub has already is not sent again, and nothing is
/// visible before the commit is made. A `README.md` is checked before anything is sent.
///
/// ```no_run
/// use m2v_core::{Checkpoint, Dir, Sink};
/// use m2v_hub::Hub;
///
/// let hub = Hub::builder().cache_dir("cache").token("hf_…").build()?;
/// let mut commit = hub.model("me/my-model")?.commit("Add the int8 model").create(true);
/// Checkpoint::load(&Dir::open("my-model")?)?.save(&mut commit)?;
/// commit.finish()?;
/// println!("{}", commit.pushed().map_or("", |pushed| &pushed.url));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent before `finish`"]
pub struct Commit {
    repo: Repo,
    message: String,
    create: bool,
    private: bool,
    dry_run: bool,
    files: Vec<Staged>,
    pushed: Option<Pushed>,
}

/// What a push did, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// The commit that was made, 40 hexadecimal digits; none in a dry run, or if every file was there already.
    pub commit: Option<String>,
    /// The address of the repository, for people.
    pub url: String,
    /// Whether the repository is not there yet (in a dry run), or was made.
    pub created: bool,
    /// The files in the order they were written.
    pub files: Vec<PushedFile>,
}

/// A file of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PushedFile {
    /// Its name in the repository.
    pub name: String,
    /// Bytes it has.
    pub size: u64,
    /// How it gets there.
    pub transfer: Transfer,
}

/// How a file gets to the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transfer {
    /// It is there already, unchanged.
    Unchanged,
    /// Within the commit.
    Inline,
    /// To LFS, before the commit.
    Lfs,
}

impl Repo {
    /// Begins a commit to the revision of this repo, which has to be a branch; `main` if none is named.
    pub fn commit(&self, message: impl Into<String>) -> Commit {
        Commit {
            repo: self.clone(),
            message: message.into(),
            create: false,
            private: false,
            dry_run: false,
            files: Vec::new(),
            pushed: None,
        }
    }
}

impl Commit {
    /// Whether to make the repository and the branch if they are not there; if not said, that is an error.
    pub fn create(self, create: bool) -> Self {
        Self { create, ..self }
    }

    /// Whether a repository that is made is private; one that is there stays as it is.
    pub fn private(self, private: bool) -> Self {
        Self { private, ..self }
    }

    /// Whether to check and ask only: [`Sink::finish`] changes nothing on the hub.
    pub fn dry_run(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }

    /// What [`Sink::finish`] did; `None` before.
    #[must_use]
    pub fn pushed(&self) -> Option<&Pushed> {
        self.pushed.as_ref()
    }

    fn push(&self) -> Result<Pushed> {
        let steps = Steps::new(&self.repo)?;
        if let Some(readme) = self.files.iter().find(|file| file.name == README) {
            steps.check_card(readme)?;
        }
        let missing = steps.find_or_create(self.create, self.private, self.dry_run)?;
        let transfers = match missing {
            // There is nobody to ask.
            Missing::Repository if self.dry_run => self.files.iter().map(steps::usual_transfer).collect(),
            Missing::Branch if self.dry_run => Steps::new(&self.repo)?.on_main().choose(&self.files)?,
            _ => steps.choose(&self.files)?,
        };
        let planned: Vec<_> =
            self.files.iter().zip(&transfers).map(|(file, transfer)| (file, *transfer)).collect();
        let commit = match self.dry_run {
            true => None,
            false => {
                steps.send_large(&planned)?;
                steps.commit(&self.message, &planned)?
            }
        };
        let files = planned.into_iter().map(|(file, transfer)| PushedFile {
            name: file.name.clone(),
            size: file.len,
            transfer,
        });
        let created = missing == Missing::Repository;
        Ok(Pushed { commit, url: steps.url(), created, files: files.collect() })
    }
}

/// The model card.
pub(crate) const README: &str = "README.md";

impl Sink for Commit {
    fn write(
        &mut self,
        name: &str,
        len: u64,
        body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        name::check("file name", name)?;
        let file = Staged::write(self.repo.id.in_repository(name), len, body)?;
        if file.name == README {
            card::check(&file.read()?)?;
        }
        self.files.retain(|other| other.name != file.name);
        self.files.push(file);
        Ok(())
    }

    /// Sends everything. After an error the same files may be finished again: what arrived is not sent twice.
    fn finish(&mut self) -> io::Result<()> {
        if self.pushed.is_some() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the commit is finished already"));
        }
        if self.files.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no files were written: nothing to commit",
            ));
        }
        self.pushed = Some(self.repo.hub.hide(self.push())?);
        Ok(())
    }
}
