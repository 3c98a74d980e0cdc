//! What a hub tells its caller while it works.

use std::time::Duration;

use crate::error::Error;

/// How far a file is. What [`HubBuilder::progress`](crate::HubBuilder::progress) is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The repository, `org/name`.
    pub repo: &'a str,
    /// The file in the repository.
    pub file: &'a str,
    /// Bytes that are there. Begins at what an earlier run left, and goes back to 0 if that was of no use.
    pub done: u64,
    /// Bytes the file has. The file is complete, checked and in its place after the call with `done == total`.
    pub total: u64,
}

/// A request that failed for now, and will be sent again. What [`HubBuilder::on_retry`](crate::HubBuilder::on_retry) is
/// given.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Retry<'a> {
    /// What went wrong, and where; the token is not in it.
    pub error: &'a Error,
    /// How long it waits until then.
    pub after: Duration,
    /// Which retry of the request it will be, from 1 to [`HubBuilder::retries`](crate::HubBuilder::retries).
    pub number: u32,
}
