//! Where clients are installed: folders of their own, from pinned lists.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Environment {
    /// Python packages that need no torch.
    Python,
    /// Those that do.
    Torch,
    /// Other runtimes of graphs, which bring much that CI need not install.
    Runtimes,
    /// Packages of Node.
    Node,
    /// The Rust crate in `tests/interop/fastembed-rs`, which finds onnxruntime in [`Self::Python`].
    Cargo,
}

/// How a script is run.
pub(crate) struct Runner {
    pub(crate) program: PathBuf,
    /// Where scripts are found.
    pub(crate) scripts: PathBuf,
    pub(crate) variables: Vec<(&'static str, PathBuf)>,
}

impl Environment {
    /// Installs it if its list has changed since it was last installed.
    ///
    /// # Errors
    /// The reason for which it cannot be installed.
    pub(crate) fn install(self, target: &Path, workspace: &Path) -> Result<Runner, String> {
        let interop = workspace.join("tests/interop");
        match self {
            Self::Python => python(&target.join("python"), &interop.join("python"), "requirements.txt"),
            Self::Torch => python(&target.join("torch"), &interop.join("python"), "requirements-torch.txt"),
            Self::Runtimes => {
                python(&target.join("runtimes"), &interop.join("python"), "requirements-runtimes.txt")
            }
            Self::Node => node(&target.join("node"), &interop.join("node"), workspace),
            Self::Cargo => cargo(target, &interop, workspace),
        }
    }
}

fn python(folder: &Path, scripts: &Path, list: &str) -> Result<Runner, String> {
    let list = scripts.join(list);
    let (bin, python) = if cfg!(windows) { ("Scripts", "python") } else { ("bin", "python3") };
    let program = folder.join(bin).join("python");
    once(folder, &read(&list)?, || {
        finish(Command::new(python).args(["-m", "venv"]).arg(folder))?;
        finish(Command::new(&program).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&list))
    })?;
    Ok(Runner { program, scripts: scripts.to_owned(), variables: Vec::new() })
}

fn node(folder: &Path, scripts: &Path, workspace: &Path) -> Result<Runner, String> {
    let lock = scripts.join("package-lock.json");
    once(folder, &read(&lock)?, || {
        for name in ["package.json", "package-lock.json"] {
            copy(&scripts.join(name), &folder.join(name))?;
        }
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        // The packages hold all that is needed; their scripts would fetch what else there is.
        finish(
            Command::new(npm).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder),
        )
    })?;
    // Node looks for packages beside the script.
    let entries = fs::read_dir(scripts).map_err(|source| format!("{}: {source}", scripts.display()))?;
    for entry in
        entries.filter_map(Result::ok).filter(|entry| entry.path().extension().is_some_and(|x| x == "mjs"))
    {
        copy(&entry.path(), &folder.join(entry.file_name()))?;
    }
    copy(&workspace.join("docs/browser/embed.js"), &folder.join("embed.js"))?;
    Ok(Runner { program: "node".into(), scripts: folder.to_owned(), variables: Vec::new() })
}

fn cargo(target: &Path, interop: &Path, workspace: &Path) -> Result<Runner, String> {
    let python = Environment::Python.install(target, workspace)?;
    let find = "import glob, os, onnxruntime as o; \
        print(glob.glob(os.path.join(os.path.dirname(o.__file__), 'capi', 'libonnxruntime.*'))[0])";
    let found = Command::new(&python.program)
        .args(["-c", find])
        .output()
        .map_err(|source| format!("{}: {source}", python.program.display()))?;
    if !found.status.success() {
        return Err("the Python package onnxruntime holds no libonnxruntime".to_owned());
    }
    let library = PathBuf::from(String::from_utf8_lossy(&found.stdout).trim());
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = target.join("fastembed-rs");
    let manifest = interop.join("fastembed-rs/Cargo.toml");
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--release", "--locked", "--manifest-path"]).arg(manifest);
    finish(command.arg("--target-dir").arg(&build))?;
    let program = build.join("release/fastembed-rs").with_extension(std::env::consts::EXE_EXTENSION);
    Ok(Runner { program, scripts: PathBuf::new(), variables: vec![("ORT_DYLIB_PATH", library)] })
}

/// Fills a folder unless that was done for the same list before.
fn once(folder: &Path, list: &str, fill: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let stamp = folder.join("installed");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == list) {
        return Ok(());
    }
    let error = |source: std::io::Error| format!("{}: {source}", folder.display());
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(error)?;
    }
    fs::create_dir_all(folder).map_err(error)?;
    fill()?;
    fs::write(&stamp, list).map_err(error)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|source| format!("{}: {source}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(drop).map_err(|source| format!("{}: {source}", from.display()))
}

/// Runs a command whose output only matters if it fails.
fn finish(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.stdin(Stdio::null()).output().map_err(|source| format!("cannot run {program}: {source}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program}: {}: {}", output.status, last_line(&output.stderr)))
}

/// Where programs say what went wrong.
pub(crate) fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("no message").to_owned()
}
