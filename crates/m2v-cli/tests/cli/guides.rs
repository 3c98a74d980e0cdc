//! The shell commands of the guides, some of which take a model from the hub.
#![cfg(all(unix, feature = "hub"))]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::hub::Setup;
use crate::support::*;

/// The model that the guides take from the hub.
const ON_THE_HUB: &str = "minishlab/potion-base-8M";

/// The blocks of shell commands that run nothing but this program; `cargo xtask interop` does what others do.
fn shell_blocks(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in page.lines() {
        match &mut block {
            None if line == "```sh" => block = Some(String::new()),
            None => {}
            Some(_) if line == "```" => {
                blocks
                    .extend(block.take().filter(|block| block.lines().all(|line| line.starts_with("m2v "))));
            }
            Some(block) => *block += &format!("{line}\n"),
        }
    }
    blocks
}

#[test]
fn commands_of_the_guides_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = Path::new(env!("CARGO_BIN_EXE_m2v")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let texts = recorded_texts().into_iter().filter(|text| !text.contains(['\n', '\r']));
    let texts: Vec<String> = texts.collect();
    let hub = Setup::new().with_model(ON_THE_HUB);

    let mut ran = 0;
    for page in fs::read_dir(root.join("docs")).unwrap() {
        let page = page.unwrap().path();
        if page.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let folder = scratch();
        symlink(root.join("models").canonicalize().unwrap(), folder.path().join("models")).unwrap();
        fs::write(folder.path().join("texts.txt"), texts.join("\n")).unwrap();
        for block in shell_blocks(&fs::read_to_string(&page).unwrap()) {
            let block = block.replace("BRANCH_OR_COMMIT", "main");
            let mut shell = Command::new("sh");
            hub.environment(&mut shell);
            shell.args(["-euc", &block]).current_dir(folder.path()).env("PATH", &path);
            let output = shell.output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}:\n{block}{stderr}", page.display());
            ran += 1;
        }
    }
    assert!(ran >= 6, "{ran} blocks were found");
}
