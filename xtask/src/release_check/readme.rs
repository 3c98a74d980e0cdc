//! The README as a new user has it: its commands, in a fresh clone.

use std::fs;
use std::io;

use super::Outcome;
use super::job::Job;

pub(super) fn run(job: &mut Job) -> io::Result<Outcome> {
    let changed = job.output_of(job.command("git").args(["status", "--porcelain"]));
    let folder = job.empty_folder()?;
    let mut clone = job.command("git");
    let outcome = job.run(clone.args(["clone", "--quiet", "--no-hardlinks", "."]).arg(&folder))?;
    if !matches!(outcome, Outcome::Passed) {
        return Ok(outcome);
    }
    let commands = commands(&fs::read_to_string(folder.join("README.md"))?);
    if commands.is_empty() {
        return Ok(Outcome::Failed("README.md has no block of shell commands".to_owned()));
    }
    for command in commands {
        let mut shell = job.command("sh");
        // Its own target folder: as on a fresh machine.
        let outcome = job.run(shell.args(["-euc", &command]).current_dir(&folder))?;
        if !matches!(outcome, Outcome::Passed) {
            return Ok(outcome);
        }
    }
    if changed.is_none_or(|changed| !changed.is_empty()) {
        return Ok(Outcome::Failed(
            "the clone passed, but there are changes that are not committed".to_owned(),
        ));
    }
    Ok(Outcome::Passed)
}

/// The lines of the first block of shell commands, without comments.
fn commands(readme: &str) -> Vec<String> {
    let block = readme.split_once("```sh\n").and_then(|(_, rest)| rest.split_once("```"));
    let lines = block.map_or("", |(block, _)| block).lines();
    let lines = lines.map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn commands_are_those_of_the_first_block() {
        let readme = "# m2v\n\n```sh\ncargo a   # does a\n\ncargo b\n```\n\n```sh\ncargo c\n```\n";
        assert_eq!(commands(readme), ["cargo a", "cargo b"]);
    }
}
