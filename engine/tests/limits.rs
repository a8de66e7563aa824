//! Memory, cancellation, concurrency, and threads.

use std::time::{Duration, Instant};

use futures::StreamExt;
use gradframe::Session;

use crate::support::{CREATE_FARES, TRIPS, error, rows, run, session};

const LARGE: &str = "SELECT i, sin(i) AS x, repeat('x', 100) AS s FROM (SELECT unnest(range(0, 400000)) AS i)";

#[tokio::test]
async fn a_sort_larger_than_memory_spills() {
    let session = Session::builder().in_memory().threads(2).memory_limit_bytes(24 << 20).build().unwrap();
    run(&session, &format!("CREATE TABLE large AS {LARGE}")).await;
    let plan = rows(&session, "EXPLAIN ANALYZE SELECT * FROM large ORDER BY x").await.join("\n");
    assert!(plan.contains("spill_count=") && !plan.contains("spill_count=0"), "{plan}");
    let sorted = session.sql("SELECT * FROM large ORDER BY x").await.unwrap();
    let mut stream = sorted.stream().await.unwrap();
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        rows += batch.map_err(gradframe::from_datafusion).unwrap().num_rows();
    }
    assert_eq!(rows, 400_000);
}

/// By a key that is a number, sorted by its digits in memory, and by DataFusion where memory is short: the same rows.
#[tokio::test]
async fn a_sort_by_numbers_gives_the_same_rows_whatever_the_memory() {
    let sql = "SELECT i, x FROM (SELECT value AS i, CASE value % 7 WHEN 0 THEN NULL ELSE (value * 7919) % 1009 END AS k, sin(value) AS x
        FROM generate_series(0, 99999)) ORDER BY k DESC NULLS LAST, x";
    let mut seen = vec![];
    for (threads, memory_limit_bytes) in [(1, 1 << 30), (2, 1 << 30), (2, 3 << 20)] {
        let session = Session::builder().in_memory().threads(threads).memory_limit_bytes(memory_limit_bytes).build().unwrap();
        let plan = rows(&session, &format!("EXPLAIN ANALYZE {sql}")).await.join("\n");
        assert!(plan.contains("NumericSortExec: expr=[k@"), "{plan}");
        assert_eq!(plan.contains("spill_count=0"), memory_limit_bytes == 1 << 30, "{plan}");
        seen.push(rows(&session, sql).await);
    }
    assert_eq!(seen[0].len(), 100_000);
    assert!(seen.iter().all(|rows| *rows == seen[0]));
}

#[tokio::test]
async fn what_fits_neither_memory_nor_disk_is_a_resources_error() {
    let session =
        Session::builder().in_memory().threads(2).memory_limit_bytes(8 << 20).disk_limit_bytes(1 << 20).build().unwrap();
    let short = error(&session, &format!("SELECT * FROM ({LARGE}) ORDER BY x")).await;
    assert_eq!(short.kind(), "Resources", "{short}");
    assert_eq!(rows(&session, "SELECT 1").await, ["1"]);
}

#[tokio::test]
async fn a_dropped_query_gives_its_memory_back() {
    let session = session();
    let frame = session.sql(&format!("SELECT * FROM ({LARGE}) ORDER BY x")).await.unwrap();
    let cancelled = tokio::time::timeout(Duration::from_millis(20), frame.collect()).await;
    drop(cancelled);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(session.context().runtime_env().memory_pool.reserved(), 0);
    assert_eq!(rows(&session, "SELECT 1").await, ["1"]);
}

/// On one thread the time is only looked at when the join yields.
#[tokio::test]
async fn a_join_of_many_matches_is_cancelled_soon() {
    let session = session();
    run(&session, "CREATE TABLE big AS SELECT value AS i, CAST(value % 100 AS DOUBLE) AS x FROM generate_series(1, 300000)")
        .await;
    for prefer_hash in [true, false] {
        run(&session, &format!("SET datafusion.optimizer.prefer_hash_join = {prefer_hash}")).await;
        let frame = session.sql("SELECT count(*) FROM big a JOIN big b ON a.x = b.x").await.unwrap();
        let started = Instant::now();
        assert!(tokio::time::timeout(Duration::from_millis(200), frame.collect()).await.is_err(), "it was done before");
        assert!(started.elapsed() < Duration::from_secs(5), "{:?} with prefer_hash_join = {prefer_hash}", started.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_run_side_by_side_in_one_session() {
    let session = session();
    run(&session, TRIPS).await;
    let tasks: Vec<_> = (0..8)
        .map(|i| {
            let session = session.clone();
            tokio::spawn(async move { rows(&session, &format!("SELECT count(*) + {i} FROM trips")).await })
        })
        .collect();
    for (i, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap(), [(100 + i).to_string()]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_thread_and_two_train_the_same_bits() {
    let mut weights = vec![];
    for threads in [1, 2] {
        let session = Session::builder().in_memory().threads(threads).batch_size_rows(17).build().unwrap();
        run(&session, TRIPS).await;
        run(&session, CREATE_FARES).await;
        weights.push(rows(&session, "SELECT feature, CAST(weight AS VARCHAR) FROM ML.WEIGHTS(MODEL fares)").await);
    }
    assert_eq!(weights[0], weights[1]);
}

#[test]
fn blocking_calls_work_outside_a_runtime() {
    let session = session();
    let frame = session.block_on(session.sql("SELECT 1 AS a")).unwrap();
    assert_eq!(session.block_on(frame.count()).unwrap(), 1);
}

#[tokio::test]
async fn blocking_inside_a_runtime_is_an_error_not_a_panic() {
    let session = session();
    assert_eq!(session.block_on(session.sql("SELECT 1")).unwrap_err().kind(), "Plan");
}
