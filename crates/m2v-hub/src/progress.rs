//! What a hub tells its caller while it works.

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
