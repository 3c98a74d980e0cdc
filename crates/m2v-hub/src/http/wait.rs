//! Waiting: for answers, for a better time to ask again, and not for longer than the caller wants.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use super::{Failure, Http};
use crate::error::{At, Error, Result};
use crate::progress::Retry;

/// How often the caller is asked whether to stop.
const TICK: Duration = Duration::from_millis(50);

impl Http {
    /// Calls `once` until it succeeds, fails for good, or has been tried often enough.
    pub(crate) async fn retrying<T>(
        &self,
        at: &At,
        mut once: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T> {
        let mut retry = 0;
        loop {
            let (error, asked) = match once().await {
                Ok(done) => return Ok(done),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(error, asked)) => (error, asked),
            };
            if retry == self.limits.retries {
                return Err(error);
            }
            let after = self.limits.wait(retry, asked);
            retry += 1;
            if let Some(on_retry) = &self.on_retry {
                let error = self.hide(error);
                on_retry(&Retry { error: &error, after, number: retry });
            }
            self.unless_cancelled(at, sleep(after)).await?;
        }
    }

    /// Waits, and looks up now and then whether the caller still wants it.
    pub(super) async fn unless_cancelled<T>(&self, at: &At, what: impl Future<Output = T>) -> Result<T> {
        let mut what = pin!(what);
        loop {
            if self.cancel.requested() {
                return Err(Error::Cancelled { at: Box::new(at.clone()) });
            }
            if let Ok(done) = timeout(TICK, what.as_mut()).await {
                return Ok(done);
            }
        }
    }
}

/// Waits for an answer, from the last time on that bytes of the request were sent.
pub(super) async fn in_time<T>(
    limit: Duration,
    answer: impl Future<Output = T>,
    sent: Option<&(dyn Fn() -> u64 + Sync)>,
) -> Result<T, Elapsed> {
    let mut answer = pin!(answer);
    let sent = || sent.map_or(0, |sent| sent());
    let mut before = sent();
    loop {
        match timeout(limit, answer.as_mut()).await {
            Err(_) if sent() != before => before = sent(),
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn an_answer_may_wait_for_a_request_that_is_still_sent() {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let sent = std::sync::atomic::AtomicU64::new(0);
        let grows = || sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let stands = || 7;
        let wait = |sent: Option<&(dyn Fn() -> u64 + Sync)>| {
            let answer = async { sleep(Duration::from_millis(200)).await };
            runtime.block_on(async { in_time(Duration::from_millis(20), answer, sent).await.is_ok() })
        };
        assert_eq!([wait(Some(&grows)), wait(Some(&stands)), wait(None)], [true, false, false]);
    }
}
