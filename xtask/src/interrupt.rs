//! Ctrl-C, and being asked to end in other ways (SIGTERM, SIGHUP).

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C sets a flag instead of ending the process, so that what is unfinished can be removed.
pub(crate) fn watch() -> Result<()> {
    ctrlc::set_handler(|| REQUESTED.store(true, Ordering::Relaxed)).map_err(Error::Signals)
}

/// Whether Ctrl-C was pressed.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// The flag itself, for libraries that look at one.
pub(crate) fn flag() -> &'static AtomicBool {
    &REQUESTED
}

/// Stops if Ctrl-C was pressed.
pub(crate) fn check() -> Result<()> {
    if requested() { Err(Error::Interrupted) } else { Ok(()) }
}
