//! A hub on loopback: the endpoints that clients use to download and upload models, in memory, with faults on demand.
//!
//! ```text
//! mod ─ accepts, keeps the log ─▶ http ─ reads requests, writes answers, well or badly (fault)
//!                                 download, upload ─ endpoints ─▶ store ─ repositories, commits, objects
//! ```
//!
//! `proxy` stands between it and a client that is told to ask there.
//!
//! It listens on 127.0.0.1. Large files are redirected to the host `localhost`, the same port: another host for every
//! client, as the hub's content network is.
#![allow(dead_code, unused_imports, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, reason = "what a test cannot go on without fails it")]

mod download;
mod fault;
mod http;
mod proxy;
mod store;
mod upload;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

pub(crate) use fault::Fault;
pub(crate) use http::{Answer, Request};
pub(crate) use proxy::Proxy;
pub(crate) use store::{File, Repo, Store, hex, sha1_of_blob, sha256};

use fault::Rule;

/// A running server; it stops when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What the threads of a server share.
struct Shared {
    port: u16,
    state: Mutex<State>,
    stopped: AtomicBool,
}

#[derive(Default)]
struct State {
    store: Store,
    log: Vec<Request>,
    rules: Vec<Rule>,
}

impl Server {
    /// Starts on a free port.
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_on(0)
    }

    /// Starts on a given port.
    pub(crate) fn start_on(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            port: address.port(),
            state: Mutex::default(),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&accepting);
                // A client that goes away is not this server's concern.
                thread::spawn(move || drop(shared.serve(stream)));
            }
        });
        Ok(Self { address, shared })
    }

    /// `http://127.0.0.1:PORT`, without a slash.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The repositories, users and objects.
    pub(crate) fn store(&self) -> Held<'_> {
        Held(self.shared.lock())
    }

    /// Makes a public repository with one commit on `main`; gives its hash.
    pub(crate) fn add<B: AsRef<[u8]>>(&self, id: &str, files: &[(&str, B)]) -> String {
        let files = files.iter().map(|(name, bytes)| (*name, bytes.as_ref()));
        self.store().add(id, "main", files)
    }

    /// Answers the next request of a method (or of any, `*`) whose target contains `part` with a fault.
    pub(crate) fn fault(&self, method: &str, part: &str, fault: Fault) {
        self.faults(method, part, 1, fault);
    }

    /// The same for the next `times` such requests. Rules are tried in the order they were made.
    pub(crate) fn faults(&self, method: &str, part: &str, times: usize, fault: Fault) {
        let rule = Rule { method: method.to_owned(), part: part.to_owned(), left: times, fault };
        self.shared.lock().rules.push(rule);
    }

    /// From now on there are no faults.
    pub(crate) fn heal(&self) {
        self.shared.lock().rules.clear();
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.lock().log.clone()
    }

    /// All requests since the last call.
    pub(crate) fn take_requests(&self) -> Vec<Request> {
        std::mem::take(&mut self.shared.lock().log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

/// The store, while nobody else changes it.
pub(crate) struct Held<'a>(MutexGuard<'a, State>);

impl std::ops::Deref for Held<'_> {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.0.store
    }
}

impl std::ops::DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Store {
        &mut self.0.store
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that failed while it held the lock failed a test; others go on.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        let Some(request) = Request::read(&mut stream)? else { return Ok(()) };
        let (answer, fault) = {
            let mut state = self.lock();
            state.log.push(request.clone());
            let fault = fault::take(&mut state.rules, &request);
            // What is answered instead is refused; all other faults happen after the work is done.
            let answer = match &fault {
                Some(Fault::Answer(answer)) => answer.clone(),
                _ => self.answer(&mut state.store, &request),
            };
            (answer, fault)
        };
        http::send(&mut stream, &request, answer, fault.as_ref())
    }

    fn answer(&self, store: &mut Store, request: &Request) -> Answer {
        if let Some(target) = store.renamed(&request.target) {
            return Answer::new(307).header("Location", target);
        }
        download::answer(store, request, self.port)
            .or_else(|| upload::answer(store, request, self.port))
            .unwrap_or_else(|| Answer::error(404, "Sorry, we can't find the page you are looking for."))
    }
}
