//! What a client asks for when it downloads: what a revision is, which files it has, and the files.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::http::{Answer, Request, decode};
use super::store::{Commit, File, Repo, Store};

/// The answer, if the request is one of a download.
pub(super) fn answer(store: &mut Store, request: &Request, port: u16) -> Option<Answer> {
    if !["GET", "HEAD"].contains(&&*request.method) {
        return None;
    }
    let target = request.target.split('?').next()?;
    if let Some(oid) = target.strip_prefix("/lfs/") {
        return Some(object(store, request, oid.split('/').next()?));
    }
    if target == "/api/whoami-v2" {
        return Some(whoami(store, request));
    }
    if let Some(rest) = target.strip_prefix("/api/resolve-cache/models/") {
        let (id, hash, name) = three(rest)?;
        return Some(with_file(store, request, &id, &hash, &name, |_, _, file| small(file)));
    }
    if let Some(rest) = target.strip_prefix("/api/models/") {
        let (id, call) = split_id(rest)?;
        let (call, argument) = call.split_once('/').unwrap_or((call, "main"));
        let repo = match visible(store, request, &id) {
            Ok(repo) => repo,
            Err(answer) => return Some(answer),
        };
        return match call {
            "" | "revision" => Some(revision(repo, &id, &decode(argument))),
            "refs" => Some(refs(repo)),
            "tree" => Some(tree(store, repo, &id, request, argument)),
            _ => None,
        };
    }
    let (id, rest) = target.strip_prefix('/')?.split_once("/resolve/")?;
    let (revision, name) = rest.split_once('/')?;
    let (id, revision, name) = (decode(id), decode(revision), decode(name));
    Some(with_file(store, request, &id, &revision, &name, |hash, repo, file| {
        resolve(store, repo, file, &id, hash, &name, port)
    }))
}

/// `org/name/HASH/path`.
fn three(rest: &str) -> Option<(String, String, String)> {
    let (id, rest) = split_id(rest)?;
    let (hash, name) = rest.split_once('/')?;
    Some((id, hash.to_owned(), decode(name)))
}

/// `org/name` and what follows.
pub(super) fn split_id(rest: &str) -> Option<(String, &str)> {
    let mut parts = rest.splitn(3, '/');
    let (organisation, name) = (parts.next()?, parts.next()?);
    Some((format!("{}/{}", decode(organisation), decode(name)), parts.next().unwrap_or("")))
}

fn whoami(store: &Store, request: &Request) -> Answer {
    match request.token().and_then(|token| store.tokens.get(token)) {
        Some(user) => Answer::json(200, &json!({"type": "user", "name": user.name, "orgs": []})),
        None => Answer::error(401, "Invalid username or password."),
    }
}

/// A repository, if whoever asks may know that it exists. To those without a token the hub does not say which.
pub(super) fn visible<'a>(store: &'a Store, request: &Request, id: &str) -> Result<&'a Repo, Answer> {
    let user = request.token().map(|token| store.tokens.get(token));
    if let Some(None) = user {
        return Err(Answer::error(401, "Invalid credentials in Authorization header"));
    }
    let repo = store.repos.get(id).filter(|repo| !repo.private || user.is_some());
    repo.ok_or_else(|| match user {
        Some(_) => Answer::error(404, "Repository not found").code("RepoNotFound"),
        None => Answer::error(401, "Invalid username or password.").code("RepoNotFound"),
    })
}

pub(super) fn no_revision(revision: &str) -> Answer {
    Answer::error(404, &format!("Invalid rev id: {revision}")).code("RevisionNotFound")
}

fn with_file(
    store: &Store,
    request: &Request,
    id: &str,
    revision: &str,
    name: &str,
    answer: impl FnOnce(&str, &Repo, &File) -> Answer,
) -> Answer {
    let repo = match visible(store, request, id) {
        Ok(repo) => repo,
        Err(answer) => return answer,
    };
    if repo.gated {
        let (status, then) = match request.token() {
            Some(_) => (403, "you are not in the authorized list. Visit the model's page to ask for access."),
            None => (401, "you must be authenticated to access it. Please log in."),
        };
        let message = format!("Access to model {id} is restricted and {then}");
        return Answer::error(status, &message).code("GatedRepo");
    }
    let Some((hash, commit)) = repo.resolve(revision) else { return no_revision(revision) };
    match commit.files.get(name) {
        Some(file) => answer(hash, repo, file).header("X-Repo-Commit", hash),
        None => Answer::error(404, "Entry not found").code("EntryNotFound").header("X-Repo-Commit", hash),
    }
}

fn resolve(store: &Store, _: &Repo, file: &File, id: &str, hash: &str, name: &str, port: u16) -> Answer {
    let linked = |answer: Answer| {
        let etag = format!("\"{}\"", file.etag());
        answer.header("X-Linked-Etag", etag).header("X-Linked-Size", file.bytes.len().to_string())
    };
    let last = name.rsplit('/').next().unwrap_or(name);
    if file.lfs {
        let url = format!("http://localhost:{port}/lfs/{}/{last}?Signature=abc", file.sha256());
        return linked(Answer::new(302))
            .header("ETag", format!("\"{}\"", file.oid()))
            .header("Location", url);
    }
    if store.redirect_small_files {
        return linked(Answer::new(307))
            .header("Location", format!("/api/resolve-cache/models/{id}/{hash}/{name}"));
    }
    small(file)
}

fn small(file: &File) -> Answer {
    Answer::new(200)
        .header("ETag", format!("\"{}\"", file.oid()))
        .header("Content-Type", "text/plain; charset=utf-8")
        .header("Accept-Ranges", "bytes")
        .body(file.bytes.clone())
}

/// A large file, on the other host.
fn object(store: &Store, request: &Request, oid: &str) -> Answer {
    match store.objects.get(oid) {
        Some(bytes) if request.query().contains("Signature=") => Answer::new(200)
            .header("ETag", format!("\"{oid}\""))
            .header("Accept-Ranges", "bytes")
            .body(bytes.clone()),
        _ => Answer::new(403).body(b"<Error><Code>AccessDenied</Code></Error>".to_vec()),
    }
}

fn revision(repo: &Repo, id: &str, revision: &str) -> Answer {
    let Some((hash, commit)) = repo.resolve(revision) else { return no_revision(revision) };
    let siblings: Vec<_> = commit.files.keys().map(|name| json!({"rfilename": name})).collect();
    Answer::json(
        200,
        &json!({
            "_id": "000000000000000000000000", "id": id, "modelId": id, "author": id.split('/').next(),
            "sha": hash, "private": repo.private, "disabled": false, "gated": repo.gated.then_some("manual"),
            "downloads": 0, "likes": 0, "tags": [], "lastModified": "2026-01-01T00:00:00.000Z",
            "createdAt": "2026-01-01T00:00:00.000Z", "usedStorage": 0, "siblings": siblings,
        }),
    )
}

fn refs(repo: &Repo) -> Answer {
    let branch = |(name, hash): (&String, &String)| json!({"name": name, "ref": format!("refs/heads/{name}"), "targetCommit": hash});
    let branches: Vec<_> = repo.refs.iter().map(branch).collect();
    Answer::json(200, &json!({"branches": branches, "tags": [], "converts": []}))
}

/// `REVISION` or `REVISION/folder`, a page at a time if pages are short.
fn tree(store: &Store, repo: &Repo, id: &str, request: &Request, argument: &str) -> Answer {
    let (revision, folder) = argument.split_once('/').unwrap_or((argument, ""));
    let (revision, folder) = (decode(revision), decode(folder));
    let Some((_, commit)) = repo.resolve(&revision) else { return no_revision(&revision) };
    let is_set = |name: &str| {
        request.query().split('&').any(|pair| {
            pair.split_once('=')
                .is_some_and(|(key, value)| key == name && !["false", "0"].contains(&&*value.to_lowercase()))
        })
    };
    let entries = entries(commit, &folder, is_set("recursive"));
    if entries.is_empty() && !folder.is_empty() {
        return Answer::error(404, &format!("{folder} does not exist on \"{revision}\""))
            .code("EntryNotFound");
    }
    let size = store.page.unwrap_or(1000);
    let cursor = request.query().split('&').find_map(|pair| pair.strip_prefix("cursor="));
    let from = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0).min(entries.len());
    let to = (from + size).min(entries.len());
    let mut answer = Answer::json(200, &entries[from..to].into());
    if to < entries.len() {
        let host = request.header("host").unwrap_or_default();
        let recursive = is_set("recursive");
        let next = format!("http://{host}/api/models/{id}/tree/{argument}?recursive={recursive}&cursor={to}");
        answer = answer.header("Link", format!("<{next}>; rel=\"next\""));
    }
    answer
}

fn entries(commit: &Commit, folder: &str, recursive: bool) -> Vec<Value> {
    let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let (mut folders, mut entries) = (BTreeSet::new(), Vec::new());
    for (name, file) in &commit.files {
        let Some(rest) = name.strip_prefix(&prefix) else { continue };
        for (at, _) in rest.match_indices('/').take(if recursive { usize::MAX } else { 1 }) {
            folders.insert(format!("{prefix}{}", &rest[..at]));
        }
        if recursive || !rest.contains('/') {
            entries.push(entry(name, file));
        }
    }
    let oid = "0".repeat(40);
    let folders =
        folders.iter().map(|path| json!({"type": "directory", "oid": oid, "size": 0, "path": path}));
    folders.chain(entries).collect()
}

fn entry(name: &str, file: &File) -> Value {
    let mut entry = json!({"type": "file", "oid": file.oid(), "size": file.bytes.len(), "path": name});
    if file.lfs {
        let pointer = file.pointer().len();
        entry["lfs"] = json!({"oid": file.sha256(), "size": file.bytes.len(), "pointerSize": pointer});
    }
    entry
}
