//! Agreement of the metrics with scikit-learn.

use gradframe_ml_learn::metrics::{ClassificationMetrics, NamedValue, RegressionMetrics};
use proptest::prelude::*;
use serde_json::Value;

use crate::reference::{floats, reference};

fn assert_matches(values: &[NamedValue], expected: &Value) {
    for (name, value) in values {
        let expected = expected[name].as_f64().unwrap();
        let value = value.unwrap_or(f64::NAN);
        assert!((value - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{name}: {value}, expected {expected}");
    }
}

#[test]
fn regression_metrics_are_scikit_learns() {
    let expected = &reference()["regression_metrics"];
    let mut metrics = RegressionMetrics::default();
    metrics.update(&floats(&expected["predicted"]), &floats(&expected["actual"])).unwrap();
    assert!(metrics.memory_bytes() >= 41 * 8);
    assert_matches(&metrics.finish(), expected);
}

#[test]
fn classification_metrics_are_scikit_learns() {
    let reference = reference();
    for (name, classes) in [("classification_metrics_two", 2), ("classification_metrics_three", 3)] {
        let expected = &reference[name];
        let labels: Vec<i32> = floats(&expected["actual"]).iter().map(|&label| label as i32).collect();
        let mut metrics = ClassificationMetrics::new(classes, None).unwrap();
        metrics.update(&floats(&expected["probabilities"]), &labels).unwrap();
        assert_matches(&metrics.finish(), expected);
    }
}

#[test]
fn sizes_that_do_not_fit_are_shape_errors() {
    assert_eq!(RegressionMetrics::default().update(&[1.0], &[]).unwrap_err().kind(), "Shape");
    let mut metrics = ClassificationMetrics::new(2, None).unwrap();
    assert_eq!(metrics.update(&[0.5], &[0]).unwrap_err().kind(), "Shape");
    assert_eq!(metrics.update(&[0.5, 0.5], &[2]).unwrap_err().kind(), "Execution");
}

proptest! {
    #[test]
    fn metrics_do_not_depend_on_how_rows_are_cut(
        rows in prop::collection::vec((-5.0..50.0f64, -5.0..50.0f64), 1..80),
        cut in 0usize..80,
    ) {
        let (predicted, actual): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
        let cut = cut.min(actual.len());
        let mut whole = RegressionMetrics::default();
        whole.update(&predicted, &actual).unwrap();
        let (mut first, mut second) = (RegressionMetrics::default(), RegressionMetrics::default());
        first.update(&predicted[..cut], &actual[..cut]).unwrap();
        second.update(&predicted[cut..], &actual[cut..]).unwrap();
        first.merge(second);
        for ((name, a), (_, b)) in whole.finish().into_iter().zip(first.finish()) {
            let close = match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0) || (a.is_nan() && b.is_nan()),
                (a, b) => a == b,
            };
            prop_assert!(close, "{}: {:?} and {:?}", name, a, b);
        }
    }
}
