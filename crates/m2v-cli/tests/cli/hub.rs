//! Models on a hub, which is on loopback.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::server::{Fault, Server, sha1_of_blob, sha256};
use crate::support::*;

const TOKEN: &str = "hf_verysecret";
const TEXTS: &str = "It's dangerous to go alone!\nTake this.\n";

/// A hub, and a home folder of whoever asks it.
pub(crate) struct Setup {
    pub(crate) server: Server,
    pub(crate) home: tempfile::TempDir,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let server = Server::start().unwrap();
        server.store().token(TOKEN, "acme", true);
        server.store().token("hf_reader", "bob", false);
        Self { server, home: scratch() }
    }

    /// With the model of the repository on it, and with files that no model needs.
    pub(crate) fn with_model(self, id: &str) -> Self {
        let mut files: Vec<_> = shipped_files();
        files.push(("onnx/model.onnx".to_owned(), b"a graph".to_vec()));
        files.push(("data.bin".to_owned(), vec![1; 1000]));
        let files: Vec<_> = files.iter().map(|(name, bytes)| (&**name, bytes)).collect();
        self.server.add(id, &files);
        self
    }

    fn command<const N: usize>(&self, args: [&dyn AsRef<std::ffi::OsStr>; N]) -> Command {
        let mut command = command(args.map(AsRef::as_ref));
        self.environment(&mut command);
        command
    }

    /// This hub, a cache in the home folder, no token and no proxy.
    pub(crate) fn environment(&self, command: &mut Command) {
        for name in [
            "HF_HUB_CACHE",
            "HUGGINGFACE_HUB_CACHE",
            "HF_HUB_OFFLINE",
            "TRANSFORMERS_OFFLINE",
            "HF_TOKEN_PATH",
            "HF_TOKEN",
            "http_proxy",
            "https_proxy",
            "all_proxy",
            "no_proxy",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "ALL_PROXY",
            "NO_PROXY",
            "REQUEST_METHOD",
        ] {
            command.env_remove(name);
        }
        command.env("HF_HOME", self.home.path()).env("HF_ENDPOINT", self.server.endpoint());
    }

    /// Runs the program with two texts on standard input; the token must not be in what it prints.
    pub(crate) fn run<const N: usize>(
        &self,
        args: [&dyn AsRef<std::ffi::OsStr>; N],
        variables: &[(&str, &str)],
    ) -> Run {
        let mut command = self.command(args);
        command.envs(variables.iter().copied());
        let mut child = command.spawn().unwrap();
        drop(std::io::Write::write_all(&mut child.stdin.take().unwrap(), TEXTS.as_bytes()));
        let run = ended(child);
        assert!(!run.stdout.contains(TOKEN) && !run.stderr.contains(TOKEN), "{}{}", run.stdout, run.stderr);
        run
    }
}

pub(crate) fn shipped_files() -> Vec<(String, Vec<u8>)> {
    let read = |name: &String| std::fs::read(shipped().join(name)).unwrap();
    names(&shipped()).into_iter().map(|name| (name.clone(), read(&name))).collect()
}

pub(crate) fn expected() -> String {
    run_with([&"encode", &shipped()], TEXTS.as_bytes()).ok().stdout
}

#[test]
fn a_model_is_fetched_once() {
    let setup = Setup::new().with_model("acme/tiny");
    let first = setup.run([&"encode", &"acme/tiny"], &[]).ok();
    assert_eq!(first.stdout, expected());
    assert_eq!(first.stderr, "", "no bar where there is no terminal");
    let asked = setup.server.take_requests();
    assert!(!asked.is_empty() && asked.iter().all(|request| request.token().is_none()));
    let is_other = |target: &str| target.contains("model.onnx") || target.contains("data.bin");
    assert!(!asked.iter().any(|request| is_other(&request.target)), "only what a model needs");

    assert_eq!(setup.run([&"encode", &"acme/tiny"], &[]).ok().stdout, first.stdout);
    assert_eq!(setup.run([&"encode", &"acme/tiny@main", &"--offline"], &[]).ok().stdout, first.stdout);
    assert_eq!(
        setup.run([&"encode", &"hf://acme/tiny"], &[("HF_HUB_OFFLINE", "1")]).ok().stdout,
        first.stdout
    );
    // Neither is TLS, which some systems have no certificates for.
    let nothing = [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")];
    assert_eq!(setup.run([&"encode", &"acme/tiny"], &nothing).ok().stdout, first.stdout);
    assert!(setup.server.take_requests().is_empty(), "the cache has it all");
    let about = setup.run([&"inspect", &"acme/tiny"], &[]).ok().stdout;
    assert!(about.contains("acme/tiny") && about.contains("29,525 × 64 float16"), "{about}");
    // `inspect` looks for files that `encode` does not need, once.
    let more = |target: &str| target.contains("/tree/") || target.ends_with("/modules.json");
    assert!(setup.server.take_requests().iter().all(|request| more(&request.target)));
    assert_eq!(setup.run([&"inspect", &"acme/tiny"], &[]).ok().stdout, about);
    let small = setup.home.path().join("small");
    setup.run([&"quantize", &"acme/tiny", &small, &"--dims", &"8"], &[]).ok();
    assert_eq!(load(&small).tokenizer().vocabulary().len(), 29_525);
    assert!(setup.server.take_requests().is_empty(), "the cache has it all");
}

#[test]
fn long_waits_are_explained() {
    let setup = Setup::new().with_model("acme/tiny");
    setup.server.fault("*", "/revision/", Fault::busy(2));
    setup.server.fault("*", "/tree/", Fault::busy(0));
    let run = setup.run([&"encode", &"acme/tiny"], &[]).ok();
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.contains("429") && run.stderr.ends_with("; again in 2 seconds\n"), "{}", run.stderr);
}

#[test]
fn offline_does_without_what_no_command_needs() {
    let setup = Setup::new().with_model("acme/tiny");
    setup.run([&"encode", &"acme/tiny"], &[]).ok();
    let repo = setup.home.path().join("hub/models--acme--tiny");
    // As Python leaves it that was told to fetch what model2vec reads, and no more.
    let commit = std::fs::read_to_string(repo.join("refs/main")).unwrap();
    let entry = |(name, bytes): &(String, Vec<u8>)| {
        let id = sha1_of_blob(bytes);
        let lfs = match name.ends_with(".safetensors") {
            true => format!(r#", "lfs_sha256": "{}", "lfs_size": {}"#, sha256(bytes), bytes.len()),
            false => String::new(),
        };
        format!(r#""{name}": {{"size": {}, "blob_id": "{id}"{lfs}}}"#, bytes.len())
    };
    let entries: Vec<_> = shipped_files().iter().map(entry).collect();
    std::fs::create_dir(repo.join("trees")).unwrap();
    let listing = format!(r#"{{"format_version": 1, "files": {{{}}}}}"#, entries.join(", "));
    std::fs::write(repo.join(format!("trees/{commit}.json")), listing).unwrap();
    let card = repo.join("snapshots").join(&commit).join("README.md");
    std::fs::remove_file(card).unwrap();
    assert_eq!(setup.run([&"encode", &"acme/tiny", &"--offline"], &[]).ok().stdout, expected());
    let pulled = setup.run([&"pull", &"acme/tiny", &"--offline"], &[]).ok().stdout;
    assert_eq!(pulled, format!("{}\n", repo.join("snapshots").join(&commit).display()));
    let about = setup.run([&"inspect", &"acme/tiny", &"--offline"], &[]).ok().stdout;
    assert!(about.contains("model.safetensors") && !about.contains("modules.json"), "{about}");
}

#[test]
fn offline_says_what_is_not_there() {
    let setup = Setup::new().with_model("acme/tiny");
    for (args, variables) in [(&["--offline"][..], &[][..]), (&[], &[("HF_HUB_OFFLINE", "1")])] {
        let mut command = setup.command([&"inspect", &"acme/tiny"]);
        command.args(args).envs(variables.iter().copied());
        ended(command.spawn().unwrap())
            .failed(1, &["acme/tiny@main", "not in the cache", "offline", "m2v pull acme/tiny\n"]);
    }
    let offline = [("HF_HUB_OFFLINE", "1")];
    setup.run([&"inspect", &"acme/tiny@v2"], &offline).failed(1, &["m2v pull acme/tiny@v2\n"]);
    setup
        .run([&"push", &shipped(), &"acme/tiny"], &offline)
        .failed(1, &["nothing can be sent", "run again without HF_HUB_OFFLINE"]);
    assert!(setup.server.take_requests().is_empty());
}

#[test]
fn a_folder_wins_and_hf_forces_the_hub() {
    let setup = Setup::new().with_model("acme/tiny");
    let here = scratch();
    let folder = here.path().join("acme/tiny");
    std::fs::create_dir_all(here.path().join("acme")).unwrap();
    std::fs::rename(small_model(here.path(), false), &folder).unwrap();
    let inspect = |id: &str| {
        let mut command = setup.command([&"inspect", &id]);
        ended(command.current_dir(here.path()).spawn().unwrap()).ok().stdout
    };
    assert!(inspect("acme/tiny").contains("4 × 2 float32"));
    assert!(setup.server.take_requests().is_empty());
    assert!(inspect("hf://acme/tiny").contains("29,525 × 64"));
    // Where there is a folder ORG, an id is one if it was fetched before.
    std::fs::rename(&folder, here.path().join("acme/other")).unwrap();
    assert!(inspect("acme/tiny").contains("29,525 × 64"));
    #[cfg(unix)]
    {
        setup.server.take_requests();
        std::os::unix::fs::symlink("nowhere", here.path().join("acme/link")).unwrap();
        let mut command = setup.command([&"inspect", &"acme/link"]);
        ended(command.current_dir(here.path()).spawn().unwrap()).failed(1, &["acme/link"]);
        assert!(setup.server.take_requests().is_empty());
    }
}

#[test]
fn what_is_pushed_is_pulled() {
    let setup = Setup::new();
    let out = setup.home.path().join("pulled");
    let token = [("HF_TOKEN", TOKEN)];
    let push = |more: &[&str], variables: &[(&str, &str)]| {
        let mut command = setup.command([&"push", &shipped(), &"acme/new"]);
        let run = ended(command.args(more).envs(variables.iter().copied()).spawn().unwrap());
        assert!(!run.stdout.contains(TOKEN) && !run.stderr.contains(TOKEN));
        run
    };
    push(&[], &[]).failed(1, &["HF_TOKEN"]);
    push(&[], &token).failed(1, &["no such repository", "--create"]);
    let dry = push(&["--create", "--dry-run"], &token).ok();
    assert!(dry.stdout.contains("to LFS") && dry.stdout.contains("model.safetensors"), "{}", dry.stdout);
    assert!(dry.stderr.contains("nothing was changed"), "{}", dry.stderr);
    assert!(setup.server.store().repos.is_empty());

    let done = push(&["--create", "--private"], &token).ok();
    assert_eq!(done.stdout, format!("{}/acme/new\n", setup.server.endpoint()));
    assert!(done.stderr.starts_with("acme/new: commit "), "{}", done.stderr);
    assert!(setup.server.store().repos["acme/new"].private);
    assert!(push(&[], &token).ok().stderr.contains("no commit was made"));

    setup.run([&"pull", &"acme/new"], &[]).failed(1, &["no such repository", "HF_TOKEN"]);
    // The token of a file, as `hf auth login` leaves it.
    std::fs::write(setup.home.path().join("token"), format!("{TOKEN}\n")).unwrap();
    let pulled = setup.run([&"pull", &"acme/new", &"--to", &out], &[]).ok();
    assert_eq!(pulled.stdout, format!("{}\n", out.display()));
    for (name, bytes) in shipped_files() {
        assert!(std::fs::read(out.join(&name)).unwrap() == bytes, "{name}");
    }
    setup.run([&"pull", &"acme/new", &"--to", &out], &[]).failed(1, &["exists", "choose another DIR"]);
    let cached = PathBuf::from(setup.run([&"pull", &"acme/new"], &[]).ok().stdout.trim_end());
    assert!(
        cached.starts_with(setup.home.path()) && cached.join("model.safetensors").is_file(),
        "{cached:?}"
    );

    // A branch, and a new state of it, which only `pull` asks for.
    let branch = push(&["--create", "--revision", "dev"], &token).ok();
    assert!(branch.stderr.starts_with("acme/new@dev: "), "{}", branch.stderr);
    let before = setup.run([&"inspect", &"acme/new@dev", &"--json"], &token).ok().stdout;
    let small = setup.home.path().join("small");
    run([&"quantize", &shipped(), &small, &"--dims", &"8"]).ok();
    setup.run([&"push", &small, &"acme/new@dev"], &token).ok();
    assert_eq!(setup.run([&"inspect", &"acme/new@dev", &"--json"], &token).ok().stdout, before);
    setup.run([&"pull", &"acme/new@dev"], &token).ok();
    assert!(setup.run([&"inspect", &"acme/new@dev"], &token).ok().stdout.contains("29,525 × 8"));
    assert_no_token(setup.home.path());
}

/// Nothing but the file with the token has it.
fn assert_no_token(folder: &Path) {
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            assert_no_token(&path);
        } else if name != "token" {
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                !bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes()),
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn refusals_come_with_the_next_step() {
    let setup = Setup::new().with_model("acme/tiny");
    setup
        .run([&"inspect", &"acme/none"], &[])
        .failed(1, &["acme/none", "no such repository", "typing error"]);
    setup.run([&"inspect", &"acme/tiny@none"], &[]).failed(1, &["acme/tiny@none", "revision", "branch"]);
    setup.run([&"inspect", &"acme/tiny:sub"], &[]).failed(1, &["acme/tiny@main/sub", "no model here"]);
    setup.run([&"inspect", &"hf://acme"], &[]).failed(1, &["hf://acme", "ORG/NAME"]);
    let reader = [("HF_TOKEN", "hf_reader")];
    setup.run([&"push", &shipped(), &"acme/tiny"], &reader).failed(1, &["403", "token", "write"]);
    setup.server.store().repos.get_mut("acme/tiny").unwrap().gated = true;
    setup.run([&"inspect", &"acme/tiny"], &reader).failed(1, &["403", "ask for access on the model's page"]);
    let nobody = [("HF_ENDPOINT", "http://127.0.0.1:9")];
    setup.run([&"inspect", &"acme/tiny"], &nobody).failed(1, &["127.0.0.1:9", "HF_ENDPOINT", "--offline"]);
    let odd = [("HF_TOKEN", "\u{e9}"), ("HF_ENDPOINT", "notaurl")];
    setup.run([&"inspect", &"acme/tiny"], &odd[..1]).failed(1, &["token: ", "look at HF_TOKEN"]);
    setup.run([&"inspect", &"acme/tiny"], &odd[1..]).failed(1, &["endpoint: ", "look at HF_ENDPOINT"]);
    // What is no model is not pushed, and a card that the hub would refuse neither.
    setup.server.take_requests();
    let write = [("HF_TOKEN", TOKEN)];
    setup.run([&"push", &setup.home.path(), &"acme/tiny"], &write).failed(1, &["no model here"]);
    let model = small_model(setup.home.path(), false);
    std::fs::write(model.join("README.md"), "---\ntags: one\n---\n").unwrap();
    setup
        .run([&"push", &model, &"acme/tiny"], &write)
        .failed(1, &["README.md: key `tags`: expected a list of texts"]);
    // Nor what a link leads to outside of the folder.
    #[cfg(unix)]
    {
        std::fs::remove_file(model.join("README.md")).unwrap();
        let inside = model.join("inside.txt");
        std::os::unix::fs::symlink("config.json", &inside).unwrap();
        let outside = setup.home.path().join("secret");
        std::fs::write(&outside, "secret").unwrap();
        for (to, part) in [(&*outside, "a link to a file outside"), (Path::new("."), "a link to a folder")] {
            let link = model.join("link");
            std::os::unix::fs::symlink(to, &link).unwrap();
            setup.run([&"push", &model, &"acme/tiny"], &write).failed(1, &["link: ", part]);
            std::fs::remove_file(&link).unwrap();
        }
        assert!(setup.server.take_requests().is_empty());
        setup.run([&"push", &model, &"acme/tiny"], &write).ok();
        assert!(setup.server.store().read("acme/tiny", "main", "inside.txt").is_some());
        setup.server.take_requests();
    }
    assert!(setup.server.take_requests().is_empty());
}

#[test]
fn a_pinned_file_has_to_be_that_file() {
    let setup = Setup::new().with_model("acme/tiny");
    let right = sha256(&std::fs::read(shipped().join("model.safetensors")).unwrap());
    let wrong = "0".repeat(64);
    setup
        .run([&"inspect", &"acme/tiny", &"--sha256", &wrong], &[])
        .failed(1, &["model.safetensors", &wrong, &right]);
    setup.run([&"inspect", &"acme/tiny", &"--sha256", &right], &[]).ok();
    setup.run([&"inspect", &"acme/tiny", &"--sha256", &wrong, &"--offline"], &[]).failed(1, &[&wrong]);
    // Also files that the command has no need of, and those that are not there.
    for file in ["data.bin", "modle.safetensors"] {
        let pin = format!("{file}={wrong}");
        setup.run([&"encode", &"acme/tiny", &"--sha256", &pin], &[]).failed(1, &[file, &wrong]);
        setup.run([&"pull", &"acme/tiny", &"--sha256", &pin], &[]).failed(1, &[file, &wrong]);
    }
    setup.run([&"inspect", &shipped(), &"--sha256", &right], &[]).failed(2, &["--sha256", "folder"]);
    setup.run([&"inspect", &"acme/tiny", &"--sha256", &"abc"], &[]).failed(2, &["64 hexadecimal digits"]);
}

#[cfg(unix)]
#[test]
fn control_c_ends_a_download_and_leaves_nothing() {
    let setup = Setup::new().with_model("acme/tiny");
    let out = setup.home.path().join("out/model");
    setup.server.fault("GET", "/lfs/", Fault::Stall(100_000, Duration::from_secs(50)));
    let child = setup.command([&"pull", &"acme/tiny", &"--to", &out]).spawn().unwrap();
    let start = std::time::Instant::now();
    while !setup.server.requests().iter().any(|request| request.target.starts_with("/lfs/")) {
        assert!(start.elapsed() < Duration::from_secs(40));
        std::thread::sleep(Duration::from_millis(10));
    }
    std::thread::sleep(Duration::from_millis(100));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let run = ended(child);
    assert_eq!((run.code, &*run.stdout, &*run.stderr), (Some(130), "", ""));
    assert!(start.elapsed() < Duration::from_secs(45), "it did not wait for the server");
    assert_eq!(names(&setup.home.path().join("out")), [""; 0]);
    // The next run takes what is there and what is not.
    setup.run([&"pull", &"acme/tiny", &"--to", &out], &[]).ok();
    assert!(out.join("model.safetensors").is_file());
}
