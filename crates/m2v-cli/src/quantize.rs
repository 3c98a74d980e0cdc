//! `m2v quantize`: a smaller model.

use std::io::{self, Write as _};
use std::path::Path;

use clap::ValueEnum;
use indicatif::{DecimalBytes, HumanCount};
use m2v_core::{Dtype, EmbeddingTable};
use m2v_quant::{Cast, Context, Int8, Int8Global, Prune, Recipe, Step, Transform, Truncate};

use crate::folder::OutArgs;
use crate::interrupt;
use crate::loss::{self, LossArgs};
use crate::model::ModelArgs;
use crate::output::Output;
use crate::stop::Stop;
use crate::stream::read_all;

/// Make a smaller model: fewer tokens, fewer dimensions, another number type
///
/// OUT is a folder that m2v, Python model2vec and sentence-transformers (from 6.2) load.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v quantize models/minilm-l6-64d small --dtype int8
  m2v quantize models/minilm-l6-64d smaller --dtype int8 --dims 32
  m2v quantize models/minilm-l6-64d mine --recipe prune=texts.txt+int8 --texts texts.txt --min-recall 0.9

A recipe is steps with + between them, applied in order: prune=FILE (+ in FILE is %2B, % is %25), or prune-used=FILE,
which keeps nothing for other texts, dims=N, clusters=N, and one of f64, f32, f16, bf16, int8, int8=global. It is kept
in OUT/config.json. The other options make the recipe prune=FILE+dims=N+clusters=N+DTYPE.")]
#[group(id = "steps", required = true, multiple = true, args = ["recipe", "dtype", "dims", "clusters", "prune"])]
pub(crate) struct Quantize {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    out: OutArgs,
    /// Steps to take, such as prune=FILE+dims=128+int8
    #[arg(long, value_name = "RECIPE", conflicts_with_all = ["dtype", "int8_scale", "dims", "clusters", "prune"])]
    recipe: Option<Recipe>,
    /// Type of the numbers in the table; int8 has a scale for each row, multiplied into `weights`; Python model2vec
    /// does not read bf16
    #[arg(long)]
    dtype: Option<TableDtype>,
    /// Scale of int8 numbers: of each row, or one that is not kept, as Python model2vec does it
    #[arg(long, value_name = "SCALE", requires = "dtype")]
    int8_scale: Option<Int8Scale>,
    /// Dimensions to keep, the first ones
    #[arg(long, value_name = "N")]
    dims: Option<usize>,
    /// Rows to keep: tokens share the centres of so many clusters
    #[arg(long, value_name = "N")]
    clusters: Option<usize>,
    /// Keep only the tokens of these texts, one a line or .jsonl, what the tokenizer needs, and, up to two fifths of
    /// the vocabulary, what similar texts are likely to use (not these: --recipe prune-used=FILE)
    #[arg(long, value_name = "FILE")]
    prune: Option<String>,
    #[command(flatten)]
    loss: LossArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TableDtype {
    F64,
    F32,
    F16,
    Bf16,
    Int8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Int8Scale {
    PerRow,
    Global,
}

impl Quantize {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let recipe = self.recipe()?;
        let (dir, checkpoint) = self.model.load_sound()?;
        let mut folder = self.out.create(&dir, checkpoint.layout)?;
        let before = describe(&checkpoint.table);
        if let Some(texts) = self.loss.texts() {
            self.out.refuse_input(texts)?;
        }
        let encoded = self.loss.encode(&checkpoint)?;
        let texts = |name: &str| match name {
            "-" if self.loss.reads_standard_input() => Err("standard input was read for --texts".into()),
            _ => {
                let path = Path::new(name);
                self.out.refuse_input(path).and_then(|()| read_all(path)).map_err(Stop::into_error)
            }
        };
        let mut context = Context::default().with_cancel(interrupt::flag()).with_texts(&texts);
        // The old table is unmapped with the last step that needs it: where OUT replaces another folder, nothing of
        // it is open any more.
        let checkpoint = recipe.apply(checkpoint, &mut context)?;
        let sizes = format!("{before} → {}", describe(&checkpoint.table));
        let not_measured = if encoded.is_none() { "; the loss was not measured: --texts FILE" } else { "" };
        if let Some(encoded) = encoded {
            let loss = encoded.compare(&checkpoint)?;
            let mut output = Output::create(None)?;
            output.write(loss::table(&loss).as_bytes())?;
            output.finish()?;
            self.loss.check(&loss, &sizes)?;
        }
        checkpoint.save(&mut folder)?;
        drop(checkpoint);
        folder.finish()?;
        let _ = writeln!(io::stderr(), "{sizes}, written to {}{not_measured}", self.out.out.display());
        Ok(())
    }

    /// The recipe, or what the other options say. What takes away goes first, so that clusters, and the scales of int8
    /// rows, are those of what is kept.
    fn recipe(&self) -> Result<Recipe, Stop> {
        if let Some(recipe) = &self.recipe {
            return Ok(recipe.clone());
        }
        if self.int8_scale.is_some() && !matches!(self.dtype, Some(TableDtype::Int8)) {
            return Err(Stop::Usage("--int8-scale goes with --dtype int8".to_owned()));
        }
        let dtype = self.dtype.map(|dtype| match dtype {
            TableDtype::F64 => Cast(Dtype::F64).into(),
            TableDtype::F32 => Cast(Dtype::F32).into(),
            TableDtype::F16 => Cast(Dtype::F16).into(),
            TableDtype::Bf16 => Cast(Dtype::BF16).into(),
            TableDtype::Int8 if self.int8_scale == Some(Int8Scale::Global) => Int8Global.into(),
            TableDtype::Int8 => Int8.into(),
        });
        let steps: [Option<Step>; 4] = [
            self.prune.clone().map(|texts| Prune::new(texts).into()),
            self.dims.map(|dim| Truncate { dim }.into()),
            self.clusters.map(Step::clusters),
            dtype,
        ];
        Ok(steps.into_iter().flatten().try_fold(Recipe::default(), Recipe::then)?)
    }
}

/// `29,525 × 64 float16, 3.78 MB`.
fn describe(table: &EmbeddingTable) -> String {
    let (rows, bytes) = (HumanCount(table.rows() as u64), DecimalBytes(table.byte_len() as u64));
    format!("{rows} × {} {}, {bytes}", table.dim(), table.dtype())
}
