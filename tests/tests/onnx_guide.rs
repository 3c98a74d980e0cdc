//! The programs in docs/onnx.md are those that `cargo xtask interop` runs, word for word.

use std::fs;
use std::path::Path;

use m2v_tests::Result;

/// What stands between `docs: NAME` and `docs: end` in a file.
fn excerpt(root: &Path, file: &str, name: &str) -> Result<String> {
    let source = fs::read_to_string(root.join(file))?;
    let is_mark = |line: &str, mark: &str| {
        line.strip_prefix("# docs: ")
            .or_else(|| line.strip_prefix("// docs: "))
            .is_some_and(|found| found == mark)
    };
    let mut lines = source.lines().skip_while(|line| !is_mark(line, name));
    lines.next().ok_or(format!("{file}: no excerpt {name}"))?;
    Ok(lines.take_while(|line| !is_mark(line, "end")).collect::<Vec<_>>().join("\n").trim().to_owned())
}

#[test]
fn programs_are_those_that_are_run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let guide = fs::read_to_string(root.join("docs/onnx.md"))?;
    let mut count = 0;
    let mut before = "";
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block = lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n");
            if !["sh", "console"].contains(&language) {
                let origin = before.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
                let (file, name) = origin
                    .and_then(|origin| origin.split_once(": "))
                    .ok_or(format!("of no file:\n{block}"))?;
                assert_eq!(block, excerpt(root, file, name)?, "{file}: {name}");
                count += 1;
            }
        }
        before = line;
    }
    assert_eq!(count, 9, "programs in docs/onnx.md");
    Ok(())
}
