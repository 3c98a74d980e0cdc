//! `cargo xtask pipeline`: from a model to verified, smaller copies of it and their ONNX graphs.

mod artefact;
mod error;
mod graph_runtime;
mod head;
mod page;
mod report;
mod target;
mod texts;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use m2v_core::{Checkpoint, Dir, DirSink, Sink};
use m2v_quant::{Context, Recipe, Transform, Truncate};

use artefact::Artefact;
pub(crate) use error::{Error, Result};
use report::Report;
use target::{TableDtype, Target};
use texts::Texts;
use verify::Verifier;

/// The model that comes with the repository.
const DEFAULT_MODEL: &str = "models/minilm-l6-64d";

/// Load a model, quantise it, export it to ONNX, run both and compare them with the model, and report.
///
/// For each dtype or recipe OUT gets a folder that model2vec, sentence-transformers and ONNX clients read, and beside
/// them report.html, report.md and report.json: sizes, how far the embeddings moved, and what was verified by what. A copy that
/// misses its bound fails the command, and nothing is written: a dtype's is to the model, a recipe may lose what it
/// loses, but its files have to give the vectors of the model it made. Of a classifier or regressor the head is kept,
/// exported and verified too.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Model folder [default: the model that comes with the repository]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Folder to write; one that an earlier run wrote is replaced [default: target/pipeline]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Dtypes to make
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "f32,f16,int8")]
    dtype: Vec<TableDtype>,
    /// Keep the first N dimensions
    #[arg(long, value_name = "N")]
    dims: Option<usize>,
    /// Recipes to follow instead, such as `prune=FILE+dims=32+int8`; one copy for each
    #[arg(long, value_name = "RECIPE", num_args = 1.., conflicts_with_all = ["dtype", "dims"])]
    recipe: Vec<Recipe>,
    /// Write OUT/export too, the folder of `m2v export`: the model with a graph for each dtype
    #[arg(long, conflicts_with_all = ["no_onnx", "recipe"])]
    onnx: bool,
    /// Write no ONNX graphs
    #[arg(long)]
    no_onnx: bool,
    /// Texts to verify on, one a line [default: 580 texts that come with the repository]
    #[arg(long, value_name = "FILE", conflicts_with = "no_verify")]
    texts: Option<PathBuf>,
    /// Do not run what was written
    #[arg(long)]
    no_verify: bool,
}

/// Runs the pipeline and prints the report.
pub(crate) fn run(args: &Args) -> Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).map_err(Error::Signals)?;

    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let model = args.model.clone().unwrap_or_else(|| workspace.join(DEFAULT_MODEL));
    let out = args.out.clone().unwrap_or_else(|| workspace.join("target/pipeline"));
    let targets = match args.recipe.is_empty() {
        true => Target::dtypes(&args.dtype),
        false => Target::recipes(&args.recipe),
    };

    let progress = Progress::new(&targets, args, interrupted);
    progress.step("load the model")?;
    let source = Checkpoint::load(&Dir::open(&model)?)?;
    let texts = |file: &str| Ok(Texts::load(Some(Path::new(file)), workspace)?.texts);
    let mut context = progress.context().with_texts(&texts);
    let base = match args.dims {
        Some(dim) => Recipe::default().then(Truncate { dim })?.apply(source.clone(), &mut context)?,
        None => source.clone(),
    };
    let mut report = Report::new(&model, &source, args.dims);

    progress.step("encode the texts with it")?;
    let verifier = match args.no_verify {
        true => None,
        false => Some(Verifier::new(&base, Texts::load(args.texts.as_deref(), workspace)?)?),
    };
    report.texts = verifier.as_ref().map(Verifier::summary);

    let mut sink = open_out(&out)?;
    for target in targets {
        progress.step(&format!("{}: quantise", target.name))?;
        let checkpoint = target.recipe.apply(base.clone(), &mut context)?;
        progress.step(&format!("{}: write", target.name))?;
        artefact::write(&checkpoint, &target, !args.no_onnx, &mut sink)?;
        let folder = sink.staging().map_err(|source| Error::io(&out, source))?.join(&target.name);
        let copy = verifier.as_ref().map(|verifier| verifier.copy(&checkpoint, &target)).transpose()?;
        for mut artefact in artefact::list(&checkpoint, &target, &folder, !args.no_onnx)? {
            if let Some(copy) = &copy {
                progress.step(&format!("{}: verify {}", target.name, artefact.file))?;
                artefact.verified = Some(copy.verify(&artefact, &folder)?);
            }
            report.artefacts.push(artefact);
        }
    }
    if args.onnx {
        artefact::write_export(&base, &mut sink)?;
        let folder = sink.staging().map_err(|source| Error::io(&out, source))?.join(artefact::EXPORT);
        for target in Target::dtypes(&args.dtype) {
            progress.step(&format!("{}: export as {}", artefact::EXPORT, target.name))?;
            let checkpoint = target.recipe.apply(base.clone(), &mut context)?;
            let file = artefact::write_graph(&checkpoint, &mut sink)?;
            let mut artefact = Artefact::new(&checkpoint, &target, (artefact::EXPORT, &folder), file)?;
            if let Some(verifier) = &verifier {
                progress.step(&format!("{}: verify {file}", artefact::EXPORT))?;
                artefact.verified = Some(verifier.copy(&checkpoint, &target)?.verify(&artefact, &folder)?);
            }
            report.artefacts.push(artefact);
        }
    }
    progress.finish();
    print!("{}", report.markdown());
    let failed = report.failures();
    if !failed.is_empty() {
        return Err(Error::Bounds(failed.join("; ")));
    }
    let page = page::html(&report);
    for (name, content) in
        [("report.json", report.json()), ("report.md", report.markdown()), ("report.html", page)]
    {
        sink.write_bytes(name, content.as_bytes()).map_err(|source| Error::io(&out.join(name), source))?;
    }
    progress.check()?;
    sink.finish().map_err(|source| Error::io(&out, source))?;
    println!("\nWritten to {}", out.display());
    Ok(())
}

/// The output folder, in place of an earlier run's; nothing else is ever replaced.
fn open_out(out: &Path) -> Result<DirSink> {
    let is_ours = |json: &[u8]| {
        let report: Option<serde_json::Value> = serde_json::from_slice(json).ok();
        report.is_some_and(|report| report["tool"] == report::TOOL)
    };
    match fs::read(out.join("report.json")) {
        Ok(json) if is_ours(&json) => Ok(DirSink::replace(out)?),
        _ => DirSink::create(out).map_err(|source| Error::Out { source }),
    }
}

/// The steps on a terminal, and the flag that ends them.
struct Progress {
    bar: ProgressBar,
    interrupted: Arc<AtomicBool>,
}

impl Progress {
    fn new(targets: &[Target], args: &Args, interrupted: Arc<AtomicBool>) -> Self {
        let files = if args.no_onnx { 1 } else { 2 };
        let exported = if args.onnx { 1 + usize::from(!args.no_verify) } else { 0 };
        let steps = 2 + targets.len() * (2 + exported + if args.no_verify { 0 } else { files });
        let bar = ProgressBar::new(steps as u64);
        // The template is a constant of this file; should it be wrong, the default style will do.
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self { bar, interrupted }
    }

    fn step(&self, message: &str) -> Result<()> {
        self.check()?;
        self.bar.inc(1);
        self.bar.set_message(message.to_owned());
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.interrupted.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    fn context(&self) -> Context<'_> {
        Context::default().with_cancel(&self.interrupted)
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
