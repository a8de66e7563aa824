//! Rows kept for evaluation: which they are, that they teach nothing, and that spilling does not change it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use datafusion::scalar::ScalarValue;
use gradframe_ml_learn::{Encoding, ModelSpec};
use gradframe_plan::ops::train::TrainRequest;

use crate::testing::{Settings, Testing, line_table, request};

fn split(model_type: &str, options: &[(&str, ScalarValue)]) -> TrainRequest {
    let options = options.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    TrainRequest { options, ..request("m", model_type) }
}

fn by(method: &str, column: Option<&str>) -> Vec<(&'static str, ScalarValue)> {
    let column = column.map(|column| ("data_split_col", column.into()));
    [("data_split_method", method.into())].into_iter().chain(column).collect()
}

/// The specification and the bits of what is learned.
async fn trained(query: &str, options: &[(&str, ScalarValue)], settings: Settings) -> (ModelSpec, Vec<u8>) {
    let t = Testing::with(settings);
    t.table("t", &line_table(200_000), settings.partitions);
    t.train(query, split("linear_reg", options)).await.unwrap();
    let model = t.model("m");
    let bits = model.model.weights.values().flat_map(|w| w.buffer().to_vec()).collect();
    (model.model.spec.clone(), bits)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_is_the_same_rows_whatever_spills() {
    for (query, options, rows) in [
        ("SELECT a, b, y, id FROM t", by("random", None), 159_000..161_000),
        ("SELECT a, b, y, id FROM t", by("seq", Some("id")), 160_000..160_001),
        ("SELECT a, b, y, id % 4 = 0 AS kept FROM t ORDER BY id", by("custom", Some("kept")), 150_000..150_001),
    ] {
        let (spec, bits) = trained(query, &options, Settings::default()).await;
        assert!(rows.contains(&spec.training.rows), "{query}: {} rows", spec.training.rows);
        let tight = Settings { memory_bytes: Some(24 << 20), partitions: 3, batch_size: 5000, ..Settings::default() };
        let (_, spilled) = trained(query, &options, tight).await;
        assert!(spilled == bits, "{query}");
    }
}

#[tokio::test]
async fn the_largest_rows_of_a_sequence_are_kept_and_their_statistics_are_not_taken() {
    let t = Testing::new();
    let x: ArrayRef = Arc::new(Float64Array::from_iter_values((0..100).map(f64::from)));
    let day: ArrayRef = Arc::new(Int64Array::from_iter((0..100).map(|i| (i != 3).then_some(i))));
    t.table("t", &[("x", x.clone()), ("y", x), ("day", day)], 2);
    t.train("SELECT * FROM t", split("linear_reg", &by("seq", Some("day")))).await.unwrap();
    let spec = t.model("m").model.spec.clone();
    assert_eq!(spec.training.rows, 80);
    // Twenty are kept: the row without a day, which counts as the latest, and the last nineteen.
    assert!(matches!(spec.features[0].encoding, Encoding::Standard { min: 0.0, max: 80.0, .. }), "{:?}", spec.features[0]);
}

#[tokio::test]
async fn what_cannot_be_split_or_evaluated_is_an_error_that_says_what() {
    let x = || Arc::new(Float64Array::from_iter_values((0..10).map(f64::from))) as ArrayRef;
    let infinite: ArrayRef =
        Arc::new(Float64Array::from_iter_values((0..10).map(|i| if i == 9 { f64::NAN } else { f64::from(i) })));
    let class: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..10).map(|i| ["a", "b", "rare"][if i == 9 { 2 } else { i % 2 }])));
    let gap: ArrayRef = Arc::new(Float64Array::from_iter((0..10).map(|i| (i != 9).then_some(f64::from(i)))));
    let flag = |kept: fn(i32) -> bool| Arc::new(BooleanArray::from_iter((0..10).map(|i| Some(kept(i))))) as ArrayRef;
    let last = || flag(|i| i >= 7);
    for (x, y, kept, model_type, expected) in [
        (x(), class, last(), "logistic_reg", "label `y` is `rare` in rows kept for evaluation, and in none to learn from"),
        (infinite, x(), last(), "linear_reg", "column `x` holds NaN"),
        (x(), gap, last(), "linear_reg", "label `y` is null in 1 row"),
        (x(), x(), flag(|_| true), "linear_reg", "keeps all 10 rows for evaluation and leaves none to learn from"),
        (x(), x(), flag(|_| false), "linear_reg", "keeps none of the 10 rows for evaluation"),
    ] {
        let t = Testing::new();
        t.table("t", &[("x", x), ("y", y), ("kept", kept)], 2);
        let error = t.train("SELECT * FROM t", split(model_type, &by("custom", Some("kept")))).await.unwrap_err();
        assert_eq!(error.kind(), "Execution", "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
}
