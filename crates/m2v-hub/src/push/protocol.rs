//! What is said to the hub, and what it answers.

use serde::{Deserialize, Serialize};

/// `POST /api/repos/create`.
#[derive(Serialize)]
pub(super) struct Create<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) organization: &'a str,
    pub(super) name: &'a str,
    pub(super) private: bool,
}

/// `POST /api/models/ID/branch/BRANCH`.
#[derive(Serialize)]
pub(super) struct Branch {}

/// `POST /api/validate-yaml`.
#[derive(Serialize)]
pub(super) struct Validate<'a> {
    #[serde(rename = "repoType")]
    pub(super) kind: &'static str,
    pub(super) content: &'a str,
}

/// `POST /api/models/ID/preupload/REVISION`.
#[derive(Serialize)]
pub(super) struct Preupload<'a> {
    pub(super) files: Vec<Candidate<'a>>,
}

#[derive(Serialize)]
pub(super) struct Candidate<'a> {
    pub(super) path: &'a str,
    pub(super) size: u64,
    /// The first bytes, in base64.
    pub(super) sample: String,
}

#[derive(Deserialize)]
pub(super) struct Preuploaded {
    pub(super) files: Vec<Choice>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Choice {
    pub(super) path: String,
    pub(super) upload_mode: String,
    /// The hash of what the revision has under that name.
    #[serde(default)]
    pub(super) oid: Option<String>,
}

/// `POST /ID.git/info/lfs/objects/batch`
/// (<https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md>).
#[derive(Serialize)]
pub(super) struct Batch<'a> {
    pub(super) operation: &'static str,
    pub(super) transfers: [&'static str; 1],
    pub(super) hash_algo: &'static str,
    #[serde(rename = "ref")]
    pub(super) reference: Reference<'a>,
    pub(super) objects: Vec<Object>,
}

#[derive(Serialize)]
pub(super) struct Reference<'a> {
    pub(super) name: &'a str,
}

#[derive(Serialize)]
pub(super) struct Object {
    pub(super) oid: String,
    pub(super) size: u64,
}

#[derive(Deserialize)]
pub(super) struct Batched {
    /// Absent, it is `basic`.
    #[serde(default)]
    pub(super) transfer: Option<String>,
    pub(super) objects: Vec<BatchedObject>,
}

#[derive(Deserialize)]
pub(super) struct Complaint {
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Deserialize)]
pub(super) struct BatchedObject {
    pub(super) oid: String,
    #[serde(default)]
    pub(super) actions: Option<Actions>,
    #[serde(default)]
    pub(super) error: Option<Complaint>,
}

/// What is to be done; nothing if the hub has the object.
#[derive(Deserialize)]
pub(super) struct Actions {
    #[serde(default)]
    pub(super) upload: Option<Action>,
    #[serde(default)]
    pub(super) verify: Option<Action>,
}

#[derive(Deserialize)]
pub(super) struct Action {
    pub(super) href: String,
    #[serde(default)]
    pub(super) header: serde_json::Map<String, serde_json::Value>,
}

/// A line of `POST /api/models/ID/commit/REVISION`.
#[derive(Serialize)]
#[serde(tag = "key", content = "value")]
pub(super) enum Line<'a> {
    #[serde(rename = "header")]
    Header { summary: &'a str, description: &'a str },
    #[serde(rename = "file")]
    File { path: &'a str, content: String, encoding: &'static str },
    #[serde(rename = "lfsFile")]
    LfsFile { path: &'a str, algo: &'static str, oid: String, size: u64 },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Committed {
    pub(super) commit_oid: String,
}
