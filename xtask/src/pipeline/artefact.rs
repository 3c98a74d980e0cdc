//! The files that are made: a table and a graph for each copy.

use std::io::{self, Write};

use m2v_core::{Checkpoint, Sink};
use m2v_onnx::{DEFAULT_GRAPH, ExportOptions, graph_dtype, graph_name};
use serde::Serialize;

use super::head::HeadVerified;
use super::out::Out;
use super::target::Target;
use crate::error::{Error, Result};

/// Name of the table's file.
pub(crate) const TABLE: &str = "model.safetensors";

/// Name of the folder with a graph for each dtype.
pub(crate) const EXPORT: &str = "export";

/// A file that embeds texts.
#[derive(Serialize)]
pub(crate) struct Artefact {
    /// Name within the folder of its copy.
    pub(crate) file: String,
    pub(crate) folder: String,
    pub(crate) recipe: String,
    pub(crate) dtype: String,
    pub(crate) rows: usize,
    pub(crate) dim: usize,
    pub(crate) bytes: u64,
    /// What running it showed; nothing if it was not run.
    pub(crate) verified: Option<Verified>,
}

/// What running an artefact showed.
#[derive(Serialize)]
pub(crate) struct Verified {
    pub(crate) by: String,
    pub(crate) cosine_min: f64,
    pub(crate) cosine_p1: f64,
    pub(crate) cosine_mean: f64,
    pub(crate) recall_at_10: f64,
    pub(crate) max_abs_diff: f64,
    pub(crate) max_abs_diff_bound: f64,
    pub(crate) cosine_min_bound: Option<f64>,
    pub(crate) passed: bool,
    pub(crate) texts_per_second: f64,
    /// What its head showed, if it is a pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) head: Option<HeadVerified>,
}

/// Writes the folder of a copy: with the graph, all that ONNX clients want; without, what model2vec reads. The names
/// are those of its artefacts.
pub(crate) fn write(
    checkpoint: &Checkpoint,
    target: &Target,
    onnx: bool,
    sink: &mut dyn Sink,
) -> Result<&'static [&'static str]> {
    let name = &target.name;
    let mut folder = Subfolder { sink, name };
    if onnx {
        let written = m2v_onnx::export(checkpoint, &ExportOptions::default(), &mut folder);
        written.map_err(|error| Error::of_writing(name, error))?;
        Ok(&[TABLE, DEFAULT_GRAPH])
    } else {
        checkpoint.save(&mut folder).map_err(|error| Error::of_writing(name, error))?;
        Ok(&[TABLE])
    }
}

/// Writes the folder that clients of ONNX load, as `m2v export` does, but for its graphs.
pub(crate) fn write_export(base: &Checkpoint, sink: &mut dyn Sink) -> Result<()> {
    let mut folder = Subfolder { sink, name: EXPORT };
    let written = m2v_onnx::export_folder(base, &ExportOptions::default(), &mut folder);
    written.map_err(|error| Error::of_writing(EXPORT, error))
}

/// Writes a graph of that folder, under the name clients look for.
pub(crate) fn write_graph(checkpoint: &Checkpoint, sink: &mut dyn Sink) -> Result<&'static str> {
    let mut folder = Subfolder { sink, name: EXPORT };
    let name = graph_name(checkpoint.table.dtype());
    let options = ExportOptions::default().with_graph(name);
    let written = m2v_onnx::export_graph(checkpoint, &options, &mut folder);
    written.map_err(|error| Error::of_writing(EXPORT, error))?;
    Ok(name)
}

impl Artefact {
    /// A file that was written to a folder of the output.
    pub(crate) fn new(
        checkpoint: &Checkpoint,
        target: &Target,
        folder: &str,
        file: &str,
        out: &Out<'_>,
    ) -> Self {
        let dtype = checkpoint.table.dtype();
        Self {
            file: file.to_owned(),
            folder: folder.to_owned(),
            recipe: target.recipe.to_string(),
            dtype: if file == TABLE { dtype } else { graph_dtype(dtype) }.to_string(),
            rows: checkpoint.table.rows(),
            dim: checkpoint.table.dim(),
            bytes: out.size(&format!("{folder}/{file}")),
            verified: None,
        }
    }
}

/// A folder within a sink.
struct Subfolder<'a> {
    sink: &'a mut dyn Sink,
    name: &'a str,
}

impl Sink for Subfolder<'_> {
    fn write(
        &mut self,
        name: &str,
        len: u64,
        body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        self.sink.write(&format!("{}/{name}", self.name), len, body)
    }

    /// The whole is finished, not its parts.
    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
