//! Edits of `tokenizer.json` that need no knowledge of tokenizers.

use indexmap::IndexMap;
use serde_json::value::RawValue;

use crate::buffer::Buffer;
use crate::error::{Error, Result};

/// Sets top-level fields of a `tokenizer.json` to null and keeps every other value as it is written: scores are not
/// re-printed, key order stays.
///
/// # Errors
/// [`Error::Json`] if it is not a JSON object.
///
/// ```
/// let json = br#"{"truncation":{"max_length":128},"model":{"vocab":{"a":0}}}"#;
/// let cleared = m2v_core::clear_fields(&json.into(), &["truncation"])?;
/// assert_eq!(&*cleared, br#"{"truncation":null,"model":{"vocab":{"a":0}}}"#);
/// # Ok::<(), m2v_core::Error>(())
/// ```
pub fn clear_fields(tokenizer: &Buffer, fields: &[&str]) -> Result<Buffer> {
    let broken = |source| Error::Json { file: "tokenizer.json".to_owned(), source };
    let mut object: IndexMap<String, &RawValue> = serde_json::from_slice(tokenizer).map_err(broken)?;
    let mut changed = false;
    for (key, value) in &mut object {
        if fields.contains(&key.as_str()) && value.get() != "null" {
            *value = RawValue::NULL;
            changed = true;
        }
    }
    if !changed {
        return Ok(tokenizer.clone());
    }
    Ok(serde_json::to_vec(&object).map_err(broken)?.into())
}
