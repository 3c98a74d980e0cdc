//! Models of a few hundred bytes, and files that are not what they should be.

use std::fs;

use m2v_core::{Buffer, Memory};

use crate::{Result, fixture};

/// The smallest recorded model, in memory: six tokens with vectors of length 16, float32.
///
/// # Errors
/// If its files cannot be read.
pub fn small() -> Result<Memory> {
    let mut files = Memory::new();
    for name in ["config.json", "model.safetensors", "tokenizer.json", "modules.json"] {
        files.insert(name, fs::read(fixture("models/median").join(name))?);
    }
    Ok(files)
}

/// [`small`] with one file replaced.
///
/// # Errors
/// As [`small`].
pub fn small_with(name: &str, bytes: impl Into<Buffer>) -> Result<Memory> {
    let mut files = small()?;
    files.insert(name, bytes);
    Ok(files)
}

/// A safetensors file of tensors (name, dtype as the format spells it, shape, number of bytes), all zero.
/// Nothing is checked: neither the dtype nor that the bytes fit the shape.
#[must_use]
pub fn tensor_file(tensors: &[(&str, &str, &[usize], usize)]) -> Vec<u8> {
    let mut end = 0;
    let entries: Vec<String> = tensors
        .iter()
        .map(|(name, dtype, shape, length)| {
            let start = end;
            end += length;
            format!(r#""{name}":{{"dtype":"{dtype}","shape":{shape:?},"data_offsets":[{start},{end}]}}"#)
        })
        .collect();
    tensor_file_with_header(format!("{{{}}}", entries.join(",")).as_bytes(), &vec![0; end])
}

/// A safetensors file with any bytes for its header.
#[must_use]
pub fn tensor_file_with_header(header: &[u8], data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}
