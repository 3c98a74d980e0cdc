//! Models load from every layout, source and dtype, and what is saved loads back the same.

mod dir_sink;
mod layouts;
mod saving;
mod sources;
mod tensors;

use m2v_core::{Checkpoint, Memory, Tensor};
use m2v_infer::{EncoderExt, StaticModel};
use m2v_tests::{Result, small, texts};
use ndarray::Array2;

/// The small model's files without its table.
fn without_table() -> Result<Memory> {
    let mut files = Memory::new();
    for (name, bytes) in small()?.files().filter(|file| file.0 != "model.safetensors") {
        files.insert(name, bytes.clone());
    }
    Ok(files)
}

/// The small model with other tensors.
fn with_tensors(tensors: &[(&str, &Tensor)]) -> Result<Memory> {
    let mut files = without_table()?;
    m2v_core::write_tensors(&mut files, "model.safetensors", tensors)?;
    Ok(files)
}

/// What a checkpoint makes of all recorded texts.
fn vectors(checkpoint: &Checkpoint) -> Result<Array2<f32>> {
    Ok(StaticModel::from_checkpoint(checkpoint.clone())?.encode(&texts()?)?)
}
