//! Running the programs of one check, with what they print in a file.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Outcome;

/// Lines of output that a failure shows.
const SHOWN: usize = 20;

/// The programs of one check.
pub(super) struct Job {
    workspace: PathBuf,
    folder: PathBuf,
    name: String,
    log: File,
}

impl Job {
    pub(super) fn new(workspace: &Path, name: &str) -> io::Result<Self> {
        let folder = workspace.join("target/release-check");
        fs::create_dir_all(&folder)?;
        let log = File::create(folder.join(name).with_extension("log"))?;
        Ok(Self { workspace: workspace.to_owned(), folder, name: name.to_owned(), log })
    }

    pub(super) fn workspace(&self) -> &Path {
        &self.workspace
    }

    pub(super) fn log(&self) -> PathBuf {
        self.folder.join(&self.name).with_extension("log")
    }

    /// An empty folder for this check.
    pub(super) fn empty_folder(&self) -> io::Result<PathBuf> {
        let folder = self.folder.join(&self.name);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// A command of cargo, in the workspace. What runs this has set variables about itself, which are taken out:
    /// with them dependencies would be built again.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.workspace);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_") && name != "CARGO_HOME") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs cargo in the workspace.
    pub(super) fn cargo<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(
        &mut self,
        args: I,
    ) -> io::Result<Outcome> {
        let mut command = self.command("cargo");
        command.args(args);
        self.run(&mut command)
    }

    /// Runs cargo for each list of arguments, up to the first that fails.
    pub(super) fn all<'a>(
        &mut self,
        commands: impl IntoIterator<Item = Vec<&'a str>>,
    ) -> io::Result<Outcome> {
        for args in commands {
            let outcome = self.cargo(args)?;
            if !matches!(outcome, Outcome::Passed) {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Passed)
    }

    /// Runs a program; what it prints goes to the log.
    pub(super) fn run(&mut self, command: &mut Command) -> io::Result<Outcome> {
        use std::io::Write as _;

        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        writeln!(self.log, "$ {}", words.join(" "))?;
        let (stdout, stderr) = (self.log.try_clone()?, self.log.try_clone()?);
        let status = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).status();
        match status {
            Ok(status) if status.success() => Ok(Outcome::Passed),
            Ok(status) => {
                Ok(Outcome::Failed(format!("{}: {status}\n{}", words.join(" "), self.end_of_log()?)))
            }
            Err(error) => Ok(Outcome::Failed(format!("cannot run {}: {error}", words[0]))),
        }
    }

    /// What a program prints, or `None` if it fails or is not there.
    pub(super) fn output_of(&self, command: &mut Command) -> Option<String> {
        let output = command.stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn end_of_log(&self) -> io::Result<String> {
        let text = String::from_utf8_lossy(&fs::read(self.log())?).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        Ok(lines[lines.len().saturating_sub(SHOWN)..].join("\n"))
    }
}
