//! The cache: what is read from it, what a kill leaves of it, and what is wrong in it.

use std::fs;
use std::sync::Barrier;
use std::thread;

use m2v_core::Source;
use m2v_hub::Error;

use crate::server::{sha1_of_blob, sha256};
use crate::{CONFIG, ID, World, content, error_of, table, walk};

#[test]
fn the_layout_is_that_of_python() {
    let world = World::new();
    let repo = world.repo();
    content(&repo, "config.json");
    assert_eq!(
        repo.fetch("onnx/model.onnx").unwrap(),
        Some(world.path(&format!("snapshots/{}/onnx/model.onnx", world.commit)))
    );
    assert_eq!(repo.read("head/none.json").unwrap(), None);
    let (config, onnx) = (sha1_of_blob(CONFIG), sha256(b"onnx"));
    let mut expected = vec![
        format!("blobs/{config}"),
        format!("blobs/{onnx}"),
        "refs/main".to_owned(),
        format!("snapshots/{}/config.json", world.commit),
        format!("snapshots/{}/onnx/model.onnx", world.commit),
        format!(".no_exist/{}/head/none.json", world.commit),
    ];
    expected.sort();
    assert_eq!(walk(&world.path("")), expected);
    assert_eq!(fs::read_to_string(world.path("refs/main")).unwrap(), world.commit);
    #[cfg(unix)]
    for (name, target) in [
        ("config.json", format!("../../blobs/{config}")),
        ("onnx/model.onnx", format!("../../../blobs/{onnx}")),
    ] {
        let link = fs::read_link(world.path(&format!("snapshots/{}/{name}", world.commit))).unwrap();
        assert_eq!(link.to_str(), Some(&*target));
    }
    assert!(world.cache_dir().join(format!(".locks/models--org--model/{config}.lock")).is_file());
}

#[test]
fn what_is_cached_is_not_asked_for() {
    let world = World::new();
    content(&world.repo(), "config.json");
    world.repo().read("none.json").unwrap();
    world.asked();
    for repo in [world.repo(), world.offline()] {
        assert_eq!(content(&repo, "config.json"), CONFIG);
        assert_eq!(repo.read("none.json").unwrap(), None);
        assert_eq!(repo.commit_hash().unwrap(), world.commit);
    }
    assert_eq!(world.asked(), [""; 0]);
}

#[test]
fn offline_says_what_is_not_cached() {
    let world = World::new();
    let error = error_of(&world.offline(), "config.json");
    assert!(matches!(error, Error::Offline { .. }), "{error:?}");
    assert!(
        error.to_string().contains("org/model@main, config.json")
            || error.to_string().contains("org/model@main"),
        "{error}"
    );
    assert!(matches!(world.offline().files(), Err(Error::Offline { .. })));
    content(&world.repo(), "config.json");
    world.asked();
    // Something is there, and nobody noted whether this is: as if it were not.
    assert_eq!(world.offline().read("tokenizer.json").unwrap(), None);
    let other = world.offline().revision("v1").unwrap();
    assert!(matches!(error_of(&other, "config.json"), Error::Offline { .. }));
    // It is known to be there, and is not.
    fs::remove_file(world.path(&format!("blobs/{}", sha1_of_blob(CONFIG)))).unwrap();
    assert!(matches!(error_of(&world.offline(), "config.json"), Error::Offline { .. }));
    assert!(world.offline().refresh().commit_hash().is_ok());
    assert_eq!(world.asked(), [""; 0]);
}

/// Where there are no links, Python moves what it fetched into the snapshot.
#[test]
fn a_cache_without_blobs_is_read_offline_and_checked_online() {
    let world = World::new();
    content(&world.repo(), "config.json");
    let file = world.path(&format!("snapshots/{}/config.json", world.commit));
    let blob = world.path(&format!("blobs/{}", sha1_of_blob(CONFIG)));
    fs::remove_file(&file).unwrap();
    fs::rename(&blob, &file).unwrap();
    fs::write(world.path("blobs/0123.incomplete"), "").unwrap();
    assert_eq!(content(&world.offline(), "config.json"), CONFIG);
    // Nobody can know better, unless it is pinned.
    fs::write(&file, "another").unwrap();
    assert_eq!(content(&world.offline(), "config.json"), b"another");
    let pinned = world.offline().sha256("config.json", &sha256(CONFIG)).unwrap();
    assert!(matches!(error_of(&pinned, "config.json"), Error::Digest { .. }));
    assert_eq!(content(&world.repo(), "config.json"), CONFIG);
    // Now there is a blob, and what is none of its copies is refused.
    fs::remove_file(&file).unwrap();
    fs::write(&file, "another").unwrap();
    assert!(matches!(error_of(&world.offline(), "config.json"), Error::Corrupt { .. }));
}

#[test]
fn what_is_wrong_in_the_cache_is_found_and_fetched_again() {
    let blobs = [
        ("config.json", sha1_of_blob(CONFIG), CONFIG.to_vec()),
        ("model.safetensors", sha256(&table()), table()),
    ];
    for (name, hash, bytes) in blobs {
        let world = World::new();
        let blob = world.path(&format!("blobs/{hash}"));
        let check_all = |what: &str| {
            let error = error_of(&world.offline(), name);
            assert!(matches!(error, Error::Corrupt { .. }), "{what}: {error:?}");
            assert!(matches!(world.offline().fetch(name), Err(Error::Corrupt { .. })), "{what}");
            assert_eq!(content(&world.repo(), name), bytes, "{what}");
            assert_eq!(fs::read(&blob).unwrap(), bytes, "{what}");
            assert_eq!(content(&world.offline(), name), bytes, "{what}");
        };
        content(&world.repo(), name);
        fs::write(&blob, b"<html>Forbidden</html>").unwrap();
        check_all("an error page");
        fs::write(&blob, &bytes[..bytes.len() - 1]).unwrap();
        check_all("truncated");
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        fs::write(&blob, &flipped).unwrap();
        check_all("a flipped bit");
        fs::write(&blob, b"").unwrap();
        check_all("empty");
        fs::remove_file(&blob).unwrap();
        assert_eq!(content(&world.repo(), name), bytes, "a dangling pointer");
    }
}

#[test]
fn what_a_kill_leaves_is_repaired() {
    let world = World::new();
    let (name, hash) = ("model.safetensors", sha256(&table()));
    let part = world.path(&format!("blobs/{hash}.incomplete"));
    let pointer = world.path(&format!("snapshots/{}/{name}", world.commit));
    let range = || {
        let requests = world.server.take_requests();
        let object = requests.iter().find(|request| request.target.starts_with("/lfs/"));
        object.map(|request| request.header("range").unwrap_or("none").to_owned())
    };
    let again = |bytes: &[u8], expected: Option<&str>| {
        let _ = fs::remove_dir_all(world.cache_dir());
        fs::create_dir_all(part.parent().unwrap()).unwrap();
        fs::write(&part, bytes).unwrap();
        assert_eq!(content(&world.repo(), name), table());
        assert_eq!(range().as_deref(), expected, "{} bytes", bytes.len());
        assert!(!part.exists());
    };
    // While a file came: it goes on where it stopped.
    again(&table()[..1000], Some("bytes=1000-"));
    again(&[], Some("none"));
    // All of it was there but its name.
    again(&table(), None);
    // Not what it should be: the hash says so, and it begins anew.
    again(&[7; 1000], Some("bytes=1000-"));
    again(&vec![7; 3 << 20], Some("none"));
    again(&vec![7; 4 << 20], Some("none"));
    // After the blob and before the pointer: no byte is fetched again.
    fs::remove_file(&pointer).unwrap();
    assert_eq!(content(&world.repo(), name), table());
    assert_eq!(range(), None);
    // Before the ref.
    fs::remove_file(world.path("refs/main")).unwrap();
    assert_eq!(content(&world.repo(), name), table());
    assert_eq!(range(), None);
    assert_eq!(fs::read_to_string(world.path("refs/main")).unwrap(), world.commit);
    // A ref that was not written to its end, by others.
    fs::write(world.path("refs/main"), &world.commit[..20]).unwrap();
    assert!(matches!(error_of(&world.offline(), name), Error::Offline { .. }));
    assert_eq!(content(&world.repo(), name), table());
    assert_eq!(fs::read_to_string(world.path("refs/main")).unwrap(), world.commit);
}

#[test]
fn refs_decide_what_is_current() {
    let world = World::new();
    content(&world.repo(), "config.json");
    let new = world.server.add(ID, &[("config.json", b"{}")]);
    // Newer on the disk, and not what `main` meant when it was looked up.
    assert_eq!(content(&world.repo().revision(&new).unwrap(), "config.json"), b"{}");
    assert_eq!(content(&world.repo(), "config.json"), CONFIG);
    assert_eq!(content(&world.repo().refresh(), "config.json"), b"{}");
    assert_eq!(content(&world.repo(), "config.json"), b"{}");
    assert_eq!(fs::read_to_string(world.path("refs/main")).unwrap(), new);
    // A repo and its clones stay at one commit.
    let repo = world.repo();
    content(&repo, "config.json");
    let newest = world.server.add(ID, &[("config.json", b"{} ")]);
    content(&world.repo().refresh(), "config.json");
    assert_eq!(repo.clone().commit_hash().unwrap(), new);
    assert_eq!(world.repo().commit_hash().unwrap(), newest);
}

#[test]
fn a_ref_moves_only_with_a_file() {
    let world = World::new();
    content(&world.repo(), "config.json");
    world.server.add(ID, &[("config.json", b"{}")]);
    world.server.faults("*", "/resolve/", 9, crate::server::Fault::status(403, ""));
    let repo = world.repo().refresh();
    assert!(matches!(error_of(&repo, "config.json"), Error::Forbidden { .. }));
    assert_eq!(content(&world.offline(), "config.json"), CONFIG);
}

#[test]
fn two_at_once_fetch_once() {
    let world = World::new();
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            // A hub each: nothing is shared but the cache.
            scope.spawn(|| {
                let repo = world.repo();
                barrier.wait();
                assert_eq!(content(&repo, "model.safetensors"), table());
                assert_eq!(content(&repo, "config.json"), CONFIG);
            });
        }
    });
    let asked = world.asked();
    assert_eq!(asked.iter().filter(|path| path.starts_with("/lfs/")).count(), 1, "{asked:?}");
    assert_eq!(world.files().len(), 5, "{:?}", world.files());
}

#[cfg(unix)]
#[test]
fn a_cache_that_cannot_be_written_to_can_be_read() {
    use std::os::unix::fs::PermissionsExt;

    let world = World::new();
    content(&world.repo(), "config.json");
    let mode = |mode| fs::set_permissions(world.path(""), fs::Permissions::from_mode(mode)).unwrap();
    let before = walk(world.folder.path());
    mode(0o555);
    assert_eq!(content(&world.repo(), "config.json"), CONFIG);
    assert_eq!(content(&world.offline(), "config.json"), CONFIG);
    mode(0o755);
    assert_eq!(walk(world.folder.path()), before);
}

#[test]
fn the_listing_that_python_stored_is_used() {
    let world = World::new();
    content(&world.repo(), "config.json");
    let tree = world.path(&format!("trees/{}.json", world.commit));
    fs::create_dir_all(tree.parent().unwrap()).unwrap();
    let (config, onnx) = (sha1_of_blob(CONFIG), sha256(b"onnx"));
    let text = format!(
        r#"{{"format_version": 1, "files": {{"config.json": {{"size": 27, "blob_id": "{config}"}},
            "README.md": {{"size": 27, "blob_id": "{config}"}},
            "onnx/model.onnx": {{"size": 4, "blob_id": "{config}", "lfs_sha256": "{onnx}", "lfs_size": 4}}}}}}"#
    );
    fs::write(tree, text).unwrap();
    world.asked();
    // Python was told not to fetch the card, which nothing depends on.
    assert_eq!(world.offline().read("README.md").unwrap(), None);
    // It is known what there is not, and what there is but was not fetched.
    assert_eq!(world.offline().read("tokenizer.json").unwrap(), None);
    assert!(matches!(error_of(&world.offline(), "onnx/model.onnx"), Error::Offline { .. }));
    assert_eq!(world.offline().files().unwrap().len(), 3);
    assert_eq!(world.asked(), [""; 0]);
    assert_eq!(content(&world.repo(), "onnx/model.onnx"), b"onnx");
    assert!(!world.asked().iter().any(|path| path.contains("/tree/")));
}

#[cfg(unix)]
#[test]
fn copies_in_place_of_symlinks_are_checked_too() {
    let world = World::new();
    content(&world.repo(), "config.json");
    let pointer = world.path(&format!("snapshots/{}/config.json", world.commit));
    let blob = world.path(&format!("blobs/{}", sha1_of_blob(CONFIG)));
    fs::remove_file(&pointer).unwrap();
    fs::write(&pointer, CONFIG).unwrap();
    world.asked();
    assert_eq!(content(&world.repo(), "config.json"), CONFIG);
    assert_eq!(world.asked(), [""; 0]);
    // Moved there by another client: only the hub has its hash.
    fs::remove_file(&blob).unwrap();
    assert_eq!(content(&world.repo(), "config.json"), CONFIG);
    fs::remove_file(&pointer).unwrap();
    fs::write(&pointer, b"something else").unwrap();
    assert!(matches!(error_of(&world.offline(), "config.json"), Error::Corrupt { .. }));
    assert_eq!(content(&world.repo(), "config.json"), CONFIG);
}

#[cfg(unix)]
#[test]
fn pointers_to_elsewhere_are_not_followed() {
    use std::os::unix::fs::symlink;

    let world = World::new();
    content(&world.repo(), "config.json");
    let pointer = world.path(&format!("snapshots/{}/config.json", world.commit));
    let secret = world.folder.path().join("secret");
    fs::write(&secret, "precious").unwrap();
    fs::remove_file(&pointer).unwrap();
    symlink(&secret, &pointer).unwrap();
    assert_eq!(content(&world.repo(), "config.json"), CONFIG);
    assert_eq!(fs::read_to_string(&secret).unwrap(), "precious");
    // Named as a hash should be.
    let secret = world.folder.path().join(sha1_of_blob(CONFIG));
    fs::write(&secret, "precious").unwrap();
    fs::remove_file(&pointer).unwrap();
    symlink(&secret, &pointer).unwrap();
    assert!(matches!(error_of(&world.offline(), "config.json"), Error::Corrupt { .. }));
    assert_eq!(content(&world.repo(), "config.json"), CONFIG);
    assert_eq!(fs::read_to_string(&secret).unwrap(), "precious");
}

#[cfg(unix)]
#[test]
fn what_is_fetched_goes_through_no_symlink() {
    let world = World::new();
    let precious = world.folder.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    fs::create_dir_all(world.path("blobs")).unwrap();
    for blob in [sha256(&table()), sha1_of_blob(CONFIG)] {
        for name in [blob.clone(), format!("{blob}.incomplete")] {
            std::os::unix::fs::symlink(&precious, world.path(&format!("blobs/{name}"))).unwrap();
        }
    }
    assert_eq!(content(&world.repo(), "config.json"), CONFIG);
    assert_eq!(content(&world.repo(), "model.safetensors"), table());
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
}
