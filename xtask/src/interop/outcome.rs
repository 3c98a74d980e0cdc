//! What a client said, judged.

use std::fs;
use std::path::Path;

use m2v_core::Dtype;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::client::Client;
use super::truth::{Apart, Kind, Truth};

/// What a script prints of a case.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    version: Option<String>,
    case: String,
    file: String,
    truth: Kind,
    apart: Option<Apart>,
    why: Option<String>,
    vectors: Option<String>,
    shape: Option<[usize; 2]>,
    error: Option<String>,
}

/// A row of the table.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) client: String,
    pub(crate) version: Option<String>,
    pub(crate) case: String,
    pub(crate) file: String,
    /// Texts that were compared.
    pub(crate) texts: usize,
    /// The reason for which others were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    pub(crate) largest_difference: Option<f32>,
    pub(crate) bound: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    pub(crate) passed: bool,
}

impl Outcome {
    /// A client that did not install or run.
    pub(crate) fn failed(client: Client, case: &str, error: impl Into<String>) -> Self {
        Self {
            client: client.to_string(),
            version: None,
            case: case.to_owned(),
            file: String::new(),
            texts: 0,
            why: None,
            largest_difference: None,
            bound: None,
            error: Some(error.into()),
            passed: false,
        }
    }

    /// Judges what a script said, whose vectors are in `out`.
    pub(crate) fn of_line(client: Client, line: Line, out: &Path, truth: &Truth) -> Self {
        let mut outcome = Self::failed(client, &line.case, "");
        outcome.version.clone_from(&line.version);
        outcome.file.clone_from(&line.file);
        outcome.why.clone_from(&line.why);
        let vectors = line.vectors(out, truth.shape());
        outcome.judge(client, line.truth, line.apart, vectors, truth)
    }

    /// Compares vectors with those of m2v-infer.
    pub(crate) fn judge(
        self,
        client: Client,
        kind: Kind,
        apart: Option<Apart>,
        vectors: Result<Array2<f32>, String>,
        truth: &Truth,
    ) -> Self {
        let vectors = match vectors {
            Ok(vectors) => vectors,
            Err(error) => return Self { error: Some(error), ..self },
        };
        let bound = bound(client, &self.file, truth.dtype);
        let (largest, texts) = truth.compare(kind, apart, &vectors);
        // A NaN is not within any bound.
        let passed = texts > 0 && largest <= bound;
        let error = (!passed).then(|| "not within the bound".to_owned());
        Self { texts, largest_difference: Some(largest), bound: Some(bound), passed, error, ..self }
    }
}

impl Line {
    fn vectors(&self, out: &Path, expected: [usize; 2]) -> Result<Array2<f32>, String> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let (Some(name), Some(shape)) = (&self.vectors, self.shape) else {
            return Err("gave no vectors".to_owned());
        };
        if shape != expected {
            return Err(format!("gave vectors of shape {shape:?}, expected {expected:?}"));
        }
        let bytes = fs::read(out.join(name)).map_err(|source| format!("{name}: {source}"))?;
        let (floats, _) = bytes.as_chunks();
        let floats: Vec<f32> = floats.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        Array2::from_shape_vec(shape, floats)
            .map_err(|_| format!("{name}: {} bytes, not of shape {shape:?}", bytes.len()))
    }
}

/// How far the numbers of a vector of length 1 may be from those of m2v-infer, which computes in f32.
fn bound(client: Client, file: &str, source: Dtype) -> f32 {
    match (file, client) {
        ("onnx/model.onnx", _) => 1e-6,
        // A float16 table is kept as it is.
        ("onnx/model_fp16.onnx", _) if source == Dtype::F16 => 1e-6,
        ("onnx/model_fp16.onnx", _) => 2e-3,
        ("onnx/model_quantized.onnx", _) => 2e-2,
        // These two compute in the table's dtype.
        (_, Client::Model2vec | Client::SentenceTransformers) if source == Dtype::F16 => 1e-3,
        _ => 1e-6,
    }
}
