//! What cases share, and the list of them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;

use crate::agree::Agreement;
use crate::corpus::Corpora;
use crate::models::{Model, Models};
use crate::report::{Kind, Report, Row};
use crate::{load, memory, pathological, scaling, throughput};

/// What cases measure on, and where they put what they find.
pub(crate) struct Bench {
    pub(crate) corpora: Corpora,
    pub(crate) models: Models,
    /// Where files are made.
    pub(crate) work: PathBuf,
    pub(crate) python: Option<PathBuf>,
    /// Fewer texts where there can be fewer.
    pub(crate) quick: bool,
    /// Rounds of a measurement.
    pub(crate) rounds: usize,
    pub(crate) report: Report,
    /// What the last case of throughput agreed on.
    pub(crate) agreement: Option<(&'static str, Arc<Agreement>)>,
    /// Nanoseconds per byte of prose by model folder.
    pub(crate) prose: HashMap<PathBuf, f64>,
}

impl Bench {
    /// The folder of a model.
    pub(crate) fn model(&self, model: Model) -> Result<PathBuf> {
        self.models.folder(model, &self.corpora)
    }
}

type Run = Box<dyn Fn(&mut Bench, &str) -> Result<()> + Send + Sync>;

/// Something to measure; it makes one row or a few.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    run: Run,
}

impl Case {
    pub(crate) fn new(
        name: String,
        kind: Kind,
        run: impl Fn(&mut Bench, &str) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { name, kind, run: Box::new(run) }
    }

    /// Measures. What fails is a row too, one that does not meet its floor.
    pub(crate) fn run(&self, bench: &mut Bench) {
        if let Err(error) = (self.run)(bench, &self.name) {
            let row = Row::new(&self.name, self.kind, "–");
            bench.report.push(Row { met: Some(false), note: format!("failed: {error:#}"), ..row });
        }
    }
}

/// All cases whose name holds one of the words, or whose kind is one of them; without words all.
pub(crate) fn cases(only: &[String]) -> Result<Vec<Case>> {
    let all = [throughput::cases(), load::cases(), memory::cases(), scaling::cases(), pathological::cases()];
    let mut names = Vec::new();
    let mut chosen = Vec::new();
    for case in all.into_iter().flatten() {
        names.push(case.name.clone());
        let kind = format!("{:?}", case.kind).to_lowercase();
        if only.is_empty() || only.iter().any(|word| case.name.contains(word) || kind == *word) {
            chosen.push(case);
        }
    }
    anyhow::ensure!(!chosen.is_empty(), "no such case; there are\n  {}", names.join("\n  "));
    Ok(chosen)
}

/// The path of a file made for a child process.
pub(crate) fn texts_file(work: &Path, name: &str) -> PathBuf {
    work.join("texts").join(format!("{name}.txt"))
}
