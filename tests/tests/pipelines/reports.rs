//! Reports say what scikit-learn says: the same numbers, and the same table to the letter.

use std::fs;

use m2v_core::Label;
use m2v_infer::{Confusion, Error, Report, Scores, Target};
use m2v_tests::{Result, fixture};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(rename = "true")]
    truth: Vec<Target>,
    predicted: Vec<Target>,
    accuracy: f64,
    numbers: Value,
    text: Option<String>,
    confusion: Value,
}

#[track_caller]
fn assert_scores(what: &str, found: Scores, expected: &Value) {
    for (key, found) in [
        ("precision", found.precision),
        ("recall", found.recall),
        ("f1-score", found.f1),
        ("support", found.support as f64),
    ] {
        let expected = expected[key].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{what}, {key}: {found}, not {expected}");
    }
}

#[test]
fn every_recorded_report() -> Result<()> {
    let cases: Vec<Case> = serde_json::from_slice(&fs::read(fixture("reports.json"))?)?;
    assert!(cases.len() > 15);
    let mut texts = 0;
    for Case { name, truth, predicted, accuracy, numbers, text, confusion } in cases {
        let report = Report::new(&truth, &predicted)?;
        texts += usize::from(text.is_some());
        assert_eq!(report.to_string(), text.unwrap_or_else(|| report.to_string()), "{name}");
        assert!((report.accuracy - accuracy).abs() < 1e-9, "{name}: {}", report.accuracy);
        let mut rows = 0;
        for class in &report.classes {
            assert_scores(
                &format!("{name}, {}", class.label),
                class.scores,
                &numbers[class.label.to_string()],
            );
            rows += 1;
        }
        let averages = [
            ("micro avg", report.micro),
            ("macro avg", Some(report.macro_)),
            ("weighted avg", Some(report.weighted)),
            ("samples avg", report.samples),
        ];
        for (key, scores) in averages.into_iter().filter_map(|(key, scores)| Some((key, scores?))) {
            assert_scores(&format!("{name}, {key}"), scores, &numbers[key]);
            rows += 1;
        }
        let others = usize::from(numbers.get("accuracy").is_some());
        assert_eq!(rows + others, numbers.as_object().map_or(0, |all| all.len()), "{name}: rows");
        assert_eq!(serde_json::to_value(&report)?["confusion_matrix"], confusion, "{name}");
    }
    assert!(texts > 15, "{texts} tables");
    Ok(())
}

#[test]
fn as_json() -> Result<()> {
    let report = Report::new(&[1i64, 2, 2].map(Into::into), &[1i64, 1, 2].map(Into::into))?;
    let third = 2.0 / 3.0;
    let scores = |precision: f64, recall: f64, f1: f64, support: u64| json!({"precision": precision, "recall": recall, "f1-score": f1, "support": support});
    let with_label = |label: i64, mut scores: Value| {
        scores["label"] = label.into();
        scores
    };
    let expected = json!({
        "classes": [with_label(1, scores(0.5, 1.0, third, 1)), with_label(2, scores(1.0, 0.5, third, 2))],
        "accuracy": third,
        "macro avg": scores(0.75, 0.75, third, 3),
        "weighted avg": scores(2.5 / 3.0, third, third, 3),
        "confusion_matrix": [[1, 0], [1, 1]],
    });
    assert_eq!(serde_json::to_value(report)?, expected);
    Ok(())
}

/// As when `label` is a column of ids: all pairs of classes would be 80 GB.
#[test]
fn as_many_classes_as_texts() -> Result<()> {
    let truth: Vec<Target> = (0..100_000i64).map(Into::into).collect();
    let predicted = vec![Target::from(7); truth.len()];
    let report = Report::new(&truth, &predicted)?;
    assert_eq!((report.classes.len(), report.classes[7].scores.support), (100_000, 1));
    let Confusion::SingleLabel(matrix) = report.confusion else { return Err("one label each".into()) };
    assert_eq!(matrix.classes(), 100_000);
    assert_eq!([(7, 7), (99_999, 7), (7, 8), (7, 100_000)].map(|(i, j)| matrix.get(i, j)), [1, 1, 0, 0]);
    Ok(())
}

#[test]
fn texts_without_any_label() -> Result<()> {
    let none = [Target::Labels(Vec::new()), Target::Labels(Vec::new())];
    let report = Report::new(&none, &none)?;
    assert_eq!((report.accuracy, report.classes.len()), (1.0, 0));
    assert_eq!(report.macro_, Scores::default());
    assert!(report.to_string().contains("macro avg       0.00"), "{report}");
    Ok(())
}

#[test]
fn a_label_twice_is_a_label() -> Result<()> {
    let once = Report::new(&[vec!["a"].into()], &[vec!["a", "b"].into()])?;
    let twice = Report::new(&[vec!["a", "a"].into()], &[vec!["a", "b", "a"].into()])?;
    assert_eq!(once, twice);
    Ok(())
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let (one, list) = (Target::from("a"), Target::from(vec!["a"]));
    let compare = |truth: &[&Target], predicted: &[&Target]| {
        let owned = |targets: &[&Target]| targets.iter().map(|target| (*target).clone()).collect::<Vec<_>>();
        Report::new(&owned(truth), &owned(predicted)).unwrap_err()
    };
    assert!(matches!(compare(&[], &[]), Error::NothingToEvaluate));
    assert!(matches!(compare(&[&one], &[&one, &one]), Error::Data(_)));
    assert!(matches!(compare(&[&one, &list], &[&one, &one]), Error::Target { text: 1, .. }));
    assert!(matches!(
        compare(&[&one], &[&list]),
        Error::Target { text: 0, expected: "a list of labels", .. }
    ));
}

#[test]
fn labels_and_targets_may_be_of_many_types() {
    let (text, number) = (Label::from("a"), Label::from(2_i64));
    for label in [Label::from(&"a".to_owned()), Label::from(&text)] {
        assert!(label == text && label == "a" && label.as_str() == Some("a"));
    }
    for label in [2_i8.into(), 2_i16.into(), 2_i32.into(), 2_u8.into(), 2_u16.into(), Label::from(2_u32)] {
        assert!(label == number && label != "2" && label.as_str().is_none());
    }
    let (one, two) = (Target::Label(number.clone()), Target::Labels(vec![number, 3_i64.into()]));
    assert_eq!([Target::from(2_u32), Target::from(2_i32)], [one.clone(), one]);
    assert_eq!([Target::from([2, 3]), Target::from(&[2, 3][..])], [two.clone(), two]);
    assert_eq!(Target::from(&text), Target::from(&"a".to_owned()));
}
