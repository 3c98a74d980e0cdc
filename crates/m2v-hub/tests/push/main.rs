//! Pushing to a hub on loopback.
#![expect(clippy::unwrap_used, reason = "what a test cannot go on without fails it")]

#[path = "../server/mod.rs"]
mod server;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use m2v_core::Sink;
use m2v_hub::{Commit, Error, Hub, HubBuilder, Transfer};
use server::{Answer, Fault, File, Request, Server};

const TOKEN: &str = "hf_verysecret";
const CARD: &[u8] = b"---\nlicense: mit\ntags: [embeddings]\n---\n# A model\n";

/// A server that knows a user who may write, and one who may not.
fn start() -> Server {
    let server = Server::start().unwrap();
    server.store().token(TOKEN, "acme", true);
    server.store().token("hf_reader", "bob", false);
    server
}

fn builder(server: &Server) -> HubBuilder {
    Hub::builder()
        .cache_dir("no-such-cache")
        .endpoint(server.endpoint())
        .token(TOKEN)
        .retries(2)
        .backoff(Duration::from_millis(1))
}

fn commit(server: &Server, id: &str) -> Commit {
    builder(server).build().unwrap().model(id).unwrap().commit("Add a model\n\nWith a text.")
}

/// Bytes that are not the same everywhere.
fn table() -> Vec<u8> {
    (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn write(commit: &mut Commit) {
    commit.write_bytes("config.json", b"{}").unwrap();
    commit.write_bytes("README.md", CARD).unwrap();
    let table = table();
    let mut body = |out: &mut dyn io::Write| table.chunks(70_001).try_for_each(|piece| out.write_all(piece));
    commit.write("model.safetensors", table.len() as u64, &mut body).unwrap();
}

fn finish(mut commit: Commit) -> Result<Commit, Error> {
    match commit.finish() {
        Ok(()) => Ok(commit),
        Err(error) => Err(*error.into_inner().unwrap().downcast::<Error>().unwrap()),
    }
}

fn push(commit: Commit) -> Result<Commit, Error> {
    let mut commit = commit;
    write(&mut commit);
    finish(commit)
}

/// `METHOD path`, with hashes left out.
fn said(requests: &[Request]) -> Vec<String> {
    let short = |request: &Request| {
        let path = request.path();
        let parts = path.split('/').map(|part| if part.len() == 64 { "OID" } else { part });
        format!("{} {}", request.method, parts.collect::<Vec<_>>().join("/"))
    };
    requests.iter().map(short).collect()
}

#[test]
fn files_become_one_commit() {
    let server = start();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let hub =
        builder(&server).progress(move |p| log.lock().unwrap().push((p.file.to_owned(), p.done, p.total)));
    let hub = hub.build().unwrap();
    let commit =
        hub.model("acme/tiny").unwrap().commit("Add a model\n\nWith a text.").create(true).private(true);
    let commit = push(commit).unwrap();

    let pushed = commit.pushed().unwrap();
    let transfers: Vec<_> = pushed.files.iter().map(|file| (&*file.name, file.size, file.transfer)).collect();
    let expected = [
        ("config.json", 2, Transfer::Inline),
        ("README.md", CARD.len() as u64, Transfer::Inline),
        ("model.safetensors", 3_000_000, Transfer::Lfs),
    ];
    assert_eq!(transfers, expected);
    assert!(pushed.created);
    assert_eq!(pushed.url, format!("{}/acme/tiny", server.endpoint()));

    let store = server.store();
    let repo = &store.repos["acme/tiny"];
    assert!(repo.private);
    assert_eq!(repo.refs["main"], *pushed.commit.as_ref().unwrap());
    assert_eq!(repo.commits.len(), 2, "the first one is the hub's own");
    let (_, last) = repo.resolve("main").unwrap();
    assert_eq!(last.message, "Add a model");
    let names: Vec<_> = last.files.keys().map(|name| &**name).collect();
    assert_eq!(names, [".gitattributes", "README.md", "config.json", "model.safetensors"]);
    assert_eq!(last.files["README.md"], File { bytes: Arc::new(CARD.to_vec()), lfs: false });
    assert_eq!(last.files["model.safetensors"], File { bytes: Arc::new(table()), lfs: true });
    drop(store);

    let requests = server.take_requests();
    let expected = [
        "POST /api/validate-yaml",
        "GET /api/models/acme/tiny/revision/main",
        "POST /api/repos/create",
        "POST /api/models/acme/tiny/preupload/main",
        "POST /acme/tiny.git/info/lfs/objects/batch",
        "PUT /lfs/OID",
        "POST /api/lfs-verify",
        "POST /api/models/acme/tiny/commit/main",
    ];
    assert_eq!(said(&requests), expected);
    for request in &requests {
        let is_here = request.host() == "127.0.0.1";
        assert_eq!(request.token(), is_here.then_some(TOKEN), "{} {}", request.method, request.target);
        assert_eq!(request.method == "PUT", !is_here);
        assert!(request.method == "PUT" || request.body.len() < 1000, "{}", request.target);
    }
    let put = &requests[5];
    assert_eq!(put.header("content-length"), Some("3000000"));
    assert_eq!((put.header("transfer-encoding"), put.header("x-upload-key")), (None, Some("abc")));

    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(file, _, total)| file == "model.safetensors" && *total == 3_000_000));
    assert!(seen.is_sorted_by_key(|(_, done, _)| *done));
    assert_eq!(seen.last().unwrap().1, 3_000_000);
}

#[test]
fn what_is_there_is_not_sent_again() {
    let server = start();
    drop(push(commit(&server, "acme/tiny").create(true)).unwrap());
    server.take_requests();
    let same = push(commit(&server, "acme/tiny")).unwrap();
    let pushed = same.pushed().unwrap();
    assert_eq!(pushed.commit, None);
    assert!(!pushed.created && pushed.files.iter().all(|file| file.transfer == Transfer::Unchanged));
    let asked = [
        "POST /api/validate-yaml",
        "GET /api/models/acme/tiny/revision/main",
        "POST /api/models/acme/tiny/preupload/main",
    ];
    assert_eq!(said(&server.take_requests()), asked);
    assert_eq!(server.store().repos["acme/tiny"].commits.len(), 2);

    // Of a change, only the change; an object that another repository has is not sent either.
    let mut other = commit(&server, "acme/other").create(true);
    write(&mut other);
    other.write_bytes("config.json", b"{\"normalize\":true}").unwrap();
    drop(finish(other).unwrap());
    assert!(!said(&server.take_requests()).iter().any(|request| request.starts_with("PUT")));
    assert_eq!(*server.store().read("acme/other", "main", "model.safetensors").unwrap(), table());
    assert_eq!(**server.store().read("acme/other", "main", "config.json").unwrap(), *b"{\"normalize\":true}");
}

#[test]
fn a_branch_is_made_where_it_may_be() {
    let server = start();
    server.add("acme/tiny", &[("old.json", "{}")]);
    let error = push(commit(&server, "acme/tiny@dev/x")).unwrap_err();
    assert!(matches!(error, Error::NoRevision { .. }), "{error}");
    drop(push(commit(&server, "acme/tiny@dev/x").create(true)).unwrap());
    let names = server.store().names("acme/tiny", "dev/x");
    assert_eq!(
        names.iter().collect::<Vec<_>>(),
        ["README.md", "config.json", "model.safetensors", "old.json"]
    );
    assert_eq!(server.store().names("acme/tiny", "main").len(), 1);
    // Below a folder, where the card is none of the repository.
    let mut below = commit(&server, "acme/tiny:sub/folder");
    below.write_bytes("README.md", b"---\ntags: 1\n---\n").unwrap_or_else(|error| panic!("{error}"));
    drop(finish(below).unwrap());
    assert!(server.store().read("acme/tiny", "main", "sub/folder/README.md").is_some());
}

#[test]
fn a_dry_run_changes_nothing() {
    let server = start();
    server.add("acme/old", &[("config.json", "{}")]);
    let commits = |server: &Server| {
        let store = server.store();
        (store.repos.len(), store.objects.len(), store.repos["acme/old"].commits.len())
    };
    let before = commits(&server);
    for (id, created, first) in [
        ("acme/new", true, Transfer::Inline),
        ("acme/old", false, Transfer::Unchanged),
        ("acme/old@dev", false, Transfer::Unchanged),
    ] {
        let dry = push(commit(&server, id).create(true).dry_run(true)).unwrap();
        let pushed = dry.pushed().unwrap();
        assert_eq!((pushed.created, &pushed.commit), (created, &None));
        assert_eq!(pushed.files[0].transfer, first, "{id}");
        assert_eq!(pushed.files[2].transfer, Transfer::Lfs);
    }
    assert_eq!(commits(&server), before);
    let harmless = |request: &String| {
        request.starts_with("GET ") || request.contains("validate-yaml") || request.contains("preupload")
    };
    assert!(said(&server.take_requests()).iter().all(harmless));
    // And nothing is sent by a commit that is dropped.
    write(&mut commit(&server, "acme/old"));
    assert!(server.take_requests().is_empty());
}

#[test]
fn refusals_are_told_in_words() {
    let server = start();
    server.add("acme/tiny", &[("config.json", "{}")]);
    let with =
        |token: &str| builder(&server).token(token).build().unwrap().model("acme/tiny").unwrap().commit("x");
    let told = |commit: Commit, parts: &[&str]| {
        let error = push(commit).unwrap_err();
        for part in parts {
            assert!(error.to_string().contains(part), "no `{part}` in: {error}");
        }
        error
    };
    let error = told(with("hf_unknown"), &["401", "acme/tiny@main", "token"]);
    assert!(matches!(error, Error::Unauthorized { .. }));
    let error = told(with("hf_reader"), &["403", "acme/tiny@main", "you must use a write token"]);
    assert!(matches!(error, Error::Forbidden { gated: false, .. }));
    let error = told(commit(&server, "forbidden/x").create(true), &["403", "You don't have the rights"]);
    assert!(matches!(error, Error::Forbidden { .. }));
    let error = told(commit(&server, "acme/none"), &["acme/none@main", "no such repository"]);
    assert!(matches!(error, Error::NoRepository { .. }));

    server.fault("POST", "/commit/", Fault::Answer(Answer::error(409, "The branch is locked")));
    let error = told(commit(&server, "acme/tiny"), &["409", "The branch is locked"]);
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
    server.fault("POST", "/commit/", Fault::Answer(Answer::error(412, "A commit has happened since.")));
    told(commit(&server, "acme/tiny"), &["412", "A commit has happened since."]);
    server.fault(
        "POST",
        "/repos/create",
        Fault::Answer(Answer::error(409, "You already created this model repo")),
    );
    // Made by somebody else between two requests: that is fine; but then it is not there.
    told(commit(&server, "acme/gone").create(true), &["no such repository"]);
    assert_eq!(server.store().repos["acme/tiny"].commits.len(), 1);

    let offline = builder(&server).offline(true).build().unwrap().model("acme/tiny").unwrap().commit("x");
    server.take_requests();
    assert!(matches!(push(offline), Err(Error::PushOffline { .. })));
    assert!(server.take_requests().is_empty());
    let error = commit(&server, "acme/tiny").finish().unwrap_err();
    assert!(error.to_string().contains("nothing to commit"), "{error}");
}

#[test]
fn a_card_is_checked_before_anything_is_sent() {
    let server = start();
    server.add("acme/tiny", &[("config.json", "{}")]);
    let mut one = commit(&server, "acme/tiny");
    let error = one.write_bytes("README.md", b"---\ntags: embeddings\n---\n").unwrap_err();
    assert!(error.to_string().starts_with("README.md: key `tags`: expected a list"), "{error}");
    assert!(server.take_requests().is_empty());
    // What only the hub knows: this and nothing else is sent.
    let mut one = commit(&server, "acme/tiny");
    write(&mut one);
    one.write_bytes("README.md", b"---\nlicense: my-own\n---\n").unwrap();
    let error = finish(one).unwrap_err();
    assert!(matches!(error, Error::Card { .. }), "{error:?}");
    assert!(error.to_string().contains("\"license\" must be one of"), "{error}");
    assert_eq!(said(&server.take_requests()), ["POST /api/validate-yaml"]);
    // A mirror that cannot check does not stop anybody.
    server.fault("POST", "/validate-yaml", Fault::status(404, "not here"));
    drop(push(commit(&server, "acme/tiny")).unwrap());
}

#[test]
fn large_files_are_never_inlined() {
    let server = start();
    server.add("acme/tiny", &[("config.json", "{}")]);
    for (transfer, word) in [("xet", "`xet`"), ("multipart", "`multipart`")] {
        server.store().transfer = Some(transfer.to_owned());
        let error = push(commit(&server, "acme/tiny")).unwrap_err();
        assert!(matches!(error, Error::Transfer { .. }), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
    }
    server.store().transfer = None;
    let requests = said(&server.take_requests());
    assert!(
        !requests.iter().any(|request| request.contains("commit") || request.contains("PUT")),
        "{requests:?}"
    );
    // Even if the hub says so.
    let large = vec![7; (10 << 20) + 1];
    server.fault("POST", "/preupload/", Fault::Text("\"lfs\"".to_owned(), "\"regular\"".to_owned()));
    let mut one = commit(&server, "acme/tiny");
    one.write_bytes("large.txt", &large).unwrap();
    assert_eq!(finish(one).unwrap().pushed().unwrap().files[0].transfer, Transfer::Lfs);
    assert_eq!(*server.store().read("acme/tiny", "main", "large.txt").unwrap(), large);
}

#[test]
fn what_passes_is_tried_again_and_a_commit_is_not_made_twice() {
    let server = start();
    server.add("acme/tiny", &[("config.json", "{}")]);
    server.fault("POST", "/preupload/", Fault::busy(0));
    server.fault("PUT", "/lfs/", Fault::status(503, "overloaded"));
    server.fault("PUT", "/lfs/", Fault::Hangup);
    server.fault("POST", "/commit/", Fault::busy(0));
    drop(push(commit(&server, "acme/tiny")).unwrap());
    let count =
        |requests: &[String], part: &str| requests.iter().filter(|request| request.contains(part)).count();
    let requests = said(&server.take_requests());
    assert_eq!(["preupload", "PUT", "commit"].map(|part| count(&requests, part)), [2, 3, 2]);

    server.faults("POST", "/commit/", 5, Fault::Hangup);
    let mut one = commit(&server, "acme/tiny");
    one.write_bytes("new.json", b"[]").unwrap();
    let error = finish(one).unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert_eq!(count(&said(&server.take_requests()), "commit"), 1);
    server.heal();

    // It was made, although the answer was cut.
    server.faults("POST", "/commit/", 5, Fault::Cut(3));
    let mut one = commit(&server, "acme/tiny");
    one.write_bytes("newer.json", b"[]").unwrap();
    let error = finish(one).unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert_eq!(count(&said(&server.take_requests()), "commit"), 1);
    server.heal();

    // Nor does a gateway know that gave up waiting.
    server.faults("POST", "/commit/", 5, Fault::status(504, "timed out"));
    let mut one = commit(&server, "acme/tiny");
    one.write_bytes("newest.json", b"[]").unwrap();
    let error = finish(one).unwrap_err();
    assert!(matches!(error, Error::Status { status: 504, .. }), "{error:?}");
    assert_eq!(count(&said(&server.take_requests()), "commit"), 1);
    server.heal();

    // What is finished again after an error goes on.
    server.faults("PUT", "/lfs/", 9, Fault::status(500, ""));
    let mut one = commit(&server, "acme/tiny");
    one.write_bytes("new.onnx", b"graph").unwrap();
    assert!(one.finish().is_err() && one.pushed().is_none());
    server.heal();
    one.finish().unwrap();
    assert_eq!(**server.store().read("acme/tiny", "main", "new.onnx").unwrap(), *b"graph");
    assert!(one.finish().is_err(), "once is enough");
}

#[test]
fn an_authorisation_of_the_server_replaces_the_token() {
    let server = start();
    server.add("acme/tiny", &[("config.json", "{}")]);
    server.store().token("hf_other", "acme", true);
    let given = r#""verify":{"header":{"Authorization":"Bearer hf_other"},"#;
    server.fault("POST", "/batch", Fault::Text("\"verify\":{".to_owned(), given.to_owned()));
    drop(push(commit(&server, "acme/tiny")).unwrap());
    let requests = server.take_requests();
    let verify = requests.iter().find(|request| request.target.ends_with("/lfs-verify")).unwrap();
    let sent = verify.headers.iter().filter(|header| header.0.eq_ignore_ascii_case("authorization"));
    assert_eq!(sent.map(|header| &*header.1).collect::<Vec<_>>(), ["Bearer hf_other"]);
}

#[test]
fn broken_answers_are_errors() {
    let server = start();
    server.add("acme/tiny", &[("config.json", "{}")]);
    for (part, from, to) in [
        ("/preupload/", "config.json", "../config.json"),
        ("/preupload/", "regular", "elsewhere"),
        ("/batch", "\"upload\"", "\"no\""),
        ("/batch", "http://localhost", "file://localhost"),
        ("/batch", "\"abc\"", "\"a\\r\\nb\""),
        ("/commit/", "commitOid", "oid"),
    ] {
        server.fault("POST", part, Fault::Text(from.to_owned(), to.to_owned()));
        let result = push(commit(&server, "acme/tiny"));
        if to == "\"no\"" {
            // Without an address there is nothing to send, and then the commit names what is not there.
            assert!(matches!(result, Err(Error::Status { status: 400 | 404, .. })), "{result:?}");
        } else {
            assert!(
                matches!(result, Err(Error::Answer { .. } | Error::Redirect { .. })),
                "{part} {to}: {result:?}"
            );
        }
        server.heal();
    }
}

#[test]
fn the_token_is_shown_nowhere() {
    let server = start();
    server.add("acme/tiny", &[("config.json", "{}")]);
    for status in [400, 401, 403, 409, 418, 500] {
        let said = format!("the token {TOKEN} is {status}");
        server.faults("POST", "/commit/", 3, Fault::Answer(Answer::error(status, &said)));
        let mut commit = commit(&server, "acme/tiny");
        commit.write_bytes(&format!("{status}.json"), b"[]").unwrap();
        let shown = format!("{commit:?}");
        let error = finish(commit).unwrap_err();
        let shown = format!("{shown} {error} {error:?}");
        assert!(!shown.contains(TOKEN) && shown.contains("(token)"), "{shown}");
        server.heal();
    }
}

#[test]
fn it_works_within_a_runtime() {
    let server = start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let commit = runtime.block_on(async { push(commit(&server, "acme/tiny").create(true)) });
    assert!(commit.unwrap().pushed().unwrap().commit.is_some());
}
