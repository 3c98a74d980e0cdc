//! The commands of the guides.

use std::fs;
use std::path::Path;

use crate::support::*;

#[test]
fn commands_of_the_guides_run() {
    let work = tempfile::tempdir().unwrap();
    let guides = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut ran = 0;
    for guide in fs::read_dir(guides).unwrap() {
        let guide = guide.unwrap().path();
        if guide.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let page = fs::read_to_string(&guide).unwrap();
        let (mut in_block, mut commands) = (false, Vec::new());
        for line in page.lines() {
            match line.strip_prefix("cargo xtask pipeline ") {
                Some(args) if in_block => commands.push(args),
                _ => in_block ^= line.starts_with("```"),
            }
        }
        for command in commands {
            let out = work.path().join(ran.to_string());
            let run = run(&out, &command.split_whitespace().collect::<Vec<_>>());
            assert!(run.status.success(), "{}: {command}: {}", guide.display(), text(&run.stderr));
            assert!(out.join("report.html").is_file());
            ran += 1;
        }
    }
    assert!(ran > 0);
}
