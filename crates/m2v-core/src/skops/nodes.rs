//! The tree of objects in `schema.json`.

use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// The types a head is made of, with the loader that each must name. Nothing else is read.
const TYPES: [(&str, &str); 14] = [
    ("DictNode", "builtins.dict"),
    ("JsonNode", "builtins.str"),
    ("ListNode", "builtins.list"),
    ("TupleNode", "builtins.tuple"),
    ("TypeNode", "builtins.str"),
    ("NdArrayNode", "numpy.ndarray"),
    ("NdArrayNode", "numpy.float32"),
    ("NdArrayNode", "numpy.float64"),
    ("RandomStateNode", "numpy.random.mtrand.RandomState"),
    ("ObjectNode", "sklearn.neural_network._multilayer_perceptron.MLPClassifier"),
    ("ObjectNode", "sklearn.neural_network._multilayer_perceptron.MLPRegressor"),
    ("ObjectNode", "sklearn.neural_network._stochastic_optimizers.AdamOptimizer"),
    ("ObjectNode", "sklearn.pipeline.Pipeline"),
    ("ObjectNode", "sklearn.preprocessing._label.LabelBinarizer"),
];

/// Refuses a tree with any node that is not of [`TYPES`]. (`serde_json` has bounded its depth.)
pub(super) fn check(file: &str, value: &Value) -> Result<()> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check(file, item)),
        Value::Object(entries) => {
            let is_node =
                ["__loader__", "__class__", "__module__"].iter().any(|key| entries.contains_key(*key));
            if is_node {
                let name = type_name(entries);
                let loader = entries.get("__loader__").and_then(Value::as_str).unwrap_or("nothing");
                if !TYPES.iter().any(|known| *known == (loader, &*name)) {
                    let name = format!("{name} (loaded by {loader})");
                    return Err(Error::SkopsType { file: file.to_owned(), name });
                }
            }
            entries.values().try_for_each(|entry| check(file, entry))
        }
        _ => Ok(()),
    }
}

fn type_name(node: &Map<String, Value>) -> String {
    let part = |key: &str| node.get(key).and_then(Value::as_str).unwrap_or("?");
    format!("{}.{}", part("__module__"), part("__class__"))
}

/// An object in the tree, and where it is.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    file: &'a str,
    place: &'a str,
    value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) fn new(file: &'a str, place: &'a str, value: &'a Value) -> Self {
        Self { file, place, value }
    }

    /// The attribute it is of.
    pub(super) fn place(&self) -> &'a str {
        self.place
    }

    /// `module.Class`.
    pub(super) fn type_name(&self) -> String {
        self.value.as_object().map_or_else(|| "nothing".to_owned(), type_name)
    }

    pub(super) fn expect_type(&self, name: &str) -> Result<()> {
        let found = self.type_name();
        if found == name { Ok(()) } else { Err(self.wrong(name, &found)) }
    }

    /// An attribute of a Python object: an entry of its state, which is a dictionary.
    pub(super) fn attribute(&self, name: &'a str) -> Result<Self> {
        match &self.value["content"]["content"][name] {
            Value::Null => Err(Error::skops(self.file, name, "an attribute of the head", "nothing")),
            value => Ok(Self { place: name, value, ..*self }),
        }
    }

    /// The items of a list, a tuple, or an array of objects.
    pub(super) fn items(&self) -> Result<Vec<Self>> {
        let items =
            self.value["content"].as_array().ok_or_else(|| self.wrong("a list", &self.type_name()))?;
        Ok(items.iter().map(|value| Self { value, ..*self }).collect())
    }

    /// A value that is written as JSON in a string.
    pub(super) fn json(&self) -> Result<Value> {
        let text = self.value["content"].as_str().filter(|_| self.value["__loader__"] == "JsonNode");
        text.and_then(|text| serde_json::from_str(text).ok())
            .ok_or_else(|| self.wrong("JSON", &self.type_name()))
    }

    pub(super) fn text(&self) -> Result<String> {
        match self.json()? {
            Value::String(text) => Ok(text),
            other => Err(self.wrong("a string", &other.to_string())),
        }
    }

    /// Whether an array is a member of the archive.
    pub(super) fn has_member(&self) -> bool {
        self.value["type"] == "numpy"
    }

    /// The member of the archive that holds an array.
    pub(super) fn member(&self) -> Result<&'a str> {
        self.expect_type("numpy.ndarray")?;
        let name = self.value["file"].as_str().filter(|_| self.has_member());
        name.ok_or_else(|| self.wrong("an array in a file", &self.value["type"].to_string()))
    }

    fn wrong(&self, expected: &str, found: &str) -> Error {
        Error::skops(self.file, self.place, expected, found)
    }
}
