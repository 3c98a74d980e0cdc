//! Requests, from any thread, also one that runs a tokio task.
//!
//! The client is asynchronous and has a runtime of its own, which runs on a thread that lives for as long as a call: a
//! caller's own runtime neither sees it nor is blocked from within.

mod answer;
mod client;
mod limits;
mod proxy;
pub(crate) mod url;
mod wait;

use std::fmt;
use std::future::Future;
use std::sync::OnceLock;
use std::thread;

use bytes::Bytes;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Body, Client, Method, Proxy, Response, StatusCode, Url};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

pub(crate) use self::answer::{Failure, text};
pub(crate) use self::limits::Limits;
pub(crate) use self::proxy::Proxies;
use self::wait::in_time;
use crate::error::{At, Error, Result};
use crate::hub::{Cancel, OnRetry};
use crate::token::Token;

/// Redirects that are followed.
const REDIRECTS: usize = 10;

/// Bytes of an answer that is kept in memory.
const IN_MEMORY: usize = 64 << 20;

/// Speaks HTTP with the endpoint, and with those it sends to.
pub(crate) struct Http {
    endpoint: Url,
    token: Option<Token>,
    proxies: Vec<Proxy>,
    /// Made for the first request: what is in the cache is read without TLS, and without its certificates.
    client: OnceLock<Result<Client, String>>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    limits: Limits,
    cancel: Cancel,
    on_retry: Option<OnRetry>,
}

/// A request, made anew for each attempt.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<&'a (dyn Fn() -> Body + Sync)>,
    /// Bytes of the body that were sent, if somebody counts: for as long as they grow, the answer may take its time.
    pub(crate) sent: Option<&'a (dyn Fn() -> u64 + Sync)>,
    /// Whether it is sent again when nobody knows what became of it: after a cut connection, or an error of a server
    /// that is not just busy.
    pub(crate) again: bool,
}

impl Request<'_> {
    pub(crate) fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: None, sent: None, again: true }
    }
}

/// An answer, read to its end.
pub(crate) struct Whole {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no next piece of an answer.
pub(crate) enum Broken {
    /// The connection was cut.
    Cut(Box<dyn std::error::Error + Send + Sync>),
    /// It did not come in time.
    Stalled(Error),
    /// Something else, which ends it.
    Final(Error),
}

impl Http {
    pub(crate) fn new(
        endpoint: &str,
        token: Option<Token>,
        proxies: &Proxies,
        limits: Limits,
        cancel: Cancel,
        on_retry: Option<OnRetry>,
    ) -> Result<Self> {
        let setting = |setting, reason: String| Error::Setting { setting, reason };
        let endpoint = parse(endpoint).map_err(|reason| setting("endpoint", reason))?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| setting("build", format!("no runtime: {error}")))?;
        let (proxies, client, runtime) = (proxies.check()?, OnceLock::new(), Some(runtime));
        Ok(Self { endpoint, token, proxies, client, runtime, limits, cancel, on_retry })
    }

    fn client(&self, at: impl Fn() -> Box<At>) -> Result<&Client> {
        let made = self.client.get_or_init(|| client::make(&self.limits, &self.proxies));
        made.as_ref().map_err(|reason| Error::Connection { at: at(), source: reason.as_str().into() })
    }

    /// An address at the endpoint; parts of the path are encoded.
    pub(crate) fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        url::join(&self.endpoint, parts)
    }

    /// Whether an address is the endpoint's, so that it may be asked with the token.
    pub(crate) fn is_endpoint(&self, url: &Url) -> bool {
        url::same_server(&self.endpoint, url)
    }

    /// Words of a server, as one short line without the token.
    pub(crate) fn tidy(&self, said: &str) -> String {
        answer::tidy(said, self.token.as_ref().map(Token::reveal)).0
    }

    /// An error without the token, wherever the server put it.
    pub(crate) fn hide(&self, error: Error) -> Error {
        match &self.token {
            Some(token) => error.without(token.reveal()),
            None => error,
        }
    }

    /// Runs what `work` makes on a thread of its own, and waits for it.
    pub(crate) fn wait<T: Send, F: Future<Output = Result<T>>>(
        &self,
        work: impl FnOnce() -> F + Send,
    ) -> Result<T> {
        let no_thread = |source| {
            let at = Box::new(At { url: Some(url::shown(&self.endpoint)), ..At::default() });
            Error::Connection { at, source }
        };
        let Some(runtime) = &self.runtime else { return Err(no_thread("shutting down".into())) };
        thread::scope(|scope| {
            let worker = thread::Builder::new().name("m2v-hub".to_owned());
            let worker = worker.spawn_scoped(scope, || runtime.block_on(work()));
            match worker.map_err(|error| no_thread(error.into()))?.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Sends a request until it succeeds or there is no point in trying again; gives the whole answer.
    pub(crate) fn send(&self, at: &At, request: &Request<'_>) -> Result<Whole> {
        self.wait(|| self.retrying(at, async || self.whole(at, request).await))
    }

    async fn whole(&self, at: &At, request: &Request<'_>) -> Result<Whole, Failure> {
        let mut response = self.exchange(at, request).await?;
        let at = at_url(at, response.url());
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        loop {
            match self.chunk(&at, &mut response).await {
                Ok(None) => break,
                Ok(Some(chunk)) if body.len() + chunk.len() <= IN_MEMORY => body.extend_from_slice(&chunk),
                Ok(Some(_)) => {
                    let (expected, found) = ("at most 64 MiB".to_owned(), "with more".to_owned());
                    return Err(Error::Answer { at: Box::new(at), expected, found }.into());
                }
                Err(Broken::Cut(source)) => {
                    let error = Error::Connection { at: Box::new(at), source };
                    return Err(if request.again { Failure::Passing(error, None) } else { error.into() });
                }
                Err(Broken::Stalled(error)) if request.again => return Err(Failure::Passing(error, None)),
                Err(Broken::Stalled(error) | Broken::Final(error)) => return Err(error.into()),
            }
        }
        Ok(Whole { headers, body })
    }

    /// One request and its answer, redirects followed: a success, or what the failure means.
    pub(crate) async fn exchange(&self, at: &At, request: &Request<'_>) -> Result<Response, Failure> {
        let mut to = request.url.clone();
        for _ in 0..=REDIRECTS {
            let mut response = self.once(at, request, &to).await?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let at = at_url(at, &to);
            if status.is_redirection() && request.body.is_none() {
                let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
                let next = location.ok_or_else(|| format!("{status} without an address"));
                let next = next.and_then(|location| url::redirect(&to, location));
                to = next.map_err(|reason| Error::Redirect { at: Box::new(at), reason })?;
                continue;
            }
            let code = answer::code(response.headers());
            let secret = self.token.as_ref().map(Token::reveal);
            let message = timeout(self.limits.stall, answer::message(&mut response, secret));
            let message = self.unless_cancelled(&at, message).await?.unwrap_or_default();
            let failure = answer::failure(at, status, &code, message, response.headers());
            // Of these the server says that it has done nothing; a gateway may not know.
            let is_untouched =
                [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&status);
            return Err(match failure {
                Failure::Passing(error, _) if !request.again && !is_untouched => Failure::Final(error),
                failure => failure,
            });
        }
        let reason = format!("more than {REDIRECTS} redirects");
        Err(Error::Redirect { at: Box::new(at_url(at, &request.url)), reason }.into())
    }

    /// One request, one answer.
    async fn once(&self, at: &At, request: &Request<'_>, to: &Url) -> Result<Response, Failure> {
        let at = || Box::new(at_url(at, to));
        let client = self.client(at)?;
        let mut builder = client.request(request.method.clone(), to.clone()).headers(request.headers.clone());
        // Hashes are of the bytes themselves.
        builder = builder.header(ACCEPT_ENCODING, "identity");
        // A server that gave the address may have given an authorisation for it.
        let needs_token = self.is_endpoint(to) && !request.headers.contains_key(AUTHORIZATION);
        if let Some(token) = self.token.as_ref().filter(|_| needs_token) {
            let value = HeaderValue::from_str(&format!("Bearer {}", token.reveal()));
            let mut value =
                value.map_err(|_| Error::Setting { setting: "token", reason: "cannot be sent".into() })?;
            value.set_sensitive(true);
            builder = builder.header(AUTHORIZATION, value);
        }
        if let Some(body) = request.body {
            builder = builder.body(body());
        }
        let limit = self.limits.connect.saturating_add(self.limits.first_byte);
        let sent = self.unless_cancelled(&at(), in_time(limit, builder.send(), request.sent)).await?;
        let sent =
            sent.map_err(|_| Error::Timeout { at: at(), what: "the beginning of an answer", limit })?;
        sent.map_err(|error| {
            let error = error.without_url();
            if error.is_timeout() {
                return Error::Timeout { at: at(), what: "to connect", limit: self.limits.connect }.into();
            }
            let is_final = error.is_connect() || error.is_builder() || !request.again;
            let error = Error::Connection { at: at(), source: explain(&error).into() };
            // The connection was there, and is no more.
            if is_final { Failure::Final(error) } else { Failure::Passing(error, None) }
        })
    }

    /// The next piece of an answer.
    pub(crate) async fn chunk(&self, at: &At, response: &mut Response) -> Result<Option<Bytes>, Broken> {
        let limit = self.limits.stall;
        let chunk =
            self.unless_cancelled(at, timeout(limit, response.chunk())).await.map_err(Broken::Final)?;
        let stalled = |_| Error::Timeout { at: Box::new(at.clone()), what: "the next bytes", limit };
        let chunk = chunk.map_err(|elapsed| Broken::Stalled(stalled(elapsed)))?;
        chunk.map_err(|error| Broken::Cut(explain(&error.without_url()).into()))
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropped in a caller's runtime it would panic; all that may be left are idle connections.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Http");
        debug
            .field("endpoint", &self.endpoint.as_str())
            .field("token", &self.token)
            .field("limits", &self.limits);
        debug.finish_non_exhaustive()
    }
}

/// The address of a hub, or why it cannot be one.
fn parse(endpoint: &str) -> Result<Url, String> {
    let url: Url = endpoint.parse().map_err(|error| format!("{error}"))?;
    match url.scheme() {
        "http" | "https" if !url.has_host() => Err("an address without a host".to_owned()),
        "http" | "https" => {
            if url.username().is_empty() && url.password().is_none() && url.query().is_none() {
                return Ok(url);
            }
            Err("an address with a password or a query; there is `token` for what is secret".to_owned())
        }
        scheme => Err(format!("expected an address of http or https, found {scheme}")),
    }
}

/// The same with the address that was asked.
pub(crate) fn at_url(at: &At, url: &Url) -> At {
    At { url: Some(url::shown(url)), ..at.clone() }
}

/// An error of the client, with its causes: its own text says little.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn http(endpoint: &str) -> Result<Http> {
        let (token, proxies) = (Token::new("hf_secret").ok(), Proxies::default());
        Http::new(endpoint, token, &proxies, Limits::default(), Cancel::default(), None)
    }

    #[test]
    fn endpoints_are_checked() {
        for endpoint in [
            "",
            "huggingface.co",
            "ftp://hub.example",
            "file:///x",
            "https://",
            "https://a:b@hub.example",
            "https://hub.example?x",
        ] {
            assert!(http(endpoint).is_err(), "{endpoint}");
        }
        assert!(http("https://hub.example/mirror").is_ok());
    }

    #[test]
    fn the_token_is_not_shown() {
        let shown = format!("{:?}", http("https://hub.example").unwrap());
        assert!(shown.contains("hub.example") && !shown.contains("secret"), "{shown}");
    }
}
