//! Rows in the order of their file, where nothing in the query changes it.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;
use gradframe::expr::{col, lit};
use gradframe::{CsvOptions, DataFrame, Session};

use crate::support::run;

const ROWS: i64 = 300_000;

fn session() -> Session {
    Session::builder().in_memory().threads(4).batch_size_rows(1000).build().unwrap()
}

/// The frame's column `i`.
async fn numbers(frame: &DataFrame) -> Vec<i64> {
    let batches = frame.select(["i"]).unwrap().collect().await.unwrap();
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

/// Reading, filtering and computing keep the order; so does a union, frame after frame.
async fn assert_ordered(frame: &DataFrame) {
    assert!(numbers(frame).await.into_iter().eq(0..ROWS));
    let odd = frame.filter((col("i") % lit(2)).eq(lit(1))).unwrap().with_columns([(col("i") * lit(1)).alias("i")]).unwrap();
    assert!(numbers(&odd).await.into_iter().eq((1..ROWS).step_by(2)));
    let both = DataFrame::concat([odd.clone(), odd]).unwrap();
    assert!(numbers(&both).await.into_iter().eq((1..ROWS).step_by(2).chain((1..ROWS).step_by(2))));
    assert!(numbers(&frame.limit(3).unwrap()).await.into_iter().eq(0..3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parquet_rows_come_in_the_order_of_the_file() {
    let (session, home) = (session(), tempfile::tempdir().unwrap());
    let path = home.path().join("rows.parquet").display().to_string();
    let rows = "SELECT value - 1 AS i, md5(CAST(value AS VARCHAR)) AS text FROM generate_series(1, 300000) ORDER BY value";
    run(&session, &format!("SET datafusion.execution.parquet.max_row_group_size = 10000; COPY ({rows}) TO '{path}'")).await;
    assert!(fs::metadata(&path).unwrap().len() > 4 << 20, "large enough to be cut into ranges");
    assert_ordered(&session.scan_parquet(path).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn csv_rows_come_in_the_order_of_the_file_large_or_small() {
    let (session, home) = (session(), tempfile::tempdir().unwrap());
    for padding in ["", "----------------------------------------"] {
        let path = home.path().join(format!("rows{}.csv", padding.len()));
        let lines: String = (0..ROWS).map(|i| format!("{i},{padding}\n")).collect();
        fs::write(&path, format!("i,text\n{lines}")).unwrap();
        let frame = session.scan_csv(path.display().to_string(), CsvOptions::new()).await.unwrap();
        assert_ordered(&frame).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_in_memory_stay_where_they_are() {
    let session = session();
    let batch = |from: i64, to: i64| {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(from..to));
        RecordBatch::try_from_iter([("i", column)]).unwrap()
    };
    let batches = vec![batch(0, 7), batch(7, 7), batch(7, 200_001), batch(200_001, ROWS)];
    assert_ordered(&session.from_batches(batches[0].schema(), batches).unwrap()).await;
    let few = session.from_batches(batch(0, 0).schema(), vec![]).unwrap();
    assert!(numbers(&few).await.is_empty());
}
