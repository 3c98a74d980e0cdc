//! Writing JSON objects field by field, parts of which are there already.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// A JSON object that is being written.
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self("{".to_owned())
    }

    pub(super) fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<()> {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0 += &to_string(key)?;
        self.0.push(':');
        self.0 += &to_string(value)?;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Box<RawValue>> {
        self.0.push('}');
        RawValue::from_string(self.0).map_err(Error::Json)
    }
}

fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(Error::Json)
}
