//! A folder to write to.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Sink, check_length, check_name};
use crate::error::{Error, Result};

/// A folder that appears whole or not at all.
///
/// Files are written to a hidden folder beside the target; [`Sink::finish`] renames it. Dropped before that,
/// it removes what it wrote.
///
/// ```no_run
/// use m2v_core::{Checkpoint, Dir, DirSink, Sink};
///
/// let checkpoint = Checkpoint::load(&Dir::open("model")?)?;
/// let mut folder = DirSink::create("copy")?;
/// checkpoint.save(&mut folder)?;
/// folder.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DirSink {
    target: PathBuf,
    staging: Option<TempDir>,
    replace: bool,
}

impl DirSink {
    /// A new folder. Its parents are made if need be.
    ///
    /// # Errors
    /// [`Error::Io`] if the path exists and is not an empty folder (a link to one is none), or its parent cannot be
    /// written to.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        Self::new(path.into(), false)
    }

    /// A folder that takes the place of one that may exist. What was in the old one is gone after
    /// [`Sink::finish`], and untouched before; on Linux they change places in one step,
    /// where the file system can. If the old one cannot be
    /// removed then, the error says where it is: the new one is there.
    ///
    /// # Errors
    /// [`Error::Io`] if the path exists and is not a folder (a link to one is none), or its parent cannot be written
    /// to.
    pub fn replace(path: impl Into<PathBuf>) -> Result<Self> {
        Self::new(path.into(), true)
    }

    fn new(path: PathBuf, replace: bool) -> Result<Self> {
        // Without a slash at the end: behind it, a link would pass for what it leads to.
        let target: PathBuf = path.components().collect();
        let staging = Self::stage(&target, replace)
            .map_err(|source| Error::Io { file: path.display().to_string(), source })?;
        Ok(Self { target, staging: Some(staging), replace })
    }

    fn stage(target: &Path, replace: bool) -> io::Result<TempDir> {
        check_target(target, replace)?;
        let Some(name) = target.file_name() else {
            let message = "expected the path of a folder to make; it has no name of its own";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        let parent = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        fs::create_dir_all(parent)?;
        let prefix = format!(".{}.", name.to_string_lossy());
        tempfile::Builder::new().prefix(&prefix).suffix(".partial").tempdir_in(parent)
    }

    /// Where the files stand until [`Sink::finish`]: to read back what was written before it becomes visible.
    ///
    /// # Errors
    /// If the folder is finished already.
    pub fn staging(&self) -> io::Result<&Path> {
        let closed = || io::Error::new(io::ErrorKind::InvalidInput, "the folder is finished already");
        self.staging.as_ref().map(TempDir::path).ok_or_else(closed)
    }
}

fn check_target(target: &Path, replace: bool) -> io::Result<()> {
    let exists = |message: &str| Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
    if target.is_symlink() {
        return exists("a link of that name exists; expected a folder, such as the one that it leads to");
    }
    match fs::read_dir(target) {
        Ok(mut entries) => match entries.next() {
            Some(_) if !replace => exists("the folder exists and is not empty"),
            _ => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => exists("a file of that name exists"),
        Err(error) => Err(error),
    }
}

/// Puts the staging folder in its place; where the folder is that was there, if there was one.
fn publish(staging: &Path, target: &Path) -> io::Result<Option<PathBuf>> {
    if exchange(staging, target).is_ok() {
        return Ok(Some(staging.to_owned()));
    }
    // The old folder steps aside into the staging folder's neighbour.
    let old = staging.with_extension("old");
    let moved = match fs::rename(target, &old) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    if let Err(error) = fs::rename(staging, target) {
        if moved {
            fs::rename(&old, target)?;
        }
        return Err(error);
    }
    Ok(moved.then_some(old))
}

/// Each takes the other's name, at once: at no time is nothing there. Not all systems and file systems can.
#[cfg(target_os = "linux")]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};

    Ok(renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

impl Sink for DirSink {
    fn write(
        &mut self,
        name: &str,
        len: u64,
        body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        check_name(name)?;
        let path = self.staging()?.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = BufWriter::with_capacity(1 << 16, fs::File::create(&path)?);
        body(&mut file)?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        check_length(name, len, file.metadata()?.len())
    }

    fn finish(&mut self) -> io::Result<()> {
        let staging = self.staging()?.to_owned();
        check_target(&self.target, self.replace)?;
        let old = publish(&staging, &self.target)?;
        if let Some(staging) = self.staging.take() {
            // Renamed: nothing is left to remove.
            let _ = staging.keep();
        }
        let Some(old) = old else { return Ok(()) };
        fs::remove_dir_all(&old).map_err(|error| {
            let message =
                format!("the new folder is there, but the old one is left as {}: {error}", old.display());
            io::Error::new(error.kind(), message)
        })
    }
}
