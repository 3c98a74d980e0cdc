//! The recorded answers of the reference.

use std::fs;

use m2v_core::half::f16;
use m2v_core::{Checkpoint, Dir, EmbeddingTable, Tensor};
use ndarray::{Array2, s};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde::Deserialize;

use crate::{Result, fixture, shipped_model};

/// What Python model2vec says about a model and answers for each of [`texts`](crate::texts).
#[derive(Debug)]
pub struct Recorded {
    /// The name of the model.
    pub name: String,
    /// Facts about the model.
    pub facts: Facts,
    /// The ids of each text: cut to `max_length`, unknown tokens dropped.
    pub ids: Vec<Vec<u32>>,
    /// `encode(texts, normalize=False)` on a float32 copy of the table.
    pub mean: Array2<f32>,
    /// `encode(texts, normalize=True)` on a float32 copy of the table.
    pub normalized: Array2<f32>,
}

/// What Python model2vec says about a model.
#[derive(Debug, Deserialize)]
pub struct Facts {
    /// The median length of the tokens in code points, rounded down.
    pub median_token_length: usize,
    /// The id of the unknown token.
    pub unk_token_id: Option<u32>,
    /// The length of the vectors.
    pub dim: usize,
    /// The number of tokens that count.
    pub max_length: Option<usize>,
    /// Whether `encode` normalises when it is not told.
    pub normalize: bool,
}

/// The names of all recorded models, sorted. Read from the folder, so that none can be forgotten.
///
/// # Errors
/// If the folder cannot be read.
pub fn recorded_names() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(fixture("answers"))? {
        let name = entry?.file_name().into_string().map_err(|name| format!("{name:?} is not UTF-8"))?;
        names.extend(name.strip_suffix(".json").map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

impl Recorded {
    /// Reads the answers of a model.
    ///
    /// # Errors
    /// If a file is missing or not as the recording script writes it.
    pub fn read(name: &str) -> Result<Self> {
        let facts: Facts = serde_json::from_slice(&fs::read(fixture(&format!("answers/{name}.json")))?)?;
        let file = fs::read(fixture(&format!("answers/{name}.safetensors")))?;
        let tensors = SafeTensors::deserialize(&file)?;
        let (flat, counts) = (integers(&tensors.tensor("ids")?)?, integers(&tensors.tensor("id_counts")?)?);
        let mut rest = flat.as_slice();
        let mut ids = Vec::new();
        for count in counts {
            let (of_text, after) = rest.split_at_checked(count as usize).ok_or("fewer ids than counted")?;
            ids.push(of_text.to_vec());
            rest = after;
        }
        if !rest.is_empty() {
            return Err(format!("{} ids more than counted", rest.len()).into());
        }
        let (mean, normalized) = (floats(&tensors.tensor("mean")?)?, floats(&tensors.tensor("normalized")?)?);
        Ok(Self { name: name.to_owned(), facts, ids, mean, normalized })
    }

    /// All recorded answers.
    ///
    /// # Errors
    /// As [`Recorded::read`].
    pub fn all() -> Result<Vec<Self>> {
        recorded_names()?.iter().map(|name| Self::read(name)).collect()
    }

    /// The model that was asked. Those that are the shipped model in another form are made of it.
    ///
    /// # Errors
    /// If it cannot be loaded.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        let shipped = || Checkpoint::load(&Dir::open(shipped_model())?);
        Ok(match self.name.as_str() {
            "wordpiece-f16" => shipped()?,
            "wordpiece-f16-max8" => with_max_length(shipped()?, Some(8)),
            "wordpiece-f16-maxNone" => with_max_length(shipped()?, None),
            "wordpiece-dim32" => first_columns(shipped()?, 32)?,
            name => Checkpoint::load(&Dir::open(fixture("models").join(name))?)?,
        })
    }
}

fn with_max_length(mut checkpoint: Checkpoint, max_length: Option<usize>) -> Checkpoint {
    checkpoint.config.set_max_length(max_length);
    checkpoint
}

fn first_columns(mut checkpoint: Checkpoint, dim: usize) -> Result<Checkpoint> {
    let table = &checkpoint.table;
    let rows = table.embeddings().to_array::<f16>()?;
    let columns = Tensor::from_array(&rows.slice(s![.., ..dim]));
    checkpoint.table = EmbeddingTable::try_new(columns, table.weights().cloned(), table.mapping().cloned())?;
    Ok(checkpoint)
}

fn integers(tensor: &TensorView<'_>) -> Result<Vec<u32>> {
    if tensor.dtype() != safetensors::Dtype::U16 {
        return Err(format!("expected uint16, found {:?}", tensor.dtype()).into());
    }
    Ok(tensor.data().as_chunks::<2>().0.iter().map(|&bytes| u16::from_le_bytes(bytes).into()).collect())
}

fn floats(tensor: &TensorView<'_>) -> Result<Array2<f32>> {
    let &[rows, columns] = tensor.shape() else {
        return Err(format!("expected a matrix, found shape {:?}", tensor.shape()).into());
    };
    if tensor.dtype() != safetensors::Dtype::F32 {
        return Err(format!("expected float32, found {:?}", tensor.dtype()).into());
    }
    let values = tensor.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    Ok(Array2::from_shape_vec((rows, columns), values)?)
}
