//! `m2v push`: a model folder to the hub.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use indicatif::DecimalBytes;
use m2v_core::{Checkpoint, Dir, Sink as _};
use m2v_hub::{ModelId, Pushed, Transfer};

use super::connect;
use crate::interrupt;
use crate::output::Output;
use crate::stop::Stop;

/// Push a model folder to the hub, as one commit
///
/// All files of FOLDER are pushed but those whose names begin with a dot; what the hub has already is not sent again,
/// and files that only the hub has stay. The folder has to hold a model that loads, and its README.md a front matter
/// that the hub takes. The token is HF_TOKEN, or what `hf auth login` left.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v push small me/my-model --create --private
  m2v push small me/my-model --dry-run
  m2v push small me/my-model --revision int8 --message 'Quantise to int8'")]
pub(crate) struct Push {
    /// Folder of the model
    folder: PathBuf,
    /// Where to: ORG/NAME[@BRANCH][:SUBFOLDER]
    #[arg(value_name = "ID")]
    id: ModelId,
    /// Make the repository, and the branch, if they are not there
    #[arg(long)]
    create: bool,
    /// Make it private, if it is made
    #[arg(long, requires = "create")]
    private: bool,
    /// Branch to push to [default: the one in ID, or main]
    #[arg(long, value_name = "BRANCH")]
    revision: Option<String>,
    /// Message of the commit; its first line is the title
    #[arg(short, long, default_value = "Push a model with m2v")]
    message: String,
    /// Check everything, say what would be sent, and change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Push {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let files = list(&self.folder)?;
        let model = Checkpoint::load(&Dir::open(&self.folder)?);
        model.map_err(|error| Stop::from(error).hint("only a folder that loads as a model is pushed"))?;
        let id = match &self.revision {
            Some(revision) => self.id.with_revision(revision)?,
            None => self.id,
        };
        let repo = connect(false)?.model(id)?;
        let commit = repo.commit(self.message).create(self.create).private(self.private);
        let mut commit = commit.dry_run(self.dry_run);
        for (name, path) in &files {
            interrupt::check()?;
            let failed = |error: io::Error| {
                let text = error.to_string();
                let place = path.display().to_string();
                // A card's error begins with its name.
                Stop::error(match text.strip_prefix(name.as_str()) {
                    Some(rest) => format!("{place}{rest}"),
                    None => format!("{place}: {text}"),
                })
            };
            let len = fs::metadata(path).map_err(failed)?.len();
            let mut body = |out: &mut dyn io::Write| io::copy(&mut fs::File::open(path)?, out).map(drop);
            commit.write(name, len, &mut body).map_err(failed)?;
        }
        interrupt::check()?;
        commit.finish()?;
        let Some(pushed) = commit.pushed() else { return Ok(()) };
        let mut output = Output::create(None)?;
        if self.dry_run {
            output.write(table(pushed).as_bytes())?;
        } else {
            output.write(format!("{}\n", pushed.url).as_bytes())?;
        }
        let _ = writeln!(io::stderr(), "{}: {}", repo.id(), summary(pushed, self.dry_run));
        output.finish()
    }
}

/// The files of a folder and of those in it, sorted, with their names in the repository.
fn list(folder: &Path) -> Result<Vec<(String, PathBuf)>, Stop> {
    let failed = |path: &Path, error: io::Error| Stop::error(format!("{}: {error}", path.display()));
    // A link may lead to what nobody means to publish. Those of a cache lead to its blobs, beside the snapshots.
    let snapshots = folder.canonicalize().ok().and_then(|folder| Some(folder.parent()?.to_owned()));
    let blobs = snapshots.filter(|path| path.ends_with("snapshots")).map(|path| path.with_file_name("blobs"));
    let inside: Vec<PathBuf> = folder.canonicalize().ok().into_iter().chain(blobs).collect();
    let leaves = |path: &Path| {
        path.canonicalize().is_ok_and(|path| !inside.iter().any(|inside| path.starts_with(inside)))
    };
    let (mut files, mut folders) = (Vec::new(), vec![(String::new(), folder.to_owned())]);
    while let Some((prefix, folder)) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
            let path = entry.map_err(|error| failed(&folder, error))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                let message = "its name is not UTF-8, which those of files on the hub are";
                return Err(failed(&path, io::Error::new(io::ErrorKind::InvalidInput, message)));
            };
            if name.starts_with('.') {
                continue;
            }
            let name = format!("{prefix}{name}");
            match fs::metadata(&path).map_err(|error| failed(&path, error))?.is_dir() {
                // It may lead to a folder around it, or to what nobody means to publish.
                true if path.is_symlink() => {
                    let message = "a link to a folder; expected folders and files, or links to files";
                    return Err(failed(&path, io::Error::new(io::ErrorKind::InvalidInput, message)));
                }
                true => folders.push((format!("{name}/"), path)),
                false if path.is_symlink() && leaves(&path) => {
                    let message = "a link to a file outside of the folder; copy what is to be pushed";
                    return Err(failed(&path, io::Error::new(io::ErrorKind::InvalidInput, message)));
                }
                false => files.push((name, path)),
            }
        }
    }
    files.sort();
    Ok(files)
}

fn table(pushed: &Pushed) -> String {
    let line = |file: &m2v_hub::PushedFile| {
        let how = match file.transfer {
            Transfer::Unchanged => "there already",
            Transfer::Inline => "in the commit",
            _ => "to LFS",
        };
        format!("{:<15}{:>12}  {}\n", how, DecimalBytes(file.size).to_string(), file.name)
    };
    pushed.files.iter().map(line).collect()
}

fn summary(pushed: &Pushed, dry_run: bool) -> String {
    let changed: Vec<_> = pushed.files.iter().filter(|file| file.transfer != Transfer::Unchanged).collect();
    let total = DecimalBytes(changed.iter().map(|file| file.size).sum());
    let (count, all) = (changed.len(), pushed.files.len());
    let what = format!("{count} of {all} files, {total}");
    match &pushed.commit {
        Some(commit) => format!("commit {commit}, {what}"),
        None if dry_run && pushed.created => format!("would be made, with {what}; nothing was changed"),
        None if dry_run => format!("{what} to push; nothing was changed"),
        None => "has these files already; no commit was made".to_owned(),
    }
}
