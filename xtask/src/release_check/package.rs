//! What is published: each crate's tarball, built and tested next to the tarballs of its siblings.

use std::fs;
use std::io;
use std::path::Path;

use super::Outcome;
use super::job::Job;
use super::trees::features;

pub(super) fn run(job: &mut Job) -> io::Result<Outcome> {
    let published = match features(job) {
        Ok(published) => published,
        Err(reason) => return Ok(Outcome::Failed(reason)),
    };
    let mut command = vec!["package", "--locked", "--no-verify", "--allow-dirty"];
    command.extend(published.iter().flat_map(|(name, _)| ["--package", name]));
    let outcome = job.cargo(command)?;
    if !matches!(outcome, Outcome::Passed) {
        return Ok(outcome);
    }
    // A workspace of what is in the tarballs, and of nothing else: what a crate forgot to pack is not there.
    let folder = job.empty_folder()?;
    let crates = folder.join("crates");
    fs::create_dir(&crates)?;
    // Tests read recorded answers of the repository, which are too large to be packed.
    for beside in ["models", "docs", "tests"] {
        link(&job.workspace().join(beside), &folder.join(beside))?;
    }
    let (mut members, mut patches) = (String::new(), String::new());
    for (name, _) in &published {
        let packed = format!("{name}-{}", env!("CARGO_PKG_VERSION"));
        let tarball = job.workspace().join("target/package").join(format!("{packed}.crate"));
        let mut unpack = job.command("tar");
        let outcome = job.run(unpack.arg("xzf").arg(tarball).arg("-C").arg(&crates))?;
        if !matches!(outcome, Outcome::Passed) {
            return Ok(outcome);
        }
        members += &format!("    \"crates/{packed}\",\n");
        patches += &format!("{name} = {{ path = \"crates/{packed}\" }}\n");
    }
    let manifest =
        format!("[workspace]\nresolver = \"3\"\nmembers = [\n{members}]\n\n[patch.crates-io]\n{patches}");
    let manifest = format!("{manifest}\n[profile.dev.package.\"*\"]\nopt-level = 2\n");
    fs::write(folder.join("Cargo.toml"), manifest)?;
    fs::copy(job.workspace().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let mut test = job.command("cargo");
    // Dependencies have been built for the workspace: the same versions, features and profile.
    test.current_dir(&folder).env("CARGO_TARGET_DIR", job.workspace().join("target"));
    job.run(test.args(["test", "--workspace"]))
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(windows)]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(from, to)
}
