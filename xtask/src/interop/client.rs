//! The clients, and how each is run.

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use clap::ValueEnum;

use super::environment::{Environment, Runner, last_line};
use super::outcome::{Line, Outcome};
use super::rten;
use super::truth::Truth;

/// A program that embeds texts with an exported folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    Onnxruntime,
    OnnxruntimeNode,
    OnnxruntimeWeb,
    #[value(name = "transformers.js")]
    TransformersJs,
    Fastembed,
    FastembedRs,
    Openvino,
    Mnn,
    /// The onnx package's own evaluator.
    OnnxReference,
    Model2vec,
    SentenceTransformers,
    Rten,
}

/// Scripts and their arguments, in an environment.
type Scripts = (Environment, &'static [&'static [&'static str]]);

impl Client {
    /// None if it runs in this process.
    fn scripts(self) -> Option<Scripts> {
        Some(match self {
            Self::Onnxruntime => {
                (Environment::Python, &[&["onnxruntime_texts.py"], &["onnxruntime_tokens.py"]])
            }
            Self::Fastembed => (Environment::Python, &[&["fastembed_custom.py"], &["fastembed_static.py"]]),
            Self::Openvino => (Environment::Runtimes, &[&["openvino_tokens.py"]]),
            Self::Mnn => (Environment::Runtimes, &[&["mnn_tokens.py"]]),
            Self::OnnxReference => (Environment::Runtimes, &[&["onnx_reference.py"]]),
            Self::Model2vec => (Environment::Python, &[&["model2vec_load.py"]]),
            Self::SentenceTransformers => (Environment::Torch, &[&["sentence_transformers_load.py"]]),
            Self::OnnxruntimeNode => (
                Environment::Node,
                &[
                    &["onnxruntime-texts.mjs", "onnxruntime-node"],
                    &["onnxruntime-tokens.mjs", "onnxruntime-node"],
                ],
            ),
            Self::OnnxruntimeWeb => (
                Environment::Node,
                &[
                    &["onnxruntime-texts.mjs", "onnxruntime-web"],
                    &["onnxruntime-tokens.mjs", "onnxruntime-web"],
                ],
            ),
            Self::TransformersJs => {
                (Environment::Node, &[&["transformers-pipeline.mjs"], &["transformers-automodel.mjs"]])
            }
            Self::FastembedRs => (Environment::Cargo, &[&[]]),
            Self::Rten => return None,
        })
    }

    /// Installs and runs the client: a row for each of its cases, and for what did not install or run.
    pub(crate) fn run(self, folders: &Folders<'_>, truth: &Truth) -> Vec<Outcome> {
        let Some((environment, scripts)) = self.scripts() else {
            return rten::run(self, folders.exported, truth);
        };
        match environment.install(folders.target, folders.workspace) {
            Err(error) => vec![Outcome::failed(self, "install", error)],
            Ok(runner) => {
                scripts.iter().flat_map(|script| self.run_script(script, &runner, folders, truth)).collect()
            }
        }
    }

    fn run_script(
        self,
        script: &[&str],
        runner: &Runner,
        folders: &Folders<'_>,
        truth: &Truth,
    ) -> Vec<Outcome> {
        let name = script.first().copied().unwrap_or("run");
        let mut command = Command::new(&runner.program);
        if let [file, ..] = script {
            command.arg(runner.scripts.join(file));
        }
        command.args([folders.exported, folders.work]).args(script.get(1..).unwrap_or_default());
        command.envs(runner.variables.iter().map(|(name, value)| (name, value)));
        let output = match command.stdin(Stdio::null()).output() {
            Ok(output) => output,
            Err(source) => {
                let program = runner.program.display();
                return vec![Outcome::failed(self, name, format!("cannot run {program}: {source}"))];
            }
        };
        // Kept for a person to read; without it the last line still stands in the table.
        let _ = fs::write(folders.work.join(format!("{self} {name}.log")), &output.stderr);

        let (mut outcomes, out) = (Vec::new(), folders.work.join("out"));
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            // Clients may print as well.
            if !line.starts_with('{') {
                continue;
            }
            match serde_json::from_str::<Line>(line) {
                Ok(line) => outcomes.push(Outcome::of_line(self, line, &out, truth)),
                Err(source) => outcomes.push(Outcome::failed(self, name, format!("said {line}: {source}"))),
            }
        }
        if !output.status.success() {
            let error = format!("{}: {}", output.status, last_line(&output.stderr));
            outcomes.push(Outcome::failed(self, name, error));
        } else if outcomes.is_empty() {
            outcomes.push(Outcome::failed(self, name, "ran no case"));
        }
        outcomes
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No variant is skipped.
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

/// Where things are.
pub(crate) struct Folders<'a> {
    pub(crate) workspace: &'a Path,
    /// What clients are installed in.
    pub(crate) target: &'a Path,
    /// What was exported.
    pub(crate) exported: &'a Path,
    /// Texts and vectors.
    pub(crate) work: &'a Path,
}
