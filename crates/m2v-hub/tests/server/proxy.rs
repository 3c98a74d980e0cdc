//! A forward proxy on loopback, for addresses of `http`.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::http::Request;

/// A running proxy; it stops when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Request>>>,
    stopped: Arc<AtomicBool>,
}

impl Proxy {
    /// Starts on a free port.
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let proxy = Self { address: listener.local_addr()?, log: Arc::default(), stopped: Arc::default() };
        let (log, stopped) = (Arc::clone(&proxy.log), Arc::clone(&proxy.stopped));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), log) = (stream, Arc::clone(&log)) else { continue };
                // A client or a server that goes away is not this proxy's concern.
                thread::spawn(move || drop(relay(stream, &log)));
            }
        });
        Ok(proxy)
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// All requests since the last call; their targets are whole addresses.
    pub(crate) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

fn relay(mut client: TcpStream, log: &Mutex<Vec<Request>>) -> io::Result<()> {
    let Some(request) = Request::read(&mut client)? else { return Ok(()) };
    log.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
    let address = request.target.strip_prefix("http://").and_then(|rest| rest.split_once('/'));
    let Some((host, path)) = address else {
        return client.write_all(b"HTTP/1.1 400 -\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    };
    let mut head = format!("{} /{path} HTTP/1.1\r\n", request.method);
    // The body has been read, and has a length now.
    let is_own = |name: &str| {
        name.starts_with("proxy-") || ["connection", "content-length", "transfer-encoding"].contains(&name)
    };
    for (name, value) in request.headers.iter().filter(|header| !is_own(&header.0)) {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", request.body.len());
    let mut server = TcpStream::connect(host)?;
    server.write_all(head.as_bytes())?;
    server.write_all(&request.body)?;
    io::copy(&mut server, &mut client).map(drop)
}
