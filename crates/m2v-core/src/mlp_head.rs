//! A classifier or regressor on top of the encoder, as data.

use serde_json::{Value, json};

use crate::dtype::Dtype;
use crate::error::{Error, Result, describe};
use crate::label::Label;
use crate::tensor::Tensor;

/// What is done to the output of the last layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// One class of several.
    Softmax,
    /// Each class on its own.
    Sigmoid,
    /// A regression: the values as they are.
    Identity,
}

impl Activation {
    /// The name in `head_config`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Identity => "identity",
        }
    }
}

/// One linear layer: `x · weightᵀ + bias`, with ReLU between layers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layer {
    /// `[out, in]`, floats.
    pub weight: Tensor,
    /// `[out]`, floats.
    pub bias: Tensor,
}

/// A multi-layer perceptron on top of the encoder, as data: `head.safetensors` and the `head_config` of
/// `config.json` (`MLPHead` of the reference).
///
/// What runs it is `Mlp` in m2v-infer, what writes it into a graph is in m2v-onnx.
///
/// ```
/// use m2v_core::{Activation, MlpHead, Tensor};
/// use ndarray::{Array1, Array2};
///
/// let layer = |out, input| {
///     (Tensor::from_array(&Array2::<f32>::zeros((out, input))), Tensor::from_array(&Array1::<f32>::zeros(out)))
/// };
/// let classes = vec!["no".into(), "yes".into()];
/// let head = MlpHead::try_new(vec![layer(8, 64), layer(2, 8)], Activation::Softmax, Some(classes))?;
/// assert_eq!((head.input_dim(), head.output_dim(64)), (Some(64), 2));
/// # Ok::<(), m2v_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MlpHead {
    layers: Vec<Layer>,
    activation: Activation,
    classes: Option<Vec<Label>>,
}

impl MlpHead {
    /// Checks that the layers fit together, hold finite numbers, and that there are as many classes as outputs.
    ///
    /// `layers` are weight `[out, in]` and bias `[out]` of each, floats. Without layers the embedding passes
    /// through unchanged to the activation.
    ///
    /// # Errors
    /// [`Error::Tensor`] naming the layer, or the classes.
    pub fn try_new(
        layers: Vec<(Tensor, Tensor)>,
        activation: Activation,
        classes: Option<Vec<Label>>,
    ) -> Result<Self> {
        let mut width = None;
        for (i, (weight, bias)) in layers.iter().enumerate() {
            let [out, input] = *weight.shape() else {
                return Err(Error::tensor(
                    format!("head.{i}.weight"),
                    "2 axes",
                    format!("{:?}", weight.shape()),
                ));
            };
            for (part, tensor) in [("weight", weight), ("bias", bias)] {
                if !tensor.dtype().is_float() {
                    let name = format!("head.{i}.{part}");
                    return Err(Error::tensor(name, "floats", tensor.dtype().name()));
                }
            }
            if out == 0 || width.is_some_and(|width| width != input) || bias.shape() != [out] {
                return Err(Error::tensor(
                    format!("head.{i}"),
                    format!("weight [out, {}] and bias [out]", width.unwrap_or(input)),
                    format!("weight {:?} and bias {:?}", weight.shape(), bias.shape()),
                ));
            }
            check_finite(&format!("head.{i}.weight"), weight)?;
            check_finite(&format!("head.{i}.bias"), bias)?;
            width = Some(out);
        }
        let layers = layers.into_iter().map(|(weight, bias)| Layer { weight, bias }).collect();
        let head = Self { layers, activation, classes };
        if let Some(width) = width {
            head.check_classes(width)?;
        }
        Ok(head)
    }

    /// The layers, first to last.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What is done to the output of the last layer.
    #[must_use]
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The labels of the outputs.
    #[must_use]
    pub fn classes(&self) -> Option<&[Label]> {
        self.classes.as_deref()
    }

    /// The length of the vectors the first layer takes; `None` without layers.
    #[must_use]
    pub fn input_dim(&self) -> Option<usize> {
        self.layers.first().and_then(|layer| layer.weight.shape().get(1).copied())
    }

    /// The number of outputs for embeddings of length `dim`.
    #[must_use]
    pub fn output_dim(&self, dim: usize) -> usize {
        self.layers.last().and_then(|layer| layer.weight.shape().first().copied()).unwrap_or(dim)
    }

    /// The name of the output in a graph: `probabilities`, or `predictions` of a regression.
    #[must_use]
    pub fn output_name(&self) -> &'static str {
        match self.activation {
            Activation::Softmax | Activation::Sigmoid => "probabilities",
            Activation::Identity => "predictions",
        }
    }

    /// Reads `head_config` and the tensors `head.{i}.weight`, `head.{i}.bias`.
    pub(crate) fn from_parts(
        config_file: &str,
        head_config: &Value,
        mut take: impl FnMut(&str) -> Option<Tensor>,
    ) -> Result<Self> {
        let wrong = |key: &str, expected: &str| Error::Config {
            file: config_file.to_owned(),
            key: format!("head_config.{key}"),
            expected: expected.to_owned(),
            found: head_config.get(key).map_or("nothing".to_owned(), Value::to_string),
        };
        let count = head_config.get("n_layers").and_then(Value::as_u64);
        let count = count.ok_or_else(|| wrong("n_layers", "a whole number"))?;
        let activation = match head_config.get("activation").and_then(Value::as_str) {
            Some("softmax") => Activation::Softmax,
            Some("sigmoid") => Activation::Sigmoid,
            Some("identity") => Activation::Identity,
            _ => return Err(wrong("activation", "softmax, sigmoid or identity")),
        };
        let classes = match head_config.get("classes") {
            None | Some(Value::Null) => None,
            Some(Value::Array(classes)) => {
                let labels: Option<Vec<_>> = classes.iter().map(Label::from_json).collect();
                Some(labels.ok_or_else(|| wrong("classes", "strings, 64-bit integers or booleans"))?)
            }
            Some(_) => return Err(wrong("classes", "a list or null")),
        };
        let mut layers = Vec::new();
        for i in 0..count {
            let mut part = |part: &str| {
                let name = format!("head.{i}.{part}");
                take(&name)
                    .ok_or_else(|| Error::tensor(name, format!("{count} layers (n_layers)"), "nothing"))
            };
            layers.push((part("weight")?, part("bias")?));
        }
        Self::try_new(layers, activation, classes)
    }

    /// The value of `head_config`.
    pub(crate) fn config(&self) -> Value {
        json!({
            "n_layers": self.layers.len(),
            "activation": self.activation.name(),
            "classes": self.classes,
        })
    }

    /// The tensors of `head.safetensors`.
    pub(crate) fn named_tensors(&self) -> Vec<(String, &Tensor)> {
        let mut tensors = Vec::new();
        for (i, layer) in self.layers.iter().enumerate() {
            tensors.push((format!("head.{i}.weight"), &layer.weight));
            tensors.push((format!("head.{i}.bias"), &layer.bias));
        }
        tensors
    }

    /// Checks that it fits on embeddings of length `dim`: what the first layer takes, and without layers the number of
    /// classes.
    ///
    /// # Errors
    /// [`Error::Tensor`] naming the layer, or the classes.
    pub fn check_input(&self, dim: usize) -> Result<()> {
        match self.input_dim() {
            Some(input) if input != dim => Err(Error::tensor(
                "head.0.weight",
                format!("[out, {dim}], the columns of the embedding table"),
                describe(Dtype::F32, &[input]),
            )),
            Some(_) => Ok(()),
            None => self.check_classes(dim),
        }
    }

    fn check_classes(&self, width: usize) -> Result<()> {
        match &self.classes {
            Some(classes) if classes.len() != width => {
                let expected = format!("{width} (one for each output)");
                Err(Error::tensor("head_config.classes", expected, classes.len().to_string()))
            }
            _ => Ok(()),
        }
    }
}

/// One number that is not would make every answer wrong.
fn check_finite(name: &str, tensor: &Tensor) -> Result<()> {
    let values = tensor.to_f32()?;
    match values.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((at, value)) => {
            let found = format!("{value} at {:?}", ndarray::Dimension::slice(&at));
            Err(Error::tensor(name, "finite float32 numbers", found))
        }
    }
}
