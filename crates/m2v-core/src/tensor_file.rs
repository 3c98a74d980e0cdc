//! Safetensors files: reading without copying, writing as a stream.

use std::borrow::Cow;
use std::collections::HashMap;
use std::{fmt, io};

use indexmap::IndexMap;
use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{SafeTensorError, SafeTensors};
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::buffer::Buffer;
use crate::dtype::Dtype;
use crate::error::{Error, Result};
use crate::io::Sink;
use crate::tensor::Tensor;

/// What a header has besides tensors.
const METADATA: &str = "__metadata__";

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
    check_ends(bytes).map_err(error)?;
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
    let Offsets(offsets) = serde_json::from_slice(rest.get(..length)?).ok()?;
    let (begin, _) = offsets.into_iter().max_by_key(|(begin, end)| end.saturating_sub(*begin))?;
    (8 + length).checked_add(usize::try_from(begin).ok()?)
}

/// Refuses a file of which a tensor claims to end beyond it. `safetensors` does so too, but first adds the end to the
/// length of the header, which may overflow; and it gathers all of a header in memory, whatever is in there.
fn check_ends(bytes: &[u8]) -> Result<(), SafeTensorError> {
    let header = || {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        rest.get(..length).filter(|_| length <= LONGEST_HEADER)
    };
    // What is none is refused with the right words.
    let Some(header) = header() else { return Ok(()) };
    let header = str::from_utf8(header).map_err(SafeTensorError::InvalidHeader)?;
    let Offsets(offsets) =
        serde_json::from_str(header).map_err(SafeTensorError::InvalidHeaderDeserialization)?;
    if offsets.into_iter().any(|(_, end)| end > bytes.len() as u64) {
        return Err(SafeTensorError::MetadataIncompleteBuffer);
    }
    Ok(())
}

/// Bytes of the longest header that `safetensors` reads.
const LONGEST_HEADER: usize = 100_000_000;

/// Where the data of each tensor begins and ends, of a header. Nothing else of it is kept.
struct Offsets(Vec<(u64, u64)>);

impl<'de> Deserialize<'de> for Offsets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// As what `safetensors` reads: a list of the three is one too.
        #[derive(Deserialize)]
        struct Entry {
            #[serde(rename = "dtype")]
            _dtype: IgnoredAny,
            #[serde(rename = "shape")]
            _shape: IgnoredAny,
            data_offsets: (u64, u64),
        }

        struct Header;

        impl<'de> Visitor<'de> for Header {
            type Value = Offsets;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Offsets, M::Error> {
                let mut offsets = Vec::new();
                while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                    if name == METADATA {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        offsets.push(map.next_value::<Entry>()?.data_offsets);
                    }
                }
                Ok(Offsets(offsets))
            }
        }

        deserializer.deserialize_map(Header)
    }
}

/// Writes a safetensors file to a sink, largest alignment first as the format asks, without gathering it in
/// memory.
///
/// # Errors
/// [`Error::Io`] if the sink fails; [`Error::InFile`] with the tensor if two have one name, or one has a name that is
/// none there.
pub fn write_tensors(sink: &mut dyn Sink, name: &str, tensors: &[(&str, &Tensor)]) -> Result<()> {
    let mut sorted = tensors.to_vec();
    sorted.sort_by(|(left_name, left), (right_name, right)| {
        right.dtype().to_safetensors().cmp(&left.dtype().to_safetensors()).then(left_name.cmp(right_name))
    });
    let mut names: Vec<&str> = tensors.iter().map(|tensor| tensor.0).collect();
    names.sort_unstable();
    let is_wrong = |pair: &&[&str]| pair[0] == pair[1];
    if let Some(pair) = names.windows(2).find(is_wrong) {
        return Err(Error::tensor(pair[0], "names that differ", "two of this name").in_file(name));
    }
    if names.contains(&METADATA) {
        return Err(Error::tensor(METADATA, "another name", "that of the file's notes").in_file(name));
    }
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

#[cfg(test)]
mod tests {
    use super::Offsets;

    #[test]
    fn offsets_are_found_in_whatever_safetensors_reads() {
        let header = br#"{"__metadata__": {"data_offsets": "x", "format": "pt"}, "a\u0062": {"data_offsets": [0, 4],
            "shape": [1], "dtype": "F32", "note": {"x": [1]}}, "c": ["F32", [1], [4, 18446744073709551615]]}"#;
        let Offsets(offsets) = serde_json::from_slice(header).expect("a header");
        assert_eq!(offsets, [(0, 4), (4, u64::MAX)]);
        // Not gathered first.
        assert!(serde_json::from_slice::<Offsets>(br#"{"a": [0, 0, 0, 0]}"#).is_err());
    }
}
