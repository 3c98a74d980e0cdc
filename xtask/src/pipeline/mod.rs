//! `cargo xtask pipeline`: from a model to verified, smaller copies of it and their ONNX graphs.

mod args;
mod artefact;
mod clock;
mod dry_run;
mod graph_runtime;
mod head;
mod model;
mod out;
mod page;
mod progress;
mod report;
mod screen;
mod target;
mod texts;
mod verify;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use m2v_core::{Checkpoint, Dir, Sink};
use m2v_infer::StaticModel;
use m2v_quant::{Context, Recipe, Transform, Truncate};

pub(crate) use args::Args;
use artefact::{Artefact, EXPORT, TABLE};
use clock::Kind;
use model::Model;
use out::Out;
use progress::Progress;
use report::Report;
use target::Target;
use texts::Texts;
use verify::Verifier;

use crate::error::{Error, Result};
use crate::interrupt;

/// Runs the pipeline and prints the report.
pub(crate) fn run(args: &Args) -> Result<()> {
    interrupt::watch()?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    // Names first: a mistyped one should not cost a load.
    let path = args.out.clone().unwrap_or_else(|| workspace.join("target/pipeline"));
    let texts = if args.no_verify { None } else { Some(Texts::load(args.texts.as_deref(), workspace)?) };
    let model = Model::find(args.model.as_deref(), args.dry_run, workspace)?;
    model.refuse_in(&path)?;
    let (targets, exported) = (args.targets(), args.exported());
    let progress = Progress::new(args.plan(targets.len(), exported.len()));
    let mut out = Out::open(&path, args.dry_run, &progress)?;

    progress.step(Kind::Load, "load the model")?;
    let source = Checkpoint::load(&Dir::open(&model.folder)?)?;
    let read = |file: &str| Ok(Texts::load(Some(Path::new(file)), workspace)?.texts);
    let report_rows = |done, total| progress.rows(done, total);
    let mut context =
        Context::default().with_cancel(interrupt::flag()).with_texts(&read).with_progress(&report_rows);
    let base = match args.dims {
        Some(dim) => Recipe::default().then(Truncate { dim })?.apply(source.clone(), &mut context)?,
        None => source.clone(),
    };
    let mut report = Report::new(&model.name, &source, args.dims);
    let verifier = match &texts {
        Some(texts) if !args.dry_run => {
            progress.step(Kind::Encode, "encode the texts with it")?;
            Some(Verifier::new(&base, texts, &progress)?)
        }
        _ => {
            // Whether its files belong together.
            StaticModel::from_checkpoint(base.clone())?;
            None
        }
    };
    report.texts = verifier.as_ref().map(Verifier::summary);

    for target in &targets {
        progress.step(Kind::Quantise, &format!("{}: quantise", target.name))?;
        let checkpoint = target.recipe.apply(base.clone(), &mut context)?;
        let write = if args.dry_run { "add up files" } else { "write" };
        progress.step(Kind::Write, &format!("{}: {write}", target.name))?;
        let files = artefact::write(&checkpoint, target, !args.no_onnx, &mut out)?;
        let mut copy = None;
        for file in files {
            let mut artefact = Artefact::new(&checkpoint, target, &target.name, file, &out);
            if let Some(verifier) = &verifier {
                let kind = if *file == TABLE { Kind::VerifyTable } else { Kind::VerifyGraph };
                progress.step(kind, &format!("{}: verify {file}", target.name))?;
                let copy = match &copy {
                    Some(copy) => copy,
                    None => copy.insert(verifier.copy(&checkpoint, target)?),
                };
                artefact.verified = Some(copy.verify(&artefact, &out.staging()?.join(&target.name))?);
            }
            report.artefacts.push(artefact);
        }
    }
    if args.onnx {
        progress.step(Kind::Write, &format!("{EXPORT}: write"))?;
        artefact::write_export(&base, &mut out)?;
    }
    for target in &exported {
        progress.step(Kind::Write, &format!("{EXPORT}: graph as {}", target.name))?;
        let checkpoint = target.recipe.apply(base.clone(), &mut context)?;
        let file = artefact::write_graph(&checkpoint, &mut out)?;
        let mut artefact = Artefact::new(&checkpoint, target, EXPORT, file, &out);
        if let Some(verifier) = &verifier {
            progress.step(Kind::VerifyGraph, &format!("{EXPORT}: verify {file}"))?;
            let copy = verifier.copy(&checkpoint, target)?;
            artefact.verified = Some(copy.verify(&artefact, &out.staging()?.join(EXPORT))?);
        }
        report.artefacts.push(artefact);
    }
    progress.finish();
    if args.dry_run {
        let made = (&*report.artefacts, &out);
        say(&dry_run::listing(args, &model, &source, texts.as_ref(), made));
        return Ok(());
    }
    finish(&report, &targets, out)
}

/// Prints the report, and makes what was written visible if it is within its bounds.
fn finish(report: &Report, targets: &[Target], mut out: Out<'_>) -> Result<()> {
    let is_screen = io::stdout().is_terminal();
    say(&if is_screen { screen::table(&report.artefacts) } else { report.markdown() });
    let failures = report.failures();
    if !failures.is_empty() {
        return Err(Error::Bounds { failures, recipes: report.bound_by(targets) });
    }
    for (name, content) in [
        ("report.json", report.json()),
        ("report.md", report.markdown()),
        ("report.html", page::html(report)),
    ] {
        let write = out.write_bytes(name, content.as_bytes());
        write.map_err(|source| Error::Write { file: name.to_owned(), source })?;
    }
    interrupt::check()?;
    let file = out.path().display().to_string();
    out.finish().map_err(|source| Error::Write { file: file.clone(), source })?;
    say(&format!("\nWritten to {file}\n"));
    if is_screen {
        say(&format!("With a plot, for a browser: {}\n", out.path().join("report.html").display()));
    }
    Ok(())
}

/// Prints; who has closed the pipe has seen enough, and gets the files all the same.
fn say(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
