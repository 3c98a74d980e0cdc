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
        let tarball = format!("target/package/{name}-{}.crate", env!("CARGO_PKG_VERSION"));
        // Under the name it has in the repository: tests of one crate use the server of another's.
        let unpacked = crates.join(name);
        fs::create_dir(&unpacked)?;
        let mut unpack = job.command("tar");
        unpack.arg("xzf").arg(tarball).args(["--strip-components", "1", "-C"]).arg(unpacked);
        let outcome = job.run(&mut unpack)?;
        if !matches!(outcome, Outcome::Passed) {
            return Ok(outcome);
        }
        for needed in ["LICENSE-MIT", "LICENSE-APACHE", "README.md"] {
            if !crates.join(name).join(needed).exists() {
                return Ok(Outcome::Failed(format!("{name}: its package has no {needed}")));
            }
        }
        members += &format!("    \"crates/{name}\",\n");
        patches += &format!("{name} = {{ path = \"crates/{name}\" }}\n");
    }
    let manifest = fs::read_to_string(job.workspace().join("Cargo.toml"))?;
    let profiles = manifest.find("\n[profile.").map_or("", |start| &manifest[start..]);
    let manifest = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [\n{members}]\n\n[patch.crates-io]\n{patches}{profiles}"
    );
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
