//! A fresh export to run the clients on, by the command that users run.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::error::{Error, Result};

/// Writes `model` and `bag`, a folder for each signature, in place of what an earlier run wrote.
pub(crate) fn fresh(model: &Path, exported: &Path, workspace: &Path) -> Result<()> {
    if exported.exists() {
        fs::remove_dir_all(exported).map_err(|source| Error::io(exported, source))?;
    }
    fs::create_dir_all(exported).map_err(|source| Error::io(exported, source))?;
    for (name, options) in [("model", &[] as &[&str]), ("bag", &["--signature", "bag"])] {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["run", "--quiet", "--profile", "xtask", "--package", "m2v-cli", "--", "export"]);
        command.arg(model).arg(exported.join(name)).args(options).current_dir(workspace);
        let program = format!("m2v export {name}");
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(Error::Export { program, status }),
            Err(source) => return Err(Error::Start { program, source }),
        }
    }
    Ok(())
}
