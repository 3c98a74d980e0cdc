//! Heads that model2vec before 0.9 saved: `pipeline.skops`, a scikit-learn pipeline written by
//! [skops](https://skops.readthedocs.io), read as data.
//!
//! The file is a zip of `schema.json`, which describes a tree of Python objects, and the arrays in it as `.npy`
//! members. Nothing is executed and no type is looked up: the tree may only be made of the types that such a head is
//! made of ([`nodes`]), everything else is refused by name, and of the arrays only coefficients, intercepts and
//! classes are read.

mod archive;
mod nodes;
mod npy;

use serde_json::Value;

use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::label::Label;
use crate::mlp_head::{Activation, MlpHead};
use crate::tensor::Tensor;
use archive::Archive;
use nodes::Node;
use npy::Npy;

const MLP: &str = "sklearn.neural_network._multilayer_perceptron";

/// Reads the head of a `pipeline.skops` (`convert_legacy_pipeline` of the reference). `file` is its name in errors.
pub(crate) fn read(file: &str, bytes: &Buffer) -> Result<MlpHead> {
    let archive = Archive::open(file, bytes)?;
    let schema = archive.read("schema.json")?;
    let schema: Value = serde_json::from_slice(&schema)
        .map_err(|source| Error::Json { file: format!("{file}: schema.json"), source })?;
    let reader = Reader { file, archive };
    let protocol = &schema["protocol"];
    if protocol.as_u64().is_none_or(|protocol| protocol > 2) {
        return Err(reader.wrong("protocol", "0, 1 or 2", &protocol.to_string()));
    }
    nodes::check(file, &schema)?;
    reader.pipeline(Node::new(file, "schema.json", &schema))
}

struct Reader<'a> {
    file: &'a str,
    archive: Archive<'a>,
}

impl Reader<'_> {
    fn pipeline(&self, root: Node<'_>) -> Result<MlpHead> {
        root.expect_type("sklearn.pipeline.Pipeline")?;
        let steps = root.attribute("steps")?.items()?;
        // A step in front would change what the head is given.
        let [step] = &steps[..] else {
            return Err(self.wrong("steps", "one step: the head", &format!("{} steps", steps.len())));
        };
        let step = step.items()?;
        let Some(head) = step.last() else {
            return Err(self.wrong("steps", "a name and the head", "nothing"));
        };
        let classifier = format!("{MLP}.MLPClassifier");
        let is_classifier = head.type_name() == classifier;
        if !is_classifier {
            head.expect_type(&format!("{MLP}.MLPRegressor"))?;
        }
        let hidden = head.attribute("activation")?.text()?;
        if hidden != "relu" {
            return Err(self.wrong("activation", "relu", &hidden));
        }
        let out = head.attribute("out_activation_")?.text()?;
        let activation = match (is_classifier, &*out) {
            (true, "logistic") => Activation::Sigmoid,
            (true, "softmax") => Activation::Softmax,
            (false, "identity") => Activation::Identity,
            (true, _) => return Err(self.wrong("out_activation_", "logistic or softmax", &out)),
            (false, _) => return Err(self.wrong("out_activation_", "identity", &out)),
        };
        let layers = self.layers(*head)?;
        let classes = if is_classifier { Some(self.classes(head.attribute("classes_")?)?) } else { None };
        let outputs = layers.last().map_or(0, |(_, bias)| bias.element_count());
        // Of two classes scikit-learn itself gives only the probability of the second. The reference takes it for
        // the first's.
        if let Some(classes) = classes.as_ref().filter(|classes| classes.len() != outputs) {
            let expected = format!(
                "{outputs} classes, one for each output (a binary head of scikit-learn has one output)"
            );
            return Err(self.wrong("classes_", &expected, &classes.len().to_string()));
        }
        MlpHead::try_new(layers, activation, classes).map_err(|error| error.in_file(self.file))
    }

    fn layers(&self, head: Node<'_>) -> Result<Vec<(Tensor, Tensor)>> {
        let (coefs, intercepts) =
            (head.attribute("coefs_")?.items()?, head.attribute("intercepts_")?.items()?);
        if coefs.is_empty() || coefs.len() != intercepts.len() {
            let expected = format!("{}, as many as coefs_, at least 1", coefs.len());
            return Err(self.wrong("intercepts_", &expected, &intercepts.len().to_string()));
        }
        let pairs = coefs.into_iter().zip(intercepts);
        pairs
            .map(|(coef, intercept)| Ok((self.array(coef)?.transposed()?, self.array(intercept)?.vector()?)))
            .collect()
    }

    fn array(&self, node: Node<'_>) -> Result<Npy> {
        let name = node.member()?;
        Npy::parse(self.file, &format!("{} ({name})", node.place()), self.archive.read(name)?)
    }

    /// An array of labels; one of Python objects is written as a list.
    fn classes(&self, node: Node<'_>) -> Result<Vec<Label>> {
        node.expect_type("numpy.ndarray")?;
        if node.has_member() {
            return self.array(node)?.labels();
        }
        let label = |item: &Node<'_>| {
            let value = item.json()?;
            Label::from_json(&value).ok_or_else(|| {
                self.wrong("classes_", "strings, 64-bit integers or booleans", &value.to_string())
            })
        };
        node.items()?.iter().map(label).collect()
    }

    fn wrong(&self, place: &str, expected: &str, found: &str) -> Error {
        Error::skops(self.file, place, expected, found)
    }
}
