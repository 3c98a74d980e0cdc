//! What a run would do and write.

use std::fmt::Write as _;

use indicatif::{DecimalBytes, HumanCount};
use m2v_core::Checkpoint;

use super::args::Args;
use super::artefact::{Artefact, TABLE};
use super::model::Model;
use super::out::Out;
use super::texts::Texts;

/// The steps of a run, with the files that each writes.
pub(crate) fn listing(
    args: &Args,
    model: &Model,
    source: &Checkpoint,
    texts: Option<&Texts>,
    (artefacts, out): (&[Artefact], &Out<'_>),
) -> String {
    let table = &source.table;
    let (rows, bytes) = (HumanCount(table.rows() as u64), DecimalBytes(table.byte_len() as u64));
    let (name, dim, dtype) = (model.folder.display(), table.dim(), table.dtype());
    let mut text = format!("load {name}: {rows} × {dim} {dtype}, {bytes}\n");
    if let Some(dims) = args.dims {
        let _ = writeln!(text, "keep the first {dims} dimensions");
    }
    if let Some(texts) = texts {
        let _ = writeln!(
            text,
            "encode {} texts ({}) with it",
            HumanCount(texts.texts.len() as u64),
            texts.origin
        );
    }
    let mut folder = "";
    for (file, bytes) in &out.files {
        let (of, name) = file.split_once('/').unwrap_or(("", file));
        let artefact = artefacts.iter().find(|artefact| artefact.folder == of && artefact.file == name);
        if folder != of {
            folder = of;
            let _ = writeln!(text, "{}", heading(of, artefacts));
        }
        let bytes = DecimalBytes(*bytes).to_string();
        let verified = artefact.filter(|_| texts.is_some()).map(|artefact| match artefact.file == TABLE {
            true => "  then verify in m2v-infer",
            false => "  then verify in rten",
        });
        let _ = writeln!(text, "  {name:<30} {bytes:>10}{}", verified.unwrap_or_default());
    }
    text += "report in report.html, report.md and report.json\n";
    let total = DecimalBytes(out.files.iter().map(|file| file.1).sum());
    let _ = writeln!(
        text,
        "\nWould write {} files, {total}, and the report to {}{}.",
        out.files.len(),
        out.path().display(),
        if out.replaces { ", in place of what an earlier run wrote" } else { "" }
    );
    text + "Dry run: nothing was written.\n"
}

/// What a folder is made by, and what its table is then.
fn heading(folder: &str, artefacts: &[Artefact]) -> String {
    let is_table = |artefact: &&Artefact| artefact.folder == folder && artefact.file == TABLE;
    match artefacts.iter().find(is_table) {
        Some(Artefact { recipe, rows, dim, dtype, .. }) => {
            let by = if folder == recipe { String::new() } else { format!(" by {recipe}") };
            format!("make {folder}{by}: {} × {dim} {dtype}", HumanCount(*rows as u64))
        }
        None => format!("make {folder}: the model, and a graph for each dtype"),
    }
}
