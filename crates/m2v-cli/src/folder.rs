//! Output folders: whole or not at all, and never in place of the model they are made of.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use m2v_core::{DirSink, Layout, Sink, Source as _};

use crate::interrupt;
use crate::model::Model;
use crate::stop::Stop;

/// Where to write a folder.
#[derive(Debug, clap::Args)]
pub(crate) struct OutArgs {
    /// Folder to make; it appears when all is done
    pub(crate) out: PathBuf,
    /// Replace OUT, and everything in it, if it exists
    #[arg(long)]
    force: bool,
}

/// A folder that is being written. It counts what it is given, and fails once Ctrl-C was pressed.
pub(crate) struct Folder {
    sink: DirSink,
    path: PathBuf,
    files: Vec<(String, u64)>,
}

impl OutArgs {
    /// Starts the folder that is made of `model`.
    pub(crate) fn create(&self, model: &Model, layout: Layout) -> Result<Folder, Stop> {
        self.refuse_model(model, layout)?;
        let sink = if self.force { DirSink::replace(&self.out) } else { DirSink::create(&self.out) };
        let sink = sink.map_err(|error| {
            let stop = Stop::from(error);
            let is_link = self.out.components().collect::<PathBuf>().is_symlink();
            if !self.force && self.out.is_dir() && !is_link && !is_empty(&self.out) {
                return stop.hint("pass --force to replace it, or choose another OUT");
            }
            stop
        })?;
        Ok(Folder { sink, path: self.out.clone(), files: Vec::new() })
    }

    /// Refuses a folder that holds a file that is read: replacing it would delete the file.
    pub(crate) fn refuse_input(&self, input: &Path) -> Result<(), Stop> {
        if self.is_or_holds(input) {
            let (out, input) = (self.out.display(), input.display());
            return Err(Stop::error(format!("{out}: holds {input}; choose another OUT")));
        }
        Ok(())
    }

    /// Refuses a folder that holds the model: replacing it would delete the model.
    fn refuse_model(&self, model: &Model, layout: Layout) -> Result<(), Stop> {
        let files = ["", layout.config(), layout.table(), layout.tokenizer()];
        if files.into_iter().any(|name| self.is_or_holds(Path::new(&model.locate(name)))) {
            let message = format!("{}: is or holds the MODEL; choose another OUT", self.out.display());
            return Err(Stop::error(message));
        }
        Ok(())
    }

    /// Whether there is something of a name, and it is OUT or below it.
    fn is_or_holds(&self, path: &Path) -> bool {
        let paths = (fs::canonicalize(&self.out), fs::canonicalize(path));
        matches!(paths, (Ok(out), Ok(path)) if path.starts_with(&out))
    }
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}

impl Folder {
    /// Makes the folder visible; gives the names and lengths of its files.
    pub(crate) fn finish(mut self) -> Result<Vec<(String, u64)>, Stop> {
        interrupt::check()?;
        let path = self.path.display();
        self.sink.finish().map_err(|error| Stop::error(format!("{path}: {error}")))?;
        Ok(self.files)
    }
}

impl Sink for Folder {
    fn write(
        &mut self,
        name: &str,
        len: u64,
        body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        if interrupt::requested() {
            return Err(io::Error::other("interrupted"));
        }
        self.sink.write(name, len, body)?;
        self.files.push((name.to_owned(), len));
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.sink.finish()
    }
}
