//! That both sides do the same work, before it is timed.

use std::path::Path;

use anyhow::Result;

use crate::engine::{Engine, Ours, Peer};

/// Embeddings of a text that are further apart are not the same.
const BOUND: f32 = 1e-5;

/// Texts that are embedded at a time.
const CHUNK: usize = 4096;

/// What a comparison of all texts found.
pub(crate) struct Agreement {
    /// The texts on which both agree.
    pub(crate) texts: Vec<String>,
    /// The largest difference of a number on those.
    pub(crate) difference: f32,
    /// How many texts are left out.
    pub(crate) dropped: usize,
}

impl Agreement {
    /// Embeds all texts with both sides. The peer has known deviations, such as where it cuts long texts; one text
    /// in a hundred may differ and is left out.
    ///
    /// # Errors
    /// If more differ: then the two do not do the same, and comparing their speed would mean nothing.
    pub(crate) fn check(folder: &Path, texts: &[String]) -> Result<Self> {
        let (mut ours, mut peer) = (Ours::load(folder)?, Peer::load(folder)?);
        let dim = ours.model.table().dim();
        let mut found = Self { texts: Vec::new(), difference: 0.0, dropped: 0 };
        let mut worst = 0.0f32;
        for texts in texts.chunks(CHUNK) {
            let (left, right) = (ours.embed(texts)?, peer.embed(texts)?);
            for (text, (left, right)) in texts.iter().zip(left.chunks(dim).zip(right.chunks(dim))) {
                let differences = || left.iter().zip(right).map(|(a, b)| (a - b).abs());
                let difference = differences().fold(0.0, f32::max);
                // NaN is not within any bound, but `max` passes over it.
                if differences().all(|difference| difference <= BOUND) {
                    found.texts.push(text.clone());
                    found.difference = found.difference.max(difference);
                } else {
                    found.dropped += 1;
                    worst = worst.max(difference);
                }
            }
        }
        let dropped = found.dropped;
        anyhow::ensure!(
            dropped * 100 <= texts.len(),
            "{}: the two sides differ on {dropped} of {} texts, by up to {worst:.1e}",
            folder.display(),
            texts.len()
        );
        Ok(found)
    }

    /// In words, for the report.
    pub(crate) fn note(&self) -> String {
        match self.dropped {
            0 => format!("differ by ≤ {:.0e}", self.difference),
            n => format!("differ by ≤ {:.0e}; {n} texts left out", self.difference),
        }
    }
}
