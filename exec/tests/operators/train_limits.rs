//! Training that cannot go on: bad rows, no memory, interrupted.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
use futures::StreamExt;
use gradframe_ml_core::Error;
use gradframe_plan::ops::train::list;
use gradframe_plan::services::RunOutcome;

use crate::testing::{Settings, Testing, line_table, request};

async fn error(columns: &[(&str, ArrayRef)], model_type: &str) -> (Error, Testing) {
    let t = Testing::new();
    t.table("t", columns, 1);
    let error = t.train("SELECT * FROM t", request("m", model_type)).await.unwrap_err();
    (error, t)
}

fn numbers(values: Vec<Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from(values))
}

#[tokio::test]
async fn rows_that_cannot_be_learned_fail_the_run_and_leave_no_model() {
    let x = || numbers(vec![Some(1.0), Some(2.0), Some(3.0)]);
    type Case = (Vec<(&'static str, ArrayRef)>, &'static str, &'static str);
    let cases: Vec<Case> = vec![
        (vec![("x", x()), ("y", numbers(vec![Some(1.0), None, Some(2.0)]))], "linear_reg", "label `y` is null"),
        (vec![("x", x()), ("y", numbers(vec![Some(1.0); 3]))], "linear_reg", "label `y`"),
        (vec![("x", numbers(vec![Some(f64::INFINITY), None, None])), ("y", x())], "linear_reg", "column `x`"),
        (vec![("x", numbers(vec![])), ("y", numbers(vec![]))], "linear_reg", "no rows"),
        (vec![("x", x()), ("y", Arc::new(Int64Array::from(vec![4, 4, 4])))], "logistic_reg", "label `y`"),
    ];
    for (columns, model_type, expected) in cases {
        let (error, t) = error(&columns, model_type).await;
        assert_eq!(error.kind(), "Execution", "{error}");
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(t.runs.outcome(), Some(RunOutcome::Failed(error.to_string())));
        assert!(t.services.models.get("m").unwrap().is_none());
    }
}

#[tokio::test]
async fn an_error_of_the_query_fails_the_run() {
    let t = Testing::new();
    t.table("t", &[("x", Arc::new(StringArray::from(vec!["1", "no"])) as ArrayRef)], 1);
    let query = "SELECT CAST(x AS DOUBLE) AS x, length(x) AS y FROM t";
    let error = t.train(query, request("m", "linear_reg")).await.unwrap_err();
    assert_eq!(error.kind(), "Execution", "{error}");
    assert!(matches!(t.runs.outcome(), Some(RunOutcome::Failed(_))));
}

#[tokio::test]
async fn too_little_memory_is_an_error_that_names_need_and_limit() {
    let t = Testing::with(Settings { memory_bytes: Some(300_000), ..Settings::default() });
    t.table("t", &line_table(50_000), 2);
    let error = t.train("SELECT a, b, y FROM t", request("m", "linear_reg")).await.unwrap_err();
    assert_eq!(error.kind(), "Resources", "{error}");
    assert!(error.to_string().contains("the memory limit is 293.0 KB"), "{error}");
    assert!(matches!(t.runs.outcome(), Some(RunOutcome::Failed(_))));
    assert_eq!(t.context.runtime_env().memory_pool.reserved(), 0);
}

#[tokio::test]
async fn a_network_larger_than_the_memory_limit_is_refused_before_it_is_made() {
    for units in [[1_000_000_000i64, 1], [i64::MAX, i64::MAX]] {
        let t = Testing::with(Settings { memory_bytes: Some(64 << 20), ..Settings::default() });
        t.table("t", &line_table(1000), 1);
        let mut request = request("m", "dnn_regressor");
        request.options.push(("hidden_units".into(), list(&units.map(Into::into))));
        let error = t.train("SELECT a, b, y FROM t", request).await.unwrap_err();
        assert_eq!(error.kind(), "Resources", "{error}");
        assert!(error.to_string().contains("the state of the model needs"), "{error}");
        assert_eq!(t.context.runtime_env().memory_pool.reserved(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_stream_stops_the_training_and_frees_its_memory() {
    let t = Testing::with(Settings { memory_bytes: Some(1 << 30), ..Settings::default() });
    t.table("t", &line_table(300_000), 2);
    let mut request = request("m", "linear_reg");
    request.options.push(("tolerance".into(), 1e-300.into()));
    request.options.push(("max_iterations".into(), 1_000_000i64.into()));
    let plan = t.plan("SELECT a, b, kind, y FROM t", request).await.unwrap();
    let mut log = t.context.execute_logical_plan(plan).await.unwrap().execute_stream().await.unwrap();
    log.next().await.unwrap().unwrap();
    assert!(t.context.runtime_env().memory_pool.reserved() > 0);
    assert_eq!(t.runs.outcome(), None);
    drop(log);
    for _ in 0..200 {
        if t.runs.outcome().is_some() && t.context.runtime_env().memory_pool.reserved() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(t.runs.outcome(), Some(RunOutcome::Cancelled));
    assert_eq!(t.context.runtime_env().memory_pool.reserved(), 0);
    assert!(t.services.models.get("m").unwrap().is_none());
}
