//! A head from outside: the nearest neighbours of a text among examples, running inside a pipeline.

use m2v_core::{Label, Memory};
use m2v_infer::{
    Encoder, EncoderExt, Error, Head, HeadScratch, Output, Pipeline, Prediction, Scratch, StaticModel,
    Target, Task,
};
use m2v_tests::{RecordedPipeline, Result, shipped_model};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};

/// Classifies by the `k` examples whose embeddings have the largest scalar product with that of the text. The share of
/// a class among them is its probability.
struct NearestNeighbours {
    /// `[examples, dim]`.
    examples: Array2<f32>,
    /// The class of each example.
    class_of: Vec<usize>,
    k: usize,
    output: Output,
}

impl NearestNeighbours {
    fn fit(encoder: &impl Encoder, texts: &[String], labels: &[Label], k: usize) -> Result<Self, Error> {
        let mut classes = labels.to_vec();
        classes.sort();
        classes.dedup();
        let class_of = labels.iter().map(|label| classes.partition_point(|class| class < label)).collect();
        let output = Output::classifier(Task::SingleLabel, classes);
        Ok(Self { examples: encoder.encode(texts)?, class_of, k, output })
    }
}

impl Head for NearestNeighbours {
    fn output(&self) -> &Output {
        &self.output
    }

    fn score_block(
        &self,
        embeddings: ArrayView2<'_, f32>,
        _: &mut HeadScratch,
        mut out: ArrayViewMut2<'_, f32>,
    ) -> Result<(), Error> {
        if self.k == 0 {
            return Err(Error::Head("k is 0".into()));
        }
        out.fill(0.0);
        let products = embeddings.dot(&self.examples.t());
        for (products, mut votes) in products.rows().into_iter().zip(out.rows_mut()) {
            let mut nearest: Vec<usize> = (0..products.len()).collect();
            nearest.sort_by(|&i, &j| products[j].total_cmp(&products[i]).then(i.cmp(&j)));
            for example in nearest.iter().take(self.k) {
                votes[self.class_of[*example]] += 1.0 / self.k as f32;
            }
        }
        Ok(())
    }

    fn input_dim(&self) -> Option<usize> {
        Some(self.examples.ncols())
    }
}

fn shipped() -> Result<StaticModel> {
    Ok(StaticModel::load(&m2v_core::Dir::open(shipped_model())?)?)
}

#[test]
fn nearest_neighbours_run_inside_a_pipeline() -> Result<()> {
    let recorded = RecordedPipeline::read("softmax")?;
    let labels: Vec<Label> = recorded.answers.labels.iter().filter_map(Label::from_json).collect();
    let (examples, texts) = recorded.texts.split_at(300);
    let (known, unknown) = labels.split_at(300);
    let encoder = shipped()?;
    let head = NearestNeighbours::fit(&encoder, examples, known, 5)?;
    let pipeline = Pipeline::new(encoder.clone(), head)?;

    let proba = pipeline.predict_proba(texts)?;
    assert_eq!(proba.shape(), [100, 3]);
    let embeddings = encoder.encode(examples)?;
    for (i, prediction) in pipeline.predict(texts)?.iter().enumerate() {
        // By hand: one text, all distances.
        let embedding: Array1<f32> = encoder.encode_one(&texts[i])?;
        let mut order: Vec<(f32, &Label)> =
            embeddings.rows().into_iter().map(|row| row.dot(&embedding)).zip(known).collect();
        order.sort_by(|left, right| right.0.total_cmp(&left.0));
        let classes = pipeline.output().classes().ok_or("no classes")?;
        let votes: Vec<usize> = classes
            .iter()
            .map(|class| order[..5].iter().filter(|(_, label)| *label == class).count())
            .collect();
        let expected =
            classes.iter().zip(&votes).rev().max_by_key(|(_, votes)| **votes).ok_or("no classes")?.0;
        assert_eq!(prediction, Prediction::Label(expected), "text {i}");
        for (found, votes) in proba.row(i).iter().zip(votes) {
            assert!((found - votes as f32 / 5.0).abs() < 1e-6);
        }
    }
    let targets: Vec<Target> = unknown.iter().cloned().map(Target::Label).collect();
    let report = pipeline.evaluate(texts, &targets)?;
    // Three classes: a head that guessed would have a third.
    assert!(report.accuracy > 0.6, "{report}");
    Ok(())
}

#[test]
fn it_has_the_errors_of_any_head() -> Result<()> {
    let encoder = shipped()?;
    let texts = ["one".to_owned(), "two".to_owned()];
    let labels = [Label::from(1), Label::from(2)];
    let head = NearestNeighbours::fit(&encoder, &texts, &labels, 0)?;
    let pipeline = Pipeline::new(encoder.clone(), head)?;
    let error = pipeline.predict(&texts).map(|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "text 0: head: k is 0");
    // It is no checkpoint, and cannot be saved as one.
    assert!(matches!(pipeline.save(&mut Memory::new()), Err(Error::NoCheckpoint)));

    // Of no classes none can be said, though there are texts.
    let head = NearestNeighbours::fit(&encoder, &[], &[], 1)?;
    let pipeline = Pipeline::new(encoder.clone(), head)?;
    assert!(matches!(pipeline.predict(&texts), Err(Error::NoClasses)));

    struct Narrow;
    impl Encoder for Narrow {
        fn dim(&self) -> usize {
            3
        }
        fn encode_block(
            &self,
            _: &[&str],
            _: &mut Scratch,
            mut out: ArrayViewMut2<'_, f32>,
        ) -> Result<(), Error> {
            out.fill(1.0);
            Ok(())
        }
    }
    let head = NearestNeighbours::fit(&encoder, &texts, &labels, 1)?;
    let error = Pipeline::new(Narrow, head).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::HeadInput { input: 64, dim: 3 }), "{error:?}");
    // On an encoder of its own it works.
    let head = NearestNeighbours::fit(&Narrow, &texts, &labels, 1)?;
    let pipeline = Pipeline::new(Narrow, head)?;
    assert_eq!(pipeline.predict(&["any"])?.get(0), Some(Prediction::Label(&1.into())));
    Ok(())
}
