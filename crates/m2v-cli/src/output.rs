//! Where results go: standard output, or a file that appears whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use crate::interrupt;
use crate::stop::Stop;

/// Where lines go.
pub(crate) enum Output {
    Stdout(io::Stdout),
    File(OutFile),
}

impl Output {
    /// A file, or standard output.
    pub(crate) fn create(path: Option<&Path>) -> Result<Self, Stop> {
        match path {
            Some(path) => OutFile::create(path).map(Self::File),
            None => Ok(Self::Stdout(io::stdout())),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        match self {
            Self::Stdout(stdout) => stdout.write_all(bytes).map_err(stdout_error),
            Self::File(file) => file.write(bytes),
        }
    }

    /// Writes a value as JSON, piece by piece: the text may be much longer than the value.
    pub(crate) fn write_json(&mut self, value: &impl Serialize) -> Result<(), Stop> {
        let mut pieces = Pieces { output: self, stop: None };
        let mut buffer = BufWriter::new(&mut pieces);
        let result = serde_json::to_writer(&mut buffer, value);
        let result = result.map_err(Stop::from).and_then(|()| Ok(buffer.flush()?));
        drop(buffer);
        pieces.stop.map_or(result, Err)
    }

    /// Writes what is still buffered; a file becomes visible.
    pub(crate) fn finish(self) -> Result<(), Stop> {
        match self {
            Self::Stdout(mut stdout) => stdout.flush().map_err(stdout_error),
            Self::File(file) => file.finish(),
        }
    }
}

/// An output as others write to it. Keeps why it failed, which an `io::Error` cannot say.
struct Pieces<'a> {
    output: &'a mut Output,
    stop: Option<Stop>,
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match interrupt::check().and_then(|()| self.output.write(bytes)) {
            Ok(()) => Ok(bytes.len()),
            Err(stop) => {
                self.stop = Some(stop);
                Err(io::Error::other("stopped"))
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stdout_error(error: io::Error) -> Stop {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Stop::PipeClosed;
    }
    Stop::error(format!("standard output: {error}"))
}

/// A file that is written beside its target and renamed when it is finished; dropped before, it is removed.
pub(crate) struct OutFile {
    target: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl OutFile {
    pub(crate) fn create(target: &Path) -> Result<Self, Stop> {
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(Stop::error(format!(
                "{}: no folder {}; make it first",
                target.display(),
                folder.display()
            )));
        }
        // Rather than when all is done.
        if target.is_dir() {
            return Err(Stop::error(format!("{}: a folder of that name exists", target.display())));
        }
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let prefix = format!(".{name}.");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".partial");
        #[cfg(unix)]
        {
            // Those of any new file: the system takes the umask off.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o666));
        }
        let error = |error| Stop::error(format!("{}: cannot write: {error}", target.display()));
        let file = builder.tempfile_in(folder).map_err(error)?;
        Ok(Self { target: target.to_owned(), file: BufWriter::with_capacity(1 << 16, file) })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let result = self.file.write_all(bytes);
        result.map_err(|error| self.error(error))
    }

    /// Writes over the beginning of the file.
    pub(crate) fn patch(&mut self, start: &[u8]) -> Result<(), Stop> {
        let result = self.file.seek(SeekFrom::Start(0)).and_then(|_| self.file.write_all(start));
        result.map_err(|error| self.error(error))
    }

    /// Makes the file visible under its name.
    pub(crate) fn finish(mut self) -> Result<(), Stop> {
        let result = self.file.flush().and_then(|()| self.file.get_ref().as_file().sync_all());
        result.map_err(|error| self.error(error))?;
        interrupt::check()?;
        let target = self.target;
        let error = |error| Stop::error(format!("{}: {error}", target.display()));
        let file = self.file.into_inner().map_err(|failed| error(failed.into_error()))?;
        file.persist(&target).map_err(|failed| error(failed.error))?;
        Ok(())
    }

    fn error(&self, error: io::Error) -> Stop {
        Stop::error(format!("{}: {error}", self.target.display()))
    }
}

/// Refuses an output that would take the place of the input, which nobody wants.
pub(crate) fn refuse_same(input: Option<&Path>, output: Option<&Path>) -> Result<(), Stop> {
    if let (Some(input), Some(output)) = (input, output)
        && let (Ok(left), Ok(right)) = (fs::canonicalize(input), fs::canonicalize(output))
        && left == right
    {
        return Err(Stop::error(format!("{}: is the INPUT; choose another name for OUT", output.display())));
    }
    Ok(())
}
