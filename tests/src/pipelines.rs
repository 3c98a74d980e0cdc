//! The recorded pipelines.

use std::fs;

use m2v_core::{Label, Memory};
use ndarray::Array2;
use serde::Deserialize;
use serde_json::Value;

use crate::{Result, fixture};

/// A pipeline that Python model2vec trained and saved, and what it answered.
#[derive(Debug)]
pub struct RecordedPipeline {
    /// `softmax`, `multilabel` or `regression`.
    pub name: &'static str,
    /// The texts it was asked about.
    pub texts: Vec<String>,
    /// What it answered.
    pub answers: Answers,
}

/// What Python model2vec answered.
#[derive(Debug, Deserialize)]
pub struct Answers {
    /// What each text truly is.
    pub labels: Vec<Value>,
    /// What `predict` said: a label, a list of labels or a list of numbers.
    pub predict: Vec<Value>,
    /// `predict_proba`, to seven decimals; none of a regression.
    pub predict_proba: Option<Vec<Vec<f32>>>,
    /// `evaluate`; none of a regression.
    pub evaluate: Option<Value>,
}

impl RecordedPipeline {
    /// Reads the answers of a pipeline.
    ///
    /// # Errors
    /// If a file is missing or not as the recording script writes it.
    pub fn read(name: &'static str) -> Result<Self> {
        let texts = serde_json::from_slice(&fs::read(fixture("pipelines/texts.json"))?)?;
        let answers = fs::read(fixture(&format!("pipelines/{name}/answers.json")))?;
        Ok(Self { name, texts, answers: serde_json::from_slice(&answers)? })
    }

    /// All of them.
    ///
    /// # Errors
    /// As [`RecordedPipeline::read`].
    pub fn all() -> Result<Vec<Self>> {
        ["softmax", "multilabel", "regression"].into_iter().map(Self::read).collect()
    }

    /// The files of the pipeline as model2vec 0.10 saved it.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn files(&self) -> Result<Memory> {
        self.files_of(&[("config.json", "config.json"), ("head.safetensors", "head.safetensors")])
    }

    /// The files of the pipeline as model2vec before 0.9 saved it.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn legacy_files(&self) -> Result<Memory> {
        self.files_of(&[("config.json", "legacy-config.json"), ("pipeline.skops", "pipeline.skops")])
    }

    fn files_of(&self, named: &[(&str, &str)]) -> Result<Memory> {
        let mut files = Memory::new();
        for (name, file) in named.iter().chain(&[("model.safetensors", "model.safetensors")]) {
            files.insert(*name, fs::read(fixture(&format!("pipelines/{}/{file}", self.name)))?);
        }
        // All of them were trained on this model.
        files.insert("tokenizer.json", fs::read(fixture("models/vq256/tokenizer.json"))?);
        Ok(files)
    }
}

impl Answers {
    /// The probabilities, `[texts, classes]`.
    ///
    /// # Errors
    /// If there are none, or rows of different lengths.
    pub fn probabilities(&self) -> Result<Array2<f32>> {
        let rows = self.predict_proba.as_ref().ok_or("no probabilities were recorded")?;
        let columns = rows.first().map_or(0, Vec::len);
        Ok(Array2::from_shape_vec((rows.len(), columns), rows.concat())?)
    }

    /// The numbers a regression predicted, `[texts, width]`.
    ///
    /// # Errors
    /// If they are no numbers.
    pub fn values(&self) -> Result<Array2<f32>> {
        let rows: Vec<Vec<f32>> = serde_json::from_value(self.predict.clone().into())?;
        let columns = rows.first().map_or(0, Vec::len);
        Ok(Array2::from_shape_vec((rows.len(), columns), rows.concat())?)
    }

    /// The labels each text truly has or was predicted to have: one for a single-label classifier.
    ///
    /// # Errors
    /// If they are no labels.
    pub fn label_sets(values: &[Value]) -> Result<Vec<Vec<Label>>> {
        let set = |value: &Value| match value {
            Value::Array(labels) => labels.iter().map(Label::from_json).collect(),
            label => Label::from_json(label).map(|label| vec![label]),
        };
        values.iter().map(|value| set(value).ok_or_else(|| format!("no label: {value}").into())).collect()
    }
}
