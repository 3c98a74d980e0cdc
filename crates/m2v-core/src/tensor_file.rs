//! Safetensors files: reading without copying, writing as a stream.

use std::collections::HashMap;
use std::io;

use indexmap::IndexMap;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{SafeTensorError, SafeTensors};
use serde_json::Value;

use crate::buffer::Buffer;
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::io::Sink;
use crate::tensor::Tensor;

/// The tensors of a file.
pub(crate) struct TensorFile {
    /// Those of the types that models use.
    pub(crate) tensors: IndexMap<String, Tensor>,
    /// Type and shape of the others.
    pub(crate) others: IndexMap<String, String>,
}

/// Reads a [safetensors](https://github.com/huggingface/safetensors) file. The tensors share its bytes.
///
/// Tensors of a type that no model uses (booleans, unsigned integers, …) are passed over.
///
/// # Errors
/// [`Error::Safetensors`] if the header is not valid or its offsets do not cover the file exactly.
pub fn read_tensors(file: &str, bytes: &Buffer) -> Result<IndexMap<String, Tensor>> {
    Ok(read_file(file, bytes)?.tensors)
}

/// As [`read_tensors`], and says what it passed over: a tensor that is there in a wrong type is not missing.
pub(crate) fn read_file(file: &str, bytes: &Buffer) -> Result<TensorFile> {
    let error = |source| Error::Safetensors { file: file.to_owned(), length: bytes.len(), source };
    if ends_beyond(bytes) {
        return Err(error(SafeTensorError::MetadataIncompleteBuffer));
    }
    let (header, metadata) = SafeTensors::read_metadata(bytes).map_err(error)?;
    let data = 8 + header;
    let (mut tensors, mut others) = (IndexMap::new(), IndexMap::new());
    for name in metadata.offset_keys() {
        let Some(info) = metadata.info(&name) else { continue };
        let Some(dtype) = Dtype::from_safetensors(info.dtype) else {
            others.insert(name, format!("{:?} {:?}", info.dtype, info.shape));
            continue;
        };
        let (start, end) = info.data_offsets;
        let tensor = Tensor::try_new(dtype, &info.shape, bytes.slice(data + start..data + end))
            .map_err(|error| error.in_file(file))?;
        tensors.insert(name, tensor);
    }
    Ok(TensorFile { tensors, others })
}

/// Where in a file the data of its largest tensor begins, of the start of the file; `None` if that does not say.
pub(crate) fn data_offset_of_largest(start: &[u8]) -> Option<usize> {
    let (length, rest) = start.split_first_chunk()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let header: HashMap<&str, Value> = serde_json::from_slice(rest.get(..length)?).ok()?;
    let offsets = header.values().filter_map(|tensor| {
        let offset = |i: usize| usize::try_from(tensor["data_offsets"][i].as_u64()?).ok();
        Some((offset(0)?, offset(1)?))
    });
    let (begin, _) = offsets.max_by_key(|(begin, end)| end.saturating_sub(*begin))?;
    (8 + length).checked_add(begin)
}

/// Whether a tensor claims to end beyond the file. `safetensors` refuses that too, but first adds the end to
/// the length of the header, which may overflow.
fn ends_beyond(bytes: &[u8]) -> bool {
    let header = || {
        let (length, rest) = bytes.split_first_chunk()?;
        let header = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        serde_json::from_slice::<Value>(header).ok()
    };
    let beyond =
        |entry: &Value| entry["data_offsets"][1].as_u64().is_some_and(|end| end > bytes.len() as u64);
    header().as_ref().and_then(Value::as_object).is_some_and(|entries| entries.values().any(beyond))
}

/// Writes a safetensors file to a sink, largest alignment first as the format asks, without gathering it in
/// memory.
///
/// # Errors
/// [`Error::Io`] if the sink fails.
pub fn write_tensors(sink: &mut dyn Sink, name: &str, tensors: &[(&str, &Tensor)]) -> Result<()> {
    let mut sorted = tensors.to_vec();
    sorted.sort_by(|(left_name, left), (right_name, right)| {
        right.dtype().to_safetensors().cmp(&left.dtype().to_safetensors()).then(left_name.cmp(right_name))
    });
    let mut offset = 0;
    let infos = sorted
        .iter()
        .map(|(name, tensor)| {
            let start = offset;
            offset += tensor.bytes().len();
            let (dtype, shape) = (tensor.dtype().to_safetensors(), tensor.shape().to_vec());
            ((*name).to_owned(), TensorInfo { dtype, shape, data_offsets: (start, offset) })
        })
        .collect();
    let invalid = |source| Error::Safetensors { file: name.to_owned(), length: offset, source };
    // The reference writes the same note; some loaders ask for it.
    let note = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let metadata = Metadata::new(Some(note), infos).map_err(invalid)?;
    let mut header =
        serde_json::to_vec(&metadata).map_err(|source| Error::Json { file: name.to_owned(), source })?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = 8 + header.len() + offset;
    sink.write(name, length as u64, &mut |out| {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        sorted.iter().try_for_each(|(_, tensor)| out.write_all(tensor.bytes()))
    })
    .map_err(|source: io::Error| Error::Io { file: name.to_owned(), source })
}
