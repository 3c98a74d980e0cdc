//! What can go wrong between a program and a hub.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The result of this crate's fallible calls.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a request was about. Shown as `org/name@main, config.json (https://…)`.
///
/// The address has neither query nor user: both may be secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At {
    /// The repository, `org/name`.
    pub repo: String,
    /// The branch, tag or commit that was asked for.
    pub revision: String,
    /// The file in the repository, if it was about one.
    pub file: Option<String>,
    /// The address that was asked, if one was.
    pub url: Option<String>,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repo, self.revision)?;
        if let Some(file) = &self.file {
            write!(f, ", {file}")?;
        }
        self.url.as_ref().map_or(Ok(()), |url| write!(f, " ({url})"))
    }
}

/// What can go wrong between a program and a hub.
///
/// As the source of an [`io::Error`] (from [`Source::read`](m2v_core::Source::read)) it can be had back:
///
/// ```
/// use std::io;
///
/// fn is_offline(error: &io::Error) -> bool {
///     let error = error.get_ref().and_then(|error| error.downcast_ref::<m2v_hub::Error>());
///     matches!(error, Some(m2v_hub::Error::Offline { .. }))
/// }
/// # let error = m2v_hub::Error::Offline { at: Box::default() };
/// # assert!(is_offline(&error.into()));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Text that is not a model id.
    #[error("`{id}` is not a model id, ORG/NAME[@REVISION][:SUBFOLDER]: {reason}")]
    ModelId {
        /// The text.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A name that cannot be a file's, a folder's or a revision's, or that would lead out of the cache.
    #[error("{what} {name:?}: {reason}")]
    Name {
        /// What it should have named.
        what: &'static str,
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A setting of the builder that cannot be used.
    #[error("{setting}: {reason}")]
    Setting {
        /// The builder's method.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// It is not in the cache, and the hub is offline.
    #[error("{at}: not in the cache, and the hub is offline")]
    Offline {
        /// What was asked for.
        at: Box<At>,
    },
    /// There is no such repository, or it is private and the token does not open it.
    #[error("{at}: no such repository; a private one needs a token that may read it{message}")]
    NoRepository {
        /// What was asked for.
        at: Box<At>,
        /// What the server said.
        message: Message,
    },
    /// The repository has no such branch, tag or commit.
    #[error("{at}: the repository has no such revision{message}")]
    NoRevision {
        /// What was asked for.
        at: Box<At>,
        /// What the server said.
        message: Message,
    },
    /// 401: the server wants a token, or does not take this one.
    #[error("{at}: 401 Unauthorized: the server wants a token, or does not take this one{message}")]
    Unauthorized {
        /// What was asked for.
        at: Box<At>,
        /// What the server said.
        message: Message,
    },
    /// 403: the token may not do this.
    #[error("{at}: 403 Forbidden: {}{message}", if *.gated { "access has to be asked for on the model's page" } else { "not allowed with this token, or without one" })]
    Forbidden {
        /// What was asked for.
        at: Box<At>,
        /// Whether access has to be asked for first.
        gated: bool,
        /// What the server said.
        message: Message,
    },
    /// 409: somebody else changed it meanwhile, or it exists already.
    #[error("{at}: 409 Conflict: it exists already, or somebody else changed it meanwhile{message}")]
    Conflict {
        /// What was asked for.
        at: Box<At>,
        /// What the server said.
        message: Message,
    },
    /// Another status than was expected.
    #[error("{at}: the server answered {status}{message}")]
    Status {
        /// What was asked for.
        at: Box<At>,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: Message,
    },
    /// An answer that cannot be used: broken JSON, a header that is missing or cannot be, a hostile name.
    #[error("{at}: expected {expected}, the server answered {found}")]
    Answer {
        /// What was asked for.
        at: Box<At>,
        /// What would have been accepted.
        expected: String,
        /// What came.
        found: String,
    },
    /// A file of another length.
    #[error("{at}: expected {expected} bytes, the server sent {found}")]
    Size {
        /// What was asked for.
        at: Box<At>,
        /// Bytes the file has.
        expected: u64,
        /// Bytes that came, or were announced.
        found: u64,
    },
    /// A file with other content.
    #[error("{at}: expected {expected}, found {found}")]
    Digest {
        /// What was asked for.
        at: Box<At>,
        /// The hash it should have, and what says so.
        expected: String,
        /// The hash it has.
        found: String,
    },
    /// The connection broke, and went on breaking.
    #[error("{at}: the connection was cut after {done} of {total} bytes")]
    Cut {
        /// What was asked for.
        at: Box<At>,
        /// Bytes that came.
        done: u64,
        /// Bytes the file has.
        total: u64,
        /// What the connection said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Too many redirects, or one that is not followed.
    #[error("{at}: {reason}")]
    Redirect {
        /// What was asked for.
        at: Box<At>,
        /// Why it is not followed.
        reason: String,
    },
    /// The server did not answer in time.
    #[error("{at}: {what} took longer than {limit:?}")]
    Timeout {
        /// What was asked for.
        at: Box<At>,
        /// What took too long.
        what: &'static str,
        /// How long it may take.
        limit: Duration,
    },
    /// No connection, or none that was understood.
    #[error("{at}: {source}")]
    Connection {
        /// What was asked for.
        at: Box<At>,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process holds the lock, and seems to do nothing.
    #[error("{}: locked by another process, which wrote nothing for {limit:?}", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
    /// The cache could not be read or written.
    #[error("{}: {source}", path.display())]
    Cache {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file in the cache is not what was once downloaded, and the hub is offline.
    #[error("{}: expected {expected}, found {found}; going online would fetch it again", path.display())]
    Corrupt {
        /// The path.
        path: PathBuf,
        /// The hash it should have.
        expected: String,
        /// The hash it has, or what else is wrong.
        found: String,
    },
    /// A model card that the hub would refuse, or refuses.
    #[error("README.md: {reason}")]
    Card {
        /// What is wrong with it.
        reason: String,
    },
    /// The server takes large files in a way that is not spoken here.
    #[error("{at}: the server takes large files by the transfer `{found}` only; m2v speaks `basic`")]
    Transfer {
        /// What was asked for.
        at: Box<At>,
        /// The transfer the server wants.
        found: String,
    },
    /// The hub is offline, and something is to be sent there.
    #[error("{at}: nothing can be sent, the hub is offline")]
    PushOffline {
        /// What was to be changed.
        at: Box<At>,
    },
    /// The caller asked to stop.
    #[error("{at}: cancelled")]
    Cancelled {
        /// What was under way.
        at: Box<At>,
    },
}

/// What is shown in place of the token.
pub(crate) const HIDDEN: &str = "(token)";

/// What a server said about an error: one short line without control characters and without the token, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message(pub(crate) String);

impl Message {
    /// The text; empty if the server said nothing.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, "; the server says: {}", self.0) }
    }
}

impl Error {
    pub(crate) fn cache(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Cache { path: path.into(), source }
    }

    /// The same without a secret, which a server may have put where it is shown.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        let hide = |text: &mut String| *text = text.replace(secret, HIDDEN);
        match &mut self {
            Self::Answer { expected, found, .. } | Self::Digest { expected, found, .. } => {
                hide(expected);
                hide(found);
            }
            Self::Redirect { reason, .. } | Self::Card { reason } => hide(reason),
            _ => {}
        }
        if let Some(url) = self.at_mut().and_then(|at| at.url.as_mut()) {
            hide(url);
        }
        self
    }

    fn at_mut(&mut self) -> Option<&mut At> {
        match self {
            Self::NoRepository { at, .. }
            | Self::NoRevision { at, .. }
            | Self::Unauthorized { at, .. }
            | Self::Forbidden { at, .. }
            | Self::Conflict { at, .. }
            | Self::Status { at, .. }
            | Self::Answer { at, .. }
            | Self::Size { at, .. }
            | Self::Digest { at, .. }
            | Self::Cut { at, .. }
            | Self::Redirect { at, .. }
            | Self::Timeout { at, .. }
            | Self::Connection { at, .. }
            | Self::Transfer { at, .. }
            | Self::Cancelled { at } => Some(at),
            _ => None,
        }
    }

    fn kind(&self) -> io::ErrorKind {
        use io::ErrorKind as Kind;
        match self {
            Self::ModelId { .. } | Self::Name { .. } | Self::Setting { .. } | Self::Card { .. } => {
                Kind::InvalidInput
            }
            Self::Unauthorized { .. } | Self::Forbidden { .. } => Kind::PermissionDenied,
            Self::Answer { .. } | Self::Size { .. } | Self::Digest { .. } | Self::Corrupt { .. } => {
                Kind::InvalidData
            }
            Self::Conflict { .. } => Kind::AlreadyExists,
            Self::Cut { .. } => Kind::ConnectionAborted,
            Self::Timeout { .. } | Self::Locked { .. } => Kind::TimedOut,
            Self::Cache { source, .. } => source.kind(),
            // Not `NotFound`: readers may take that for a file that is not there. Not `Interrupted`: they try again.
            _ => Kind::Other,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::Interrupted => io::ErrorKind::Other,
            kind => kind,
        };
        Self::new(kind, error)
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
