//! Ctrl-C, and being asked to end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::*;

/// Waits until `done`, at most a minute.
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn start(out: &Path, args: &[&str]) -> Child {
    command(out, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends the signal, and expects the end that it has to have, soon.
fn interrupted(child: Child, signal: &str) {
    let kill = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let sent = Instant::now();
    let run = child.wait_with_output().unwrap();
    failed(&run, 130, &["interrupted; nothing was written\n"]);
    assert!(sent.elapsed() < Duration::from_secs(20), "took {:?}", sent.elapsed());
}

/// The folder that is being written, which is hidden beside its place.
fn staging(parent: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(parent).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    entries.find(|path| path.extension().is_some_and(|extension| extension == "partial"))
}

#[test]
fn an_interrupt_at_any_time_leaves_nothing() {
    let texts = tempfile::tempdir().unwrap();
    // Enough that each step takes some time.
    let file = texts.path().join("texts.txt");
    fs::write(&file, "it's dangerous to go alone\ntake this\n".repeat(1500)).unwrap();
    let args = ["--texts", file.to_str().unwrap(), "--dtype", "f16,int8"];
    for (file, signal) in [
        ("", "-INT"),
        ("f16", "-INT"),
        ("f16/model.safetensors", "-TERM"),
        ("f16/onnx/model.onnx", "-INT"),
        ("int8/onnx/model.onnx", "-INT"),
    ] {
        let work = tempfile::tempdir().unwrap();
        // Folders above, which are not there, are made, and gone with the rest.
        let parent = work.path().join("a/b");
        let mut child = start(&parent.join("out"), &args);
        wait_until(file, || {
            assert!(child.try_wait().unwrap().is_none(), "it ended before there was `{file}`");
            staging(&parent).is_some_and(|staging| staging.join(file).exists())
        });
        interrupted(child, signal);
        assert_eq!(names(work.path()), [""; 0], "after {signal} at `{file}`");
    }
}

#[test]
fn an_interrupt_leaves_what_was_there() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("out");
    assert!(run(&out, &["--no-verify", "--no-onnx", "--dtype", "f16"]).status.success());
    let before = fs::read(out.join("report.json")).unwrap();
    let child = start(&out, &[]);
    wait_until("files", || staging(work.path()).is_some_and(|staging| staging.join("f16").exists()));
    interrupted(child, "-INT");
    assert_eq!(names(work.path()), ["out"]);
    assert_eq!(names(&out), ["f16", "report.html", "report.json", "report.md"]);
    assert_eq!(fs::read(out.join("report.json")).unwrap(), before);
}
