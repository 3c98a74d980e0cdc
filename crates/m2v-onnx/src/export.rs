//! The folder that every client reads.

use std::fmt;
use std::io;

use m2v_core::{Checkpoint, DEFAULT_MAX_LENGTH, Sink, clear_fields};
use m2v_tokenize::Vocabulary;
use serde_json::{Value, json};

use crate::encoder;
use crate::error::{Error, Result};
use crate::head::HeadGraph;
use crate::lower::Lower;

/// Where the graph is written if nothing else is asked for; transformers.js, fastembed and others look there.
pub const DEFAULT_GRAPH: &str = "onnx/model.onnx";

/// Protobuf readers refuse messages of 2 GiB and more.
const LIMIT: u64 = 1 << 31;

/// How a model is exported.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct ExportOptions<'a> {
    /// The name of the graph's file within the folder.
    pub graph: &'a str,
    /// A head to put on top of the encoder, in place of the model's own: one more output.
    pub head: Option<&'a dyn Lower>,
}

/// The encoder and the model's head if it has one, as [`DEFAULT_GRAPH`].
impl Default for ExportOptions<'_> {
    fn default() -> Self {
        Self { graph: DEFAULT_GRAPH, head: None }
    }
}

impl<'a> ExportOptions<'a> {
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
        f.debug_struct("ExportOptions").field("graph", &self.graph).field("head", &head).finish()
    }
}

/// Writes a model as the one folder that all clients read: what [`Checkpoint::save`] writes, the graph, and
/// `tokenizer_config.json` and `special_tokens_map.json` for transformers and its kin.
///
/// A model with a head gets one more output: `probabilities`, f32 `[batch_size, classes]`, or of a regression
/// `predictions`. The classes are in the graph's `metadata_props`, under `classes`, as JSON, and as strings in
/// `config.json`, under `id2label` and `label2id`.
///
/// In `tokenizer.json` the post-processor is taken out as well, so that no client adds special tokens;
/// `config.json` gets `pad_token_id`, `hidden_size` and `num_hidden_layers`. Call [`Sink::finish`] afterwards.
///
/// # Errors
/// [`Error::Ids`] if the table does not cover the tokenizer's ids, [`Error::TooLarge`] from 2 GiB on,
/// [`Error::Data`] if the sink fails or the model's head does not fit its table.
pub fn export(checkpoint: &Checkpoint, options: &ExportOptions<'_>, sink: &mut dyn Sink) -> Result<()> {
    let vocabulary = Vocabulary::from_json(&checkpoint.tokenizer)?;
    let covered = checkpoint.table.id_count();
    if covered <= vocabulary.max_id() as usize {
        return Err(Error::Ids { covered, max_id: vocabulary.max_id() });
    }
    let normalize = checkpoint.config.normalize().unwrap_or(false);
    if let Some(head) = &checkpoint.head {
        head.check_input(checkpoint.table.dim())?;
    }
    let own = checkpoint.head.as_ref().map(|head| HeadGraph { head, dim: checkpoint.table.dim() });
    let head = options.head.or(own.as_ref().map(|head| head as &dyn Lower));
    let graph = encoder::build(&checkpoint.table, &vocabulary, normalize, head)?.finish();
    if graph.len() >= LIMIT {
        return Err(Error::TooLarge { file: options.graph.to_owned(), bytes: graph.len() });
    }

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
    write_json(sink, "special_tokens_map.json", &special_tokens(&vocabulary))?;
    sink.write(options.graph, graph.len(), &mut |out| graph.write_to(out))
        .map_err(|source| write_error(options.graph, source))
}

fn special_tokens(vocabulary: &Vocabulary) -> Value {
    let mut tokens = json!({ "pad_token": vocabulary.pad().content });
    if let Some(unk) = vocabulary.unk() {
        tokens["unk_token"] = unk.content.clone().into();
    }
    tokens
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
    if let (Value::Object(config), Value::Object(tokens)) = (&mut config, special_tokens(vocabulary)) {
        config.extend(tokens);
    }
    config
}

fn write_json(sink: &mut dyn Sink, name: &str, value: &Value) -> Result<()> {
    sink.write_bytes(name, format!("{value:#}\n").as_bytes()).map_err(|source| write_error(name, source))
}

fn write_error(name: &str, source: io::Error) -> Error {
    Error::Data(m2v_core::Error::Io { file: name.to_owned(), source })
}
