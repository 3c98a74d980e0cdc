//! Running what was written, and comparing it with the model it was made of.

use std::path::Path;
use std::time::{Duration, Instant};

use m2v_core::{Checkpoint, Dir};
use m2v_infer::{Encoder, EncoderExt, StaticModel};
use m2v_quant::{Loss, compare};
use ndarray::{Array2, Axis};

use super::Target;
use super::artefact::{Artefact, TABLE, Verified};
use super::error::{Error, Result};
use super::graph_runtime::GraphRuntime;
use super::head::HeadVerifier;
use super::report::TextsSummary;
use super::texts::Texts;

/// What running an artefact may differ by: absolutely, for vectors of length 1, and in the cosine.
struct Bound {
    max_abs_diff: f64,
    cosine_min: Option<f64>,
}

impl Target {
    fn bound(self) -> Bound {
        match self {
            Self::F32 => Bound { max_abs_diff: 1e-6, cosine_min: None },
            Self::F16 => Bound { max_abs_diff: 2e-3, cosine_min: None },
            Self::Int8 => Bound { max_abs_diff: 2e-2, cosine_min: Some(0.9998) },
        }
    }
}

/// The model everything is compared with, and its embeddings of the texts.
pub(crate) struct Verifier {
    texts: Texts,
    /// What a client feeds a graph: cut to `max_length`, unknown tokens still in.
    ids: Vec<Vec<u32>>,
    /// The model's embeddings.
    expected: Array2<f32>,
    /// The same, summed in f64: what another runtime, which sums in another order, is held to.
    exact: Array2<f32>,
    pad: u32,
    normalize: bool,
    summary: TextsSummary,
    /// For a pipeline.
    head: Option<HeadVerifier>,
}

impl Verifier {
    pub(crate) fn new(model: &Checkpoint, texts: Texts) -> Result<Self> {
        let head = HeadVerifier::new(model, &texts.texts)?;
        let model = StaticModel::from_checkpoint(model.clone())?;
        let expected = model.encode(&texts.texts)?;
        let exact = exact(&model, &texts.texts)?;
        let ids = texts.texts.iter().map(|text| client_ids(&model, text)).collect::<Result<Vec<_>>>()?;
        let pooled = texts.texts.iter().map(|text| model.tokenize(text)).collect::<Result<Vec<_>, _>>()?;
        let summary = TextsSummary {
            origin: texts.origin.clone(),
            count: texts.texts.len(),
            empty: texts.texts.iter().filter(|text| text.is_empty()).count(),
            unknown_only: ids
                .iter()
                .zip(&pooled)
                .filter(|(all, known)| !all.is_empty() && known.is_empty())
                .count(),
            not_ascii: texts.texts.iter().filter(|text| !text.is_ascii()).count(),
            at_max_length: ids.iter().filter(|ids| Some(ids.len()) == model.options().max_length).count(),
        };
        let pad = model.tokenizer().vocabulary().pad().id;
        Ok(Self { texts, ids, expected, exact, pad, normalize: model.options().normalize, summary, head })
    }

    pub(crate) fn summary(&self) -> TextsSummary {
        self.summary.clone()
    }

    /// Runs an artefact from the folder it was written to.
    pub(crate) fn verify(&self, artefact: &Artefact, target: Target, folder: &Path) -> Result<Verified> {
        let (by, loss, elapsed) =
            if artefact.file == TABLE { self.run_table(folder)? } else { self.run_graph(artefact, folder)? };
        let bound = target.bound();
        // Bounds are for vectors of length 1; those of a model that does not normalise may be any length.
        let scale = self.exact.iter().fold(1.0, |max: f32, x| max.max(x.abs()));
        let max_abs_diff_bound = bound.max_abs_diff * f64::from(scale);
        let passed = loss.max_abs_diff <= max_abs_diff_bound
            && bound.cosine_min.is_none_or(|cosine_min| loss.cosine_min >= cosine_min);
        let head = self.head.as_ref().map(|head| match artefact.file == TABLE {
            true => head.verify_table(folder, &self.texts.texts, target == Target::F32),
            false => {
                let graph = folder.join(&artefact.file);
                head.verify_graph(folder, &graph, &self.texts.texts, (&self.ids, self.pad))
            }
        });
        let head = head.transpose()?;
        Ok(Verified {
            by,
            cosine_min: loss.cosine_min,
            cosine_p1: loss.cosine_p1,
            cosine_mean: loss.cosine_mean,
            max_abs_diff: loss.max_abs_diff,
            max_abs_diff_bound,
            cosine_min_bound: bound.cosine_min,
            passed,
            texts_per_second: self.texts.texts.len() as f64 / elapsed.as_secs_f64(),
            head,
        })
    }

    /// The folder as a user loads it.
    fn run_table(&self, folder: &Path) -> Result<(String, Loss, Duration)> {
        let model = StaticModel::load(&Dir::open(folder)?)?;
        let (embeddings, elapsed) = fastest(|| Ok(model.encode(&self.texts.texts)?))?;
        let loss = compare(self.expected.view(), embeddings.view())?;
        Ok(("m2v-infer, from the written folder".to_owned(), loss, elapsed))
    }

    /// The graph in another runtime; both of its outputs have to agree with the model.
    fn run_graph(&self, artefact: &Artefact, folder: &Path) -> Result<(String, Loss, Duration)> {
        let graph = GraphRuntime::load(&folder.join(&artefact.file))?;
        let ((embeddings, sums), elapsed) = fastest(|| graph.encode(&self.ids, self.pad, artefact.dim))?;
        let pooled = self.pool(sums);
        let loss =
            worse(compare(self.exact.view(), embeddings.view())?, compare(self.exact.view(), pooled.view())?);
        Ok(("rten, both outputs".to_owned(), loss, elapsed))
    }

    /// What a client makes of the sums of a text's token vectors. It does not know how many tokens were unknown:
    /// if the model does not normalise, only the direction can be compared.
    fn pool(&self, sums: Array2<f64>) -> Array2<f32> {
        let mut out = Array2::zeros(sums.dim());
        for ((sum, expected), mut out) in sums.rows().into_iter().zip(self.exact.rows()).zip(out.rows_mut()) {
            let norm = sum.dot(&sum).sqrt();
            if norm > 0.0 {
                let expected = expected.mapv(f64::from);
                let length = if self.normalize { 1.0 } else { expected.dot(&expected).sqrt() };
                out.assign(&sum.mapv(|x| (x / norm * length) as f32));
            }
        }
        out
    }
}

/// The embeddings of texts with sums in f64. In f32, the order of thousands of additions shows in the sixth digit.
pub(crate) fn exact(model: &StaticModel, texts: &[String]) -> Result<Array2<f32>> {
    let options = model.options();
    let mut out = Array2::zeros((texts.len(), model.dim()));
    for (text, mut out) in texts.iter().zip(out.rows_mut()) {
        let vectors = model.encode_as_sequence(text, options.max_length)?.embeddings.mapv(f64::from);
        let Some(mean) = vectors.mean_axis(Axis(0)) else { continue };
        let length = if options.normalize { mean.dot(&mean).sqrt() + 1e-32 } else { 1.0 };
        out.assign(&mean.mapv(|x| (x / length) as f32));
    }
    Ok(out)
}

/// The ids a client feeds: those of the text, cut to `max_length`, with the unknown ones.
fn client_ids(model: &StaticModel, text: &str) -> Result<Vec<u32>> {
    let mut ids = model.tokenizer().encode(text).map_err(|source| Error::Infer(source.into()))?;
    if let Some(length) = model.options().max_length {
        ids.truncate(length);
    }
    let known = |id: &&u32| Some(**id) != model.tokenizer().vocabulary().unk_id();
    let pooled = model.tokenize(text)?;
    // A text that was cut at a code point as well has other last tokens in clients that cut only tokens.
    if ids.iter().filter(known).eq(&pooled) { Ok(ids) } else { Ok(pooled) }
}

/// The result and the shortest time of as many runs as fit into half a second.
fn fastest<T>(mut run: impl FnMut() -> Result<T>) -> Result<(T, Duration)> {
    let begin = Instant::now();
    let mut best = Duration::MAX;
    loop {
        let start = Instant::now();
        let result = run()?;
        best = best.min(start.elapsed());
        if begin.elapsed() > Duration::from_millis(500) {
            return Ok((result, best));
        }
    }
}

/// The worse of both in every number.
fn worse(mut a: Loss, b: Loss) -> Loss {
    a.cosine_min = a.cosine_min.min(b.cosine_min);
    a.cosine_p1 = a.cosine_p1.min(b.cosine_p1);
    a.cosine_mean = a.cosine_mean.min(b.cosine_mean);
    // Not `max`, which would drop a NaN.
    if b.max_abs_diff > a.max_abs_diff || b.max_abs_diff.is_nan() {
        a.max_abs_diff = b.max_abs_diff;
    }
    a
}
