//! `cargo xtask bench`: builds `benches/peers`, a workspace of its own, and runs it.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Measure m2v next to its peers: texts per second, loading, memory, threads, texts made to be slow.
///
/// Prints case × ours × peer × ratio × floor. Models and texts are made from the repository when they are first
/// needed. benches/peers/README.md says what the cases are.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Run the cases of benches/peers
    #[arg(long, required = true)]
    peers: bool,
    /// Write the table as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only cases whose name holds one of these words, or of these kinds
    #[arg(long, value_name = "CASES", value_delimiter = ',')]
    only: Vec<String>,
    /// Folder with prose, messy and udhr texts, .txt or .txt.gz [default: a sample that comes with the repository]
    #[arg(long, value_name = "DIR")]
    corpus: Option<PathBuf>,
    /// Fewer rounds and a shorter stream
    #[arg(long)]
    quick: bool,
    /// A Python that has model2vec: a third side
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot run {program}: {source}")]
    Start { program: String, source: io::Error },
    #[error("{program}: {status}")]
    Failed { program: String, status: ExitStatus },
}

/// Builds and runs the benchmark.
pub(crate) fn run(args: &Args) -> Result<(), Error> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let target = workspace.join("target/bench-peers/build");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = workspace.join("benches/peers/Cargo.toml");
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--release", "--manifest-path"]).arg(manifest);
    finish(build.arg("--target-dir").arg(&target))?;
    let mut bench =
        Command::new(target.join("release/bench-peers").with_extension(env::consts::EXE_EXTENSION));
    finish(bench.arg("run").args(args.forwarded()))
}

impl Args {
    /// As the benchmark takes them.
    fn forwarded(&self) -> Vec<OsString> {
        let paths = [("--json", &self.json), ("--corpus", &self.corpus), ("--python", &self.python)];
        let mut args: Vec<OsString> = Vec::new();
        for (name, path) in paths {
            args.extend(path.iter().flat_map(|path| [name.into(), path.into()]));
        }
        args.extend(self.only.iter().flat_map(|case| ["--only".into(), case.into()]));
        args.extend(self.quick.then(|| "--quick".into()));
        args
    }
}

fn finish(command: &mut Command) -> Result<(), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Failed { program, status }),
        Err(source) => Err(Error::Start { program, source }),
    }
}
