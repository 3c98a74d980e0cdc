//! `m2v pull`: a model of the hub, into the cache or a folder.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::path::PathBuf;

use indicatif::DecimalBytes;
use m2v_core::{Buffer, Checkpoint, DirSink, Sink as _, Source};
use m2v_hub::ModelId;

use super::{HubArgs, connect};
use crate::interrupt;
use crate::model::is_offline;
use crate::output::Output;
use crate::stop::Stop;

/// Fetch a model from the hub: into the cache, or with --to into a folder
///
/// Asks the hub what the revision is now; other commands take what is in the cache. Only the files that the model needs
/// are fetched, with the small ones that other clients read beside them, and all are checked. The cache is the one of
/// Python's huggingface_hub. Prints the folder.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v pull minishlab/potion-base-8M
  m2v pull minishlab/potion-base-8M@main --to potion
  m2v pull org/name@0123456789abcdef0123456789abcdef01234567:subfolder")]
pub(crate) struct Pull {
    /// The model: ORG/NAME[@REVISION][:SUBFOLDER]
    #[arg(value_name = "ID")]
    id: ModelId,
    /// Folder to make; it appears when all is done
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    #[command(flatten)]
    hub: HubArgs,
}

impl Pull {
    pub(crate) fn run(self) -> Result<(), Stop> {
        // Made first: that it cannot be should not cost a download.
        let folder = self.to.as_ref().map(DirSink::create).transpose();
        let folder = folder.map_err(|error| Stop::from(error).hint("choose another DIR"))?;
        let repo = self.hub.open(&connect(self.hub.offline)?, &self.id, true)?;
        self.hub.check_pins(&self.id, &repo)?;
        let commit = repo.commit_hash()?;
        let read = Recorded { source: &repo, files: RefCell::default() };
        let layout = Checkpoint::load(&read)?.layout;
        for name in COMPANIONS {
            match read.read(name) {
                // What no model needs, and is not in the cache: offline it is left out.
                Err(error) if is_offline(&error) => {}
                found => drop(found?),
            }
        }
        let files = read.files.into_inner();
        let total: u64 = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        let place = match folder {
            Some(mut folder) => {
                for (name, bytes) in &files {
                    interrupt::check()?;
                    folder
                        .write_bytes(name, bytes)
                        .map_err(|error| Stop::error(format!("{name}: {error}")))?;
                }
                interrupt::check()?;
                folder.finish()?;
                self.to.unwrap_or_default()
            }
            None => {
                let config = repo.fetch(layout.config())?;
                config.and_then(|path| path.parent().map(PathBuf::from)).unwrap_or_default()
            }
        };
        let (id, count, total) = (repo.id(), files.len(), DecimalBytes(total));
        let _ = writeln!(io::stderr(), "{id}: commit {commit}, {count} files, {total}");
        let mut output = Output::create(None)?;
        output.write(format!("{}\n", place.display()).as_bytes())?;
        output.finish()
    }
}

/// Small files beside a model that other clients read, if they are there.
const COMPANIONS: [&str; 5] = [
    "README.md",
    "modules.json",
    "config_sentence_transformers.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
];

/// Remembers the files that a model is made of.
struct Recorded<'a> {
    source: &'a dyn Source,
    files: RefCell<Vec<(String, Buffer)>>,
}

impl Source for Recorded<'_> {
    fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
        let bytes = self.source.read(name)?;
        if let Some(bytes) = &bytes {
            let mut files = self.files.borrow_mut();
            files.retain(|file| file.0 != name);
            files.push((name.to_owned(), bytes.clone()));
        }
        Ok(bytes)
    }

    fn locate(&self, name: &str) -> String {
        self.source.locate(name)
    }
}
