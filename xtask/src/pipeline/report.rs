//! `report.json` and `report.md`.

use std::fmt::Write as _;

use m2v_core::Checkpoint;
use serde::Serialize;

use super::artefact::Artefact;
use super::target::Target;

/// The value of `tool` by which a later run knows its own output.
pub(crate) const TOOL: &str = "m2v pipeline";

/// Files of a report, beside the folders of artefacts.
pub(crate) const FILES: [&str; 3] = ["report.json", "report.md", "report.html"];

/// What a run of the pipeline made and found.
#[derive(Serialize)]
pub(crate) struct Report {
    tool: &'static str,
    version: &'static str,
    model: String,
    source: Source,
    /// Dimensions that were kept, if not all.
    dims: Option<usize>,
    pub(crate) texts: Option<TextsSummary>,
    pub(crate) artefacts: Vec<Artefact>,
}

#[derive(Serialize)]
struct Source {
    rows: usize,
    dim: usize,
    dtype: String,
    bytes: usize,
}

/// What the artefacts were verified on.
#[derive(Clone, Serialize)]
pub(crate) struct TextsSummary {
    pub(crate) origin: String,
    pub(crate) count: usize,
    pub(crate) empty: usize,
    pub(crate) unknown_only: usize,
    pub(crate) not_ascii: usize,
    /// Texts of `max_length` tokens or more.
    pub(crate) at_max_length: usize,
}

impl Report {
    pub(crate) fn new(model: &str, source: &Checkpoint, dims: Option<usize>) -> Self {
        let source = Source {
            rows: source.table.rows(),
            dim: source.table.dim(),
            dtype: source.table.dtype().to_string(),
            bytes: source.table.byte_len(),
        };
        let version = env!("CARGO_PKG_VERSION");
        Self {
            tool: TOOL,
            version,
            model: model.to_owned(),
            source,
            dims,
            texts: None,
            artefacts: Vec::new(),
        }
    }

    /// What is not within its bounds, in words.
    pub(crate) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for artefact in &self.artefacts {
            let Some(verified) = &artefact.verified else { continue };
            if let Some(head) = verified.head.as_ref().filter(|head| !head.passed) {
                failures.push(format!(
                    "{}/{}: {}: largest difference to {} {:.2e}, at most {:.0e}",
                    artefact.folder,
                    artefact.file,
                    head.output,
                    head.compared_with,
                    head.max_abs_diff,
                    head.max_abs_diff_bound.unwrap_or_default()
                ));
            }
            if verified.passed {
                continue;
            }
            let mut failure = format!(
                "{}/{}: largest difference {:.2e}, at most {:.0e}",
                artefact.folder, artefact.file, verified.max_abs_diff, verified.max_abs_diff_bound
            );
            if let Some(bound) = verified.cosine_min_bound {
                let _ = write!(failure, ", smallest cosine {:.6}, at least {bound}", verified.cosine_min);
            }
            failures.push(failure);
        }
        failures
    }

    /// Recipes for the copies that miss a bound to the model: they would be the same without it.
    pub(crate) fn bound_by(&self, targets: &[Target]) -> Vec<String> {
        let missed =
            |artefact: &&Artefact| artefact.verified.as_ref().is_some_and(|verified| !verified.passed);
        let missed: Vec<&str> =
            self.artefacts.iter().filter(missed).map(|artefact| &*artefact.recipe).collect();
        let is_missed = |target: &&Target| {
            target.bound.is_some() && !target.is_model() && missed.contains(&&*target.recipe.to_string())
        };
        let dims = self.dims.map_or(String::new(), |dims| format!("dims={dims}+"));
        targets.iter().filter(is_missed).map(|target| format!("{dims}{}", target.recipe)).collect()
    }

    pub(crate) fn json(&self) -> String {
        // Only finite numbers and strings: cannot fail; an empty report would be seen at once.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The name of the model.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// What was made of what, and how it was verified, in sentences.
    pub(super) fn summary(&self) -> Vec<String> {
        let source = &self.source;
        let (rows, dim, dtype) = (source.rows, source.dim, &source.dtype);
        let size = megabytes(source.bytes as u64);
        let mut lines =
            vec![format!("Source: {rows} × {dim}, {dtype}, {size}. Made by m2v {}.", self.version)];
        lines.extend(
            self.dims.map(|dims| format!("Compared with the first {dims} dimensions of the source.")),
        );
        lines.push(self.texts.as_ref().map_or("Not verified.".to_owned(), |texts| {
            format!(
                "Verified on {} texts ({}): {} not ASCII, {} empty, {} of unknown tokens only, {} of at least \
                 max_length tokens.",
                texts.count,
                texts.origin,
                texts.not_ascii,
                texts.empty,
                texts.unknown_only,
                texts.at_max_length
            )
        }));
        lines
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("# {}\n\n{}\n\n", self.model, self.summary().join("\n\n"));
        text += "| file | size | rows × dims | dtype | cosine min / 1 % / mean | recall@10 | largest difference (bound) | \
                 texts/s | verified by |\n|---|---|---|---|---|---|---|---|---|\n";
        for artefact in &self.artefacts {
            let _ = writeln!(text, "{}", row(artefact));
        }
        text += &self.heads();
        if let Some(legend) = self.legend() {
            let _ = writeln!(text, "\n{legend}");
        }
        text
    }

    /// What the columns are, if there is something in them.
    pub(super) fn legend(&self) -> Option<&'static str> {
        let legend = "Cosine and recall@10: to the source's embeddings of the same texts, for graphs summed in f64. \
                      Difference: to the same, of a recipe to those of the model it made. texts/s: this machine, \
                      these texts, best of several runs, graphs without tokenising; compare rows, not machines.";
        self.texts.is_some().then_some(legend)
    }
}

impl Report {
    /// The table of what heads showed, for a pipeline.
    fn heads(&self) -> String {
        let verified = |artefact: &Artefact| {
            artefact.verified.as_ref().and_then(|verified| {
                let head = verified.head.as_ref()?;
                let bound = head.max_abs_diff_bound.map_or(String::new(), |bound| format!(" ({bound:.0e})"));
                let same = head.same_labels.map_or("–".to_owned(), |same| format!("{:.2} %", same * 100.0));
                let failed = if head.passed { "" } else { "**FAILED** " };
                let Artefact { folder, file, .. } = artefact;
                let (output, with, difference) = (head.output, head.compared_with, head.max_abs_diff);
                Some(format!(
                    "| {folder}/{file} | {failed}{output} | {with} | {difference:.1e}{bound} | {same} |\n"
                ))
            })
        };
        let rows: String = self.artefacts.iter().filter_map(verified).collect();
        if rows.is_empty() {
            return rows;
        }
        let head = "| file | head | compared with | largest difference (bound) | same labels |\n|---|---|---|---|---|\n";
        format!("\n{head}{rows}")
    }
}

fn row(artefact: &Artefact) -> String {
    let Artefact { file, folder, dtype, rows, dim, bytes, verified, .. } = artefact;
    let mut text = format!("| {folder}/{file} | {} | {rows} × {dim} | {dtype} |", megabytes(*bytes));
    match verified {
        Some(verified) => {
            let _ = write!(
                text,
                " {:.6} / {:.6} / {:.6} | {:.4} | {:.1e} ({:.0e}{}) | {:.0} | {}{} |",
                verified.cosine_min,
                verified.cosine_p1,
                verified.cosine_mean,
                verified.recall_at_10,
                verified.max_abs_diff,
                verified.max_abs_diff_bound,
                verified.cosine_min_bound.map_or(String::new(), |bound| format!(", cosine ≥ {bound}")),
                verified.texts_per_second,
                if verified.passed { "" } else { "**FAILED** " },
                verified.by
            );
        }
        None => text += " – | – | – | – | not verified |",
    }
    text
}

fn megabytes(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
