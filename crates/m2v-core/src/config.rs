//! `config.json`.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::error::{Error, Result};

/// The `max_length` of a model that does not say.
pub const DEFAULT_MAX_LENGTH: usize = 512;

/// The configuration of a model. Keys this crate does not know survive from load to save.
///
/// ```
/// use m2v_core::Config;
///
/// let config = Config::from_json("config.json", br#"{"normalize": true, "max_length": null, "mine": 1}"#)?;
/// assert!(config.normalize() == Some(true) && config.max_length().is_none());
/// assert_eq!(config.get("mine"), Some(&1.into()));
/// # Ok::<(), m2v_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    normalize: Option<bool>,
    max_length: Option<usize>,
    entries: Map<String, Value>,
}

/// No entries: `max_length` 512, `normalize` not stated.
impl Default for Config {
    fn default() -> Self {
        Self { normalize: None, max_length: Some(DEFAULT_MAX_LENGTH), entries: Map::new() }
    }
}

impl Config {
    /// Parses a configuration; `file` is its name in errors.
    ///
    /// # Errors
    /// [`Error::Json`], or [`Error::Config`] for a `normalize` that is not a boolean or null and a
    /// `max_length` that is not a whole number or null.
    pub fn from_json(file: &str, json: &[u8]) -> Result<Self> {
        let entries = read_entries(json).map_err(|source| Error::Json { file: file.to_owned(), source })?;
        let wrong = |key: &str, expected: &str, found: &Value| Error::Config {
            file: file.to_owned(),
            key: key.to_owned(),
            expected: expected.to_owned(),
            found: found.to_string(),
        };
        let normalize = match entries.get("normalize") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(value)) => Some(*value),
            Some(other) => return Err(wrong("normalize", "true, false or null", other)),
        };
        let max_length = match entries.get("max_length") {
            None => Some(DEFAULT_MAX_LENGTH),
            Some(Value::Null) => None,
            Some(value) => match value.as_u64().map(usize::try_from) {
                Some(Ok(length)) => Some(length),
                _ => return Err(wrong("max_length", "a whole number or null", value)),
            },
        };
        Ok(Self { normalize, max_length, entries })
    }

    /// Whether embeddings are divided by their length; `None` where the configuration does not say.
    /// (A loaded [`Checkpoint`](crate::Checkpoint) always says.)
    #[must_use]
    pub fn normalize(&self) -> Option<bool> {
        self.normalize
    }

    /// States whether embeddings are divided by their length.
    pub fn set_normalize(&mut self, normalize: bool) {
        self.normalize = Some(normalize);
        self.entries.insert("normalize".to_owned(), normalize.into());
    }

    /// The number of tokens of a text that count; `None`: all of them.
    #[must_use]
    pub fn max_length(&self) -> Option<usize> {
        self.max_length
    }

    /// Sets the number of tokens of a text that count.
    pub fn set_max_length(&mut self, max_length: Option<usize>) {
        self.max_length = max_length;
        self.entries.insert("max_length".to_owned(), max_length.into());
    }

    /// Any entry, as it stands in the file.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.get(key)
    }

    /// Sets or (with `None`) removes an entry. For `normalize` and `max_length` use their own methods.
    pub fn set(&mut self, key: &str, value: Option<Value>) {
        match value {
            Some(value) => {
                self.entries.insert(key.to_owned(), value);
            }
            None => {
                self.entries.shift_remove(key);
            }
        }
    }

    /// All entries, in the file's order.
    #[must_use]
    pub fn entries(&self) -> &Map<String, Value> {
        &self.entries
    }
}

/// Reads an object, each number with a fraction as the nearest f64, so that what is written of it is what was read.
/// `serde_json` misses it by a bit for some with 17 digits, without a feature that would change what tokenizers do.
fn read_entries(json: &[u8]) -> serde_json::Result<Map<String, Value>> {
    let mut entries = serde_json::from_slice(json)?;
    round_entries(&mut entries, json)?;
    Ok(entries)
}

fn round_entries(entries: &mut Map<String, Value>, json: &[u8]) -> serde_json::Result<()> {
    let texts: HashMap<String, &RawValue> = serde_json::from_slice(json)?;
    entries.iter_mut().try_for_each(|(key, value)| texts.get(key).map_or(Ok(()), |text| round(value, text)))
}

fn round(value: &mut Value, text: &RawValue) -> serde_json::Result<()> {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(nearest) = text.get().parse().ok().and_then(Number::from_f64) {
                *number = nearest;
            }
            Ok(())
        }
        Value::Array(values) => {
            let texts: Vec<&RawValue> = serde_json::from_str(text.get())?;
            values.iter_mut().zip(texts).try_for_each(|(value, text)| round(value, text))
        }
        Value::Object(entries) => round_entries(entries, text.get().as_bytes()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn numbers_are_written_as_they_were_read() {
        // Of the first, serde_json makes another number.
        let json = r#"{"a":7.0632353905883996,"b":[1.7976931348623157e308,{"c":0.30000000000000004}],"d":[[2.5e-9]],"a\u0062":5e-324,"n":-0.0,"i":18446744073709551615}"#;
        let config = Config::from_json("config.json", json.as_bytes()).unwrap();
        let expected = json.replace("e308", "e+308").replace("a\\u0062", "ab");
        assert_eq!(serde_json::to_string(config.entries()).unwrap(), expected);
        assert_eq!(config.get("a").and_then(serde_json::Value::as_f64), Some(7.063_235_390_588_399_6));
    }
}
