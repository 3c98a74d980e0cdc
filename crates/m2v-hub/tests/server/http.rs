//! Reading requests and writing answers: as much of HTTP/1.1 as clients of a hub use, a connection for each request.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::fault::Fault;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as they were sent.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Arc<Vec<u8>>,
}

impl Request {
    /// Reads one; `None` if the client said nothing.
    pub(crate) fn read(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut reader = BufReader::new(stream);
        let line = line(&mut reader)?;
        let mut words = line.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let mut headers = Vec::new();
        loop {
            let line = self::line(&mut reader)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut request =
            Self { method: method.to_owned(), target: target.to_owned(), headers, body: Arc::default() };
        let mut body = Vec::new();
        if let Some(len) = request.header("content-length").and_then(|len| len.parse().ok()) {
            reader.take(len).read_to_end(&mut body)?;
        } else if request.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            read_chunks(&mut reader, &mut body)?;
        }
        request.body = Arc::new(body);
        Ok(Some(request))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| &*header.1)
    }

    /// The host it was sent to, without the port.
    pub(crate) fn host(&self) -> &str {
        self.header("host").and_then(|host| host.split(':').next()).unwrap_or_default()
    }

    /// The token it came with.
    pub(crate) fn token(&self) -> Option<&str> {
        self.header("authorization").and_then(|value| value.strip_prefix("Bearer "))
    }

    /// The path, decoded, without the query.
    pub(crate) fn path(&self) -> String {
        decode(self.target.split('?').next().unwrap_or_default())
    }

    pub(crate) fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let size = u64::from_str_radix(&line(reader)?, 16).map_err(io::Error::other)?;
        reader.take(size).read_to_end(body)?;
        line(reader)?;
        if size == 0 {
            return Ok(());
        }
    }
}

pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Arc<Vec<u8>>,
}

impl Answer {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Arc::default() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn body(mut self, bytes: impl Into<Arc<Vec<u8>>>) -> Self {
        self.body = bytes.into();
        self
    }

    pub(crate) fn json(status: u16, value: &Value) -> Self {
        let body = value.to_string().into_bytes();
        Self::new(status).header("Content-Type", "application/json").body(body)
    }

    /// A refusal, as the hub words them: in a header and in the body.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"error": message})).header("X-Error-Message", message)
    }

    pub(crate) fn code(self, code: &str) -> Self {
        self.header("X-Error-Code", code)
    }
}

/// Sends an answer, or what a fault makes of it.
pub(super) fn send(
    stream: &mut TcpStream,
    request: &Request,
    answer: Answer,
    fault: Option<&Fault>,
) -> io::Result<()> {
    let mut answer = match fault {
        Some(fault) => fault.change(request, answer),
        None => answer,
    };
    if let (Some(from), 200, false) =
        (range_start(request), answer.status, matches!(fault, Some(Fault::NoRange)))
    {
        answer = part(answer, from);
    }
    if let Some(Fault::Silent(time)) = fault {
        wait_for_end(stream, *time);
        return Ok(());
    }
    if matches!(fault, Some(Fault::Hangup)) {
        return stream.shutdown(Shutdown::Both);
    }
    let len = match fault {
        Some(Fault::Short { .. }) => None,
        _ => Some(answer.body.len()),
    };
    let announced = match fault {
        Some(Fault::Short { announced, .. }) => Some(*announced),
        _ => len,
    };
    let mut head = format!("HTTP/1.1 {} -\r\nConnection: close\r\n", answer.status);
    if let Some(len) = announced.filter(|_| !matches!(fault, Some(Fault::NoLength))) {
        head += &format!("Content-Length: {len}\r\n");
    }
    for (name, value) in &answer.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    if request.method == "HEAD" {
        return Ok(());
    }
    let body = &answer.body[..];
    match fault {
        Some(Fault::Cut(bytes)) => {
            stream.write_all(&body[..body.len().min(*bytes)])?;
            stream.shutdown(Shutdown::Both)
        }
        Some(Fault::Stall(bytes, time)) => {
            stream.write_all(&body[..body.len().min(*bytes)])?;
            wait_for_end(stream, *time);
            Ok(())
        }
        Some(Fault::Slow(bytes, pause)) => {
            for piece in body.chunks(*bytes) {
                stream.write_all(piece)?;
                thread::sleep(*pause);
            }
            Ok(())
        }
        _ => stream.write_all(body),
    }
}

/// Waits until the client goes away, at most for a time.
fn wait_for_end(stream: &mut TcpStream, time: Duration) {
    let _ = stream.set_read_timeout(Some(time));
    let _ = stream.read(&mut [0; 64]);
}

/// `Range: bytes=N-`, the form that resumes.
fn range_start(request: &Request) -> Option<usize> {
    request.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

fn part(answer: Answer, from: usize) -> Answer {
    let len = answer.body.len();
    if from >= len {
        return Answer::new(416).header("Content-Range", format!("bytes */{len}"));
    }
    let range = format!("bytes {from}-{}/{len}", len - 1);
    let body = answer.body[from..].to_vec();
    Answer { status: 206, ..answer }.header("Content-Range", range).body(body)
}
