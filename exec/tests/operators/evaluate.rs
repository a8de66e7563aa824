//! Evaluation: one row, the same whatever the partitions.

use gradframe_plan::ops::evaluate::evaluate;
use gradframe_plan::ops::predict::PredictOptions;

use crate::testing::{Settings, Testing, floats, line_table, request};

async fn evaluated(model_type: &str, query: &str, partitions: usize) -> arrow::array::RecordBatch {
    let t = Testing::with(Settings { partitions, ..Settings::default() });
    t.table("t", &line_table(2000), partitions);
    let mut request = request("m", model_type);
    request.options.push(("l2_reg".into(), 0.001.into()));
    t.train(query, request).await.unwrap();
    let plan = evaluate(t.query(query).await, t.model("m"), PredictOptions::default()).unwrap();
    t.collect(plan).await.unwrap()
}

#[tokio::test]
async fn a_good_regression_scores_well() {
    let row = evaluated("linear_reg", "SELECT a, b, kind, y FROM t", 2).await;
    assert_eq!(row.num_rows(), 1);
    assert!(floats(&row, "r2_score")[0] > 0.999);
    assert!(floats(&row, "mean_absolute_error")[0] < 0.1);
}

#[tokio::test]
async fn classification_is_scored_from_its_probabilities() {
    let query = "SELECT a, b, kind, y > 20 AS y FROM t";
    let row = evaluated("logistic_reg", query, 2).await;
    assert!(floats(&row, "accuracy")[0] > 0.9, "{row:?}");
    assert!(floats(&row, "roc_auc")[0] > 0.95, "{row:?}");
    for (one, two) in evaluated("logistic_reg", query, 1).await.columns().iter().zip(row.columns()) {
        let [one, two] =
            [one, two].map(|c| *c.as_any().downcast_ref::<arrow::array::Float64Array>().unwrap().values().first().unwrap());
        assert!((one - two).abs() < 1e-12);
    }
}

#[tokio::test]
async fn null_labels_are_an_error_that_names_the_label() {
    let t = Testing::new();
    t.table("t", &line_table(200), 1);
    t.train("SELECT a, y FROM t", request("m", "linear_reg")).await.unwrap();
    let query = t.query("SELECT a, CASE WHEN id > 5 THEN y END AS y FROM t").await;
    let plan = evaluate(query, t.model("m"), PredictOptions::default()).unwrap();
    let error = t.collect(plan).await.unwrap_err();
    assert_eq!(error.kind(), "Execution");
    assert!(error.to_string().contains("label `y` is null in 6 rows"), "{error}");
}
