//! Everything a model folder holds.

use std::io;
use std::panic::resume_unwind;
use std::thread::{self, ScopedJoinHandle};

use indexmap::IndexMap;
use serde_json::Value;

use crate::buffer::Buffer;
use crate::card::Card;
use crate::config::Config;
use crate::dtype::Dtype;
use crate::error::{Error, Result, describe};
use crate::finite::finite;
use crate::io::{Sink, Source};
use crate::layout::{Files, Layout, read};
use crate::mlp_head::MlpHead;
use crate::modules::{self, normalizes};
#[cfg(feature = "skops")]
use crate::skops::read as read_skops;
use crate::table::EmbeddingTable;
use crate::tensor::Tensor;
use crate::tensor_file::{TensorFile, read_file, write_tensors};
use crate::tokenizer_json::clear_fields;

/// Names the table tensor may have, by who wrote it: model2vec, sentence-transformers, a bare `nn.Sequential`.
const TABLE_NAMES: [&str; 3] = ["embeddings", ST_TABLE_NAME, "0"];

const ST_TABLE_NAME: &str = "embedding.weight";

/// Everything a model folder holds: configuration, embedding table, tokenizer, perhaps a head, and the card.
///
/// ```
/// use m2v_core::{Checkpoint, Config, EmbeddingTable, Memory, Tensor};
///
/// let table = EmbeddingTable::try_new(Tensor::from_array(&ndarray::array![[1.0f32], [2.0]]), None, None)?;
/// let checkpoint = Checkpoint::new(Config::default(), table, b"{}");
/// let mut memory = Memory::new();
/// checkpoint.save(&mut memory)?;
/// assert_eq!(Checkpoint::load(&memory)?.table, checkpoint.table);
/// # Ok::<(), m2v_core::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checkpoint {
    /// The configuration. After [`Checkpoint::load`] it says whether to normalise.
    pub config: Config,
    /// The embedding table.
    pub table: EmbeddingTable,
    /// The bytes of `tokenizer.json`.
    pub tokenizer: Buffer,
    /// The classifier or regressor on top, if the model is a pipeline.
    pub head: Option<MlpHead>,
    /// The model card, if there is one.
    pub card: Option<Card>,
    /// How the folder it came from was laid out. [`Checkpoint::save`] always writes [`Layout::Model2Vec`].
    pub layout: Layout,
}

impl Checkpoint {
    /// A checkpoint of parts, without head and card.
    pub fn new(config: Config, table: EmbeddingTable, tokenizer: impl Into<Buffer>) -> Self {
        Self { config, table, tokenizer: tokenizer.into(), head: None, card: None, layout: Layout::Model2Vec }
    }

    /// Reads a model, whichever of the [layouts](Layout) it has. The table keeps its dtype and shares the
    /// source's bytes.
    ///
    /// A head is read from `head.safetensors`, or with the feature `skops` from the `pipeline.skops` of model2vec
    /// before 0.9. In the table under a head NaN becomes 0 and ±∞ the largest number of the dtype, as in the
    /// reference.
    ///
    /// # Errors
    /// [`Error::NoModel`] if no layout matches; otherwise an error that names the file, and the tensor or key.
    pub fn load(source: &dyn Source) -> Result<Self> {
        Self::from_files(source, Layout::resolve(source, |_, _| ())?)
    }

    /// As [`Checkpoint::load`], and what `of_tokenizer` makes of [`Checkpoint::tokenizer`]: it runs on a thread of its
    /// own while the table is read, which takes about as long as to build a tokenizer, unless the table is [at
    /// hand](Source::is_at_hand).
    ///
    /// ```
    /// use m2v_core::{Checkpoint, Dir};
    ///
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/minilm-l6-64d");
    /// let (checkpoint, bytes) = Checkpoint::load_with(&Dir::open(folder)?, |tokenizer| tokenizer.len())?;
    /// assert_eq!(bytes, checkpoint.tokenizer.len());
    /// # Ok::<(), m2v_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Checkpoint::load`].
    ///
    /// # Panics
    /// If `of_tokenizer` does.
    pub fn load_with<T: Send>(
        source: &dyn Source,
        of_tokenizer: impl Fn(&Buffer) -> T + Sync,
    ) -> Result<(Self, T)> {
        let of_tokenizer = &of_tokenizer;
        thread::scope(|scope| {
            let mut made = None;
            let files = Layout::resolve(source, |layout, tokenizer| {
                // A tenth of what it takes to build a small tokenizer goes into a thread.
                let is_slow = !source.is_at_hand(layout.table());
                let tokenizer = tokenizer.clone();
                let spawn =
                    || thread::Builder::new().spawn_scoped(scope, move || of_tokenizer(&tokenizer)).ok();
                made = is_slow.then(spawn).flatten();
            })?;
            let tokenizer = files.tokenizer.clone();
            let checkpoint = Self::from_files(source, files)?;
            let made = match made.map(ScopedJoinHandle::join) {
                Some(Ok(made)) => made,
                Some(Err(panic)) => resume_unwind(panic),
                // None was needed, or there are none here.
                None => of_tokenizer(&tokenizer),
            };
            Ok((checkpoint, made))
        })
    }

    fn from_files(source: &dyn Source, files: Files) -> Result<Self> {
        let layout = files.layout;
        let config_file = source.locate(layout.config());
        let mut config = Config::from_json(&config_file, &files.config)?;
        let table_file = source.locate(layout.table());
        let (name, table) = read_table(&table_file, &files.table).map_err(|error| match error {
            error @ (Error::Safetensors { .. } | Error::InFile { .. }) => error,
            error => error.in_file(&table_file),
        })?;
        // Only who wrote the table runs what the list of modules says.
        let has_modules = layout.is_sentence_transformers() || name == ST_TABLE_NAME;
        let has_normalize = has_modules && normalizes(source)?;
        config.set_normalize(config.normalize().unwrap_or(has_normalize));
        let head = read_head(source, &config_file, &config, table.dim())?;
        let table = if head.is_some() { finite(table)? } else { table };
        let card = read(source, "README.md")?.map(|bytes| Card::parse(&String::from_utf8_lossy(&bytes)));
        Ok(Self { config, table, tokenizer: files.tokenizer, head, card, layout })
    }

    /// Writes the folder that Python model2vec and sentence-transformers ≥ 6.2 load: `model.safetensors`,
    /// `tokenizer.json`, `config.json`, `modules.json`, `README.md`, and `head.safetensors` for a pipeline.
    ///
    /// Truncation and padding are taken out of `tokenizer.json`: model2vec ignores them, other loaders would
    /// not. The card keeps its front matter. Call [`Sink::finish`] afterwards to make the files visible.
    ///
    /// # Errors
    /// [`Error::Io`] if the sink fails, [`Error::Json`] if the tokenizer is not JSON, [`Error::Tensor`] if the head
    /// takes vectors of another length than the table's.
    pub fn save(&self, sink: &mut dyn Sink) -> Result<()> {
        if let Some(head) = &self.head {
            head.check_input(self.table.dim())?;
        }
        let mut tensors = vec![("embeddings", self.table.embeddings())];
        tensors.extend(self.table.weights().map(|weights| ("weights", weights)));
        tensors.extend(self.table.mapping().map(|mapping| ("mapping", mapping)));
        write_tensors(sink, "model.safetensors", &tensors)?;
        if let Some(head) = &self.head {
            let named = head.named_tensors();
            let tensors: Vec<_> = named.iter().map(|(name, tensor)| (name.as_str(), *tensor)).collect();
            write_tensors(sink, "head.safetensors", &tensors)?;
        }
        write(sink, "tokenizer.json", &clear_fields(&self.tokenizer, &["truncation", "padding"])?)?;
        let normalize = self.config.normalize().unwrap_or(false);
        write(sink, "config.json", &pretty(&Value::Object(self.saved_config().entries().clone())))?;
        write(sink, "modules.json", &pretty(&modules::list(normalize)))?;
        let card = self.card.clone().unwrap_or_default();
        write(sink, "README.md", card.render(&self.table).as_bytes())
    }

    /// The configuration as [`Checkpoint::save`] writes it: what it says about the table and head is true.
    #[must_use]
    pub fn saved_config(&self) -> Config {
        let mut config = self.config.clone();
        if config.get("model_type").is_none() {
            config.set("model_type", Some("model2vec".into()));
        }
        config.set_normalize(self.config.normalize().unwrap_or(false));
        config.set_max_length(self.config.max_length());
        config.set("embedding_dtype", Some(self.table.dtype().name().into()));
        config.set("vocabulary_quantization", self.table.mapping().map(|_| self.table.rows().into()));
        config.set("hidden_dim", Some(self.table.dim().into()));
        // Exported folders say so once more, for clients that know transformers.
        if config.get("hidden_size").is_some() {
            config.set("hidden_size", Some(self.table.dim().into()));
        }
        config.set("head_config", self.head.as_ref().map(MlpHead::config));
        config
    }
}

/// The table, and the name it has.
fn read_table(file: &str, bytes: &Buffer) -> Result<(&'static str, EmbeddingTable)> {
    let TensorFile { tensors, others } = read_file(file, bytes)?;
    for (name, found) in &others {
        let expected = match name.as_str() {
            "weights" => "[tokens], floats",
            "mapping" => "[tokens], int32 or int64",
            name if TABLE_NAMES.contains(&name) => "[rows, dim], floats or int8",
            _ => continue,
        };
        return Err(Error::tensor(name, expected, found));
    }
    if let (Some(left), Some(right)) = (tensors.get(TABLE_NAMES[0]), tensors.get(TABLE_NAMES[1]))
        && left != right
    {
        let expected = "one embedding table, or two equal ones";
        return Err(Error::tensor(
            TABLE_NAMES[1],
            expected,
            format!("other values than in `{}`", TABLE_NAMES[0]),
        ));
    }
    let named = |&name: &&'static str| Some((name, tensors.get(name)?));
    let (name, embeddings) = TABLE_NAMES.iter().find_map(named).ok_or_else(|| {
        let found: Vec<_> = tensors.keys().chain(others.keys()).map(String::as_str).collect();
        Error::MissingTensor { expected: TABLE_NAMES.join(", "), found: found.join(", ") }
    })?;
    let optional = |name: &str| tensors.get(name).cloned();
    let table = EmbeddingTable::try_new(embeddings.clone(), optional("weights"), optional("mapping"))?;
    refuse_scales(&table, &tensors)?;
    Ok((name, table))
}

/// Refuses what looks like the scales of int8 rows, under a name that nobody reads: without them the vectors are
/// others.
fn refuse_scales(table: &EmbeddingTable, tensors: &IndexMap<String, Tensor>) -> Result<()> {
    let is_read = |name: &str| TABLE_NAMES.contains(&name) || ["weights", "mapping"].contains(&name);
    let is_of_rows = |tensor: &Tensor| {
        tensor.dtype().is_float() && [table.rows(), table.id_count()].contains(&tensor.element_count())
    };
    let found = tensors.iter().find(|(name, tensor)| !is_read(name) && is_of_rows(tensor));
    match found {
        Some((name, tensor)) if table.dtype() == Dtype::I8 && table.weights().is_none() => {
            let expected = "the scales of int8 rows in `weights` [tokens], which they are multiplied with";
            Err(Error::tensor(name, expected, describe(tensor.dtype(), tensor.shape())))
        }
        _ => Ok(()),
    }
}

fn read_head(source: &dyn Source, config_file: &str, config: &Config, dim: usize) -> Result<Option<MlpHead>> {
    let file = source.locate("head.safetensors");
    let bytes = read(source, "head.safetensors")?;
    let head_config = config.get("head_config").filter(|head_config| !head_config.is_null());
    let (head_config, bytes) = match (head_config, bytes) {
        (Some(head_config), Some(bytes)) => (head_config, bytes),
        (None, None) => return read_legacy_head(source, dim),
        (Some(_), None) => {
            return Err(Error::MissingFile { file, reason: format!("{config_file} has a head_config") });
        }
        (None, Some(_)) => {
            return Err(Error::Config {
                file: config_file.to_owned(),
                key: "head_config".to_owned(),
                expected: "n_layers, activation and classes, as there is a head.safetensors".to_owned(),
                found: "nothing".to_owned(),
            });
        }
    };
    let TensorFile { mut tensors, others } = read_file(&file, &bytes)?;
    if let Some((name, found)) = others.iter().find(|(name, _)| name.starts_with("head.")) {
        return Err(Error::tensor(name, "floats", found).in_file(&file));
    }
    let take = |name: &str| -> Option<Tensor> { tensors.swap_remove(name) };
    let head = MlpHead::from_parts(config_file, head_config, take)
        .and_then(|head| head.check_input(dim).map(|()| head))
        .map_err(|error| match error {
            error @ Error::Config { .. } => error,
            error => error.in_file(&file),
        })?;
    // A layer more than n_layers says: without it the answers would be others.
    if let Some(name) = tensors.keys().find(|name| name.starts_with("head.")) {
        let expected = format!("{} layers (n_layers), each a weight and a bias", head.layers().len());
        return Err(Error::tensor(name, expected, "one more tensor").in_file(&file));
    }
    Ok(Some(head))
}

/// The head of a pipeline that model2vec before 0.9 saved.
fn read_legacy_head(source: &dyn Source, dim: usize) -> Result<Option<MlpHead>> {
    let Some(bytes) = read(source, "pipeline.skops")? else { return Ok(None) };
    let file = source.locate("pipeline.skops");
    let head = read_skops(&file, &bytes)?;
    head.check_input(dim).map_err(|error| error.in_file(&file))?;
    Ok(Some(head))
}

#[cfg(not(feature = "skops"))]
fn read_skops(file: &str, _: &Buffer) -> Result<MlpHead> {
    Err(Error::skops(file, "head", "a build with the feature `skops` of m2v-core", "one without"))
}

fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

fn write(sink: &mut dyn Sink, name: &str, bytes: &[u8]) -> Result<()> {
    sink.write_bytes(name, bytes).map_err(|source: io::Error| Error::Io { file: name.to_owned(), source })
}
