//! Where the files of a model come from and go to.

mod dir;
mod dir_sink;
mod files;
mod memory;
mod shared;

use std::io::{self, Write};

pub use dir::Dir;
pub use dir_sink::DirSink;
pub use files::Files;
pub use memory::Memory;

use crate::buffer::Buffer;

/// Somewhere the named files of a model can be read from. **The extension point for reading.**
///
/// Names are relative, with `/` between folder and file: `config.json`, `0_StaticEmbedding/model.safetensors`.
///
/// ```
/// use std::io;
/// use m2v_core::{Buffer, Source};
///
/// /// Files whose names carry a prefix, as in a bucket of an object store.
/// struct Prefixed<S>(S, &'static str);
///
/// impl<S: Source> Source for Prefixed<S> {
///     fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
///         self.0.read(&format!("{}{name}", self.1))
///     }
/// }
/// ```
pub trait Source {
    /// The content of a file, or `None` if there is no such file.
    ///
    /// # Errors
    /// If the file is there and cannot be read.
    fn read(&self, name: &str) -> io::Result<Option<Buffer>>;

    /// Whether a file is there at once, as from memory or a map: then there is nothing to do while it is read.
    fn is_at_hand(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// The path or address of a file, for messages; with an empty name, of the whole.
    fn locate(&self, name: &str) -> String {
        name.to_owned()
    }
}

/// Somewhere the named files of a model can be written to. **The extension point for writing.**
///
/// Nothing is visible to a reader before [`Sink::finish`]; a sink that is dropped without it leaves nothing.
///
/// ```
/// use std::io::{self, Write};
/// use m2v_core::Sink;
///
/// /// Notes what it is given, and keeps none of it.
/// #[derive(Default)]
/// struct Listing(Vec<String>);
///
/// impl Sink for Listing {
///     fn write(
///         &mut self,
///         name: &str,
///         len: u64,
///         body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
///     ) -> io::Result<()> {
///         body(&mut io::sink())?;
///         self.0.push(format!("{name}: {len} bytes"));
///         Ok(())
///     }
///
///     fn finish(&mut self) -> io::Result<()> {
///         Ok(())
///     }
/// }
///
/// let mut listing = Listing::default();
/// listing.write_bytes("config.json", b"{}")?;
/// assert_eq!(listing.0, ["config.json: 2 bytes"]);
/// # Ok::<(), io::Error>(())
/// ```
pub trait Sink {
    /// Writes one file of exactly `len` bytes, which `body` produces. A sink may call `body` again, to retry.
    ///
    /// # Errors
    /// If the name cannot be written to, `body` fails, or it produces another number of bytes.
    fn write(
        &mut self,
        name: &str,
        len: u64,
        body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()>;

    /// Makes everything that was written visible, at once.
    ///
    /// # Errors
    /// If that is not possible; then nothing is visible. What cannot be cleared away afterwards may be an error too,
    /// which says that all is there.
    fn finish(&mut self) -> io::Result<()>;

    /// Writes one file that is in memory.
    ///
    /// # Errors
    /// As [`Sink::write`].
    fn write_bytes(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.write(name, bytes.len() as u64, &mut |out| out.write_all(bytes))
    }
}

/// Refuses names that would leave the folder they are relative to.
fn check_name(name: &str) -> io::Result<()> {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']);
    if name.split('/').all(plain) {
        return Ok(());
    }
    let message = format!("`{name}` is not a plain relative file name");
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}

/// An error for a body that did not produce what it announced.
fn check_length(name: &str, expected: u64, found: u64) -> io::Result<()> {
    if expected == found {
        return Ok(());
    }
    let message = format!("{name}: expected {expected} bytes, {found} were written");
    Err(io::Error::new(io::ErrorKind::InvalidData, message))
}
