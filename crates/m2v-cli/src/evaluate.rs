//! `m2v evaluate`: how good a classifier is.

use std::path::PathBuf;

use m2v_infer::{Error, Report, Target, Task};

use crate::args::RunArgs;
use crate::chunk::Limits;
use crate::encode::in_texts;
use crate::input::Input;
use crate::model::ModelArgs;
use crate::output::Output;
use crate::predict::ThresholdArgs;
use crate::progress::Progress;
use crate::stop::Stop;
use crate::stream::for_each_chunk;

/// Say how good a classifier is on labelled texts: precision, recall, F1
///
/// Prints the table of scikit-learn's classification_report; with --json one object with all digits, the accuracy
/// (the share of texts whose labels are all right) and the confusion matrix.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v evaluate sentiment test.jsonl
  m2v evaluate topics test.jsonl --threshold 0.3 --json | jq .accuracy")]
pub(crate) struct Evaluate {
    #[command(flatten)]
    model: ModelArgs,
    /// File of JSON objects, one a line, with `text` and `label`: a value, or for a multi-label classifier a list;
    /// `-`: standard input
    data: PathBuf,
    /// One JSON object instead of a table
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threshold: ThresholdArgs,
    #[command(flatten)]
    run: RunArgs,
}

impl Evaluate {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let input = Input::open_labelled(&self.data)?;
        let pipeline = self.run.load_pipeline(&self.model)?;
        self.threshold.check(&pipeline)?;
        if pipeline.output().task() == Task::Regression {
            return Err(Error::Regression { call: "evaluate" }.into());
        }
        let name = input.name().to_owned();
        let progress = Progress::new(&input, false);
        let (mut truth, mut predicted) = (Vec::<Target>::new(), Vec::new());
        for_each_chunk(input, Limits::default(), &progress, |chunk| {
            let predictions = pipeline.predict(&chunk.texts()).map_err(|error| in_texts(chunk, error))?;
            let predictions = self.threshold.apply(predictions);
            // Says at once what is wrong with a label, and where.
            predictions.evaluate(chunk.labels()).map_err(|error| match error {
                Error::Target { text, expected, found } => {
                    let line = chunk.number(text);
                    Stop::error(format!("{name}, line {line}: label: expected {expected}, found {found}"))
                }
                other => other.into(),
            })?;
            truth.extend_from_slice(chunk.labels());
            for prediction in &predictions {
                predicted.push(prediction.to_target()?);
            }
            Ok(())
        })?;
        drop(progress);
        let report = Report::new(&truth, &predicted).map_err(|error| match error {
            Error::NothingToEvaluate => Stop::error(format!("{name}: no texts to evaluate with")),
            other => other.into(),
        })?;
        let mut output = Output::create(None)?;
        if self.json {
            output.write_json(&report)?;
            output.write(b"\n")?;
        } else {
            output.write(report.to_string().as_bytes())?;
        }
        output.finish()
    }
}
