//! What a run tells and asks its caller.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Result;
use crate::transform::Context;

/// Counts looks at points.
pub(super) struct Work<'a, 'b> {
    context: &'a Context<'b>,
    points: usize,
    /// Looks at all points: to sort them into cells, to seed, in each round to find candidates and to move points, and
    /// to assign them at last. Rounds after those that are planned, if there are any, are not told of.
    looks: usize,
    done: AtomicUsize,
}

impl<'a, 'b> Work<'a, 'b> {
    pub(super) fn new(points: usize, rounds: usize, context: &'a Context<'b>) -> Self {
        Self { context, points, looks: 3 + 2 * rounds, done: AtomicUsize::new(0) }
    }

    /// So many points were looked at once more. Only whoever reports the last row knows that all is done.
    pub(super) fn add(&self, points: usize) {
        let done = self.done.fetch_add(points, Ordering::Relaxed) + points;
        self.context.report((done / self.looks).min(self.points.saturating_sub(1)), self.points);
    }

    /// Whether to go on.
    pub(super) fn check(&self) -> Result<()> {
        self.context.check()
    }
}
