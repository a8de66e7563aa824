//! Prediction: the same answers whatever the plan, the batches and the layout of the columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use gradframe_plan::ops::predict::{PredictOptions, predict};

use crate::testing::{Settings, Testing, floats, line_table, request};

async fn trained(settings: Settings) -> Testing {
    let t = Testing::with(settings);
    t.table("t", &line_table(1000), settings.partitions);
    t.train("SELECT a, b, kind, y FROM t", request("m", "linear_reg")).await.unwrap();
    t
}

async fn predicted(t: &Testing, sql: &str) -> RecordBatch {
    let plan = predict(t.query(sql).await, t.model("m"), PredictOptions::default()).unwrap();
    t.collect(plan).await.unwrap()
}

#[tokio::test]
async fn input_columns_pass_through_and_the_prediction_follows() {
    let t = trained(Settings::default()).await;
    let rows = predicted(&t, "SELECT id, a, b, kind, y FROM t").await;
    let names: Vec<&str> = rows.schema_ref().fields().iter().map(|f| f.name().as_str()).collect();
    assert_eq!(names, ["id", "a", "b", "kind", "y", "predicted_y"]);
    for (p, y) in floats(&rows, "predicted_y").iter().zip(floats(&rows, "y")) {
        assert!((p - y).abs() < 1e-3, "{p} {y}");
    }
}

#[tokio::test]
async fn answers_do_not_depend_on_optimizer_batches_or_partitions() {
    let query = "SELECT id, a, b, kind FROM t";
    let mut answers: Vec<Vec<f64>> = vec![];
    for (optimizer, batch_size, partitions) in [(true, 8192, 2), (false, 8192, 2), (true, 7, 1), (true, 100, 4)] {
        let t = trained(Settings { optimizer, batch_size, partitions, ..Settings::default() }).await;
        let rows = predicted(&t, query).await;
        let ids = rows.column(0).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
        let mut pairs: Vec<(i64, f64)> = ids.into_iter().zip(floats(&rows, "predicted_y")).collect();
        pairs.sort_by_key(|(id, _)| *id);
        answers.push(pairs.into_iter().map(|(_, p)| p).collect());
    }
    assert!(answers.iter().all(|a| a == &answers[0]));
}

#[tokio::test]
async fn numbers_of_other_types_nulls_and_dictionaries_are_taken() {
    let t = trained(Settings::default()).await;
    let exact = predicted(&t, "SELECT 3.0 AS a, 1.0 AS b, 'v' AS kind").await;
    for other in [
        "SELECT 3 AS a, CAST(1 AS DECIMAL(5, 2)) AS b, 'v' AS kind",
        "SELECT CAST(3 AS SMALLINT) AS a, CAST(1 AS REAL) AS b, arrow_cast('v', 'Dictionary(Int32, Utf8)') AS kind",
    ] {
        assert_eq!(floats(&predicted(&t, other).await, "predicted_y"), floats(&exact, "predicted_y"), "{other}");
    }
    let with_null = predicted(&t, "SELECT CAST(NULL AS DOUBLE) AS a, 1.0 AS b, NULL AS kind").await;
    assert!(floats(&with_null, "predicted_y")[0].is_finite());
    assert_eq!(predicted(&t, "SELECT a, b, kind FROM t WHERE false").await.num_rows(), 0);
}

#[tokio::test]
async fn probabilities_are_sorted_and_the_threshold_moves_the_class() {
    let t = Testing::new();
    let x: ArrayRef = Arc::new(Float64Array::from_iter_values((0..200).map(|i| (i % 20) as f64)));
    let y: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..200).map(|i| if (i % 20) + (i % 3) >= 10 { "high" } else { "low" })));
    t.table("t", &[("x", x), ("y", y)], 1);
    let mut request = request("m", "logistic_reg");
    request.options.push(("l2_reg".into(), 0.01.into()));
    t.train("SELECT * FROM t", request).await.unwrap();

    let rows = predicted(&t, "SELECT x FROM t").await;
    let lists = rows.column_by_name("predicted_y_probs").unwrap().as_list::<i32>();
    for (row, class) in rows.column_by_name("predicted_y").unwrap().as_string::<i32>().iter().enumerate() {
        let item = lists.value(row);
        let (labels, probs) = (item.as_struct().column(0).as_string::<i32>().clone(), item.as_struct().column(1).clone());
        let probs = probs.as_primitive::<Float64Type>().values().to_vec();
        assert_eq!(class, Some(labels.value(0)));
        assert!(probs[0] >= probs[1] && (probs[0] + probs[1] - 1.0).abs() < 1e-12);
    }
    let at = |threshold| PredictOptions { threshold: Some(threshold) };
    for (threshold, class) in [(0.0, "low"), (1.0, "high")] {
        let plan = predict(t.query("SELECT x FROM t").await, t.model("m"), at(threshold)).unwrap();
        let rows = t.collect(plan).await.unwrap();
        assert!(rows.column_by_name("predicted_y").unwrap().as_string::<i32>().iter().all(|c| c == Some(class)), "{threshold}");
    }
}

#[tokio::test]
async fn inputs_that_do_not_fit_are_errors_that_name_the_column() {
    let t = trained(Settings::default()).await;
    let cases = [
        ("SELECT a, kind, y AS bb FROM t", "Plan", "lacks `b`"),
        ("SELECT kind AS a, b, kind FROM t", "DType", "feature `a`"),
        ("SELECT a, b, kind, y AS predicted_y FROM t", "Plan", "`predicted_y` already"),
        ("SELECT l.a, r.a, l.b, l.kind FROM t l JOIN t r ON l.id = r.id", "Plan", "column `a` is ambiguous"),
    ];
    for (sql, kind, expected) in cases {
        let error = predict(t.query(sql).await, t.model("m"), PredictOptions::default()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    let threshold = PredictOptions { threshold: Some(0.5) };
    assert!(predict(t.query("SELECT a, b, kind FROM t").await, t.model("m"), threshold).is_err());
}

#[tokio::test]
async fn a_feature_without_weight_is_not_read() {
    let t = Testing::new();
    let mut columns = line_table(300);
    columns.push(("constant", Arc::new(Int64Array::from(vec![4; 300]))));
    t.table("t", &columns, 1);
    t.train("SELECT a, constant, y FROM t", request("m", "linear_reg")).await.unwrap();
    let plan = predict(t.query("SELECT a, constant FROM t").await, t.model("m"), PredictOptions::default()).unwrap();
    assert!(t.physical(&plan).await.contains("features=[a@0], outputs"), "{}", t.physical(&plan).await);
}
