//! Running what was written, and comparing it with the model it was made of.

use std::path::Path;
use std::time::{Duration, Instant};

use m2v_core::{Checkpoint, Dir};
use m2v_infer::{Encoder as _, EncoderExt as _, StaticModel};
use m2v_quant::{Context, Loss, compare_with};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use super::artefact::{Artefact, TABLE, Verified};
use super::graph_runtime::GraphRuntime;
use super::head::HeadVerifier;
use super::progress::{Progress, Unit};
use super::report::TextsSummary;
use super::target::{Bound, Target};
use super::texts::Texts;
use crate::error::{Error, Result};
use crate::exact::exact;
use crate::interrupt;

/// The model everything is compared with, and its embeddings of the texts.
pub(crate) struct Verifier<'a> {
    texts: &'a Texts,
    progress: &'a Progress,
    source: Expected,
    summary: TextsSummary,
    /// For a pipeline.
    head: Option<HeadVerifier>,
}

/// What a model makes of the texts.
struct Expected {
    embeddings: Array2<f32>,
    /// The same, summed in f64: what another runtime, which sums in another order, is held to.
    exact: Array2<f32>,
}

/// A copy that is to be verified.
pub(crate) struct Copy<'v> {
    verifier: &'v Verifier<'v>,
    /// What its recipe made, in memory.
    made: Checkpoint,
    /// What it is held to: the source, or the model its recipe made.
    expected: Expected,
    bound: Bound,
    /// What a client feeds a graph: cut to `max_length`, unknown tokens still in.
    ids: Vec<Vec<u32>>,
    pad: u32,
    normalize: bool,
    /// Whether it is the model itself, in another type that holds its numbers.
    is_model: bool,
}

impl Expected {
    fn new(model: &StaticModel, texts: &[String], progress: &Progress) -> Result<Self> {
        progress.work(Unit::Texts, texts.len());
        let exact = exact(model, texts, &|done| progress.done(done))?;
        Ok(Self { embeddings: encode(model, texts, progress)?, exact })
    }
}

impl<'a> Verifier<'a> {
    pub(crate) fn new(model: &Checkpoint, texts: &'a Texts, progress: &'a Progress) -> Result<Self> {
        let head = HeadVerifier::new(model, &texts.texts)?;
        let model = StaticModel::from_checkpoint(model.clone())?;
        let source = Expected::new(&model, &texts.texts, progress)?;
        let is_broken = |row: ArrayView1<'_, f32>| row.iter().any(|x| !x.is_finite());
        if let Some(text) = source.embeddings.rows().into_iter().position(is_broken) {
            return Err(Error::NotFinite { text });
        }
        let ids = client_ids(&model, &texts.texts, progress)?;
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
        Ok(Self { texts, progress, source, summary, head })
    }

    pub(crate) fn summary(&self) -> TextsSummary {
        self.summary.clone()
    }

    /// Prepares to verify a copy, of which `made` is what its recipe made in memory.
    pub(crate) fn copy(&self, made: &Checkpoint, target: &Target) -> Result<Copy<'_>> {
        let model = StaticModel::from_checkpoint(made.clone())?;
        let texts = &self.texts.texts;
        let (expected, bound) = match target.bound {
            Some(bound) => {
                let Expected { embeddings, exact } = &self.source;
                (Expected { embeddings: embeddings.clone(), exact: exact.clone() }, bound)
            }
            None => (Expected::new(&model, texts, self.progress)?, Bound::AS_MADE),
        };
        let ids = client_ids(&model, texts, self.progress)?;
        let (pad, normalize) = (model.tokenizer().vocabulary().pad().id, model.options().normalize);
        let is_model = target.is_model();
        Ok(Copy { verifier: self, made: made.clone(), expected, bound, ids, pad, normalize, is_model })
    }
}

impl Copy<'_> {
    /// Runs an artefact from the folder it was written to.
    pub(crate) fn verify(&self, artefact: &Artefact, folder: &Path) -> Result<Verified> {
        let (by, lost, made, elapsed) =
            if artefact.file == TABLE { self.run_table(folder)? } else { self.run_graph(artefact, folder)? };
        // Bounds are for vectors of length 1; those of a model that does not normalise may be any length.
        let scale = self.expected.exact.iter().fold(1.0, |max: f32, x| max.max(x.abs()));
        let max_abs_diff_bound = self.bound.max_abs_diff * f64::from(scale);
        let passed = made.max_abs_diff <= max_abs_diff_bound
            && self.bound.cosine_min.is_none_or(|cosine_min| made.cosine_min >= cosine_min);
        let texts = &self.verifier.texts.texts;
        let head = self.verifier.head.as_ref().map(|head| match artefact.file == TABLE {
            true => head.verify_table(folder, texts, self.is_model),
            false => {
                head.verify_graph(&self.made, &folder.join(&artefact.file), texts, (&self.ids, self.pad))
            }
        });
        let head = head.transpose()?;
        Ok(Verified {
            by,
            cosine_min: lost.cosine_min,
            cosine_p1: lost.cosine_p1,
            cosine_mean: lost.cosine_mean,
            recall_at_10: lost.recall_at_10,
            max_abs_diff: made.max_abs_diff,
            max_abs_diff_bound,
            cosine_min_bound: self.bound.cosine_min,
            passed,
            texts_per_second: self.ids.len() as f64 / elapsed.as_secs_f64(),
            head,
        })
    }

    /// The folder as a user loads it: what was lost, how far it is from what it is held to, and the time.
    fn run_table(&self, folder: &Path) -> Result<(String, Loss, Loss, Duration)> {
        let model = StaticModel::load(&Dir::open(folder)?)?;
        let (embeddings, elapsed) =
            fastest(|| encode(&model, &self.verifier.texts.texts, self.verifier.progress))?;
        let lost = self.compare(self.verifier.source.embeddings.view(), embeddings.view())?;
        let made = self.compare(self.expected.embeddings.view(), embeddings.view())?;
        Ok(("m2v-infer, from the written folder".to_owned(), lost, made, elapsed))
    }

    /// The graph in another runtime; both of its outputs have to agree with the model.
    fn run_graph(&self, artefact: &Artefact, folder: &Path) -> Result<(String, Loss, Loss, Duration)> {
        let graph = GraphRuntime::load(&folder.join(&artefact.file))?;
        let progress = self.verifier.progress;
        let ((embeddings, sums), elapsed) = fastest(|| {
            progress.work(Unit::Texts, self.ids.len());
            graph.encode(&self.ids, self.pad, artefact.dim, &|done| progress.done(done))
        })?;
        let pooled = self.pool(sums);
        let worst = |expected: &Expected| -> Result<Loss> {
            let expected = expected.exact.view();
            Ok(worse(self.compare(expected, embeddings.view())?, self.compare(expected, pooled.view())?))
        };
        let (lost, made) = (worst(&self.verifier.source)?, worst(&self.expected)?);
        Ok(("rten, both outputs".to_owned(), lost, made, elapsed))
    }

    fn compare(&self, before: ArrayView2<'_, f32>, after: ArrayView2<'_, f32>) -> Result<Loss> {
        let progress = self.verifier.progress;
        progress.work(Unit::Compared, before.nrows());
        let report = |done, _| progress.done(done);
        let context = Context::default().with_cancel(interrupt::flag()).with_progress(&report);
        Ok(compare_with(before, after, &context)?)
    }

    /// What a client makes of the sums of a text's token vectors. It does not know how many tokens were unknown:
    /// if the model does not normalise, only the direction can be compared.
    fn pool(&self, sums: Array2<f64>) -> Array2<f32> {
        let mut out = Array2::zeros(sums.dim());
        for ((sum, expected), mut out) in
            sums.rows().into_iter().zip(self.expected.exact.rows()).zip(out.rows_mut())
        {
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

/// Texts between looks at Ctrl-C.
const TEXTS: usize = 1 << 12;

fn encode(model: &StaticModel, texts: &[String], progress: &Progress) -> Result<Array2<f32>> {
    progress.work(Unit::Texts, texts.len());
    let mut out = Array2::zeros((texts.len(), model.dim()));
    for (texts, out) in texts.chunks(TEXTS).zip(out.axis_chunks_iter_mut(Axis(0), TEXTS)) {
        interrupt::check()?;
        model.encode_into(texts, out)?;
        progress.more(texts.len());
    }
    Ok(out)
}

/// The ids a client feeds: those of the text, cut to `max_length`, with the unknown ones.
fn client_ids(model: &StaticModel, texts: &[String], progress: &Progress) -> Result<Vec<Vec<u32>>> {
    progress.work(Unit::Texts, texts.len());
    let known = |id: &&u32| Some(**id) != model.tokenizer().vocabulary().unk_id();
    let of_text = |text: &String| {
        interrupt::check()?;
        let mut ids = model.tokenizer().encode(text).map_err(|source| Error::Infer(source.into()))?;
        if let Some(length) = model.options().max_length {
            ids.truncate(length);
        }
        let pooled = model.tokenize(text)?;
        progress.more(1);
        // A text that was cut at a code point as well has other last tokens in clients that cut only tokens.
        if ids.iter().filter(known).eq(&pooled) { Ok(ids) } else { Ok(pooled) }
    };
    texts.iter().map(of_text).collect()
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
    a.recall_at_10 = a.recall_at_10.min(b.recall_at_10);
    // Not `max`, which would drop a NaN.
    if b.max_abs_diff > a.max_abs_diff || b.max_abs_diff.is_nan() {
        a.max_abs_diff = b.max_abs_diff;
    }
    a
}
