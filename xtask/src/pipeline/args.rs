//! What the pipeline is told.

use std::path::PathBuf;

use m2v_quant::Recipe;

use super::clock::Kind;
use super::target::{TableDtype, Target};

/// Make smaller copies of a model and their ONNX graphs, run them, and report what they cost.
///
/// Loads the model, makes a copy of it for each dtype or recipe, exports each to ONNX, runs tables (m2v-infer) and
/// graphs (rten) on texts, and compares their embeddings with the model's. Of a classifier or regressor the head is
/// kept, exported and compared too.
///
/// A copy that misses its bound fails the command, and nothing is written: a dtype's bound is to the model; a recipe
/// may lose what it loses, but its files have to give the vectors of the model that it made.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask pipeline
  cargo xtask pipeline --dry-run
  cargo xtask pipeline --model minishlab/potion-base-8M --out potion
  cargo xtask pipeline --model my-model --dtype int8 --dims 128
  cargo xtask pipeline --recipe int8 dims=32+int8 prune=texts.txt+int8
  cargo xtask pipeline --onnx --texts my-texts.txt

What is written:
  OUT/NAME/      for each dtype or recipe, a folder that m2v, Python model2vec,
                 sentence-transformers and ONNX clients load: model.safetensors,
                 onnx/model.onnx, tokenizer.json, config.json, …
  OUT/export/    with --onnx: the model with a graph for each dtype
  OUT/report.*   size, cosines, recall@10 and speed of each file: .html opens in
                 a browser and has the plot of size against quality; .md; .json

OUT appears when all is done. Ctrl-C at any time leaves nothing of it, and what
an earlier run wrote as it was: there is nothing to clean up or to resume, run
it again. (Of a model on the hub, what was fetched is kept.)

A recipe is steps with + between them, applied in order: prune=FILE, dims=N,
clusters=N, and one of f64, f32, f16, bf16 (not for Python model2vec), int8.
docs/quantise.md says what they cost; `m2v quantize --recipe` makes the one that
you choose.

Exit codes: 0 done, 1 error or a missed bound, 2 wrong usage, 130 interrupted.")]
pub(crate) struct Args {
    /// Folder of the model, or its id on the hub: ORG/NAME[@REVISION][:SUBFOLDER], from the cache of Python's
    /// huggingface_hub or fetched into it with `m2v pull` [default: the model that comes with the repository]
    #[arg(long, value_name = "MODEL")]
    pub(super) model: Option<PathBuf>,
    /// Folder to write; one that an earlier run wrote is replaced, no other is [default: target/pipeline]
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Dtypes to make
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "f32,f16,int8")]
    pub(super) dtype: Vec<TableDtype>,
    /// Keep the first N dimensions
    #[arg(long, value_name = "N")]
    pub(super) dims: Option<usize>,
    /// Recipes to follow instead, such as `prune=FILE+dims=32+int8`; one copy for each
    #[arg(long, value_name = "RECIPE", num_args = 1.., conflicts_with_all = ["dtype", "dims"])]
    pub(super) recipe: Vec<Recipe>,
    /// Write OUT/export too, the folder of `m2v export`: the model with a graph for each dtype
    #[arg(long, conflicts_with_all = ["no_onnx", "recipe"])]
    pub(super) onnx: bool,
    /// Write no ONNX graphs
    #[arg(long)]
    pub(super) no_onnx: bool,
    /// Texts to verify on, one a line or .jsonl, each compared with every other: a few thousand are enough [default:
    /// 580 texts that come with the repository]
    #[arg(long, value_name = "FILE", conflicts_with = "no_verify")]
    pub(super) texts: Option<PathBuf>,
    /// Do not run what was written
    #[arg(long)]
    pub(super) no_verify: bool,
    /// Say what would be done, and write nothing: the steps, and each file with its size. Copies are made in memory, so
    /// that sizes are exact and bad input fails as it would
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl Args {
    /// The copies to make.
    pub(super) fn targets(&self) -> Vec<Target> {
        match self.recipe.is_empty() {
            true => Target::dtypes(&self.dtype),
            false => Target::recipes(&self.recipe),
        }
    }

    /// The copies whose graphs go into the folder of `m2v export`.
    pub(super) fn exported(&self) -> Vec<Target> {
        if self.onnx { Target::dtypes(&self.dtype) } else { Vec::new() }
    }

    /// The steps to take.
    pub(super) fn plan(&self, targets: usize, exported: usize) -> Vec<Kind> {
        let (is_run, has_graph) = (!self.no_verify && !self.dry_run, !self.no_onnx);
        let mut copy = vec![Kind::Quantise, Kind::Write];
        copy.extend(is_run.then_some(Kind::VerifyTable));
        copy.extend((is_run && has_graph).then_some(Kind::VerifyGraph));
        let mut graph = vec![Kind::Write];
        graph.extend(is_run.then_some(Kind::VerifyGraph));
        let mut plan = vec![Kind::Load];
        plan.extend(is_run.then_some(Kind::Encode));
        plan.extend(copy.repeat(targets));
        plan.extend(self.onnx.then_some(Kind::Write));
        plan.extend(graph.repeat(exported));
        plan
    }
}
