//! `m2v export`: a model as ONNX.

use std::io::{self, Write as _};

use clap::ValueEnum;
use indicatif::DecimalBytes;
use m2v_core::Dtype;
use m2v_onnx::{ExportOptions, Signature, export_folder, export_graph, graph_name};
use m2v_quant::{Cast, Context, Int8, Transform};

use crate::folder::OutArgs;
use crate::interrupt;
use crate::model::ModelArgs;
use crate::stop::Stop;

/// Export a model to ONNX, as the one folder that all clients read
///
/// OUT/onnx holds a graph for each dtype: model.onnx, model_fp16.onnx and model_quantized.onnx. Beside them is what
/// m2v, Python model2vec, sentence-transformers and transformers.js need, with the model's table as it is. The report
/// lists the graphs; m2v runs none. In a clone of its repository `cargo xtask pipeline --onnx` and `cargo xtask
/// interop` run them in other runtimes and print the largest difference.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v export models/minilm-l6-64d exported
  m2v export models/minilm-l6-64d small --dtype int8
  m2v export models/minilm-l6-64d bags --signature bag --dtype f32")]
pub(crate) struct Export {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    out: OutArgs,
    /// Inputs and outputs: transformer has input_ids and attention_mask, and last_hidden_state and sentence_embedding;
    /// bag, as older exports of model2vec, input_ids of all texts one after the other and offsets, and embeddings. A
    /// model with a head also has probabilities, or predictions of a regression
    #[arg(long, value_name = "NAME", default_value = "transformer", hide_possible_values = true)]
    signature: GraphSignature,
    /// Numbers of the graphs' tables: f32 for model.onnx, f16 for model_fp16.onnx, int8, with a scale for each row, for
    /// model_quantized.onnx
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "f32,f16,int8")]
    dtype: Vec<GraphDtype>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum GraphDtype {
    F32,
    F16,
    Int8,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GraphSignature {
    Transformer,
    Bag,
}

impl From<GraphSignature> for Signature {
    fn from(signature: GraphSignature) -> Self {
        match signature {
            GraphSignature::Transformer => Self::Transformer,
            GraphSignature::Bag => Self::Bag,
        }
    }
}

impl GraphDtype {
    /// The type of the table, and what makes it.
    fn table(self) -> (Dtype, &'static dyn Transform) {
        match self {
            Self::F32 => (Dtype::F32, &Cast(Dtype::F32)),
            Self::F16 => (Dtype::F16, &Cast(Dtype::F16)),
            Self::Int8 => (Dtype::I8, &Int8),
        }
    }
}

impl Export {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let (dir, checkpoint) = self.model.load_sound()?;
        let mut folder = self.out.create(&dir, checkpoint.layout)?;
        let options = ExportOptions::default().with_signature(self.signature.into());
        export_folder(&checkpoint, &options, &mut folder)?;
        for (i, dtype) in self.dtype.iter().enumerate() {
            if self.dtype[..i].contains(dtype) {
                continue;
            }
            let (dtype, transform) = dtype.table();
            let mut context = Context::default().with_cancel(interrupt::flag());
            let checkpoint =
                transform.apply(checkpoint.clone(), &mut context).map_err(|error| match error {
                    error @ m2v_quant::Error::Value { value, .. }
                        if value.is_finite() && self.dtype.len() > 1 =>
                    {
                        Stop::error(format!("{error}; --dtype with the other types makes those"))
                    }
                    error => error.into(),
                })?;
            export_graph(&checkpoint, &options.with_graph(graph_name(dtype)), &mut folder)?;
        }
        drop(checkpoint);
        let files = folder.finish()?;
        let total: u64 = files.iter().map(|(_, bytes)| bytes).sum();
        let mut err = io::stderr();
        for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with("onnx/")) {
            let bytes = DecimalBytes(*bytes).to_string();
            let _ = writeln!(err, "{name:<27} {bytes:>10}  not run here");
        }
        let (out, count, total) = (self.out.out.display(), files.len(), DecimalBytes(total));
        let _ = writeln!(err, "wrote {out}: {count} files, {total} in all");
        let _ = writeln!(
            err,
            "a clone of m2v runs graphs and compares them with the model: cargo xtask pipeline --onnx, cargo xtask interop"
        );
        Ok(())
    }
}
