//! Large files: the basic transfer of git LFS, a `PUT` for each.

use super::protocol::{Batch, Batched, BatchedObject, Object, Reference};
use super::staged::Staged;
use super::steps::Steps;
use super::wire::LFS_JSON;
use crate::error::{Error, Result};

/// Objects that one request asks about.
const OBJECTS_AT_ONCE: usize = 100;

/// Sends what the hub does not have yet.
pub(super) fn send(steps: &Steps<'_>, files: &[&Staged]) -> Result<()> {
    for files in files.chunks(OBJECTS_AT_ONCE) {
        let batched = ask(steps, files)?;
        for file in files {
            let oid = file.sha256.to_string();
            let Some(object) = batched.iter().find(|object| object.oid == oid) else {
                return Err(steps.wire.answer(
                    &file.name,
                    "an object for each file",
                    "none for it".to_owned(),
                ));
            };
            send_one(steps, file, object)?;
        }
    }
    Ok(())
}

fn ask(steps: &Steps<'_>, files: &[&Staged]) -> Result<Vec<BatchedObject>> {
    let object = |file: &&Staged| Object { oid: file.sha256.to_string(), size: file.len };
    let body = Batch {
        operation: "upload",
        transfers: ["basic"],
        hash_algo: "sha256",
        reference: Reference { name: steps.revision },
        objects: files.iter().map(object).collect(),
    };
    let [organisation, name] = steps.names();
    let url = steps.wire.url([organisation, &format!("{name}.git"), "info", "lfs", "objects", "batch"]);
    let whole = steps.wire.post(url.clone(), LFS_JSON, steps.wire.json(&body)?)?;
    let batched: Batched = steps.wire.parse(&url, &whole)?;
    match batched.transfer.as_deref() {
        None | Some("basic") => Ok(batched.objects),
        Some(other) => {
            let found = steps.wire.words(other);
            Err(Error::Transfer { at: steps.wire.at(""), found })
        }
    }
}

fn send_one(steps: &Steps<'_>, file: &Staged, object: &BatchedObject) -> Result<()> {
    if let Some(error) = &object.error {
        let found = steps.wire.words(&error.message);
        return Err(steps.wire.answer(&file.name, "an address to send it to", found));
    }
    // Nothing to do is said of what the hub has.
    let Some(actions) = &object.actions else { return Ok(()) };
    if let Some(upload) = &actions.upload {
        // Parts with an address each, of files over 5 GB.
        if upload.header.contains_key("chunk_size") {
            return Err(Error::Transfer { at: steps.wire.at(&file.name), found: "multipart".to_owned() });
        }
        steps.wire.put(file, upload)?;
    }
    if let Some(verify) = &actions.verify {
        let body = Object { oid: object.oid.clone(), size: file.len };
        steps.wire.verify(file, verify, &body)?;
    }
    Ok(())
}
