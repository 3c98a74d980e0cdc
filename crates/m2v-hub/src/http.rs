//! Requests, one at a time, from any thread.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::hub::Cancel;
use crate::token::Token;

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

/// Speaks HTTP with the endpoint, and with those it sends to.
#[derive(Debug)]
pub(crate) struct Http {
    limits: Limits,
}

impl Http {
    pub(crate) fn new(
        _: &str,
        _: Option<Token>,
        _: Option<&str>,
        limits: Limits,
        _: Cancel,
    ) -> Result<Self, Error> {
        Ok(Self { limits })
    }
}
