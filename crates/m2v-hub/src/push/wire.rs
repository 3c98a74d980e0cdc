//! The requests of a push.

use std::io;
use std::sync::Arc;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::protocol::Action;
use super::staged::Staged;
use super::upload::Upload;
use crate::error::{At, Error, Result};
use crate::http::{Http, Request, Whole, at_url, url};
use crate::hub::Inner;

pub(super) const JSON: &str = "application/json";
pub(super) const JSON_LINES: &str = "application/x-ndjson";
pub(super) const LFS_JSON: &str = "application/vnd.git-lfs+json";

/// The hub, and what is pushed to.
pub(super) struct Wire<'a> {
    hub: &'a Arc<Inner>,
    http: &'a Http,
    at: At,
}

impl<'a> Wire<'a> {
    /// # Errors
    /// [`Error::Offline`] if the hub is.
    pub(super) fn new(hub: &'a Arc<Inner>, at: At) -> Result<Self> {
        let http = hub.http.as_ref().ok_or_else(|| Error::PushOffline { at: Box::new(at.clone()) })?;
        Ok(Self { hub, http, at })
    }

    pub(super) fn url<'p>(&self, parts: impl IntoIterator<Item = &'p str>) -> Url {
        self.http.url(parts)
    }

    /// What an error is about: a file, or with an empty name the whole.
    pub(super) fn at(&self, file: &str) -> Box<At> {
        let file = (!file.is_empty()).then(|| file.to_owned());
        Box::new(At { file, ..self.at.clone() })
    }

    pub(super) fn get(&self, url: Url) -> Result<Whole> {
        self.http.send(&self.at, &Request::get(url))
    }

    /// Sends an object and reads the answer.
    pub(super) fn ask<R: DeserializeOwned>(&self, url: Url, body: &impl Serialize) -> Result<R> {
        let whole = self.post(url.clone(), JSON, self.json(body)?)?;
        self.parse(&url, &whole)
    }

    /// Sends bytes that the server may be sent twice.
    pub(super) fn post(&self, url: Url, kind: &'static str, body: Vec<u8>) -> Result<Whole> {
        let body = bytes::Bytes::from(body);
        let body = || Body::from(body.clone());
        self.http.send(&self.at, &request(Method::POST, url, kind, &body))
    }

    /// Sends bytes that it may not: after a cut connection, or an error of a gateway, nobody knows what became of the
    /// first ones.
    pub(super) fn post_once(&self, url: Url, kind: &'static str, body: Vec<u8>) -> Result<Whole> {
        let body = bytes::Bytes::from(body);
        let body = || Body::from(body.clone());
        self.http.send(&self.at, &Request { again: false, ..request(Method::POST, url, kind, &body) })
    }

    /// Sends a file where the server wants it.
    pub(super) fn put(&self, file: &Staged, action: &Action) -> Result<()> {
        let at = self.at(&file.name);
        let url = self.address(file, action)?;
        let upload = Upload::new(file, Arc::clone(self.hub), self.at.repo.clone());
        let body = || upload.body();
        let sent = || upload.sent();
        let request = Request {
            method: Method::PUT,
            headers: self.headers(file, action)?,
            body: Some(&body),
            sent: Some(&sent),
            ..Request::get(url)
        };
        self.http.send(&at, &request).map(drop)
    }

    /// Asks the server whether it has the file.
    pub(super) fn verify(&self, file: &Staged, action: &Action, body: &impl Serialize) -> Result<()> {
        let url = self.address(file, action)?;
        let body = bytes::Bytes::from(self.json(body)?);
        let body = || Body::from(body.clone());
        let mut request = request(Method::POST, url, LFS_JSON, &body);
        request.headers.extend(self.headers(file, action)?);
        self.http.send(&self.at(&file.name), &request).map(drop)
    }

    /// An address that the server gave: as safe as the endpoint's.
    fn address(&self, file: &Staged, action: &Action) -> Result<Url> {
        url::redirect(&self.http.url([]), &action.href)
            .map_err(|reason| Error::Redirect { at: self.at(&file.name), reason })
    }

    fn headers(&self, file: &Staged, action: &Action) -> Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        for (name, value) in &action.header {
            let name = HeaderName::from_bytes(name.as_bytes()).ok();
            let value = value.as_str().and_then(|value| HeaderValue::from_str(value).ok());
            let (Some(name), Some(value)) = (name, value) else {
                return Err(self.answer(&file.name, "headers that can be sent", "another".to_owned()));
            };
            headers.insert(name, value);
        }
        Ok(headers)
    }

    pub(super) fn json(&self, body: &impl Serialize) -> Result<Vec<u8>> {
        let unsendable = |error: serde_json::Error| self.answer("", "something to send", error.to_string());
        serde_json::to_vec(body).map_err(unsendable)
    }

    pub(super) fn parse<R: DeserializeOwned>(&self, url: &Url, whole: &Whole) -> Result<R> {
        serde_json::from_slice(&whole.body).map_err(|error| Error::Answer {
            at: Box::new(at_url(&self.at, url)),
            expected: "JSON of the hub".to_owned(),
            found: error.to_string(),
        })
    }

    pub(super) fn answer(&self, file: &str, expected: &str, found: String) -> Error {
        Error::Answer { at: self.at(file), expected: expected.to_owned(), found }
    }

    /// Words of the server, to be shown.
    pub(super) fn words(&self, said: &str) -> String {
        self.http.tidy(said)
    }

    /// A staged file that can no longer be read.
    pub(super) fn staging(&self, file: &Staged, source: io::Error) -> Error {
        Error::Cache { path: file.name.clone().into(), source }
    }
}

fn request<'b>(
    method: Method,
    url: Url,
    kind: &'static str,
    body: &'b (dyn Fn() -> Body + Sync),
) -> Request<'b> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(ACCEPT, HeaderValue::from_static(if kind == LFS_JSON { LFS_JSON } else { JSON }));
    Request { method, headers, body: Some(body), ..Request::get(url) }
}
