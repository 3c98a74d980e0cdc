//! How long steps took, and what that says of those to come.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What a step does. Steps of one kind take about as long: one that was done says how long the others will take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Load,
    Encode,
    Quantise,
    Write,
    VerifyTable,
    VerifyGraph,
}

/// The steps that were done, the one that is being done, and those to come.
pub(crate) struct Clock {
    took: Vec<(Kind, Duration)>,
    current: Option<(Kind, Instant)>,
    plan: VecDeque<Kind>,
}

impl Clock {
    pub(crate) fn new(plan: Vec<Kind>) -> Self {
        Self { took: Vec::new(), current: None, plan: plan.into() }
    }

    pub(crate) fn begin(&mut self, kind: Kind) {
        self.plan.pop_front();
        self.current = Some((kind, Instant::now()));
    }

    /// Ends the step that is being done; the time it took.
    pub(crate) fn end(&mut self) -> Option<Duration> {
        let (kind, since) = self.current.take()?;
        let took = since.elapsed();
        self.took.push((kind, took));
        Some(took)
    }

    /// Since the step began that is being done.
    pub(crate) fn elapsed(&self) -> Duration {
        self.current.map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }

    pub(crate) fn done(&self) -> usize {
        self.took.len()
    }

    /// The step that is being done, of how many: `5/14`.
    pub(crate) fn position(&self) -> String {
        let at = self.took.len() + usize::from(self.current.is_some());
        format!("{at}/{}", at + self.plan.len())
    }

    /// The time left for this step and the others, once a step of each kind was done; `step` is what this one's own
    /// progress says, if it has any.
    pub(crate) fn left(&self, step: Option<Duration>) -> Option<Duration> {
        let (kind, since) = self.current?;
        let others: Option<Duration> = self.plan.iter().map(|&kind| self.expected(kind)).sum();
        let step = step.or_else(|| Some(self.expected(kind)?.saturating_sub(since.elapsed())));
        Some(step? + others?)
    }

    /// The mean of the steps of that kind.
    fn expected(&self, kind: Kind) -> Option<Duration> {
        let times = self.took.iter().filter(|(of, _)| *of == kind).map(|(_, took)| *took);
        let sum: Duration = times.clone().sum();
        sum.checked_div(u32::try_from(times.count()).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn what_was_done_says_how_long_the_rest_takes() {
        let plan = vec![Kind::Load, Kind::Write, Kind::VerifyTable, Kind::Write, Kind::VerifyTable];
        let mut clock = Clock::new(plan);
        clock.begin(Kind::Load);
        assert_eq!((clock.position(), clock.left(None)), ("1/5".to_owned(), None));
        clock.took =
            vec![(Kind::Load, seconds(3)), (Kind::Write, seconds(100)), (Kind::VerifyTable, seconds(20))];
        clock.plan.drain(..3);
        clock.current = Some((Kind::Write, Instant::now()));
        assert_eq!(clock.position(), "4/5");
        // One more of what took 20 s after this one, which says itself how long it takes, or is as the last of its
        // kind.
        assert_eq!(clock.left(Some(seconds(7))), Some(seconds(27)));
        let left = clock.left(None).unwrap();
        assert!(left > seconds(119) && left <= seconds(120), "{left:?}");
        clock.plan.push_back(Kind::VerifyGraph);
        assert_eq!(clock.left(Some(seconds(7))), None, "none of these was done");
    }
}
