//! Ctrl-C, and being asked to end in other ways (SIGTERM, SIGHUP).

use std::sync::atomic::{AtomicBool, Ordering};

use crate::stop::Stop;

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C (and SIGTERM, SIGHUP) sets a flag instead of ending the process, so that unfinished files can be removed.
pub(crate) fn watch() -> Result<(), Stop> {
    Ok(ctrlc::set_handler(|| REQUESTED.store(true, Ordering::Relaxed))?)
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
pub(crate) fn check() -> Result<(), Stop> {
    if requested() { Err(Stop::error("interrupted")) } else { Ok(()) }
}
