//! Models on a hub, which `m2v pull` fetches: what it does itself is tested where it is. Here a script stands for cargo
//! and the command that it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::*;

struct Setup {
    work: tempfile::TempDir,
    out: PathBuf,
}

impl Setup {
    /// The script keeps what it was told, then does `then`, with the id in `$id`.
    fn new(then: &str) -> Self {
        let work = tempfile::tempdir().unwrap();
        let cargo = work.path().join("cargo");
        let calls = work.path().join("calls");
        let start = r#"[ "$1" = build ] && exit; while [ "$1" != -- ]; do shift; done; shift; id=$2"#;
        let script = format!("#!/bin/sh\n{start}\necho \"$@\" >> '{}'\n{then}\n", calls.display());
        fs::write(&cargo, script).unwrap();
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).unwrap();
        let out = work.path().join("out");
        Self { work, out }
    }

    fn command(&self, model: &str, args: &[&str]) -> Command {
        let mut command =
            command(&self.out, &[&["--model", model, "--dtype", "int8", "--no-onnx"], args].concat());
        command.env("CARGO", self.work.path().join("cargo"));
        command
    }

    fn run(&self, model: &str, args: &[&str]) -> Output {
        self.command(model, args).output().unwrap()
    }

    /// What was run since the last time.
    fn calls(&self) -> String {
        let path = self.work.path().join("calls");
        let calls = fs::read_to_string(&path).unwrap_or_default();
        drop(fs::remove_file(path));
        calls
    }
}

/// Prints the folder of the model of the repository, as `m2v pull` prints that in the cache.
fn print_folder() -> String {
    format!("echo '{}'", shipped().display())
}

#[test]
fn an_id_is_fetched_or_in_the_cache() {
    let fetched = Setup::new(&format!("[ \"$3\" = --offline ] && exit 1\n{}", print_folder()));
    let cached = Setup::new(&print_folder());
    for (setup, calls) in [
        (&fetched, "pull acme/tiny@main --offline\npull acme/tiny@main\n"),
        (&cached, "pull acme/tiny@main --offline\n"),
    ] {
        let run = setup.run("acme/tiny@main", &[]);
        assert!(run.status.success(), "{}", text(&run.stderr));
        assert_eq!(setup.calls(), calls);
        let report = report(&setup.out);
        assert_eq!(report["model"], "acme/tiny@main");
        assert_eq!((&report["source"]["rows"], &report["source"]["dim"]), (&29_525.into(), &64.into()));
        assert_eq!(names(&setup.out), ["int8", "report.html", "report.json", "report.md"]);
    }
    // `hf://` says that it is one, whatever folders there are; without, folders win, and those that are mistyped.
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let forced = cached.command("hf://src/pipeline", &[]).current_dir(here).output().unwrap();
    assert!(forced.status.success(), "{}", text(&forced.stderr));
    assert_eq!(cached.calls(), "pull src/pipeline --offline\n");
    let folder = cached.command("src/pipeline", &[]).current_dir(here).output().unwrap();
    failed(&folder, 1, &["src/pipeline: no model here"]);
    let mistyped = cached.command("src/pipelin", &[]).current_dir(here).output().unwrap();
    failed(&mistyped, 1, &["src/pipelin: no such folder", "ORG/NAME"]);
    assert_eq!(cached.calls(), "");
}

#[test]
fn a_dry_run_fetches_nothing() {
    let setup = Setup::new("exit 1");
    let run = setup.run("acme/tiny", &["--dry-run"]);
    failed(&run, 1, &["acme/tiny: not in the cache", "m2v pull acme/tiny"]);
    assert_eq!(setup.calls(), "pull acme/tiny --offline\n");
    let cached = Setup::new(&print_folder());
    let run = cached.run("acme/tiny", &["--dry-run"]);
    assert!(run.status.success() && text(&run.stdout).contains("29,525 × 64"), "{}", text(&run.stderr));
    assert!(!cached.out.exists() && !setup.out.exists());
}

#[test]
fn what_cannot_be_fetched_is_told() {
    let setup = Setup::new("echo \"error: $id: no such repository; look for a typing error\" >&2\nexit 1");
    let run = setup.run("acme/none", &[]);
    let lines = "error: acme/none: no such repository; look for a typing error\nerror: m2v pull acme/none: exit status: 1; \
                 do what the lines above say";
    failed(&run, 1, &[lines]);
    assert_eq!(text(&run.stderr).matches("no such repository").count(), 1, "{}", text(&run.stderr));
    fs::write(setup.work.path().join("cargo"), "#!/bin/sh\necho \"error: no linker\" >&2\nexit 101\n")
        .unwrap();
    let lines = "error: no linker\nerror: cargo build --package m2v-cli: exit status: 101; do what the lines above say";
    failed(&setup.run("acme/none", &[]), 1, &[lines]);
    fs::remove_file(setup.work.path().join("cargo")).unwrap();
    failed(&setup.run("acme/none", &[]), 1, &["cannot run cargo build", "install it"]);
    assert!(!setup.out.exists());
}

#[test]
fn control_c_ends_a_download() {
    let setup = Setup::new("[ \"$3\" = --offline ] && exit 1\necho $$ > \"$0.pid\"\nexec sleep 60");
    let child = setup.command("acme/tiny", &[]).stderr(Stdio::piped()).spawn().unwrap();
    let pid = setup.work.path().join("cargo.pid");
    let start = Instant::now();
    while fs::read_to_string(&pid).unwrap_or_default().is_empty() {
        assert!(start.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    failed(&child.wait_with_output().unwrap(), 130, &["interrupted; nothing was written\n"]);
    let pid = fs::read_to_string(pid).unwrap();
    let lives = Command::new("kill").args(["-0", pid.trim()]).stderr(Stdio::null()).status().unwrap();
    assert!(!lives.success(), "the download goes on");
    assert!(start.elapsed() < Duration::from_secs(30) && !setup.out.exists());
}
