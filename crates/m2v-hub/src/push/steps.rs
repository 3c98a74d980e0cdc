//! The steps of a push, one request or a few each.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde::Serialize;

use super::protocol::{Branch, Candidate, Committed, Create, Line, Preupload, Preuploaded, Validate};
use super::staged::Staged;
use super::wire::{JSON, JSON_LINES, Wire};
use super::{Transfer, lfs};
use crate::error::{At, Error, Result};
use crate::model_id::{MAIN, is_commit};
use crate::repo::Repo;

/// Files that one request asks about.
const FILES_AT_ONCE: usize = 256;
/// Larger files go to LFS whatever the hub says: they would be in memory, in base64, and in git for ever.
const LARGEST_INLINE: u64 = 10 << 20;
/// Endings of files that new repositories keep in LFS (`.gitattributes`), of those that models are made of.
const LARGE_ENDINGS: [&str; 6] = ["safetensors", "onnx", "onnx_data", "bin", "npy", "skops"];

/// What a push does not find.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Nothing,
    Branch,
    Repository,
}

/// What the steps of a push need to know.
pub(super) struct Steps<'a> {
    pub(super) repo: &'a Repo,
    pub(super) wire: Wire<'a>,
    pub(super) revision: &'a str,
}

impl<'a> Steps<'a> {
    pub(super) fn new(repo: &'a Repo) -> Result<Self> {
        let revision = repo.revision_name();
        let at = At { repo: repo.id.repo().to_owned(), revision: revision.to_owned(), ..At::default() };
        Ok(Self { repo, wire: Wire::new(&repo.hub, at)?, revision })
    }

    /// The same for the branch that others begin as.
    pub(super) fn on_main(self) -> Self {
        Self { revision: MAIN, ..self }
    }

    /// The address of the repository for people.
    pub(super) fn url(&self) -> String {
        self.wire.url(self.names()).into()
    }

    /// Organisation and name.
    pub(super) fn names(&self) -> [&str; 2] {
        self.repo.id.repo().split_once('/').map_or([self.repo.id.repo(), ""], |(org, name)| [org, name])
    }

    fn api(&self, call: &str) -> Url {
        let [organisation, name] = self.names();
        self.wire.url(["api", "models", organisation, name, call, self.revision])
    }

    /// Asks the hub what it thinks of the card.
    pub(super) fn check_card(&self, readme: &Staged) -> Result<()> {
        let content = readme.read().map_err(|error| self.wire.staging(readme, error))?;
        let body = Validate { kind: "model", content: &String::from_utf8_lossy(&content) };
        match self.wire.post(self.wire.url(["api", "validate-yaml"]), JSON, self.wire.json(&body)?) {
            // A mirror without this check checks nothing.
            Ok(_) | Err(Error::Status { status: 404 | 405 | 501, .. }) => Ok(()),
            Err(Error::Status { status: 400, message, .. }) => {
                Err(Error::Card { reason: format!("the hub refuses it{message}") })
            }
            Err(error) => Err(error),
        }
    }

    /// Makes sure that repository and branch are there, unless it is a dry run; says what was not.
    pub(super) fn find_or_create(&self, create: bool, private: bool, dry_run: bool) -> Result<Missing> {
        let missing = match self.wire.get(self.api("revision")) {
            Ok(_) => return Ok(Missing::Nothing),
            Err(Error::NoRepository { .. }) if create => Missing::Repository,
            Err(Error::NoRevision { .. }) if create => Missing::Branch,
            Err(error) => return Err(error),
        };
        if dry_run {
            return Ok(missing);
        }
        if missing == Missing::Repository {
            let [organization, name] = self.names();
            let body = Create { kind: "model", organization, name, private };
            self.made(self.wire.url(["api", "repos", "create"]), &body)?;
        }
        if self.revision != MAIN {
            self.made(self.api("branch"), &Branch {})?;
        }
        Ok(missing)
    }

    /// Asks for something to be made; that somebody else made it in this moment is fine.
    fn made(&self, url: Url, body: &impl Serialize) -> Result<()> {
        match self.wire.post(url, JSON, self.wire.json(body)?) {
            Ok(_) | Err(Error::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Asks the hub which files it has and where it wants the others.
    pub(super) fn choose(&self, files: &[Staged]) -> Result<Vec<Transfer>> {
        let mut transfers = Vec::with_capacity(files.len());
        for files in files.chunks(FILES_AT_ONCE) {
            let body = Preupload { files: self.candidates(files)? };
            let chosen: Preuploaded = self.wire.ask(self.api("preupload"), &body)?;
            for file in files {
                let choice = chosen.files.iter().find(|choice| choice.path == file.name);
                let Some(choice) = choice else {
                    let found = "none for it".to_owned();
                    return Err(self.wire.answer(&file.name, "an upload mode for each file", found));
                };
                let transfer = match &*choice.upload_mode {
                    _ if file.len > LARGEST_INLINE => Transfer::Lfs,
                    "lfs" => Transfer::Lfs,
                    "regular" => Transfer::Inline,
                    other => {
                        let found = format!("`{}`", self.wire.words(other));
                        return Err(self.wire.answer(&file.name, "upload mode `lfs` or `regular`", found));
                    }
                };
                let hash = if transfer == Transfer::Lfs { file.sha256 } else { file.git_blob };
                let is_there = choice.oid.as_deref() == Some(&*hash.to_string());
                transfers.push(if is_there { Transfer::Unchanged } else { transfer });
            }
        }
        Ok(transfers)
    }

    fn candidates<'f>(&self, files: &'f [Staged]) -> Result<Vec<Candidate<'f>>> {
        let candidate = |file: &'f Staged| {
            let sample = file.sample().map_err(|error| self.wire.staging(file, error))?;
            Ok(Candidate { path: &file.name, size: file.len, sample: STANDARD.encode(sample) })
        };
        files.iter().map(candidate).collect()
    }

    /// Sends what goes to LFS.
    pub(super) fn send_large(&self, planned: &[(&Staged, Transfer)]) -> Result<()> {
        let large: Vec<_> =
            planned.iter().filter(|planned| planned.1 == Transfer::Lfs).map(|planned| planned.0).collect();
        lfs::send(self, &large)
    }

    /// Makes the commit; gives its hash, or nothing if there is nothing to change.
    pub(super) fn commit(&self, message: &str, planned: &[(&Staged, Transfer)]) -> Result<Option<String>> {
        if planned.iter().all(|(_, transfer)| *transfer == Transfer::Unchanged) {
            return Ok(None);
        }
        let (summary, description) = message.split_once('\n').unwrap_or((message, ""));
        let mut body = Vec::new();
        let mut push = |line: &Line<'_>| -> Result<()> {
            body.append(&mut self.wire.json(line)?);
            body.push(b'\n');
            Ok(())
        };
        push(&Line::Header { summary: summary.trim(), description: description.trim() })?;
        for (file, transfer) in planned {
            let path = &*file.name;
            match transfer {
                Transfer::Unchanged => {}
                Transfer::Lfs => {
                    let (oid, size) = (file.sha256.to_string(), file.len);
                    push(&Line::LfsFile { path, algo: "sha256", oid, size })?;
                }
                Transfer::Inline => {
                    let bytes = file.read().map_err(|error| self.wire.staging(file, error))?;
                    push(&Line::File { path, content: STANDARD.encode(bytes), encoding: "base64" })?;
                }
            }
        }
        let url = self.api("commit");
        let whole = self.wire.post_once(url.clone(), JSON_LINES, body)?;
        let committed: Committed = self.wire.parse(&url, &whole)?;
        if !is_commit(&committed.commit_oid) {
            let found = self.wire.words(&committed.commit_oid);
            return Err(self.wire.answer("", "the hash of the commit", found));
        }
        Ok(Some(committed.commit_oid))
    }
}

/// How the hub usually wants a file.
pub(super) fn usual_transfer(file: &Staged) -> Transfer {
    let ending = file.name.rsplit_once('.').map_or("", |(_, ending)| ending);
    if file.len > LARGEST_INLINE || LARGE_ENDINGS.contains(&ending) {
        Transfer::Lfs
    } else {
        Transfer::Inline
    }
}
