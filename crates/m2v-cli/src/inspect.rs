//! `m2v inspect`: what a model is.

use std::fmt::Write as _;

use indicatif::{DecimalBytes, HumanCount};
use m2v_core::{Checkpoint, Layout, MlpHead, Source as _, Tensor};
use m2v_infer::StaticModel;
use serde_json::{Map, Value, json};

use crate::model::{Model, ModelArgs, is_offline};
use crate::output::Output;
use crate::stop::Stop;

/// Say what a model is: table, tokenizer, options, head, sizes
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  m2v inspect models/minilm-l6-64d
  m2v inspect models/minilm-l6-64d --json | jq .options.max_length")]
pub(crate) struct Inspect {
    #[command(flatten)]
    model: ModelArgs,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(self) -> Result<(), Stop> {
        let (dir, checkpoint) = self.model.load()?;
        let model = StaticModel::from_checkpoint(checkpoint.clone())?;
        let facts = facts(&self.model.to_string(), &dir, &checkpoint, &model)?;
        let text = if self.json { format!("{facts}\n") } else { readable(&facts) };
        let mut output = Output::create(None)?;
        output.write(text.as_bytes())?;
        output.finish()
    }
}

/// Everything, under keys that stay what they are.
fn facts(path: &str, dir: &Model, checkpoint: &Checkpoint, model: &StaticModel) -> Result<Value, Stop> {
    let table = &checkpoint.table;
    let vocabulary = model.tokenizer().vocabulary();
    let tensor = |tensor: &Tensor| json!({"dtype": tensor.dtype().name(), "length": tensor.element_count()});
    let files = file_sizes(dir, checkpoint.layout)?;
    let total: u64 = files.values().filter_map(Value::as_u64).sum();
    Ok(json!({
        "path": path,
        "layout": layout_name(checkpoint.layout),
        "rows": table.rows(),
        "dims": table.dim(),
        "dtype": table.dtype().name(),
        "weights": table.weights().map(tensor),
        "mapping": table.mapping().map(tensor),
        "tokenizer": {
            "family": vocabulary.family().to_string(),
            "implementation": model.tokenizer().implementation(),
            "vocabulary_size": vocabulary.len(),
            "max_id": vocabulary.max_id(),
            "unk": vocabulary.unk().map(|unk| json!({"id": unk.id, "token": unk.content})),
            "median_token_length": vocabulary.median_token_length(),
        },
        "options": {
            "normalize": model.options().normalize,
            "max_length": model.options().max_length,
        },
        "head": checkpoint.head.as_ref().map(head),
        "bytes": {"table": table.byte_len(), "files": files, "total": total},
    }))
}

fn head(head: &MlpHead) -> Value {
    let layers: Vec<_> = head.layers().iter().map(|layer| layer.weight.shape()).collect();
    // Shapes of weights are [out, in]; told the way data flows.
    let layers: Vec<_> = layers.iter().map(|shape| shape.iter().rev().collect::<Vec<_>>()).collect();
    json!({"layers": layers, "activation": head.activation().name(), "classes": head.classes()})
}

fn layout_name(layout: Layout) -> &'static str {
    match layout {
        Layout::Model2Vec => "model2vec",
        Layout::SentenceTransformers => "sentence_transformers",
        Layout::StaticEmbedding => "static_embedding",
        _ => "other",
    }
}

/// The files of a model that are there, with their sizes.
fn file_sizes(dir: &Model, layout: Layout) -> Result<Map<String, Value>, Stop> {
    let mut sizes = Map::new();
    let others = ["modules.json", "head.safetensors", "pipeline.skops", "README.md"];
    for name in [layout.config(), layout.table(), layout.tokenizer()].into_iter().chain(others) {
        let bytes = match dir.read(name) {
            // The model has loaded: it does without.
            Err(error) if is_offline(&error) => None,
            bytes => bytes.map_err(|error| Stop::error(format!("{}: {error}", dir.locate(name))))?,
        };
        if let Some(bytes) = bytes {
            sizes.insert(name.to_owned(), bytes.len().into());
        }
    }
    Ok(sizes)
}

/// The same for people, one fact a line.
fn readable(facts: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let count = |value: &Value| value.as_u64().map_or_else(|| text(value), |n| HumanCount(n).to_string());
    let bytes = |value: &Value| DecimalBytes(value.as_u64().unwrap_or(0)).to_string();
    let optional = |value: &Value, describe: &dyn Fn(&Value) -> String| {
        if value.is_null() { "none".to_owned() } else { describe(value) }
    };
    let tensor = |value: &Value| format!("{} × {}", count(&value["length"]), text(&value["dtype"]));
    let (tokenizer, options) = (&facts["tokenizer"], &facts["options"]);
    let mut lines = vec![
        ("model".to_owned(), text(&facts["path"])),
        ("layout".to_owned(), text(&facts["layout"])),
        (
            "table".to_owned(),
            format!("{} × {} {}", count(&facts["rows"]), count(&facts["dims"]), text(&facts["dtype"])),
        ),
        ("weights".to_owned(), optional(&facts["weights"], &tensor)),
        ("mapping".to_owned(), optional(&facts["mapping"], &tensor)),
        (
            "tokenizer".to_owned(),
            format!("{}, run by {}", text(&tokenizer["family"]), text(&tokenizer["implementation"])),
        ),
        (
            "vocabulary".to_owned(),
            format!(
                "{} tokens, ids up to {}",
                count(&tokenizer["vocabulary_size"]),
                count(&tokenizer["max_id"])
            ),
        ),
        (
            "unknown token".to_owned(),
            optional(&tokenizer["unk"], &|unk| format!("{} (id {})", text(&unk["token"]), unk["id"])),
        ),
        ("median token".to_owned(), format!("{} characters", tokenizer["median_token_length"])),
        ("normalize".to_owned(), text(&options["normalize"])),
        (
            "max length".to_owned(),
            optional(&options["max_length"], &|length| format!("{} tokens", count(length))),
        ),
        ("head".to_owned(), optional(&facts["head"], &describe_head)),
        ("table bytes".to_owned(), bytes(&facts["bytes"]["table"])),
    ];
    if let Some(classes) = facts["head"]["classes"].as_array() {
        // As JSON, which tells "1" from 1: the order is that of `proba`.
        let classes: Vec<_> = classes.iter().map(Value::to_string).collect();
        let place = lines.len() - 1;
        lines.insert(place, ("classes".to_owned(), classes.join(", ")));
    }
    for (name, size) in facts["bytes"]["files"].as_object().into_iter().flatten() {
        lines.push((name.clone(), bytes(size)));
    }
    let width = lines.iter().map(|(label, _)| label.chars().count()).max().unwrap_or(0);
    lines.iter().fold(String::new(), |mut text, (label, value)| {
        let _ = writeln!(text, "{label:width$}  {value}");
        text
    })
}

fn describe_head(head: &Value) -> String {
    let layers: Vec<_> = head["layers"].as_array().into_iter().flatten().collect();
    let mut widths: Vec<String> = layers.iter().map(|layer| layer[0].to_string()).collect();
    widths.extend(layers.last().map(|layer| layer[1].to_string()));
    let classes = head["classes"].as_array().map_or(String::new(), |all| format!(", {} classes", all.len()));
    widths.push(head["activation"].as_str().unwrap_or_default().to_owned());
    format!("{}{classes}", widths.join(" → "))
}
