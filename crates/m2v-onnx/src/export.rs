//! The folder that every client reads.

use std::fmt;
use std::io;

use m2v_core::{Checkpoint, DEFAULT_MAX_LENGTH, Dtype, Sink, clear_fields};
use m2v_tokenize::{SpecialToken, Vocabulary};
use serde_json::{Value, json};

use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::head::HeadGraph;
use crate::lower::Lower;
use crate::model_file::{LIMIT, ModelFile};
use crate::notes;
use crate::signature::Signature;

/// Where the graph is written if nothing else is asked for; transformers.js, fastembed and others look there.
pub const DEFAULT_GRAPH: &str = "onnx/model.onnx";

/// The name clients look for the graph of a table of this dtype under: `onnx/model_fp16.onnx` for float16,
/// `onnx/model_quantized.onnx` for int8 (what transformers.js calls `q8`), else [`DEFAULT_GRAPH`].
#[must_use]
pub fn graph_name(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F16 => "onnx/model_fp16.onnx",
        Dtype::I8 => "onnx/model_quantized.onnx",
        _ => DEFAULT_GRAPH,
    }
}

/// The dtype that a table of this dtype has in a graph: its own if that is float32, float16 or int8, which every
/// runtime looks up in, else float32.
#[must_use]
pub fn graph_dtype(dtype: Dtype) -> Dtype {
    match dtype {
        Dtype::F16 | Dtype::I8 => dtype,
        _ => Dtype::F32,
    }
}

/// How a model is exported.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ExportOptions<'a> {
    /// What goes into the graph and comes out.
    pub signature: Signature,
    /// The name of the graph's file within the folder.
    pub graph: &'a str,
    /// A head to put on top of the encoder, in place of the model's own: one more output.
    pub head: Option<&'a dyn Lower>,
    inline_limit: u64,
}

/// The encoder and the model's head if it has one, with the inputs of a transformer, as [`DEFAULT_GRAPH`].
impl Default for ExportOptions<'_> {
    fn default() -> Self {
        Self { signature: Signature::default(), graph: DEFAULT_GRAPH, head: None, inline_limit: LIMIT }
    }
}

impl<'a> ExportOptions<'a> {
    /// With other inputs and outputs.
    #[must_use]
    pub fn with_signature(self, signature: Signature) -> Self {
        Self { signature, ..self }
    }

    /// With external data from another size on than protobuf's 2 GiB: for tests.
    #[doc(hidden)]
    #[must_use]
    pub fn with_inline_limit(self, inline_limit: u64) -> Self {
        Self { inline_limit: inline_limit.min(LIMIT), ..self }
    }

    /// With another name for the graph's file.
    #[must_use]
    pub fn with_graph(self, graph: &'a str) -> Self {
        Self { graph, ..self }
    }

    /// With a head on top.
    #[must_use]
    pub fn with_head(self, head: &'a dyn Lower) -> Self {
        Self { head: Some(head), ..self }
    }
}

impl fmt::Debug for ExportOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = self.head.map(Lower::output);
        f.debug_struct("ExportOptions")
            .field("signature", &self.signature)
            .field("graph", &self.graph)
            .field("head", &head)
            .finish_non_exhaustive()
    }
}

/// Files of the folder that are no graph.
const FILES: [&str; 8] = [
    "config.json",
    "model.safetensors",
    "head.safetensors",
    "tokenizer.json",
    "modules.json",
    "README.md",
    "tokenizer_config.json",
    "special_tokens_map.json",
];

/// Writes a model as the one folder that all clients read: [`export_folder`] and [`export_graph`]. Call
/// [`Sink::finish`] afterwards.
///
/// # Errors
/// As those two, and [`Error::GraphName`] if the graph's file has the name of another one.
pub fn export(checkpoint: &Checkpoint, options: &ExportOptions<'_>, sink: &mut dyn Sink) -> Result<()> {
    // Before anything is written.
    let taken = |name: &str| FILES.iter().any(|file| file.eq_ignore_ascii_case(name));
    if taken(options.graph) {
        return Err(Error::GraphName { name: options.graph.to_owned() });
    }
    let graph = lower(checkpoint, options)?;
    export_folder(checkpoint, options, sink)?;
    graph.write(sink)
}

/// Writes everything but the graph: what [`Checkpoint::save`] writes, and `tokenizer_config.json` and
/// `special_tokens_map.json` for transformers and its kin.
///
/// In `tokenizer.json` the post-processor is taken out as well, so that no client adds special tokens;
/// `config.json` gets `pad_token_id`, `hidden_size` and `num_hidden_layers`, and of a classifier `id2label` and
/// `label2id`.
///
/// # Errors
/// [`Error::Ids`] or [`Error::Rows`] if the table does not fit the tokenizer, [`Error::Data`] if the sink fails or the
/// model's head does not fit its table.
pub fn export_folder(
    checkpoint: &Checkpoint,
    options: &ExportOptions<'_>,
    sink: &mut dyn Sink,
) -> Result<()> {
    let vocabulary = checked_vocabulary(checkpoint)?;
    let own = own_head(checkpoint)?;
    let head = options.head.or(own.as_ref().map(|head| head as &dyn Lower));
    let mut folder = checkpoint.clone();
    folder.tokenizer = clear_fields(&checkpoint.tokenizer, &["post_processor"])?;
    folder.config.set("pad_token_id", Some(vocabulary.pad().id.into()));
    // Text-embeddings-inference reads these two of any model.
    folder.config.set("hidden_size", Some(checkpoint.table.dim().into()));
    folder.config.set("num_hidden_layers", Some(0.into()));
    if let Some(classes) = head.and_then(Lower::classes) {
        let names = classes.iter().map(ToString::to_string).enumerate();
        let (id2label, label2id) =
            names.map(|(i, name)| ((i.to_string(), json!(name)), (name, json!(i)))).unzip();
        folder.config.set("id2label", Some(Value::Object(id2label)));
        folder.config.set("label2id", Some(Value::Object(label2id)));
    }
    folder.save(sink)?;

    let max_length = checkpoint.config.max_length().unwrap_or(DEFAULT_MAX_LENGTH);
    write_json(sink, "tokenizer_config.json", &tokenizer_config(&vocabulary, max_length))?;
    write_json(sink, "special_tokens_map.json", &special_tokens(&vocabulary))
}

/// Writes the graph of a model, and nothing else: beside the others of a folder that has several, such as those of
/// the same model in other dtypes, under [`ExportOptions::graph`]. From 2 GiB on its tensors go to a file beside it,
/// named `{graph}_data`.
///
/// A model with a head gets one more output: `probabilities`, f32 `[batch_size, classes]`, or of a regression
/// `predictions`. The graph's `metadata_props` say what the model card says of `base_model` and `license`, whether
/// vectors are normalised (`normalize`), and under `classes` the classes, as JSON.
///
/// # Errors
/// [`Error::Ids`] or [`Error::Rows`] if the table does not fit the tokenizer, [`Error::Data`] if the sink fails or the
/// model's head does not fit its table, and what a head in the options fails with.
pub fn export_graph(checkpoint: &Checkpoint, options: &ExportOptions<'_>, sink: &mut dyn Sink) -> Result<()> {
    lower(checkpoint, options)?.write(sink)
}

/// A graph that is ready to be written.
fn lower(checkpoint: &Checkpoint, options: &ExportOptions<'_>) -> Result<ModelFile> {
    let vocabulary = checked_vocabulary(checkpoint)?;
    let own = own_head(checkpoint)?;
    let head = options.head.or(own.as_ref().map(|head| head as &dyn Lower));
    let normalize = checkpoint.config.normalize().unwrap_or(false);
    let encoder = Encoder::new(&checkpoint.table, &vocabulary, normalize);
    let mut graph = encoder.build(options.signature, head)?;
    notes::add(&mut graph, checkpoint);
    ModelFile::new(&graph, options.graph, options.inline_limit)
}

/// The vocabulary, all of whose ids the table covers: without a mapping, with a row for each token.
fn checked_vocabulary(checkpoint: &Checkpoint) -> Result<Vocabulary> {
    let vocabulary = Vocabulary::from_json(&checkpoint.tokenizer)?;
    let (covered, max_id) = (checkpoint.table.id_count(), vocabulary.max_id());
    if covered <= max_id as usize {
        return Err(Error::Ids { covered, max_id });
    }
    if checkpoint.table.mapping().is_none() && covered != vocabulary.len() {
        return Err(Error::Rows { rows: covered, tokens: vocabulary.len() });
    }
    Ok(vocabulary)
}

/// The head the model comes with, which fits its table.
fn own_head(checkpoint: &Checkpoint) -> Result<Option<HeadGraph<'_>>> {
    let dim = checkpoint.table.dim();
    let Some(head) = &checkpoint.head else { return Ok(None) };
    head.check_input(dim)?;
    Ok(Some(HeadGraph { head, dim }))
}

/// The tokens that have a role, by what clients call it.
fn roles(vocabulary: &Vocabulary) -> impl Iterator<Item = (&'static str, &SpecialToken)> {
    let unk = vocabulary.unk().map(|unk| ("unk_token", unk));
    std::iter::once(("pad_token", vocabulary.pad())).chain(unk)
}

/// Clients make what is listed here one token wherever a text has it: what is none in `tokenizer.json`, maybe a word,
/// is left out. (transformers does that with the tokens of `tokenizer_config.json` too, which cannot do without one to
/// pad with.)
fn special_tokens(vocabulary: &Vocabulary) -> Value {
    let special = roles(vocabulary).filter(|(_, token)| token.special);
    special.map(|(role, token)| (role.to_owned(), Value::from(token.content.clone()))).collect()
}

fn tokenizer_config(vocabulary: &Vocabulary, max_length: usize) -> Value {
    let mut config = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        // Clients need a finite number.
        "model_max_length": max_length,
        "model_input_names": ["input_ids", "attention_mask"],
        "padding_side": "right",
        "truncation_side": "right",
        "clean_up_tokenization_spaces": false,
    });
    for (role, token) in roles(vocabulary) {
        config[role] = token.content.clone().into();
    }
    config
}

fn write_json(sink: &mut dyn Sink, name: &str, value: &Value) -> Result<()> {
    sink.write_bytes(name, format!("{value:#}\n").as_bytes()).map_err(|source| write_error(name, source))
}

fn write_error(name: &str, source: io::Error) -> Error {
    Error::Data(m2v_core::Error::Io { file: name.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use m2v_core::{Activation, Checkpoint, Config, EmbeddingTable, Memory, MlpHead, Tensor};

    use super::{ExportOptions, FILES, export_folder};

    #[test]
    fn all_files_but_the_graph_are_known() -> Result<(), Box<dyn std::error::Error>> {
        let rows = Tensor::from_vec(&[2, 1], vec![1.0_f32, 2.0])?;
        let tokenizer = br#"{"model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1}}}"#;
        let mut checkpoint =
            Checkpoint::new(Config::default(), EmbeddingTable::try_new(rows, None, None)?, tokenizer);
        let layer = (Tensor::from_vec(&[1, 1], vec![1.0_f32])?, Tensor::from_vec(&[1], vec![0.0_f32])?);
        checkpoint.head = Some(MlpHead::try_new(vec![layer], Activation::Identity, None)?);
        let mut folder = Memory::new();
        export_folder(&checkpoint, &ExportOptions::default(), &mut folder)?;
        let mut names: Vec<&str> = folder.files().map(|(name, _)| name).collect();
        names.sort_unstable();
        let mut known = FILES;
        known.sort_unstable();
        assert_eq!(names, known);
        Ok(())
    }
}
