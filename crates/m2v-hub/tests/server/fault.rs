//! Answers that go wrong.

use std::sync::Arc;
use std::time::Duration;

use super::http::{Answer, Request};

/// What goes wrong with an answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This is answered instead.
    Answer(Answer),
    /// A header is put in place of the one of that name.
    Header(&'static str, String),
    /// Text in the body is replaced: other names in a listing, other hashes.
    Text(String, String),
    /// The body has this length, and other bytes than it should.
    WrongBytes,
    /// Only the first bytes are there, and `Content-Length` says what `announced` says.
    Short { bytes: usize, announced: usize },
    /// There is no `Content-Length`: the body ends with the connection.
    NoLength,
    /// `Range` is ignored: the whole file, 200.
    NoRange,
    /// The connection ends after so many bytes of the body.
    Cut(usize),
    /// The connection ends before an answer.
    Hangup,
    /// After so many bytes of the body nothing comes, for that long.
    Stall(usize, Duration),
    /// Nothing comes, for that long.
    Silent(Duration),
    /// So many bytes at a time, with a pause after each.
    Slow(usize, Duration),
    /// A redirect to where the request went.
    RedirectLoop,
}

impl Fault {
    /// Another status with a body, as a proxy or an overloaded server answers.
    pub(crate) fn status(status: u16, body: &str) -> Self {
        Self::Answer(Answer::new(status).header("Content-Type", "text/html").body(body.as_bytes().to_vec()))
    }

    /// Too many requests; come back in so many seconds.
    pub(crate) fn busy(retry_after: u32) -> Self {
        let answer = Answer::error(429, "We had to rate limit you");
        Self::Answer(answer.header("Retry-After", retry_after.to_string()))
    }

    /// The answer as it is sent.
    pub(super) fn change(&self, request: &Request, mut answer: Answer) -> Answer {
        match self {
            Self::Header(name, value) => {
                answer.headers.retain(|header| !header.0.eq_ignore_ascii_case(name));
                return answer.header(name, value);
            }
            Self::Text(from, to) => {
                let text = String::from_utf8_lossy(&answer.body).replace(from, to);
                answer.body = Arc::new(text.into_bytes());
            }
            Self::WrongBytes => {
                answer.body = Arc::new(answer.body.iter().map(|byte| byte ^ 1).collect());
            }
            Self::Short { bytes, .. } => {
                answer.body = Arc::new(answer.body[..answer.body.len().min(*bytes)].to_vec());
            }
            Self::RedirectLoop => {
                let host = request.header("host").unwrap_or_default();
                return Answer::new(302).header("Location", format!("http://{host}{}", request.target));
            }
            _ => {}
        }
        answer
    }
}

/// When a fault happens.
pub(super) struct Rule {
    pub(super) method: String,
    pub(super) part: String,
    pub(super) left: usize,
    pub(super) fault: Fault,
}

/// The fault of a request, if there is one, which happens once less from now on.
pub(super) fn take(rules: &mut [Rule], request: &Request) -> Option<Fault> {
    let rule = rules.iter_mut().find(|rule| {
        rule.left > 0
            && (rule.method == "*" || rule.method == request.method)
            && request.target.contains(&rule.part)
    })?;
    rule.left -= 1;
    Some(rule.fault.clone())
}
