//! Models on a hub that a cached branch does not know yet.

use crate::hub::{Setup, expected, shipped_files};
use crate::server::Server;

/// Adds the shipped model, in a folder of the repository; gives the commit.
fn add(server: &Server, id: &str, folder: &str) -> String {
    let files: Vec<_> = shipped_files();
    let files: Vec<_> = files.into_iter().map(|(name, bytes)| (format!("{folder}{name}"), bytes)).collect();
    server.add(id, &files.iter().map(|(name, bytes)| (&**name, bytes)).collect::<Vec<_>>())
}

#[test]
fn a_model_that_is_newer_than_the_cached_branch_is_found() {
    let setup = Setup::new();
    let old = add(&setup.server, "acme/models", "en/");
    setup.run([&"encode", &"acme/models:en"], &[]).ok();
    // From now on the cache knows that it has no such model.
    setup.run([&"encode", &"acme/models:de"], &[]).failed(1, &["no model here", &old]);
    let new = add(&setup.server, "acme/models", "de/");
    setup.server.take_requests();
    // What the cache has is read without a request, also now.
    assert_eq!(setup.run([&"encode", &"acme/models:en"], &[]).ok().stdout, expected());
    assert!(setup.server.take_requests().is_empty());

    let offline = setup.run([&"encode", &"acme/models:de", &"--offline"], &[]);
    offline.failed(1, &["acme/models@main/de", "no model here", &old, "m2v pull acme/models:de\n"]);
    let nobody = [("HF_ENDPOINT", "http://127.0.0.1:9")];
    let alone = setup.run([&"encode", &"acme/models:de"], &nobody);
    alone.failed(1, &["acme/models@main/de", "no model here", &old, "127.0.0.1:9", "look at the network"]);
    // A commit always means the same.
    let pinned = format!("acme/models@{old}:de");
    setup.server.take_requests();
    setup.run([&"encode", &pinned], &[]).failed(1, &[&old, "no model here"]);
    assert!(!setup.server.take_requests().iter().any(|request| request.target.contains("/revision/")));

    let table =
        crate::server::sha256(&std::fs::read(crate::support::shipped().join("model.safetensors")).unwrap());
    let found = setup.run([&"encode", &"acme/models:de", &"--sha256", &table], &[]).ok();
    assert_eq!(found.stdout, expected());
    // From now on that is what the branch is.
    let cached = setup.home.path().join("hub/models--acme--models/refs/main");
    assert_eq!(std::fs::read_to_string(cached).unwrap(), new);
    setup.server.take_requests();
    assert_eq!(setup.run([&"encode", &"acme/models:de"], &[]).ok().stdout, expected());
    assert!(setup.server.take_requests().is_empty());
}

#[test]
fn what_the_hub_does_not_have_either_is_asked_for_once() {
    let setup = Setup::new();
    add(&setup.server, "acme/models", "en/");
    setup.run([&"encode", &"acme/models:en"], &[]).ok();
    for _ in 0..2 {
        let new = add(&setup.server, "acme/models", "de/");
        setup.server.take_requests();
        setup
            .run([&"encode", &"acme/models:fr"], &[])
            .failed(1, &["acme/models@main/fr", "no model here", &new, "which the hub has now"]);
        let asked = setup.server.take_requests();
        assert_eq!(
            asked.iter().filter(|request| request.target.contains("/revision/")).count(),
            1,
            "{asked:?}"
        );
    }
}
