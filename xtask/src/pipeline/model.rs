//! Where the model is: a folder, or what `m2v pull` makes of an id on the hub.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::error::{Error, Result};
use crate::{interrupt, m2v};

/// The model that comes with the repository.
const DEFAULT: &str = "models/minilm-l6-64d";

/// What has to be done before `m2v pull`.
const BUILD: &str = "cargo build --package m2v-cli";

/// What forces the hub.
const HUB: &str = "hf://";

/// The model that copies are made of.
pub(crate) struct Model {
    pub(crate) folder: PathBuf,
    /// For people: the name of the folder, or the id.
    pub(crate) name: String,
}

impl Model {
    /// Finds a model: a folder if there is one of that name, or else a model on the hub, in the cache or fetched into
    /// it.
    pub(crate) fn find(model: Option<&Path>, dry_run: bool, workspace: &Path) -> Result<Self> {
        let Some(path) = model else { return Ok(Self::folder(workspace.join(DEFAULT))) };
        let text = path.to_string_lossy();
        match id(&text) {
            Some(id) => Ok(Self { folder: pull(id, dry_run, workspace)?, name: id.to_owned() }),
            None if is_missing(path) => Err(Error::NoFolder { model: text.into_owned() }),
            None => Ok(Self::folder(path.to_owned())),
        }
    }

    fn folder(folder: PathBuf) -> Self {
        let name = folder.file_name().map_or(folder.as_os_str(), |name| name);
        Self { name: name.to_string_lossy().into_owned(), folder }
    }

    /// Refuses an output folder that holds the model: replacing it would delete the model.
    pub(crate) fn refuse_in(&self, out: &Path) -> Result<()> {
        match (self.folder.canonicalize(), out.canonicalize()) {
            (Ok(model), Ok(folder)) if model.starts_with(&folder) => {
                Err(Error::HoldsModel { out: out.display().to_string() })
            }
            _ => Ok(()),
        }
    }
}

/// Whether there is nothing of that name; of what may not be looked at, it is not for the hub to say what it is.
fn is_missing(path: &Path) -> bool {
    path.symlink_metadata().is_err_and(|error| error.kind() != io::ErrorKind::PermissionDenied)
}

/// The id on the hub that a text is, if it is one: after `hf://`, or `ORG/NAME…` where neither such a folder nor ORG
/// is. A mistyped folder beside others should not cost a request.
fn id(text: &str) -> Option<&str> {
    if let Some(id) = text.strip_prefix(HUB) {
        return Some(id);
    }
    let (org, rest) = text.split_once('/')?;
    let name = rest.split(['@', ':']).next().unwrap_or(rest);
    let is_plain = |part: &str| !part.is_empty() && !part.contains(['/', '\\', ':']);
    let is_id = is_plain(org) && is_plain(name) && !org.starts_with(['.', '~']);
    (is_id && is_missing(Path::new(text)) && is_missing(Path::new(org))).then_some(text)
}

/// The folder in the cache; fetched, if it is not there.
fn pull(id: &str, dry_run: bool, workspace: &Path) -> Result<PathBuf> {
    eprintln!("{id}: by `m2v pull`, which takes minutes to build the first time");
    if let (status, _) = run(&mut m2v::build(workspace), BUILD)?
        && !status.success()
    {
        return Err(Error::Ended { program: BUILD.to_owned(), status });
    }
    let mut command = m2v::command(workspace);
    command.args(["pull", id, "--offline"]).stderr(Stdio::null());
    if let (status, Some(folder)) = run(&mut command, "m2v pull --offline")?
        && status.success()
    {
        return Ok(folder);
    }
    if dry_run {
        return Err(Error::NotCached { model: id.to_owned() });
    }
    let program = format!("m2v pull {id}");
    match run(m2v::command(workspace).args(["pull", id]), &program)? {
        (status, Some(folder)) if status.success() => Ok(folder),
        (status, _) => Err(Error::Ended { program, status }),
    }
}

/// Runs a command that prints a folder; with Ctrl-C it ends too. What `m2v pull` has fetched by then is kept for the
/// next time, and what was unfinished is not seen.
fn run(command: &mut Command, program: &str) -> Result<(ExitStatus, Option<PathBuf>)> {
    let start = |source| Error::Start { program: program.to_owned(), source };
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(start)?;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(start)? {
            break status;
        }
        if interrupt::requested() {
            end(&mut child);
            return Err(Error::Interrupted);
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let mut printed = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut printed).map_err(start)?;
    }
    let folder = printed.trim_end_matches(['\r', '\n']);
    Ok((status, (!folder.is_empty()).then(|| folder.into())))
}

fn end(child: &mut Child) {
    // Both fail only if it has ended already.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn what_looks_like_an_id_is_one() {
        for (text, expected) in [
            ("minishlab/potion-base-8M", Some("minishlab/potion-base-8M")),
            ("org/name@main:sub/folder", Some("org/name@main:sub/folder")),
            ("hf://org/name", Some("org/name")),
            ("hf://src/main", Some("src/main")),
            ("name", None),
            ("./org/name", None),
            ("../name", None),
            ("~/name", None),
            ("/org/name", None),
            ("no/such/folder", None),
            ("org/", None),
            // There is a folder `src` here: a typing error in a path.
            ("src/pipelin", None),
            ("src/pipeline", None),
        ] {
            assert_eq!(id(text), expected, "{text}");
        }
    }
}
