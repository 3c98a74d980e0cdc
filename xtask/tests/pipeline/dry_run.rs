//! `--dry-run`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::*;

/// Names and lengths of the files in a folder, below it too.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| match path.is_dir() {
        true => files(&path),
        false => vec![(path.clone(), fs::metadata(&path).unwrap().len())],
    });
    files.collect()
}

#[test]
fn a_dry_run_says_what_a_run_writes() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("a/out");
    for args in [&["--dtype", "int8,f16", "--onnx"][..], &["--recipe", "dims=32+int8", "f16", "--no-onnx"]] {
        let dry = run(&out, &[args, &["--dry-run"]].concat());
        assert!(dry.status.success(), "{}", text(&dry.stderr));
        assert_eq!(text(&dry.stderr), "");
        assert_eq!(names(work.path()), [""; 0], "nothing is written, not even the folder above");
        let listing = text(&dry.stdout);

        assert!(run(&out, &[args, &["--no-verify"]].concat()).status.success());
        let is_report = |path: &Path| path.parent() == Some(&out);
        let written: Vec<_> = files(&out).into_iter().filter(|(path, _)| !is_report(path)).collect();
        for (path, bytes) in &written {
            let name = path.strip_prefix(&out).unwrap().to_str().unwrap();
            let (folder, name) = name.split_once('/').unwrap();
            let (_, section) = listing.split_once(&format!("\nmake {folder}")).unwrap();
            let section = section.split("\nmake ").next().unwrap();
            let line = section.lines().find(|line| line.starts_with(&format!("  {name} "))).unwrap();
            let size = match bytes {
                0..1000 => format!(" {bytes} B"),
                1000..1_000_000 => format!(" {:.2} kB", *bytes as f64 / 1e3),
                _ => format!(" {:.2} MB", *bytes as f64 / 1e6),
            };
            assert!(line.contains(&size), "{line}: {size}");
            assert_eq!(
                line.contains("then verify"),
                name.ends_with(".onnx") || name == "model.safetensors" && folder != "export"
            );
        }
        assert!(listing.contains(&format!("Would write {} files, ", written.len())), "{listing}");
        assert!(listing.contains("encode 580 texts") && listing.contains(out.to_str().unwrap()), "{listing}");
        assert!(!listing.contains("in place of"));

        // Over what is there, which stays as it is.
        let before = files(&out);
        let again = run(&out, &["--dry-run", "--dtype", "f32"]);
        assert!(
            text(&again.stdout).contains("in place of what an earlier run wrote"),
            "{}",
            text(&again.stdout)
        );
        assert_eq!(files(&out), before);
        fs::remove_dir_all(work.path().join("a")).unwrap();
    }
}
