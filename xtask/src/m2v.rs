//! The command that users run, for what it does already.

use std::env;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::Command;

/// `m2v`, built first if need be.
pub(crate) fn command(workspace: &Path) -> Command {
    let mut command = cargo("run", workspace);
    command.args(["--quiet", "--"]);
    command
}

/// Builds it; on a terminal cargo shows how far that is.
pub(crate) fn build(workspace: &Path) -> Command {
    let mut command = cargo("build", workspace);
    command.args((!io::stderr().is_terminal()).then_some("--quiet"));
    command
}

fn cargo(command: &str, workspace: &Path) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([command, "--profile", "xtask", "--package", "m2v-cli", "--manifest-path"]);
    cargo.arg(workspace.join("Cargo.toml"));
    cargo
}
