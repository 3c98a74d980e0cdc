//! Downloads from a hub on loopback, good and bad ones.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "what a test cannot go on without fails it"
)]

#[path = "../server/mod.rs"]
mod server;

mod cache;
mod faults;
mod limits;
mod model;
mod processes;
mod proxies;
mod python;
mod secrets;
#[path = "../../examples/vendor.rs"]
#[allow(dead_code, reason = "its main is of no use here")]
mod vendor;

use std::path::{Path, PathBuf};
use std::time::Duration;

use m2v_core::Source;
use m2v_hub::{Error, Hub, HubBuilder, Repo};
use tempfile::TempDir;

use server::Server;

/// The repository of most tests.
const ID: &str = "org/model";

/// Small, in git.
const CONFIG: &[u8] = b"{\"model_type\": \"model2vec\"}";

/// A hub with a model of a small and a large file, and an empty cache beside it.
struct World {
    server: Server,
    folder: TempDir,
    commit: String,
}

/// 3 MiB, in LFS.
fn table() -> Vec<u8> {
    (0..3u32 << 20).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

impl World {
    fn new() -> Self {
        let server = Server::start().unwrap();
        let commit = server.add(
            ID,
            &[("config.json", CONFIG), ("model.safetensors", &table()), ("onnx/model.onnx", b"onnx")],
        );
        Self { server, folder: tempfile::tempdir().unwrap(), commit }
    }

    /// The cache is one folder below, so that it can be left.
    fn cache_dir(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn builder(&self) -> HubBuilder {
        Hub::builder()
            .endpoint(self.server.endpoint())
            .cache_dir(self.cache_dir())
            .backoff(Duration::from_millis(10))
            .retries(2)
    }

    fn hub(&self) -> Hub {
        self.builder().build().unwrap()
    }

    fn repo(&self) -> Repo {
        self.hub().model(ID).unwrap()
    }

    fn offline(&self) -> Repo {
        self.builder().offline(true).build().unwrap().model(ID).unwrap()
    }

    /// A path in the repository's part of the cache.
    fn path(&self, rest: &str) -> PathBuf {
        self.cache_dir().join("models--org--model").join(rest)
    }

    /// All files (and symlinks) below the folder that has the cache, locks aside.
    fn files(&self) -> Vec<String> {
        let mut files = walk(self.folder.path());
        files.retain(|file| !file.ends_with(".lock"));
        files
    }

    /// Files that were asked for, and requests to the API.
    fn asked(&self) -> Vec<String> {
        self.server.take_requests().iter().map(|request| request.path()).collect()
    }
}

fn walk(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else {
                files.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

/// What a source was not able to do, as the hub says it.
fn error_of(repo: &Repo, name: &str) -> Error {
    let error = repo.read(name).expect_err(name);
    let error = error.into_inner().expect("the source's own error");
    *error.downcast().expect("a hub's error")
}

/// The content of a file that is there.
fn content(repo: &Repo, name: &str) -> Vec<u8> {
    repo.read(name).unwrap().unwrap_or_else(|| panic!("no {name}")).to_vec()
}
