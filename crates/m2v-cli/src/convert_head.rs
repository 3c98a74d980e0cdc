//! `m2v convert-head`: a pipeline of yesterday as one of today.

use std::io::{self, Write as _};

use m2v_core::Source as _;
use m2v_infer::Error;

use crate::folder::OutArgs;
use crate::model::ModelArgs;
use crate::stop::Stop;

/// Save a classifier of model2vec before 0.9 (pipeline.skops) in today's format (head.safetensors)
///
/// Nothing in pipeline.skops is executed. OUT is a folder that m2v and Python model2vec load, without scikit-learn.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v convert-head old-classifier classifier")]
pub(crate) struct ConvertHead {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    out: OutArgs,
}

impl ConvertHead {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let (dir, checkpoint) = self.model.load_sound()?;
        let Some(head) = &checkpoint.head else {
            return Err(Error::NoHead { location: dir.locate("") }.into());
        };
        let layers = head.layers().len();
        let classes = head.classes().map_or(String::new(), |classes| format!(", {} classes", classes.len()));
        let description = format!("{layers} layers, {}{classes}", head.activation().name());
        let mut folder = self.out.create(&dir, checkpoint.layout)?;
        checkpoint.save(&mut folder)?;
        // Unmaps the old table first: where OUT replaces another folder, nothing of it is open any more.
        drop(checkpoint);
        folder.finish()?;
        let _ = writeln!(io::stderr(), "{description}, written to {}", self.out.out.display());
        Ok(())
    }
}
