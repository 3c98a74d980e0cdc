//! What servers do wrong: an error that says which, and nothing cached.

use m2v_core::Source;
use m2v_hub::Error;

use crate::server::{Answer, Fault, sha1_of_blob, sha256};
use crate::{CONFIG, ID, World, content, error_of, table};

/// What is asked for the large file.
const OBJECT: &str = "/lfs/";

/// A fault of the next requests ends in an error of which no trace is left; then all is well again.
fn refused(part: &str, fault: Fault, name: &str, is_it: fn(&Error) -> bool) -> Error {
    let world = World::new();
    let listing_only = world.files();
    world.server.faults("*", part, usize::MAX, fault);
    let repo = world.repo();
    let error = error_of(&repo, name);
    assert!(is_it(&error), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(ID) && text.contains("main"), "{text}");
    assert_eq!(world.files(), listing_only, "{error}");
    world.server.heal();
    assert_eq!(content(&world.repo(), "config.json"), CONFIG);
    assert_eq!(content(&world.repo(), "model.safetensors"), table());
    error
}

#[test]
fn an_error_page_is_no_model() {
    let html = "<html>Forbidden</html>";
    for (part, name) in
        [(OBJECT, "model.safetensors"), ("/resolve/", "model.safetensors"), ("/resolve/", "config.json")]
    {
        let error =
            refused(part, Fault::status(403, html), name, |error| matches!(error, Error::Forbidden { .. }));
        assert!(error.to_string().contains(name) && !error.to_string().contains("html"), "{error}");
        refused(part, Fault::status(404, html), name, |error| {
            matches!(error, Error::Status { status: 404, .. })
        });
        refused(part, Fault::status(503, html), name, |error| {
            matches!(error, Error::Status { status: 503, .. })
        });
        refused(part, Fault::status(204, ""), name, |error| matches!(error, Error::Answer { .. }));
    }
    refused("/revision/", Fault::status(403, html), "config.json", |error| {
        matches!(error, Error::Forbidden { .. })
    });
    refused("/tree/", Fault::status(500, html), "config.json", |error| {
        matches!(error, Error::Status { status: 500, .. })
    });
}

#[test]
fn an_error_page_that_says_200_is_no_model_either() {
    let page = |len: usize| Fault::status(200, &"x".repeat(len));
    refused("/resolve/", page(19), "config.json", |error| matches!(error, Error::Size { found: 19, .. }));
    refused("/resolve/", page(CONFIG.len()), "config.json", |error| matches!(error, Error::Digest { .. }));
    refused("/revision/", page(9), "config.json", |error| matches!(error, Error::Answer { .. }));
    refused("/tree/", page(9), "config.json", |error| matches!(error, Error::Answer { .. }));
}

#[test]
fn half_a_body_is_no_model() {
    for (part, name, len) in
        [(OBJECT, "model.safetensors", 3 << 20), ("/resolve/", "config.json", CONFIG.len())]
    {
        let half = Fault::Short { bytes: len / 2, announced: len / 2 };
        let error = refused(part, half, name, |error| matches!(error, Error::Size { .. }));
        let Error::Size { expected, found, .. } = error else { unreachable!() };
        assert_eq!((expected, found), (len as u64, len as u64 / 2));
    }
    // Nobody says how long it is, and it ends.
    let half = Fault::Answer(
        Answer::new(200).header("Transfer-Encoding", "chunked").body(b"5\r\n{\"mod\r\n0\r\n\r\n".to_vec()),
    );
    let world = World::new();
    world.server.faults("GET", "/resolve/", 9, half);
    let error = error_of(&world.repo(), "config.json");
    assert!(matches!(error, Error::Size { .. } | Error::Cut { .. } | Error::Connection { .. }), "{error:?}");
    assert!(world.files().is_empty());
}

#[test]
fn too_long_a_body_is_no_model() {
    let long = Fault::status(200, &"x".repeat(CONFIG.len() + 1));
    refused("/resolve/", long, "config.json", |error| matches!(error, Error::Size { .. }));
}

#[test]
fn wrong_bytes_are_no_model() {
    let error = refused(OBJECT, Fault::WrongBytes, "model.safetensors", |error| {
        matches!(error, Error::Digest { .. })
    });
    assert!(error.to_string().contains(&format!("sha256 {}", sha256(&table()))), "{error}");
    let error =
        refused("/resolve/", Fault::WrongBytes, "config.json", |error| matches!(error, Error::Digest { .. }));
    assert!(error.to_string().contains(&format!("git blob {}", sha1_of_blob(CONFIG))), "{error}");
}

#[test]
fn what_is_encoded_is_not_taken() {
    let gzip = Fault::Header("Content-Encoding", "gzip".to_owned());
    refused("/resolve/", gzip, "config.json", |error| matches!(error, Error::Answer { .. }));
}

#[test]
fn another_commit_is_not_taken() {
    let other = Fault::Header("X-Repo-Commit", "0".repeat(40));
    refused("/resolve/", other, "config.json", |error| matches!(error, Error::Answer { .. }));
}

#[test]
fn a_cut_connection_is_said() {
    refused("/resolve/", Fault::Cut(5), "config.json", |error| {
        matches!(error, Error::Cut { done: 5..=15, total: 27, .. })
    });
    refused("/resolve/", Fault::Hangup, "config.json", |error| matches!(error, Error::Connection { .. }));
    refused("/revision/", Fault::Hangup, "config.json", |error| matches!(error, Error::Connection { .. }));
    refused("/tree/", Fault::Cut(9), "config.json", |error| matches!(error, Error::Connection { .. }));
}

#[test]
fn redirects_end() {
    for part in ["/revision/", "/tree/", "/resolve/"] {
        refused(part, Fault::RedirectLoop, "config.json", |error| matches!(error, Error::Redirect { .. }));
    }
    let to = |location: &str| Fault::Answer(Answer::new(302).header("Location", location));
    for location in ["file:///etc/passwd", "http://", "ftp://localhost/x"] {
        refused("/resolve/", to(location), "config.json", |error| matches!(error, Error::Redirect { .. }));
    }
    refused("/resolve/", Fault::Answer(Answer::new(302)), "config.json", |error| {
        matches!(error, Error::Redirect { .. })
    });
}

/// What a hostile server would like to have for a path.
const HOSTILE: [&str; 7] =
    ["../../../../x", "/tmp/m2v-hub-x", "..\\\\..\\\\x", "x\\u0000y", "NUL", "C:/x", ""];

#[test]
fn hostile_hashes_are_no_paths() {
    for hostile in HOSTILE {
        for (name, hash) in [("config.json", sha1_of_blob(CONFIG)), ("model.safetensors", sha256(&table()))] {
            let text = Fault::Text(hash, hostile.to_owned());
            refused("/tree/", text, name, |error| matches!(error, Error::Answer { .. }));
        }
        let world = World::new();
        world.server.faults("*", "/revision/", 9, Fault::Text(world.commit.clone(), hostile.to_owned()));
        let error = error_of(&world.repo(), "config.json");
        assert!(matches!(error, Error::Answer { .. }), "{error:?}");
        assert!(world.files().is_empty());
    }
}

#[test]
fn hostile_tags_are_not_looked_at() {
    let world = World::new();
    for header in ["ETag", "X-Linked-Etag", "X-Linked-Size", "X-Error-Code"] {
        world.server.fault("*", "/resolve/", Fault::Header(header, "\"../../../../x\"".to_owned()));
        world.server.fault("*", "/lfs/", Fault::Header(header, "\"../../../../x\"".to_owned()));
        let repo = world.repo();
        assert_eq!(content(&repo, "config.json"), CONFIG);
        assert_eq!(content(&repo, "model.safetensors"), table());
        let (blobs, snapshot) = (
            "cache/models--org--model/blobs",
            format!("cache/models--org--model/snapshots/{}", world.commit),
        );
        let expected = [
            format!("{blobs}/{}", sha1_of_blob(CONFIG)),
            format!("{blobs}/{}", sha256(&table())),
            "cache/models--org--model/refs/main".to_owned(),
            format!("{snapshot}/config.json"),
            format!("{snapshot}/model.safetensors"),
        ];
        let mut files = world.files();
        files.sort_by_key(|file| expected.iter().position(|expected| expected == file));
        assert_eq!(files, expected);
        std::fs::remove_dir_all(world.cache_dir()).unwrap();
    }
}

#[test]
fn hostile_names_are_not_asked_for() {
    for hostile in HOSTILE {
        let world = World::new();
        world.server.faults("*", "/tree/", 9, Fault::Text("onnx/model.onnx".to_owned(), hostile.to_owned()));
        let repo = world.repo();
        // Nobody asked for it: the model loads.
        assert_eq!(content(&repo, "config.json"), CONFIG);
        let error = world.repo().files().unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{error:?}");
    }
    let world = World::new();
    let repo = world.repo();
    for name in ["", "..", "../x", "/etc/passwd", "a/../../x", "a\\b", "a\0b", "CON", "nul.json", "C:x"] {
        assert!(matches!(error_of(&repo, name), Error::Name { .. }), "{name:?}");
        assert!(matches!(repo.fetch(name), Err(Error::Name { .. })), "{name:?}");
    }
    for name in ["../x", "refs/../../x", "a b", "NUL"] {
        assert!(matches!(world.repo().revision(name), Err(Error::Name { .. })), "{name:?}");
        assert!(
            matches!(world.repo().subfolder(&format!("x/{name}/..")), Err(Error::Name { .. })),
            "{name:?}"
        );
    }
    assert!(world.asked().is_empty());
    assert!(world.files().is_empty());
}

#[test]
fn the_next_page_is_at_the_same_server() {
    let world = World::new();
    world.server.store().page = Some(1);
    assert_eq!(content(&world.repo(), "model.safetensors"), table());
    assert!(world.asked().iter().filter(|path| path.contains("/tree/")).count() >= 4);
    let elsewhere = Fault::Header("Link", "<http://localhost:1/x>; rel=\"next\"".to_owned());
    refused("/tree/", elsewhere, "config.json", |error| matches!(error, Error::Answer { .. }));
    // A listing without an end.
    let again = Fault::Header("Link", "</api/models/org/model/tree/main>; rel=\"next\"".to_owned());
    refused("/tree/", again, "config.json", |error| matches!(error, Error::Answer { .. }));
}

#[test]
fn what_there_is_not_is_said() {
    let world = World::new();
    let none = world.hub().model("org/nothing").unwrap();
    assert!(matches!(error_of(&none, "config.json"), Error::NoRepository { .. }));
    let none = world.repo().revision("nothing").unwrap();
    assert!(matches!(error_of(&none, "config.json"), Error::NoRevision { .. }));
    // A commit is believed to be one: the listing says that it is not.
    let none = world.repo().revision(&"0".repeat(40)).unwrap();
    assert!(matches!(error_of(&none, "config.json"), Error::NoRevision { .. }));
    assert!(world.files().is_empty());
    assert_eq!(world.repo().read("nothing.json").unwrap(), None);
}
