//! `m2v export`: a model as ONNX.

use std::io::{self, Write as _};

use indicatif::DecimalBytes;
use m2v_core::Checkpoint;
use m2v_onnx::{ExportOptions, export};

use crate::folder::OutArgs;
use crate::model::ModelArgs;
use crate::stop::Stop;

/// Export a model to ONNX, as the one folder that all clients read
///
/// The graph is OUT/onnx/model.onnx, with inputs input_ids and attention_mask and outputs last_hidden_state and
/// sentence_embedding; of a model with a head also probabilities, or predictions of a regression. Beside it is what m2v, Python model2vec, sentence-transformers and transformers.js need.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v export models/minilm-l6-64d exported
  m2v quantize models/minilm-l6-64d small --dtype int8 && m2v export small exported --force")]
pub(crate) struct Export {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    out: OutArgs,
}

impl Export {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let dir = self.model.open()?;
        let checkpoint = Checkpoint::load(&dir)?;
        let mut folder = self.out.create(&dir, checkpoint.layout)?;
        export(&checkpoint, &ExportOptions::default(), &mut folder)?;
        drop(checkpoint);
        let files = folder.finish()?;
        let total: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        let graph = files.iter().find(|(name, _)| name == "onnx/model.onnx");
        let graph = graph.map_or(String::new(), |(name, bytes)| format!("{name} {}, ", DecimalBytes(*bytes)));
        let (out, count, total) = (self.out.out.display(), files.len(), DecimalBytes(total));
        let _ = writeln!(io::stderr(), "wrote {out}: {graph}{count} files, {total} in all");
        Ok(())
    }
}
