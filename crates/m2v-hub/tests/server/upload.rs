//! What a client asks for when it uploads: a repository, where each file should go, large files, and a commit.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::download::{no_revision, split_id, visible};
use super::http::{Answer, Request, decode};
use super::store::{File, Repo, Store, is_large, sha256};

/// The answer, if the request is one of an upload.
pub(super) fn answer(store: &mut Store, request: &Request, port: u16) -> Option<Answer> {
    let target = request.target.split('?').next()?;
    if let (Some(oid), "PUT") = (target.strip_prefix("/lfs/"), &*request.method) {
        return Some(put(store, request, oid));
    }
    if request.method != "POST" {
        return None;
    }
    if target == "/api/validate-yaml" {
        return Some(validate(&request.json()));
    }
    if let Err(answer) = writer(store, request) {
        return Some(answer);
    }
    match target {
        "/api/repos/create" => return Some(create(store, request)),
        "/api/lfs-verify" => return Some(verify(store, &request.json())),
        _ => {}
    }
    if let Some(id) = target.strip_suffix(".git/info/lfs/objects/batch") {
        let id = decode(id.strip_prefix('/')?);
        return Some(
            visible(store, request, &id).map_or_else(|answer| answer, |_| batch(store, request, port)),
        );
    }
    let (id, call) = split_id(target.strip_prefix("/api/models/")?)?;
    let (call, revision) = call.split_once('/')?;
    let revision = decode(revision);
    if let Err(answer) = visible(store, request, &id) {
        return Some(answer);
    }
    let Store { repos, objects, .. } = store;
    let repo = repos.get_mut(&id)?;
    match call {
        "preupload" => Some(preupload(repo, request, &revision)),
        "commit" => Some(commit(repo, objects, request, &id, &revision)),
        "branch" => Some(branch(repo, request, &revision)),
        _ => None,
    }
}

/// Refuses whoever may not write.
fn writer(store: &Store, request: &Request) -> Result<(), Answer> {
    match request.token().map(|token| store.tokens.get(token)) {
        None | Some(None) => Err(Answer::error(401, "Invalid username or password.")),
        Some(Some(user)) if !user.may_write => {
            Err(Answer::error(403, "Forbidden: you must use a write token to upload to a repository."))
        }
        Some(Some(_)) => Ok(()),
    }
}

/// The hub's rules for the front matter of a card, as far as this server knows them.
fn validate(body: &Value) -> Answer {
    let content = body["content"].as_str().unwrap_or_default();
    let front = content.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---"));
    let licence = front.and_then(|(front, _)| front.lines().find_map(|line| line.strip_prefix("license:")));
    let errors = match licence {
        Some(licence) if licence.trim() == "my-own" => {
            json!([{"message": "\"license\" must be one of [apache-2.0, mit, other]"}])
        }
        _ => json!([]),
    };
    let status = if errors == json!([]) { 200 } else { 400 };
    Answer::json(status, &json!({"errors": errors, "warnings": []}))
}

fn create(store: &mut Store, request: &Request) -> Answer {
    let body = request.json();
    let owner = match body["organization"].as_str() {
        Some(organisation) => organisation.to_owned(),
        None => request
            .token()
            .and_then(|token| store.tokens.get(token))
            .map_or(String::new(), |user| user.name.clone()),
    };
    let id = format!("{owner}/{}", body["name"].as_str().unwrap_or_default());
    if owner == "forbidden" {
        return Answer::error(
            403,
            "You don't have the rights to create a model under the namespace \"forbidden\"",
        );
    }
    let url = format!("http://{}/{id}", request.header("host").unwrap_or_default());
    let answer = json!({"url": url, "name": id, "id": "000000000000000000000000"});
    if store.repos.contains_key(&id) {
        let mut answer = answer;
        answer["error"] = "You already created this model repo".into();
        return Answer::json(409, &answer).header("X-Error-Message", "You already created this model repo");
    }
    let attributes = ["safetensors", "onnx", "bin", "npy", "zip", "skops"];
    let lines = attributes.map(|extension| format!("*.{extension} filter=lfs diff=lfs merge=lfs -text\n"));
    let file = (".gitattributes", lines.concat());
    store.add(&id, "main", [(file.0, file.1.as_bytes())]);
    if let Some(repo) = store.repos.get_mut(&id) {
        repo.private = body["private"] == true || body["visibility"] == "private";
    }
    Answer::json(200, &answer)
}

fn branch(repo: &mut Repo, request: &Request, name: &str) -> Answer {
    if repo.refs.contains_key(name) {
        return Answer::error(409, &format!("Reference already exists: {name}"));
    }
    let start = request.json()["startingPoint"].as_str().unwrap_or("main").to_owned();
    let Some((hash, _)) = repo.resolve(&start) else { return no_revision(&start) };
    let hash = hash.to_owned();
    repo.refs.insert(name.to_owned(), hash);
    Answer::json(200, &json!({}))
}

fn preupload(repo: &Repo, request: &Request, revision: &str) -> Answer {
    let Some((_, commit)) = repo.resolve(revision) else { return no_revision(revision) };
    let body = request.json();
    let mut files = Vec::new();
    for file in body["files"].as_array().into_iter().flatten() {
        let (Some(path), Some(size)) = (file["path"].as_str(), file["size"].as_u64()) else {
            return Answer::error(400, "files[].path and files[].size are required");
        };
        if file["sample"].as_str().and_then(|sample| STANDARD.decode(sample).ok()).is_none() {
            return Answer::error(400, "files[].sample is required, in base64");
        }
        let mode = if is_large(path, size) { "lfs" } else { "regular" };
        let oid = commit.files.get(path).map(File::etag);
        files.push(json!({"path": path, "uploadMode": mode, "shouldIgnore": false, "oid": oid}));
    }
    Answer::json(200, &json!({"files": files}))
}

fn batch(store: &Store, request: &Request, port: u16) -> Answer {
    let body = request.json();
    let transfer = store.transfer.as_deref().unwrap_or("basic");
    let mut objects = Vec::new();
    for object in body["objects"].as_array().into_iter().flatten() {
        let (Some(oid), Some(size)) = (object["oid"].as_str(), object["size"].as_u64()) else {
            return Answer::error(400, "objects[].oid and objects[].size are required");
        };
        let mut answer = json!({"oid": oid, "size": size, "authenticated": true});
        // What the hub has already needs no action.
        if !store.objects.contains_key(oid) {
            let upload = format!("http://localhost:{port}/lfs/{oid}?Signature=abc");
            let verify = format!("http://127.0.0.1:{port}/api/lfs-verify");
            answer["actions"] = json!({
                "upload": {"href": upload, "header": {"X-Upload-Key": "abc"}, "expires_in": 900},
                "verify": {"href": verify},
            });
        }
        objects.push(answer);
    }
    let answer = json!({"transfer": transfer, "hash_algo": "sha256", "objects": objects});
    Answer::new(200)
        .header("Content-Type", "application/vnd.git-lfs+json; charset=utf-8")
        .body(answer.to_string().into_bytes())
}

/// Stores a large file: on the other host, where the address is the permission.
fn put(store: &mut Store, request: &Request, oid: &str) -> Answer {
    if !request.query().contains("Signature=") {
        return Answer::new(403).body(b"<Error><Code>AccessDenied</Code></Error>".to_vec());
    }
    if sha256(&request.body) != oid {
        return Answer::new(400).body(b"<Error><Code>BadDigest</Code></Error>".to_vec());
    }
    store.objects.insert(oid.to_owned(), Arc::clone(&request.body));
    Answer::new(200).header("ETag", format!("\"{oid}\""))
}

fn verify(store: &Store, body: &Value) -> Answer {
    let object = body["oid"].as_str().and_then(|oid| store.objects.get(oid));
    match object.filter(|bytes| body["size"] == bytes.len()) {
        Some(_) => Answer::json(200, &json!({})),
        None => Answer::error(404, "Object not found"),
    }
}

fn commit(
    repo: &mut Repo,
    objects: &std::collections::BTreeMap<String, Arc<Vec<u8>>>,
    request: &Request,
    id: &str,
    revision: &str,
) -> Answer {
    if repo.commits.contains_key(revision) {
        return Answer::error(400, "Cannot commit to a hash: expected a branch");
    }
    let Some((hash, commit)) = repo.resolve(revision) else { return no_revision(revision) };
    let mut files = commit.files.clone();
    let mut message = String::new();
    for line in request.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let Ok(line) = serde_json::from_slice::<Value>(line) else {
            return Answer::error(400, "a line is no JSON");
        };
        let value = &line["value"];
        let path = value["path"].as_str().unwrap_or_default().to_owned();
        match line["key"].as_str() {
            Some("header") => {
                message = value["summary"].as_str().unwrap_or_default().to_owned();
                if value["parentCommit"].as_str().is_some_and(|parent| parent != hash) {
                    return Answer::error(412, "A commit has happened since. Please refresh and try again.");
                }
            }
            Some("file") => {
                let content = value["content"].as_str().unwrap_or_default();
                let Ok(bytes) = STANDARD.decode(content) else {
                    return Answer::error(400, &format!("{path}: no base64"));
                };
                files.insert(path, File { bytes: Arc::new(bytes), lfs: false });
            }
            Some("lfsFile") => {
                let object = value["oid"].as_str().and_then(|oid| objects.get(oid));
                let Some(bytes) = object else {
                    return Answer::error(400, &format!("{path}: the LFS object was not uploaded"));
                };
                files.insert(path, File { bytes: Arc::clone(bytes), lfs: true });
            }
            Some("deletedFile") => {
                files.remove(&path);
            }
            _ => return Answer::error(400, "a line is of no kind"),
        }
    }
    if message.is_empty() {
        return Answer::error(400, "\"summary\" is not allowed to be empty");
    }
    let hash = repo.commit(revision, &message, files);
    let url = format!("http://{}/{id}/commit/{hash}", request.header("host").unwrap_or_default());
    Answer::json(200, &json!({"success": true, "commitOid": hash, "commitUrl": url, "hookOutput": ""}))
}
