//! `m2v quantize`: a smaller model.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::ValueEnum;
use indicatif::{DecimalBytes, HumanCount};
use m2v_core::{Checkpoint, Dtype, EmbeddingTable};
use m2v_quant::{Cast, Context, Int8, Transform, Truncate};

use crate::folder::OutArgs;
use crate::interrupt;
use crate::model;
use crate::stop::Stop;

/// Make a smaller model: another number type, fewer dimensions
///
/// OUT is a folder that m2v, Python model2vec and sentence-transformers (from 6.2) load.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v quantize models/minilm-l6-64d small --dtype int8
  m2v quantize models/minilm-l6-64d smaller --dtype int8 --dims 32")]
#[group(id = "steps", required = true, multiple = true, args = ["dtype", "dims"])]
pub(crate) struct Quantize {
    /// Folder of the model
    model: PathBuf,
    #[command(flatten)]
    out: OutArgs,
    /// Type of the numbers in the table; int8 has a scale for each row, multiplied into `weights`
    #[arg(long)]
    dtype: Option<TableDtype>,
    /// Dimensions to keep, the first ones
    #[arg(long, value_name = "N")]
    dims: Option<usize>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TableDtype {
    F32,
    F16,
    Int8,
}

impl Quantize {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let dir = model::open(&self.model)?;
        let mut checkpoint = Checkpoint::load(&dir)?;
        let mut folder = self.out.create(&dir, checkpoint.layout)?;
        let before = describe(&checkpoint.table);
        for step in self.steps() {
            checkpoint = step.apply(checkpoint, &mut Context::default().with_cancel(interrupt::flag()))?;
        }
        checkpoint.save(&mut folder)?;
        let after = describe(&checkpoint.table);
        // Unmaps the old table first: where OUT replaces another folder, nothing of it is open any more.
        drop(checkpoint);
        folder.finish()?;
        let _ = writeln!(io::stderr(), "{before} → {after}, written to {}", self.out.out.display());
        Ok(())
    }

    /// Columns go first, so that the scales of int8 rows are those of what is kept.
    fn steps(&self) -> Vec<Box<dyn Transform>> {
        let mut steps: Vec<Box<dyn Transform>> = Vec::new();
        if let Some(dim) = self.dims {
            steps.push(Box::new(Truncate { dim }));
        }
        match self.dtype {
            Some(TableDtype::F32) => steps.push(Box::new(Cast(Dtype::F32))),
            Some(TableDtype::F16) => steps.push(Box::new(Cast(Dtype::F16))),
            Some(TableDtype::Int8) => steps.push(Box::new(Int8)),
            None => {}
        }
        steps
    }
}

/// `29,525 × 64 float16, 3.78 MB`.
fn describe(table: &EmbeddingTable) -> String {
    let (rows, bytes) = (HumanCount(table.rows() as u64), DecimalBytes(table.byte_len() as u64));
    format!("{rows} × {} {}, {bytes}", table.dim(), table.dtype())
}
