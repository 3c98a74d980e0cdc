//! Files that wait for their commit.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::Bytes;

use crate::digest::{Digest, Hasher};

/// A file of at most so many bytes waits in memory.
const IN_MEMORY: u64 = 1 << 20;
/// Bytes from its beginning that the hub looks at, to tell text from others.
const SAMPLE: u64 = 512;

/// A file that was written and is not sent yet.
#[derive(Debug)]
pub(super) struct Staged {
    /// Its name in the repository.
    pub(super) name: String,
    pub(super) len: u64,
    pub(super) sha256: Digest,
    pub(super) git_blob: Digest,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Memory(Bytes),
    /// Has no name: whatever happens to this process, nothing is left.
    Disk(Arc<File>),
}

/// A staged file that is read, from a place of its own: of a request that is repeated, the first body may still be
/// read.
#[derive(Debug)]
pub(super) enum Reading {
    Memory(Bytes, usize),
    Disk(Arc<File>, u64),
}

impl Reading {
    /// The same from the beginning.
    pub(super) fn again(&self) -> Self {
        match self {
            Self::Memory(bytes, _) => Self::Memory(bytes.clone(), 0),
            Self::Disk(file, _) => Self::Disk(Arc::clone(file), 0),
        }
    }
}

impl Read for Reading {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(bytes, done) => {
                let len = (&bytes[*done..]).read(out)?;
                *done += len;
                Ok(len)
            }
            Self::Disk(file, done) => {
                let len = read_at(file, out, *done)?;
                *done += len as u64;
                Ok(len)
            }
        }
    }
}

#[cfg(not(windows))]
fn read_at(file: &File, out: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, at)
}

#[cfg(windows)]
fn read_at(file: &File, out: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, at)
}

impl Staged {
    /// Takes what `body` produces: exactly `len` bytes.
    pub(super) fn write(
        name: String,
        len: u64,
        body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut writer = Hashed {
            memory: Vec::new(),
            disk: if len > IN_MEMORY { Some(tempfile::tempfile()?) } else { None },
            hashes: [Digest::Sha256([0; 32]).hasher(len), Digest::GitBlob([0; 20]).hasher(len)],
            len,
            left: len,
        };
        body(&mut writer)?;
        if writer.left > 0 {
            let found = len - writer.left;
            return Err(wrong_length(&name, len, &found.to_string()));
        }
        let [sha256, git_blob] = writer.hashes.map(Hasher::finish);
        let content = match writer.disk {
            Some(file) => Content::Disk(Arc::new(file)),
            None => Content::Memory(writer.memory.into()),
        };
        Ok(Self { name, len, sha256, git_blob, content })
    }

    /// Its bytes from the beginning.
    pub(super) fn open(&self) -> Reading {
        match &self.content {
            Content::Memory(bytes) => Reading::Memory(bytes.clone(), 0),
            Content::Disk(file) => Reading::Disk(Arc::clone(file), 0),
        }
    }

    /// All of its bytes.
    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open().read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The first bytes.
    pub(super) fn sample(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open().take(SAMPLE).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

struct Hashed {
    memory: Vec<u8>,
    disk: Option<File>,
    hashes: [Hasher; 2],
    len: u64,
    left: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            return Err(wrong_length("a file", self.len, "more"));
        };
        match &mut self.disk {
            Some(file) => file.write_all(bytes)?,
            None => self.memory.extend_from_slice(bytes),
        }
        self.hashes.iter_mut().for_each(|hash| hash.update(bytes));
        self.left = left;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn wrong_length(name: &str, expected: u64, found: &str) -> io::Error {
    let message = format!("{name}: expected {expected} bytes, {found} were written");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_files_come_back_with_their_hashes() {
        for len in [0, 1, 512, IN_MEMORY as usize, IN_MEMORY as usize + 1] {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 7) as u8).collect();
            let mut pieces =
                |out: &mut dyn Write| bytes.chunks(1000).try_for_each(|piece| out.write_all(piece));
            let staged = Staged::write("x".to_owned(), len as u64, &mut pieces).unwrap();
            assert_eq!(matches!(staged.content, Content::Disk(_)), len > IN_MEMORY as usize);
            assert_eq!((staged.sha256, staged.git_blob), (Digest::sha256(&bytes), Digest::git_blob(&bytes)));
            assert_eq!(staged.sample().unwrap(), bytes[..len.min(512)]);
            // Again and again: a request may be repeated.
            for _ in 0..2 {
                assert!(staged.read().unwrap() == bytes);
            }
        }
    }

    #[test]
    fn a_body_of_another_length_is_refused() {
        for (len, bytes) in [(3, &b"ab"[..]), (2, b"abc"), (IN_MEMORY + 1, b"ab")] {
            let mut body = |out: &mut dyn Write| out.write_all(bytes);
            let error = Staged::write("x".to_owned(), len, &mut body).unwrap_err();
            assert!(error.to_string().contains(&format!("expected {len} bytes")), "{error}");
        }
    }
}
