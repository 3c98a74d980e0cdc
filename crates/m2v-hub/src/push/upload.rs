//! The body of a large file's request, read while it is sent.

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::Body;

use super::staged::{Reading, Staged};
use crate::hub::Inner;
use crate::progress::Progress;

/// Bytes that are read at once.
const PIECE: usize = 1 << 16;

/// A file that is sent, perhaps more than once.
pub(super) struct Upload {
    file: Reading,
    name: Arc<str>,
    repo: Arc<str>,
    len: u64,
    hub: Arc<Inner>,
    /// Bytes of the last body that were handed over. A body of its own counts for itself: of a request that is
    /// repeated, the first may still be read.
    sent: Mutex<Arc<AtomicU64>>,
}

impl Upload {
    pub(super) fn new(file: &Staged, hub: Arc<Inner>, repo: String) -> Self {
        let (name, sent) = (file.name.as_str().into(), Mutex::default());
        Self { file: file.open(), name, repo: repo.into(), len: file.len, hub, sent }
    }

    /// The file from its beginning.
    pub(super) fn body(&self) -> Body {
        let sent = Arc::<AtomicU64>::default();
        self.counter().clone_from(&sent);
        Body::wrap(Reader {
            file: self.file.again(),
            left: self.len,
            len: self.len,
            name: Arc::clone(&self.name),
            repo: Arc::clone(&self.repo),
            hub: Arc::clone(&self.hub),
            sent,
        })
    }

    /// Bytes of this attempt that were handed over. They grow for as long as the server takes some.
    pub(super) fn sent(&self) -> u64 {
        self.counter().load(Ordering::Relaxed)
    }

    fn counter(&self) -> MutexGuard<'_, Arc<AtomicU64>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Reader {
    file: Reading,
    left: u64,
    len: u64,
    name: Arc<str>,
    repo: Arc<str>,
    hub: Arc<Inner>,
    sent: Arc<AtomicU64>,
}

impl Reader {
    fn next(&mut self) -> io::Result<Bytes> {
        let mut piece = vec![0; PIECE.min(usize::try_from(self.left).unwrap_or(PIECE))];
        self.file.read_exact(&mut piece)?;
        self.left -= piece.len() as u64;
        let done = self.sent.fetch_add(piece.len() as u64, Ordering::Relaxed) + piece.len() as u64;
        if let Some(progress) = &self.hub.progress {
            progress(&Progress { repo: &self.repo, file: &self.name, done, total: self.len });
        }
        Ok(piece.into())
    }
}

impl http_body::Body for Reader {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        Poll::Ready(Some(self.next().map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
