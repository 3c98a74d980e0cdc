//! What an answer that is no success means.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use crate::error::{At, Error, HIDDEN, Message};

/// Characters of a server's message that are shown.
const LONGEST: usize = 200;

/// Bytes of an error's body that are read.
const BODY: usize = 1 << 14;

/// An error, and whether it is worth trying again.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It will be the same again.
    Final(Error),
    /// It may go better; the server may have said when.
    Passing(Error, Option<Duration>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

/// What a status other than success means. `code` is the hub's own word for it.
pub(crate) fn failure(
    at: At,
    status: StatusCode,
    code: &str,
    message: Message,
    headers: &HeaderMap,
) -> Failure {
    let at = Box::new(at);
    match (code, status) {
        ("RepoNotFound", _) => Error::NoRepository { at, message }.into(),
        ("RevisionNotFound", _) => Error::NoRevision { at, message }.into(),
        ("GatedRepo", _) => Error::Forbidden { at, gated: true, message }.into(),
        (_, StatusCode::UNAUTHORIZED) => Error::Unauthorized { at, message }.into(),
        (_, StatusCode::FORBIDDEN) => Error::Forbidden { at, gated: false, message }.into(),
        (_, StatusCode::CONFLICT) => Error::Conflict { at, message }.into(),
        _ => {
            let error = Error::Status { at, status: status.as_u16(), message };
            if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
                Failure::Passing(error, retry_after(headers))
            } else {
                error.into()
            }
        }
    }
}

/// The hub's word for an error.
pub(crate) fn code(headers: &HeaderMap) -> String {
    text(headers, "x-error-code").unwrap_or_default().to_owned()
}

/// A header, if it is text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Reads what the server says about an error. Reading goes on only for as long as the caller waits.
pub(crate) async fn message(response: &mut Response, secret: Option<&str>) -> Message {
    let header =
        response.headers().get("x-error-message").map(|value| String::from_utf8_lossy(value.as_bytes()));
    let said = match header {
        Some(header) => header.into_owned(),
        None => {
            let is_json = response
                .headers()
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
            if is_json { said_in(response).await } else { String::new() }
        }
    };
    tidy(&said, secret)
}

async fn said_in(response: &mut Response) -> String {
    /// One text, or the list with which a card is refused.
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body {
        #[serde(alias = "message")]
        error: String,
        errors: Vec<Body>,
    }

    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > BODY {
            break;
        }
    }
    let Body { error, errors } = serde_json::from_slice(&body).unwrap_or_default();
    let all = [error].into_iter().chain(errors.into_iter().map(|body| body.error));
    all.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("; ")
}

/// One short line. A server that repeats the token does not get it into a log.
pub(super) fn tidy(said: &str, secret: Option<&str>) -> Message {
    let said = match secret {
        Some(secret) => said.replace(secret, HIDDEN),
        None => said.to_owned(),
    };
    let line: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut line: String = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
    Message(line)
}

/// Seconds that a server asks to wait. (It may also name a time of day: no clock is trusted here.)
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_short_lines_without_the_token() {
        let said = "no\r\n\u{1b}[31maccess with  hf_secret";
        assert_eq!(tidy(said, Some("hf_secret")).as_str(), "no [31maccess with (token)");
        assert_eq!(tidy(&"é".repeat(300), None).as_str().chars().count(), 201);
    }

    #[test]
    fn statuses_mean_what_they_say() {
        let of = |status: u16, code: &str| {
            failure(
                At::default(),
                StatusCode::from_u16(status).unwrap(),
                code,
                Message::default(),
                &HeaderMap::new(),
            )
        };
        assert!(matches!(of(404, "RepoNotFound"), Failure::Final(Error::NoRepository { .. })));
        assert!(matches!(of(401, "RepoNotFound"), Failure::Final(Error::NoRepository { .. })));
        assert!(matches!(of(404, "RevisionNotFound"), Failure::Final(Error::NoRevision { .. })));
        assert!(matches!(of(403, "GatedRepo"), Failure::Final(Error::Forbidden { gated: true, .. })));
        assert!(matches!(of(403, ""), Failure::Final(Error::Forbidden { gated: false, .. })));
        assert!(matches!(of(401, ""), Failure::Final(Error::Unauthorized { .. })));
        assert!(matches!(of(409, ""), Failure::Final(Error::Conflict { .. })));
        for status in [400, 404, 410, 418] {
            assert!(matches!(of(status, ""), Failure::Final(Error::Status { .. })), "{status}");
        }
        for status in [429, 500, 502, 503, 504] {
            assert!(matches!(of(status, ""), Failure::Passing(Error::Status { .. }, None)), "{status}");
        }
    }

    #[test]
    fn seconds_are_waited_and_dates_are_not() {
        let asks = |value: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]));
        assert_eq!(asks("7"), Some(Duration::from_secs(7)));
        assert_eq!(asks("Wed, 21 Oct 2015 07:28:00 GMT"), None);
        assert_eq!(asks("-1"), None);
    }
}
