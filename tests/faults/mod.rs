//! Things that go wrong half-way: nothing half-done stays, and the next statement runs.

mod disk;
mod killed;
mod large;
mod logged;
mod resumed;
mod spill;
mod writer;

use std::fs;
use std::path::Path;
use std::time::Duration;

use gradframe::Session;

use crate::harness::{rows, session_in};

const POINTS: &str = "CREATE TABLE points AS SELECT CAST(i AS DOUBLE) AS x, 3 + 2.0 * i AS y FROM generate_series(1, 50) AS t(i)";
const TRAINING: &str =
    "CREATE MODEL line OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS SELECT x, y FROM points";
/// Fails in the last rows, when most of the data has been read.
const FAILING: &str = "CREATE MODEL line OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS
    SELECT CASE WHEN x > 49 THEN CAST('inf' AS DOUBLE) ELSE x END AS x, y FROM points";

async fn session_with_points(home: &Path) -> Session {
    let session = session_in(home).unwrap();
    session.sql(POINTS).await.unwrap();
    session
}

/// Files and folders below the store's models.
fn model_files(home: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(home.join(".gradframe/models")) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_training_leaves_a_failed_run_and_no_model() {
    let home = tempfile::tempdir().unwrap();
    let session = session_with_points(home.path()).await;
    let error = session.sql(FAILING).await.expect_err("an infinite feature").to_string();
    assert!(error.contains("`x`"), "{error}");
    assert_eq!(model_files(home.path()), Vec::<String>::new());
    assert_eq!(rows(&session, "SELECT status, error IS NOT NULL FROM gradframe.runs").await.unwrap(), [["failed", "true"]]);

    session.sql(TRAINING).await.unwrap();
    assert_eq!(rows(&session, "SELECT model FROM gradframe.models").await.unwrap(), [["line"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_replacement_leaves_the_old_model() {
    let home = tempfile::tempdir().unwrap();
    let session = session_with_points(home.path()).await;
    session.sql(TRAINING).await.unwrap();
    let question = "SELECT predicted_y FROM ML.PREDICT(MODEL line, TABLE points) ORDER BY 1";
    let before = rows(&session, question).await.unwrap();
    assert!(session.sql(&FAILING.replace("CREATE", "CREATE OR REPLACE")).await.is_err());
    assert_eq!(rows(&session, question).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_training_leaves_no_model_and_no_running_run() {
    let home = tempfile::tempdir().unwrap();
    let session = session_in(home.path()).unwrap();
    // Long enough to be still at it when it is dropped.
    let endless = "CREATE MODEL line OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS
        SELECT CAST(a.i AS DOUBLE) AS x, 2.0 * b.i AS y FROM generate_series(1, 30000) AS a(i), generate_series(1, 30000) AS b(i)";
    assert!(tokio::time::timeout(Duration::from_millis(500), session.sql(endless)).await.is_err(), "must still be training");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(model_files(home.path()), Vec::<String>::new());
    let still = rows(&session, "SELECT count(*) FROM gradframe.runs WHERE status IN ('running', 'finished')").await.unwrap();
    assert_eq!(still, [["0"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_fits_no_memory_is_a_resources_error_and_the_session_goes_on() {
    let home = tempfile::tempdir().unwrap();
    let builder = Session::builder().home(home.path()).threads(2).memory_limit_bytes(4 << 20).disk_limit_bytes(1 << 20);
    let session = builder.build().unwrap();
    let sort = "SELECT i, md5(CAST(i AS VARCHAR)) AS h FROM generate_series(1, 2000000) AS t(i) ORDER BY h LIMIT 1000000";
    let frame = session.sql(sort).await.unwrap();
    let error = frame.collect().await.expect_err("too little memory and disk");
    assert_eq!(error.kind(), "Resources", "{error}");
    assert_eq!(rows(&session, "SELECT 1 + 1").await.unwrap(), [["2"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sort_over_the_memory_limit_spills() {
    let home = tempfile::tempdir().unwrap();
    let session = Session::builder().home(home.path()).threads(1).memory_limit_bytes(64 << 20).build().unwrap();
    // 192 MB of numbers.
    let sort =
        "SELECT (i * 7919) % 3000017 AS k, i AS a, i + 1 AS b, i + 2 AS c FROM generate_series(1, 6000000) AS t(i) ORDER BY k";
    let plan = rows(&session, &format!("EXPLAIN ANALYZE {sort}")).await.unwrap().concat().concat();
    assert!(plan.contains("spill_count=") && !plan.contains("spill_count=0"), "{plan}");
    let batches = session.sql(sort).await.unwrap().collect().await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 6_000_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_sessions_train_into_one_home_at_once() {
    let home = tempfile::tempdir().unwrap();
    let (one, two) = (session_with_points(home.path()).await, session_in(home.path()).unwrap());
    let other = TRAINING
        .replace("MODEL line", "MODEL other")
        .replace("FROM points", "FROM (SELECT 1.0 AS x, 2.0 AS y UNION ALL SELECT 2.0, 5.0)");
    let (first, second) = tokio::join!(one.sql(TRAINING), two.sql(&other));
    first.unwrap();
    second.unwrap();
    let models = rows(&two, "SELECT model FROM gradframe.models ORDER BY model").await.unwrap();
    assert_eq!(models, [["line"], ["other"]]);
}
