//! `m2v predict`: texts to labels.

use std::path::{Path, PathBuf};

use m2v_infer::{Pipeline, Predictions, Task};
use ndarray::{CowArray, Ix2};

use crate::args::TextArgs;
use crate::chunk::{Chunk, Limits};
use crate::encode::{in_texts, push_row};
use crate::input::has_extension;
use crate::lines::Lines;
use crate::output::{Output, refuse_same};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::stream::for_each_chunk;

/// Classify texts with a model that has a head: one label, or any number of labels, or values, for each text
///
/// Prints lines of JSON: {"label": …} for a classifier, {"labels": […]} for a multi-label classifier, {"values":
/// […]} for a regression. Labels are as the model has them: strings, whole numbers or booleans. Lines of INPUT are read
/// as `m2v encode` reads them. `m2v inspect` prints the classes of a model.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v predict sentiment reviews.txt
  m2v predict topics reviews.jsonl --threshold 0.3 -o topics.jsonl
  echo 'Take this.' | m2v predict sentiment --proba")]
pub(crate) struct Predict {
    #[command(flatten)]
    texts: TextArgs,
    /// File to write, .jsonl; it appears when all is done [default: standard output]
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Add the probability of each class, "proba": […], in the order of the head's classes
    #[arg(long)]
    proba: bool,
    #[command(flatten)]
    threshold: ThresholdArgs,
}

/// What a multi-label classifier says.
#[derive(Debug, clap::Args)]
pub(crate) struct ThresholdArgs {
    /// Probability over which a multi-label classifier says a class [default: 0.5]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    threshold: Option<f32>,
}

impl ThresholdArgs {
    /// Refuses a threshold of what has none.
    pub(crate) fn check(&self, pipeline: &Pipeline) -> Result<(), Stop> {
        let has_one = pipeline.output().task() == Task::MultiLabel;
        match self.threshold {
            Some(threshold) if !(0.0..=1.0).contains(&threshold) => {
                Err(Stop::Usage(format!("--threshold {threshold}: expected a probability, 0 to 1")))
            }
            Some(threshold) if !has_one => Err(Stop::Usage(format!(
                "--threshold {threshold}: only multi-label classifiers have a threshold, and this model is none"
            ))),
            _ => Ok(()),
        }
    }

    pub(crate) fn apply(&self, predictions: Predictions) -> Predictions {
        match self.threshold {
            Some(threshold) => predictions.with_threshold(threshold),
            None => predictions,
        }
    }
}

impl Predict {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let output = self.output.as_deref();
        check_extension(output)?;
        refuse_same(self.texts.input.as_deref(), output)?;
        let (input, pipeline) = self.texts.open_pipeline()?;
        self.threshold.check(&pipeline)?;
        if self.proba && pipeline.output().task() == Task::Regression {
            let message = "--proba: this model is a regression, which has no probabilities, but values";
            return Err(Stop::Usage(message.to_owned()));
        }
        let progress = Progress::new(&input, output.is_some());
        let mut lines = Lines::new(Output::create(output)?);
        for_each_chunk(input, Limits::default(), &progress, |chunk| {
            let predictions = pipeline.predict(&chunk.texts()).map_err(|error| in_texts(chunk, error))?;
            let predictions = self.threshold.apply(predictions);
            let proba = if self.proba { Some(predictions.probabilities()?) } else { None };
            write(chunk, &predictions, proba.as_ref(), &mut lines)
        })?;
        lines.finish()
    }
}

fn check_extension(output: Option<&Path>) -> Result<(), Stop> {
    match output {
        Some(path) if !has_extension(path, "jsonl") => {
            let found = path.display();
            Err(Stop::Usage(format!(
                "-o {found}: OUT must end in .jsonl; without -o, JSON lines are printed"
            )))
        }
        _ => Ok(()),
    }
}

fn write(
    chunk: &Chunk,
    predictions: &Predictions,
    proba: Option<&CowArray<'_, f32, Ix2>>,
    lines: &mut Lines,
) -> Result<(), Stop> {
    lines.write(chunk.len(), |i, line| {
        serde_json::to_writer(&mut *line, &predictions.get(i))?;
        if let Some(proba) = proba {
            // Before the brace that ends the object.
            line.pop();
            line.extend_from_slice(b",\"proba\":");
            push_row(line, proba.row(i), chunk.number(i))?;
            line.push(b'}');
        }
        Ok(())
    })
}
