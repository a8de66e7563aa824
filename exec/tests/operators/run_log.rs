//! The log tables: filters go to the store, rows are read when the plan runs.

use std::sync::Arc;

use arrow::array::AsArray;
use gradframe_exec::ops::run_log::LogTableProvider;
use gradframe_plan::ops::run_log::LogTable;

use crate::testing::{Testing, line_table, request};

async fn with_two_runs() -> Testing {
    let t = Testing::new();
    t.context.register_table("metrics", Arc::new(LogTableProvider::new(LogTable::Metrics))).unwrap();
    t.context.register_table("runs", Arc::new(LogTableProvider::new(LogTable::Runs))).unwrap();
    t.table("t", &line_table(300), 1);
    t.train("SELECT a, y FROM t", request("m1", "linear_reg")).await.unwrap();
    t.train("SELECT b, y FROM t", request("m2", "linear_reg")).await.unwrap();
    t
}

#[tokio::test]
async fn filters_columns_and_limits_reach_the_store() {
    let t = with_two_runs().await;
    let plan = t.query("SELECT epoch, value FROM metrics WHERE run = 'run2' AND name IN ('loss') AND epoch < 2 LIMIT 5").await;
    let text = t.physical(&plan).await;
    assert!(text.contains("RunLogExec: table=metrics, columns=[epoch, value], filters=[run = run2 AND"), "{text}");
    assert!(text.contains("limit=5") && !text.contains("FilterExec"), "{text}");
    assert!(t.collect(plan).await.unwrap().num_rows() >= 1);
}

#[tokio::test]
async fn what_the_store_cannot_filter_is_filtered_above() {
    let t = with_two_runs().await;
    let plan = t.query("SELECT run FROM metrics WHERE run LIKE '%2' AND name = 'loss'").await;
    assert!(t.physical(&plan).await.contains("FilterExec"));
    let rows = t.collect(plan).await.unwrap();
    assert!(rows.num_rows() > 0 && rows.column(0).as_string::<i32>().iter().all(|run| run == Some("run2")));
}

#[tokio::test]
async fn a_plan_made_before_a_run_shows_it() {
    let t = with_two_runs().await;
    let frame = t.context.sql("SELECT run FROM runs WHERE status = 'finished'").await.unwrap();
    t.train("SELECT a, b, y FROM t", request("m3", "linear_reg")).await.unwrap();
    let rows: usize = frame.collect().await.unwrap().iter().map(|b| b.num_rows()).sum();
    assert_eq!(rows, 3);
}
