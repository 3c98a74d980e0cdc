//! A fresh export to run the clients on, by the command that users run.

use std::fs;
use std::path::Path;

use crate::error::{Error, Result};
use crate::m2v;

/// Writes `model` and `bag`, a folder for each signature, in place of what an earlier run wrote.
pub(crate) fn fresh(model: &Path, exported: &Path, workspace: &Path) -> Result<()> {
    if exported.exists() {
        fs::remove_dir_all(exported).map_err(|source| Error::io(exported, source))?;
    }
    fs::create_dir_all(exported).map_err(|source| Error::io(exported, source))?;
    for (name, options) in [("model", &[] as &[&str]), ("bag", &["--signature", "bag"])] {
        let mut command = m2v::command(workspace);
        command.arg("export").arg(model).arg(exported.join(name)).args(options);
        let program = format!("m2v export {name}");
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(Error::Ended { program, status }),
            Err(source) => return Err(Error::Start { program, source }),
        }
    }
    Ok(())
}
