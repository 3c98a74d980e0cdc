//! The folder that is written: whole, or not at all.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use m2v_core::{DirSink, Sink};

use super::progress::{Progress, Unit};
use super::report;
use crate::error::{Error, Result};
use crate::interrupt;

/// The output folder. Ctrl-C ends whatever is being written to it; dropped before the end, it leaves nothing, also of
/// the folders above that were made for it.
pub(crate) struct Out<'p> {
    path: PathBuf,
    /// Nothing in a dry run, which only counts.
    sink: Option<DirSink>,
    /// Folders above that were not there before, the deepest first.
    parents: Vec<PathBuf>,
    pub(crate) replaces: bool,
    /// Names and lengths of what was written.
    pub(crate) files: Vec<(String, u64)>,
    progress: &'p Progress,
}

impl<'p> Out<'p> {
    /// The output folder, in place of an earlier run's; nothing else is ever replaced. Of a dry run nothing is left,
    /// but what cannot be written to fails there too.
    pub(crate) fn open(path: &Path, dry_run: bool, progress: &'p Progress) -> Result<Self> {
        let replaces = is_of_a_run(path);
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && path.symlink_metadata().is_err();
        let parents = path.ancestors().skip(1).take_while(is_missing).map(Path::to_owned).collect();
        let (path, files) = (path.to_owned(), Vec::new());
        // Made first: what fails below leaves nothing either.
        let mut out = Self { path, sink: None, parents, replaces, files, progress };
        let sink = if replaces { DirSink::replace(&out.path) } else { DirSink::create(&out.path) };
        let sink = sink.map_err(Error::Out)?;
        if dry_run {
            drop(sink);
            out.remove_parents();
        } else {
            out.sink = Some(sink);
        }
        Ok(out)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the files stand until the end.
    pub(crate) fn staging(&self) -> Result<&Path> {
        match &self.sink {
            Some(sink) => sink.staging().map_err(|source| Error::io(&self.path, source)),
            None => Ok(&self.path),
        }
    }

    /// Bytes of a file that was written.
    pub(crate) fn size(&self, name: &str) -> u64 {
        self.files.iter().find(|file| file.0 == name).map_or(0, |file| file.1)
    }

    fn remove_parents(&mut self) {
        for folder in self.parents.drain(..) {
            // Fails where somebody else has put something into it by now: as it should.
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Whether an earlier run wrote a folder, and nobody has put anything beside what it wrote.
fn is_of_a_run(folder: &Path) -> bool {
    let read = || {
        let report: serde_json::Value =
            serde_json::from_slice(&fs::read(folder.join("report.json")).ok()?).ok()?;
        let artefacts = report["artefacts"].as_array().filter(|_| report["tool"] == report::TOOL)?;
        let is_its = |name: &str| {
            // What file managers leave where they have been.
            let is_nothing = [".DS_Store", "Thumbs.db"].contains(&name);
            is_nothing
                || report::FILES.contains(&name)
                || artefacts.iter().any(|artefact| artefact["folder"] == name)
        };
        let mut entries = fs::read_dir(folder).ok()?;
        Some(entries.all(|entry| entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(is_its))))
    };
    read().unwrap_or(false)
}

impl Sink for Out<'_> {
    fn write(
        &mut self,
        name: &str,
        len: u64,
        body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        if let Some(sink) = &mut self.sink {
            self.progress.work(Unit::Bytes, len as usize);
            let progress = self.progress;
            sink.write(name, len, &mut |file| body(&mut Watched { file, progress }))?;
        }
        self.files.push((name.to_owned(), len));
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        if let Some(sink) = &mut self.sink {
            sink.finish()?;
            self.parents.clear();
        }
        Ok(())
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        drop(self.sink.take());
        self.remove_parents();
    }
}

/// A file whose writing is told, and ends with Ctrl-C.
struct Watched<'a> {
    file: &'a mut dyn Write,
    progress: &'a Progress,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if interrupt::requested() {
            return Err(io::Error::other("interrupted"));
        }
        // In parts: a table is one piece.
        let written = self.file.write(&bytes[..bytes.len().min(1 << 22)])?;
        self.progress.more(written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
