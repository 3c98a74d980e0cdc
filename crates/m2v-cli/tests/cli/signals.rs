//! Pipes that close, writers that wait, and Ctrl-C.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::*;

#[test]
fn a_closed_pipe_is_not_an_error() {
    let texts = "some text that is long enough\n".repeat(50_000);
    let folder = scratch();
    let input = folder.path().join("in.txt");
    std::fs::write(&input, texts).unwrap();
    for name in ["encode", "tokenize"] {
        let mut child = command([name]).args([&shipped(), &input]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.ends_with("]}\n") || line.ends_with("]\n"), "{line}");
        let run = ended(child);
        assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{name}");
    }
}

#[test]
fn a_writer_that_waits_gets_its_answer() {
    let mut child = command(["tokenize"]).arg(shipped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for _ in 0..3 {
        stdin.write_all(b"hello world\n").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert_eq!(line, "[6595,1091]\n");
    }
    drop(stdin);
    ended(child).ok();
}

/// Waits until `done`, at most a minute.
#[cfg(unix)]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(unix)]
#[test]
fn control_c_leaves_nothing() {
    for (name, signal) in [("out.npy", "-INT"), ("out.jsonl", "-INT"), ("out.npy", "-TERM")] {
        let folder = scratch();
        let mut child =
            command(["encode"]).arg(shipped()).arg("-o").arg(folder.path().join(name)).spawn().unwrap();
        // The input stays open: the program is waiting for more when the signal comes.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&b"one\n".repeat(5000)).unwrap();
        let partial = || names(folder.path()).iter().any(|found| found.starts_with(&format!(".{name}.")));
        wait_until("the unfinished file", partial);
        kill(signal, &child);
        wait_until("the end", || child.try_wait().unwrap().is_some());
        drop(stdin);
        let run = ended(child);
        assert_eq!((run.code, &*run.stdout, &*run.stderr), (Some(130), "", ""));
        assert!(names(folder.path()).is_empty(), "{:?}", names(folder.path()));
    }
}

#[cfg(unix)]
fn kill(signal: &str, child: &std::process::Child) {
    let kill = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
}

#[cfg(unix)]
#[test]
fn control_c_ends_a_run_that_waits_for_all_texts() {
    for option in ["--prune", "--texts"] {
        let folder = scratch();
        let mut child = command(["quantize", "--dtype", "int8", option, "-"])
            .arg(shipped())
            .arg(folder.path().join("out"))
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        wait_until("the unfinished folder", || !names(folder.path()).is_empty());
        kill("-INT", &child);
        wait_until("the end", || child.try_wait().unwrap().is_some());
        drop(stdin);
        assert_eq!(ended(child).code, Some(130));
        assert!(names(folder.path()).is_empty(), "{:?}", names(folder.path()));
    }
}

#[cfg(unix)]
#[test]
fn control_c_twice_ends_a_run_whatever_it_waits_for() {
    let folder = scratch();
    let input = folder.path().join("in.txt");
    std::fs::write(&input, "some text that is long enough\n".repeat(50_000)).unwrap();
    // Nobody reads what it writes.
    let mut child = command(["encode"]).args([&shipped(), &input]).spawn().unwrap();
    let mut first = [0];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(200));
        kill("-INT", &child);
    }
    wait_until("the end", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[cfg(unix)]
#[test]
fn control_c_ends_a_run_that_never_pauses() {
    let folder = scratch();
    // Lines without end.
    let mut yes = std::process::Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
    let mut child = command(["encode"])
        .arg(shipped())
        .arg("-o")
        .arg(folder.path().join("out.npy"))
        .stdin(yes.stdout.take().unwrap())
        .spawn()
        .unwrap();
    wait_until("the unfinished file", || !names(folder.path()).is_empty());
    std::thread::sleep(Duration::from_millis(200));
    kill("-INT", &child);
    wait_until("the end", || child.try_wait().unwrap().is_some());
    yes.kill().unwrap();
    yes.wait().unwrap();
    let mut left = String::new();
    child.stderr.take().unwrap().read_to_string(&mut left).unwrap();
    assert_eq!((child.wait().unwrap().code(), &*left), (Some(130), ""));
    assert!(names(folder.path()).is_empty());
}
