//! What a smaller model loses on some texts, and how much it may.

use std::path::{Path, PathBuf};

use m2v_core::Checkpoint;
use m2v_core::ndarray::{Array2, Axis};
use m2v_infer::{Encoder as _, EncoderExt as _, StaticModel};
use m2v_quant::{Context, Loss, compare_with};

use crate::interrupt;
use crate::stop::Stop;
use crate::stream::read_all;

/// What to measure, and what to refuse.
#[derive(Debug, clap::Args)]
pub(crate) struct LossArgs {
    /// Texts to measure the loss on, one a line or .jsonl: each is encoded with both models, and compared with every
    /// other (a few thousand are enough)
    #[arg(long, value_name = "FILE")]
    texts: Option<PathBuf>,
    /// Write nothing and exit with 1 if the cosine of a text's two vectors is less
    #[arg(long, value_name = "X", requires = "texts", value_parser = share)]
    min_cosine: Option<f64>,
    /// Write nothing and exit with 1 if recall@10 is less; of 12 texts or more
    #[arg(long, value_name = "X", requires = "texts", value_parser = share)]
    min_recall: Option<f64>,
}

/// Texts of which recall@10 says something: one, its ten neighbours, and another.
const RECALL_TEXTS: usize = 12;

/// Texts and the vectors they had.
pub(crate) struct Before {
    texts: Vec<String>,
    vectors: Array2<f32>,
}

impl LossArgs {
    /// Whether the texts come from standard input, which can be read once.
    pub(crate) fn reads_standard_input(&self) -> bool {
        self.texts() == Some(Path::new("-"))
    }

    /// Where the texts come from.
    pub(crate) fn texts(&self) -> Option<&Path> {
        self.texts.as_deref()
    }

    /// Encodes the texts with the model as it is; nothing without texts.
    pub(crate) fn encode(&self, checkpoint: &Checkpoint) -> Result<Option<Before>, Stop> {
        let Some(path) = &self.texts else { return Ok(None) };
        let texts = read_all(path)?;
        if texts.is_empty() {
            return Err(Stop::error(format!("{}: no texts to measure the loss on", path.display())));
        }
        if self.min_recall.is_some() && texts.len() < RECALL_TEXTS {
            let message = format!(
                "--min-recall: expected at least {RECALL_TEXTS} texts in {}, found {}: of fewer, all others are among \
                 the ten nearest, whatever was lost",
                path.display(),
                texts.len()
            );
            return Err(Stop::error(message));
        }
        let vectors = encode(checkpoint, &texts)?;
        Ok(Some(Before { texts, vectors }))
    }

    /// What is less than it may be, if anything is, and the sizes that it would have been for.
    pub(crate) fn check(&self, loss: &Loss, sizes: &str) -> Result<(), Stop> {
        for (option, least, what, found) in [
            ("--min-cosine", self.min_cosine, "the smallest cosine", loss.cosine_min),
            ("--min-recall", self.min_recall, "recall@10", loss.recall_at_10),
        ] {
            // What is not a number is not enough either.
            if let Some(least) = least.filter(|&least| found.is_nan() || found < least) {
                let message = format!(
                    "{option}: {what} is {found:.6}, less than {least} ({sizes}); nothing was written"
                );
                return Err(Stop::error(message));
            }
        }
        Ok(())
    }
}

impl Before {
    /// What the texts lose with another model.
    pub(crate) fn compare(&self, checkpoint: &Checkpoint) -> Result<Loss, Stop> {
        let after = encode(checkpoint, &self.texts)?;
        let context = Context::default().with_cancel(interrupt::flag());
        Ok(compare_with(self.vectors.view(), after.view(), &context)?)
    }
}

/// The loss as `inspect` prints what it finds.
pub(crate) fn table(loss: &Loss) -> String {
    let rows = [
        ("texts", loss.texts.to_string()),
        ("cosine min", format!("{:.6}", loss.cosine_min)),
        ("cosine 1 %", format!("{:.6}", loss.cosine_p1)),
        ("cosine mean", format!("{:.6}", loss.cosine_mean)),
        ("recall@10", format!("{:.4}", loss.recall_at_10)),
    ];
    rows.into_iter().map(|(name, value)| format!("{name:<19}{value}\n")).collect()
}

/// Texts between looks at Ctrl-C.
const TEXTS: usize = 1 << 13;

fn encode(checkpoint: &Checkpoint, texts: &[String]) -> Result<Array2<f32>, Stop> {
    let model = StaticModel::from_checkpoint(checkpoint.clone())?;
    let mut vectors = Array2::zeros((texts.len(), model.dim()));
    for (texts, vectors) in texts.chunks(TEXTS).zip(vectors.axis_chunks_iter_mut(Axis(0), TEXTS)) {
        interrupt::check()?;
        model.encode_into(texts, vectors)?;
    }
    Ok(vectors)
}

fn share(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or("expected a number from 0 to 1")
}
