//! The report as it fits on a terminal of 80 columns.

use std::fmt::Write as _;

use indicatif::{DecimalBytes, HumanCount};

use super::artefact::Artefact;
use super::progress::shortened;

/// Columns of a file's name.
const NAME: usize = 32;

/// A line for each file; the report has all of it.
pub(crate) fn table(artefacts: &[Artefact]) -> String {
    let mut text = format!(
        "{:<NAME$}{:>11}{:>10}{:>8}{:>11}  {}\n",
        "file", "size", "min cos", "recall", "texts/s", "bounds"
    );
    for Artefact { folder, file, bytes, verified, .. } in artefacts {
        let name = shortened(&format!("{folder}/{file}"), NAME);
        let bytes = DecimalBytes(*bytes).to_string();
        let _ = write!(text, "{name:<NAME$}{bytes:>11}");
        let _ = match verified {
            Some(verified) => {
                let head = verified.head.as_ref().is_none_or(|head| head.passed);
                let speed = HumanCount(verified.texts_per_second as u64).to_string();
                let (cosine, recall) = (verified.cosine_min, verified.recall_at_10);
                let passed = if verified.passed && head { "met" } else { "MISSED" };
                writeln!(text, "{cosine:>10.6}{recall:>8.4}{speed:>11}  {passed}")
            }
            None => writeln!(text, "{:>10}{:>8}{:>11}  not run", "–", "–", "–"),
        };
    }
    text
}
