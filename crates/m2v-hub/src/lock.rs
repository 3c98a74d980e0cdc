//! One process at a time fetches a file.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{At, Error, Result};
use crate::hub::Cancel;

/// How often a lock is tried.
const TICK: Duration = Duration::from_millis(50);

/// A lock that is held until it is dropped, or until the process ends, however it ends.
///
/// On Unix it is a `flock`, as in Python.
#[derive(Debug)]
pub(crate) struct Lock {
    /// Closing it unlocks. The file stays: to remove it would let two others hold two locks of the same name.
    _file: File,
}

impl Lock {
    /// Waits for the lock. Whoever holds it may take as long as it takes, as long as `growing` grows: after `limit`
    /// without, it is given up.
    pub(crate) fn acquire(
        path: &Path,
        growing: &Path,
        limit: Duration,
        cancel: &Cancel,
        at: &At,
    ) -> Result<Self> {
        let error = |error| Error::cache(path, error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(error)?;
        }
        let length = || fs::metadata(growing).map_or(0, |metadata| metadata.len());
        let (mut since, mut seen) = (Instant::now(), length());
        loop {
            let file = File::options().create(true).append(true).open(path).map_err(error)?;
            match file.try_lock() {
                // Others may remove lock files: this one must still be the one with the name.
                Ok(()) if is_linked(&file).map_err(error)? => return Ok(Self { _file: file }),
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(source)) => return Err(error(source)),
            }
            let now = length();
            if now != seen {
                (since, seen) = (Instant::now(), now);
            }
            if since.elapsed() >= limit {
                return Err(Error::Locked { path: path.to_owned(), limit });
            }
            if cancel.requested() {
                return Err(Error::Cancelled { at: Box::new(at.clone()) });
            }
            thread::sleep(TICK);
        }
    }
}

#[cfg(unix)]
fn is_linked(file: &File) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&file.metadata()?) > 0)
}

#[cfg(not(unix))]
fn is_linked(_: &File) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acquire(folder: &Path, limit: Duration) -> Result<Lock> {
        Lock::acquire(
            &folder.join("x/y.lock"),
            &folder.join("part"),
            limit,
            &Cancel::default(),
            &At::default(),
        )
    }

    #[test]
    fn a_lock_is_held_once() {
        let folder = tempfile::tempdir().unwrap();
        let held = acquire(folder.path(), Duration::ZERO).unwrap();
        let second = acquire(folder.path(), Duration::from_millis(100));
        assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
        drop(held);
        acquire(folder.path(), Duration::ZERO).unwrap();
    }

    #[test]
    fn who_holds_it_may_take_long_if_it_does_something() {
        let folder = tempfile::tempdir().unwrap();
        let held = acquire(folder.path(), Duration::ZERO).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for len in 1..8 {
                    fs::write(folder.path().join("part"), vec![0; len]).unwrap();
                    thread::sleep(Duration::from_millis(100));
                }
                drop(held);
            });
            acquire(folder.path(), Duration::from_millis(400)).unwrap();
        });
    }

    #[test]
    fn who_waits_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let held = acquire(folder.path(), Duration::ZERO).unwrap();
        let (path, hour) = (folder.path().join("x/y.lock"), Duration::from_secs(3600));
        let second =
            Lock::acquire(&path, &folder.path().join("part"), hour, &Cancel::new(|| true), &At::default());
        assert!(matches!(second, Err(Error::Cancelled { .. })), "{second:?}");
        drop(held);
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_that_was_removed_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let held = acquire(folder.path(), Duration::ZERO).unwrap();
        fs::remove_file(folder.path().join("x/y.lock")).unwrap();
        assert!(!is_linked(&held._file).unwrap());
        acquire(folder.path(), Duration::ZERO).unwrap();
    }
}
