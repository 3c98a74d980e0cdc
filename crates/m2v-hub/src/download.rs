//! One file from a server to the disk, checked.

use std::fs::{self, File};
use std::io::{self, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Response, StatusCode, Url};

use crate::digest::{Digest, Hasher};
use crate::error::{At, Error, Result};
use crate::http::{Broken, Failure, Http, Request, at_url, text};

/// The beginning of a smaller file is not kept for a later run.
const WORTH_RESUMING: u64 = 1 << 20;

/// How often progress is reported.
const TICK: Duration = Duration::from_millis(50);

/// A file that is wanted.
pub(crate) struct Wanted<'a> {
    pub(crate) at: &'a At,
    pub(crate) url: Url,
    pub(crate) commit: &'a str,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    /// Called with the bytes that are there.
    pub(crate) progress: &'a (dyn Fn(u64) + Sync),
}

impl Wanted<'_> {
    /// Fetches the file to `path`, which may have its beginning. After success `path` has what was wanted, checked and
    /// on the disk. After a failure it is gone, unless it is the beginning of a large file that a later run can go on
    /// with.
    pub(crate) fn fetch(&self, http: &Http, path: &Path) -> Result<()> {
        let done = Part::open(self, path).and_then(|mut part| {
            let fetched = http.wait(|| http.retrying(self.at, async || part.attempt(http).await));
            // Bytes of an earlier run may have been wrong. Nothing is left of them for a second time.
            match fetched {
                Err(Error::Digest { .. }) if part.resumed => {
                    part.restart()?;
                    http.wait(|| http.retrying(self.at, async || part.attempt(http).await))
                }
                fetched => fetched,
            }
        });
        if let Err(error) = &done {
            let may_go_on = matches!(
                error,
                Error::Cut { .. }
                    | Error::Timeout { .. }
                    | Error::Cancelled { .. }
                    | Error::Connection { .. }
                    | Error::Status { .. }
            );
            let is_begun = fs::metadata(path).is_ok_and(|part| part.len() > 0);
            if !may_go_on || !is_begun || self.size < WORTH_RESUMING {
                // It may never have been there.
                let _ = fs::remove_file(path);
            }
        }
        done
    }

    fn size_error(&self, response: &Response, found: u64) -> Error {
        Error::Size { at: Box::new(at_url(self.at, response.url())), expected: self.size, found }
    }

    fn answer_error(&self, response: &Response, expected: &str, found: impl Into<String>) -> Error {
        let at = Box::new(at_url(self.at, response.url()));
        Error::Answer { at, expected: expected.to_owned(), found: found.into() }
    }
}

/// A file that is not there yet.
struct Part<'a> {
    wanted: &'a Wanted<'a>,
    path: &'a Path,
    file: File,
    hasher: Hasher,
    done: u64,
    /// Whether some of it is from an earlier run.
    resumed: bool,
    reported: Instant,
}

impl<'a> Part<'a> {
    fn open(wanted: &'a Wanted<'a>, path: &'a Path) -> Result<Self> {
        let error = |error| Error::cache(path, error);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(error)?;
        }
        // Nobody makes links here who means well: what one leads to would be overwritten.
        if fs::symlink_metadata(path).is_ok_and(|part| part.is_symlink()) {
            fs::remove_file(path).map_err(error)?;
        }
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(path).map_err(error)?;
        let mut hasher = wanted.digest.hasher(wanted.size);
        let done = hasher.read(&mut file).map_err(error)?;
        let mut part = Self { wanted, path, file, hasher, done, resumed: done > 0, reported: Instant::now() };
        if done > wanted.size {
            part.restart()?;
        }
        Ok(part)
    }

    /// Forgets what is there.
    fn restart(&mut self) -> Result<()> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.rewind())
            .map_err(|error| Error::cache(self.path, error))?;
        self.hasher = self.wanted.digest.hasher(self.wanted.size);
        self.done = 0;
        self.resumed = false;
        Ok(())
    }

    /// Goes on from where it is to the end.
    async fn attempt(&mut self, http: &Http) -> Result<(), Failure> {
        if self.done < self.wanted.size {
            let mut response = self.request(http).await?;
            self.receive(http, &mut response).await?;
        }
        let found = self.hasher.clone().finish();
        if found != self.wanted.digest {
            let at = Box::new(at_url(self.wanted.at, &self.wanted.url));
            let (expected, found) = (self.wanted.digest.describe(), found.describe());
            return Err(Error::Digest { at, expected, found }.into());
        }
        Ok(self.file.sync_all().map_err(|error| Error::cache(self.path, error))?)
    }

    /// Asks for what is missing. The answer's body begins at `done`, which may have become 0.
    async fn request(&mut self, http: &Http) -> Result<Response, Failure> {
        let wanted = self.wanted;
        if self.done > 0 {
            let mut request = Request::get(wanted.url.clone());
            // No `If-Range`: the servers that redirects lead to have tags of their own. The hash decides in the end.
            let range = HeaderValue::from_str(&format!("bytes={}-", self.done));
            request.headers.extend(range.ok().map(|range| (RANGE, range)));
            match http.exchange(wanted.at, &request).await {
                Ok(response) if response.status() == StatusCode::PARTIAL_CONTENT => {
                    let expected = format!("bytes {}-{}/", self.done, wanted.size - 1);
                    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
                    let total = range.and_then(|range| range.strip_prefix(&expected));
                    if total.is_some_and(|total| total == "*" || total.parse() == Ok(wanted.size)) {
                        self.check(&response, wanted.size - self.done)?;
                        return Ok(response);
                    }
                }
                // Servers may not know ranges, and send it all.
                Ok(response) if response.status() == StatusCode::OK => {
                    self.restart()?;
                    self.check(&response, wanted.size)?;
                    return Ok(response);
                }
                Ok(_) => {}
                Err(Failure::Final(Error::Status { status: 416, .. })) => {}
                Err(failure) => return Err(failure),
            }
            self.restart()?;
        }
        let response = http.exchange(wanted.at, &Request::get(wanted.url.clone())).await?;
        if response.status() != StatusCode::OK {
            return Err(wanted.answer_error(&response, "200 OK", response.status().to_string()).into());
        }
        self.check(&response, wanted.size)?;
        Ok(response)
    }

    /// Whether an answer can be what is wanted, before its body is read.
    fn check(&self, response: &Response, len: u64) -> Result<()> {
        let headers = response.headers();
        let encoding =
            headers.get(CONTENT_ENCODING).map(|encoding| String::from_utf8_lossy(encoding.as_bytes()));
        if let Some(encoding) = encoding.filter(|encoding| encoding != "identity") {
            return Err(self.wanted.answer_error(
                response,
                "the bytes themselves",
                format!("with {encoding:?}"),
            ));
        }
        if let Some(commit) = text(headers, "x-repo-commit").filter(|commit| *commit != self.wanted.commit) {
            let expected = format!("commit {}", self.wanted.commit);
            return Err(self.wanted.answer_error(response, &expected, format!("from {commit:?}")));
        }
        let announced = text(headers, CONTENT_LENGTH.as_str()).and_then(|len| len.parse::<u64>().ok());
        match announced {
            Some(announced) if announced != len => {
                Err(self.wanted.size_error(response, announced.saturating_add(self.wanted.size - len)))
            }
            _ => Ok(()),
        }
    }

    async fn receive(&mut self, http: &Http, response: &mut Response) -> Result<(), Failure> {
        let wanted = self.wanted;
        let at = at_url(wanted.at, response.url());
        (wanted.progress)(self.done);
        loop {
            match http.chunk(&at, response).await {
                Ok(Some(chunk)) => {
                    let done = self.done + chunk.len() as u64;
                    if done > wanted.size {
                        return Err(wanted.size_error(response, done).into());
                    }
                    self.write(&chunk).map_err(|error| Error::cache(self.path, error))?;
                }
                Ok(None) if self.done < wanted.size => {
                    return Err(wanted.size_error(response, self.done).into());
                }
                Ok(None) => return Ok(()),
                Err(Broken::Cut(source)) => {
                    let (done, total) = (self.done, wanted.size);
                    return Err(Failure::Passing(Error::Cut { at: Box::new(at), done, total, source }, None));
                }
                Err(Broken::Stalled(error)) => return Err(Failure::Passing(error, None)),
                Err(Broken::Final(error)) => return Err(error.into()),
            }
        }
    }

    fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.file.write_all(chunk)?;
        self.hasher.update(chunk);
        self.done += chunk.len() as u64;
        // The whole is reported once it is in its place.
        if self.reported.elapsed() >= TICK && self.done < self.wanted.size {
            self.reported = Instant::now();
            (self.wanted.progress)(self.done);
        }
        Ok(())
    }
}
