//! Running the head of what was written, and comparing what it says.

use std::path::Path;

use m2v_core::{Checkpoint, Dir};
use m2v_infer::{Head, HeadScratch, Mlp, Pipeline, StaticModel, Task};
use ndarray::{Array2, ArrayView1, Axis, concatenate};
use serde::Serialize;

use super::graph_runtime::GraphRuntime;
use crate::error::{Error, Result};
use crate::exact::exact;
use crate::interrupt;

/// What running the head of an artefact showed.
#[derive(Serialize)]
pub(crate) struct HeadVerified {
    /// `probabilities`, or `predictions` of a regression.
    pub(crate) output: &'static str,
    pub(crate) compared_with: &'static str,
    pub(crate) max_abs_diff: f64,
    /// What it may be. How far a quantised table moves probabilities has no bound: it depends on the head.
    pub(crate) max_abs_diff_bound: Option<f64>,
    /// The share of texts with the same label or labels; none of a regression.
    pub(crate) same_labels: Option<f64>,
    pub(crate) passed: bool,
}

/// What the head of the model says of the texts.
pub(crate) struct HeadVerifier {
    task: Task,
    output: &'static str,
    /// Probabilities or values, `[texts, width]`.
    expected: Array2<f32>,
}

impl HeadVerifier {
    /// Nothing for a model without a head.
    pub(crate) fn new(model: &Checkpoint, texts: &[String]) -> Result<Option<Self>> {
        let Some(head) = &model.head else { return Ok(None) };
        let pipeline = Pipeline::from_checkpoint(model.clone())?;
        let expected = run(&pipeline, texts)?;
        Ok(Some(Self { task: pipeline.output().task(), output: head.output_name(), expected }))
    }

    /// The folder as a user loads it, compared with the model.
    pub(crate) fn verify_table(
        &self,
        folder: &Path,
        texts: &[String],
        is_exact: bool,
    ) -> Result<HeadVerified> {
        let found = run(&Pipeline::load(&Dir::open(folder)?)?, texts)?;
        Ok(self.compare("the model", &self.expected, &found, is_exact))
    }

    /// The graph in another runtime, compared with the model it is made of.
    pub(crate) fn verify_graph(
        &self,
        made: &Checkpoint,
        graph: &Path,
        texts: &[String],
        (ids, pad): (&[Vec<u32>], u32),
    ) -> Result<HeadVerified> {
        let missing =
            || Error::Graph { file: graph.display().to_string(), message: "the head is gone".to_owned() };
        let head = Mlp::new(made.head.as_ref().ok_or_else(missing)?, made.table.dim())?;
        let embeddings = exact(&StaticModel::from_checkpoint(made.clone())?, texts, &|_| ())?;
        let mut expected = Array2::zeros(self.expected.dim());
        head.score_block(embeddings.view(), &mut HeadScratch::default(), expected.view_mut())?;
        head.to_probabilities(expected.view_mut());
        let found = GraphRuntime::load(graph)?.output(self.output, ids, pad, expected.ncols())?;
        Ok(self.compare("the table it is made of", &expected, &found, true))
    }

    fn compare(
        &self,
        compared_with: &'static str,
        expected: &Array2<f32>,
        found: &Array2<f32>,
        is_bounded: bool,
    ) -> HeadVerified {
        // Not `max`, which would drop a NaN.
        let larger = |largest: f64, x: f64| if x > largest || x.is_nan() { x } else { largest };
        let differences = expected.iter().zip(found).map(|(x, y)| (f64::from(*x) - f64::from(*y)).abs());
        let max_abs_diff = differences.fold(0.0, larger);
        let scale = expected.iter().fold(1.0, |scale, x| larger(scale, f64::from(x.abs())));
        let max_abs_diff_bound = is_bounded.then_some(1e-6 * scale);
        let same =
            expected.rows().into_iter().zip(found.rows()).filter(|(x, y)| self.labels(x) == self.labels(y));
        let same_labels =
            (self.task != Task::Regression).then(|| same.count() as f64 / expected.nrows().max(1) as f64);
        let passed = max_abs_diff_bound.is_none_or(|bound| max_abs_diff <= bound);
        HeadVerified {
            output: self.output,
            compared_with,
            max_abs_diff,
            max_abs_diff_bound,
            same_labels,
            passed,
        }
    }

    /// The classes that probabilities say.
    fn labels(&self, probabilities: &ArrayView1<'_, f32>) -> Vec<usize> {
        let largest = probabilities.iter().fold(f32::MIN, |largest, &p| largest.max(p));
        let is_said = |p: f32| if self.task == Task::MultiLabel { p > 0.5 } else { p == largest };
        probabilities.iter().enumerate().filter(|(_, p)| is_said(**p)).map(|(i, _)| i).collect()
    }
}

/// Texts between looks at Ctrl-C.
const TEXTS: usize = 1 << 12;

fn run(pipeline: &Pipeline, texts: &[String]) -> Result<Array2<f32>> {
    let mut parts = Vec::new();
    for texts in texts.chunks(TEXTS) {
        interrupt::check()?;
        let predictions = match pipeline.output().task() {
            Task::Regression => pipeline.predict(texts)?,
            _ => {
                parts.push(pipeline.predict_proba(texts)?);
                continue;
            }
        };
        parts.push(predictions.values().map(|values| values.to_owned()).unwrap_or_default());
    }
    let views: Vec<_> = parts.iter().map(|part: &Array2<f32>| part.view()).collect();
    // Parts of one head are equally wide.
    Ok(concatenate(Axis(0), &views).unwrap_or_default())
}
