//! Trainings that were interrupted and go on: to the same bits, or with a word about why they cannot.

use std::fs;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use gradframe::Session;

use super::writer::Writer;
use crate::harness::rows;

/// Long enough to be killed in, short enough for every day.
const NETWORK: &str = "CREATE MODEL wave OPTIONS (model_type = 'dnn_regressor', input_label_cols = ['y'], hidden_units = [16],
      activation_fn = 'tanh', batch_size = 64, max_iterations = 60, early_stop = false, dropout = 0.1, seed = 7) AS
    SELECT i / 500.0 - 1 AS a, i % 3 AS b, sin(i / 80.0) + i % 3 AS y FROM generate_series(1, 1000) AS t(i)";
const LINE: &str = "CREATE OR REPLACE MODEL line OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS
    SELECT x, 2 * x AS y FROM (VALUES (1.0), (2.0), (4.0)) AS t(x)";
const FAILING: &str = "CREATE MODEL broken OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS
    SELECT x, 2 * x AS y FROM (VALUES (1.0), (CAST('inf' AS DOUBLE))) AS t(x)";

fn session(home: &Path) -> Session {
    Session::builder().home(home).threads(2).build().unwrap()
}

async fn only_run(session: &Session) -> String {
    rows(session, "SELECT run FROM gradframe.runs").await.unwrap().concat().concat()
}

/// Every metric but the time, by epoch, as bits.
async fn curve(session: &Session) -> Vec<u64> {
    let sql = "SELECT value FROM gradframe.metrics WHERE name <> 'seconds' ORDER BY epoch, name";
    let batches = session.sql(sql).await.unwrap().collect().await.unwrap();
    let bits = |batch: &arrow::array::RecordBatch| {
        batch.column(0).as_primitive::<Float64Type>().values().iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    batches.iter().flat_map(bits).collect()
}

fn weights(home: &Path) -> Vec<u8> {
    fs::read(home.join("models/wave/1/weights.safetensors")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_training_goes_on_to_the_same_bits() {
    let (whole, broken) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    session(whole.path()).sql(NETWORK).await.unwrap();

    let writer = Writer::run(broken.path(), NETWORK);
    writer.wait_for_losses(7);
    let acknowledged = writer.kill().losses.len();
    assert!((7..60).contains(&acknowledged), "{acknowledged}");
    let after = session(broken.path());
    let run = only_run(&after).await;
    let log = after.resume_run(&run[..run.len() - 1]).await.unwrap();
    assert!(log.count().await.unwrap() < 60, "it has gone on, not begun again");

    assert_eq!(weights(broken.path()), weights(whole.path()));
    assert_eq!(curve(&after).await, curve(&session(whole.path())).await);
    let state = rows(&after, "SELECT run, status, error FROM gradframe.runs").await.unwrap();
    assert_eq!(state, [[run.as_str(), "finished", "NULL"]]);
    let error = after.resume_run(&run).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains("has finished")), ("Plan", true), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_training_is_not_resumed() {
    let home = tempfile::tempdir().unwrap();
    let writer = Writer::run(home.path(), &NETWORK.replace("max_iterations = 60", "max_iterations = 100000"));
    writer.wait_for_losses(1);
    let other = session(home.path());
    let run = only_run(&other).await;
    let error = other.resume_run(&run).await.unwrap_err();
    assert_eq!(error.kind(), "Plan");
    assert!(error.to_string().contains("is still running"), "{error}");
    writer.wait_for_losses(20);
    writer.kill();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_cannot_go_on_say_why() {
    let home = tempfile::tempdir().unwrap();
    let session = session(home.path());
    let error = session.resume_run("20260101").await.unwrap_err();
    assert!(error.to_string().contains("unknown run `20260101`; hint: there are no runs yet"), "{error}");
    session.sql(LINE).await.unwrap();
    let run = only_run(&session).await;
    let almost = format!("{}x", &run[..run.len() - 1]);
    let error = session.resume_run(&almost).await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().contains(&run)), ("Plan", true), "{error}");

    // A training without checkpoints, and one of a frame.
    assert!(session.sql(FAILING).await.is_err());
    let frame = session.sql("SELECT * FROM (VALUES (1.0, 2.0), (CAST('inf' AS DOUBLE), 4.0)) AS t(x, y)").await.unwrap();
    assert!(frame.fit(gradframe::ml::LinearRegression::new(), "y", None).await.is_err());
    let failed = rows(&session, "SELECT run FROM gradframe.runs WHERE status = 'failed' ORDER BY run").await.unwrap().concat();
    for (run, why) in failed.iter().zip(["has no checkpoint to go on from", "by no statement that is kept"]) {
        let error = session.resume_run(run).await.unwrap_err();
        assert_eq!(error.kind(), "Plan", "{error}");
        assert!(error.to_string().contains(why), "{error}");
    }
    assert_eq!(failed.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_have_changed_are_found_out() {
    let home = tempfile::tempdir().unwrap();
    let session = session(home.path());
    session
        .sql("CREATE TABLE points AS SELECT i / 500.0 - 1 AS a, sin(i / 80.0) AS y FROM generate_series(1, 1000) AS t(i)")
        .await
        .unwrap();
    let training = "CREATE MODEL wave OPTIONS (model_type = 'dnn_regressor', input_label_cols = ['y'], batch_size = 16,
        max_iterations = 100000, early_stop = false) AS SELECT * FROM points";
    let writer = Writer::run(home.path(), training);
    writer.wait_for_losses(3);
    writer.kill();
    session.sql("INSERT INTO points VALUES (0.5, 0.5)").await.unwrap();
    let error = session.resume_run(&only_run(&session).await).await.unwrap_err();
    assert_eq!(error.kind(), "Execution", "{error}");
    assert!(error.to_string().contains("cannot go on"), "{error}");
}
