//! How long things may take, and how often they are tried.

use std::time::Duration;

/// How long things may take, and how often they are tried.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) connect: Duration,
    pub(crate) first_byte: Duration,
    pub(crate) stall: Duration,
    pub(crate) retries: u32,
    pub(crate) backoff: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let (connect, wait) = (Duration::from_secs(10), Duration::from_secs(30));
        Self { connect, first_byte: wait, stall: wait, retries: 5, backoff: Duration::from_millis(500) }
    }
}

impl Limits {
    /// How long to wait before retry number `retry`, from 0, if the server asked for `asked`.
    pub(crate) fn wait(&self, retry: u32, asked: Option<Duration>) -> Duration {
        match asked {
            Some(asked) => asked.min(self.backoff.saturating_mul(120)),
            None => self.backoff.saturating_mul(2u32.pow(retry.min(4))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let limits = Limits::default();
        let waits: Vec<_> = (0..6).map(|retry| limits.wait(retry, None).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!(limits.wait(0, Some(Duration::from_secs(3))), Duration::from_secs(3));
        assert_eq!(limits.wait(0, Some(Duration::from_secs(86400))), Duration::from_secs(60));
        let limits = Limits { backoff: Duration::MAX, ..limits };
        assert_eq!(limits.wait(4, None), Duration::MAX);
        assert_eq!(limits.wait(4, Some(Duration::from_secs(3))), Duration::from_secs(3));
    }
}
