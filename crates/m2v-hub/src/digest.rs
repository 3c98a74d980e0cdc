//! The two hashes that name the files of a hub.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The hash of a file: sha256, or the one that git gives to a blob (sha1 of `blob LENGTH\0` and the bytes).
///
/// Shown and parsed as 64 or 40 lower-case hexadecimal digits, which is also the name of the file in the cache.
///
/// ```
/// use m2v_hub::Digest;
///
/// let empty: Digest = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391".parse().expect("40 digits");
/// assert_eq!(empty, Digest::git_blob(b""));
/// assert_ne!(empty, Digest::sha256(b""));
/// assert!("../../etc/passwd".parse::<Digest>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Digest {
    /// Of files that are in LFS, or in Xet.
    Sha256([u8; 32]),
    /// Of files that are in git itself.
    GitBlob([u8; 20]),
}

/// Text that is not a [`Digest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected 40 or 64 lower-case hexadecimal digits")]
pub struct ParseDigestError;

impl Digest {
    /// The sha256 of bytes.
    #[must_use]
    pub fn sha256(bytes: &[u8]) -> Self {
        Self::Sha256(Sha256::digest(bytes).into())
    }

    /// The hash that git gives to a blob.
    #[must_use]
    pub fn git_blob(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::git_blob(bytes.len() as u64);
        hasher.update(bytes);
        hasher.finish()
    }

    /// The hash of the same kind of other bytes.
    pub(crate) fn of(self, bytes: &[u8]) -> Self {
        match self {
            Self::Sha256(_) => Self::sha256(bytes),
            Self::GitBlob(_) => Self::git_blob(bytes),
        }
    }

    /// Makes hashes of this kind, of `len` bytes.
    pub(crate) fn hasher(self, len: u64) -> Hasher {
        match self {
            Self::Sha256(_) => Hasher::Sha256(Sha256::new()),
            Self::GitBlob(_) => Hasher::git_blob(len),
        }
    }

    /// The hash with its kind: `sha256 …`, `git blob …`.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Sha256(_) => format!("sha256 {self}"),
            Self::GitBlob(_) => format!("git blob {self}"),
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: &[u8] = match self {
            Self::Sha256(bytes) => bytes,
            Self::GitBlob(bytes) => bytes,
        };
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.describe())
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, ParseDigestError> {
        match text.len() {
            64 => Ok(Self::Sha256(unhex(text)?)),
            40 => Ok(Self::GitBlob(unhex(text)?)),
            _ => Err(ParseDigestError),
        }
    }
}

fn unhex<const N: usize>(text: &str) -> Result<[u8; N], ParseDigestError> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(ParseDigestError),
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

/// Makes a [`Digest`] of bytes that come in pieces.
#[derive(Clone, Debug)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    GitBlob(Sha1),
}

impl Hasher {
    fn git_blob(len: u64) -> Self {
        let mut sha1 = Sha1::new();
        sha1.update(format!("blob {len}\0"));
        Self::GitBlob(sha1)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(sha256) => sha256.update(bytes),
            Self::GitBlob(sha1) => sha1.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Digest {
        match self {
            Self::Sha256(sha256) => Digest::Sha256(sha256.finalize().into()),
            Self::GitBlob(sha1) => Digest::GitBlob(sha1.finalize().into()),
        }
    }

    /// Takes all there is to read; says how many bytes that were.
    pub(crate) fn read(&mut self, from: &mut dyn Read) -> io::Result<u64> {
        io::copy(from, self)
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From `git hash-object` and `sha256sum`.
    #[test]
    fn hashes_are_those_of_git_and_sha256sum() {
        let text = b"hello world\n";
        assert_eq!(Digest::git_blob(text).to_string(), "3b18e512dba79e4c8300dd08aeb37f8e728b8dad");
        let sha256 = "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447";
        assert_eq!(Digest::sha256(text).to_string(), sha256);
        for digest in [Digest::git_blob(text), Digest::sha256(text)] {
            assert_eq!(digest.to_string().parse(), Ok(digest));
            let mut pieces = digest.hasher(12);
            assert_eq!(pieces.read(&mut &text[..5]).unwrap(), 5);
            pieces.update(&text[5..]);
            assert_eq!(pieces.finish(), digest);
            assert_eq!(digest.of(text), digest);
            assert_ne!(digest.of(b"hello world"), digest);
        }
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let upper = Digest::sha256(b"").to_string().to_uppercase();
        for text in
            ["", "../../../../x", &upper, &"g".repeat(40), &"a".repeat(39), &"é".repeat(20), &"/".repeat(64)]
        {
            assert_eq!(text.parse::<Digest>(), Err(ParseDigestError), "{text}");
        }
    }
}
