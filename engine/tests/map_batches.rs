//! Functions of the user's over batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use gradframe::expr::{col, lit, sum};
use gradframe::{DataFrame, Error, MapOptions, Result, Session};

use crate::support::{rows_of, session};

async fn numbers(session: &Session, rows: i64) -> DataFrame {
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let batch = RecordBatch::try_from_iter([("x", column)]).unwrap();
    session.from_batches(batch.schema(), vec![batch]).unwrap()
}

fn doubled(batch: RecordBatch) -> Result<RecordBatch> {
    let x = batch.column(0).as_primitive::<Int64Type>();
    let doubled: Int64Array = x.unary(|x| 2 * x);
    RecordBatch::try_new(batch.schema(), vec![Arc::new(doubled)]).map_err(|error| Error::execution("double", error.to_string()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_function_sees_every_row_once_and_rows_keep_their_order() {
    let session = session();
    for batch_rows in [None, Some(1000), Some(7)] {
        let options = MapOptions { batch_rows, ..MapOptions::default() };
        let frame = numbers(&session, 200_003).await.map_batches(doubled, options).unwrap();
        let batches = frame.collect().await.unwrap();
        let values = batches.iter().flat_map(|b| b.column(0).as_primitive::<Int64Type>().values().to_vec());
        assert!(values.eq((0..200_003).map(|x| 2 * x)), "{batch_rows:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn large_batches_of_memory_are_handed_over_without_copying() {
    let session = session();
    let column = Int64Array::from_iter_values(0..1_000_000);
    let address = column.values().as_ptr() as usize;
    let batch = RecordBatch::try_from_iter([("x", Arc::new(column) as ArrayRef)]).unwrap();
    let frame = session.from_batches(batch.schema(), vec![batch]).unwrap();
    let seen = Arc::new(AtomicUsize::new(0));
    let inside = Arc::clone(&seen);
    let looked = move |batch: RecordBatch| {
        let at = batch.column(0).as_primitive::<Int64Type>().values().as_ptr() as usize;
        assert!((address..address + 8_000_000).contains(&at));
        inside.fetch_add(1, Ordering::Relaxed);
        Ok(batch)
    };
    let profile = frame.map_batches(looked, MapOptions::default()).unwrap().profile().await.unwrap();
    let calls = seen.load(Ordering::Relaxed);
    assert!((2..=8).contains(&calls), "{calls}");
    let copied = profile.operators.column_by_name("copied_bytes").unwrap();
    assert_eq!(copied.as_primitive::<arrow::datatypes::UInt64Type>().value(0), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_function_may_be_called_once_with_all_rows() {
    let session = session();
    let counted = |batch: RecordBatch| {
        let rows: ArrayRef = Arc::new(Int64Array::from(vec![batch.num_rows() as i64]));
        RecordBatch::try_from_iter([("rows", rows)]).map_err(|error| Error::execution("count", error.to_string()))
    };
    let schema = Some(Arc::new(Schema::new(vec![Field::new("rows", DataType::Int64, false)])));
    let options = MapOptions { schema, streamable: false, ..MapOptions::default() };
    for rows in [0, 100_000] {
        let frame = numbers(&session, rows).await.map_batches(counted, options.clone()).unwrap();
        assert_eq!(rows_of(&frame).await, [rows.to_string()]);
    }
    let frame = numbers(&session, 9).await.map_batches(counted, options).unwrap();
    assert!(frame.explain(false).await.unwrap().contains("MapBatchesExec does not stream"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_not_declared_is_refused() {
    let session = session();
    let other = |_: RecordBatch| {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["a"]));
        RecordBatch::try_from_iter([("x", text)]).map_err(|error| Error::execution("f", error.to_string()))
    };
    let frame = numbers(&session, 10).await.map_batches(other, MapOptions::default()).unwrap();
    let error = frame.collect().await.unwrap_err();
    assert_eq!(error.kind(), "DType");
    assert!(error.to_string().contains("column `x` as String, expected Int64"), "{error}");
    let options = MapOptions { batch_rows: Some(0), ..MapOptions::default() };
    assert_eq!(numbers(&session, 1).await.map_batches(doubled, options).unwrap_err().kind(), "Plan");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_error_or_a_panic_ends_the_query_and_the_session_goes_on() {
    let session = session();
    let fails = |_: RecordBatch| -> Result<RecordBatch> { Err(Error::execution("f", "no such thing")) };
    let frame = numbers(&session, 500_000).await.map_batches(fails, MapOptions::default()).unwrap();
    assert!(frame.collect().await.unwrap_err().to_string().contains("f: no such thing"));
    let panics = |_: RecordBatch| -> Result<RecordBatch> { panic!("oh") };
    let frame = numbers(&session, 10).await.map_batches(panics, MapOptions::default()).unwrap();
    assert_eq!(frame.collect().await.unwrap_err().kind(), "Internal");
    assert_eq!(numbers(&session, 3).await.map_batches(doubled, MapOptions::default()).unwrap().count().await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dropped_query_calls_no_more() {
    let session = session();
    let calls = Arc::new(AtomicUsize::new(0));
    let inside = Arc::clone(&calls);
    let slow = move |batch: RecordBatch| {
        inside.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        Ok(batch)
    };
    let options = MapOptions { batch_rows: Some(10), ..MapOptions::default() };
    let frame = numbers(&session, 100_000).await.map_batches(slow, options).unwrap();
    let running = tokio::time::timeout(Duration::from_millis(100), frame.collect()).await;
    assert!(running.is_err());
    tokio::time::sleep(Duration::from_millis(50)).await;
    let after = calls.load(Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(calls.load(Ordering::SeqCst) <= after + 1 && after < 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_optimizer_moves_only_what_it_may() {
    let session = session();
    let plan = async |options: MapOptions| {
        let frame = numbers(&session, 10).await.with_columns([(col("x") + lit(1_i64)).alias("y")]).unwrap();
        let mapped = frame.map_batches(Ok, options).unwrap().filter(col("x").gt(lit(5_i64))).unwrap().select(["x"]).unwrap();
        mapped.optimized_plan().unwrap().display_indent().to_string()
    };
    let closed = plan(MapOptions::default()).await;
    assert!(closed.find("Filter") < closed.find("MapBatches") && closed.contains("AS y"), "{closed}");
    let open = plan(MapOptions { predicate_pushdown: true, projection_pushdown: true, ..MapOptions::default() }).await;
    assert!(open.find("Filter") > open.find("MapBatches") && !open.contains("AS y"), "{open}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_filter_at_random_stays_above() {
    let session = session();
    let random = session.sql("SELECT random() < 0.5 AS keep").await.unwrap();
    let predicate = random.logical_plan().expressions()[0].clone().unalias();
    let frame = numbers(&session, 10).await.map_batches(doubled, MapOptions::default()).unwrap().filter(predicate).unwrap();
    let plan = frame.optimized_plan().unwrap().display_indent().to_string();
    assert!(plan.find("random()") < plan.find("MapBatches"), "{plan}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_rows_at_once_must_fit_in_memory() {
    let session = Session::builder().in_memory().threads(2).memory_limit_bytes(8 << 20).build().unwrap();
    let options = MapOptions { streamable: false, ..MapOptions::default() };
    let rows = session.sql("SELECT value AS x FROM generate_series(1, 4000000)").await.unwrap();
    let error = rows.map_batches(Ok, options).unwrap().count().await.unwrap_err();
    assert_eq!(error.kind(), "Resources", "{error}");
    let total = rows.map_batches(Ok, MapOptions::default()).unwrap().select([sum("x")]).unwrap();
    assert_eq!(rows_of(&total).await, ["8000002000000"]);
}
