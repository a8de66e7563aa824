//! What a home keeps: read by another session, and by another process.

use std::fs;

use crate::support::{CREATE_FARES, TRIPS, error, home, open, rows, run};

#[tokio::test]
async fn tables_and_views_are_there_in_another_session() {
    let (home, session) = home();
    run(&session, "CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS SELECT a + 1 AS b FROM t").await;
    let other = open(&home);
    assert_eq!(rows(&other, "SELECT b FROM v").await, ["2"]);
    run(&other, "INSERT INTO t VALUES (10)").await;
    assert_eq!(rows(&session, "SELECT b FROM v ORDER BY b").await, ["2", "11"]);
    run(&other, "DROP VIEW v; DROP TABLE t").await;
    assert_eq!(error(&session, "SELECT * FROM t").await.kind(), "Plan");
}

#[tokio::test]
async fn a_home_may_move_with_its_tables() {
    let (home, session) = home();
    run(&session, "CREATE TABLE t AS SELECT 1 AS a").await;
    drop(session);
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("moved");
    fs::rename(home.path(), &moved).unwrap();
    let session = gradframe::Session::builder().home(moved).build().unwrap();
    assert_eq!(rows(&session, "SELECT a FROM t").await, ["1"]);
}

#[tokio::test]
async fn an_external_table_is_there_in_another_session() {
    let (home, session) = home();
    let file = home.path().join("in.csv");
    fs::write(&file, "a,b\n1,x\n2,y\n").unwrap();
    run(
        &session,
        &format!("CREATE EXTERNAL TABLE e STORED AS CSV LOCATION '{}' OPTIONS ('format.has_header' 'true')", file.display()),
    )
    .await;
    assert_eq!(rows(&open(&home), "SELECT b FROM e ORDER BY a").await, ["x", "y"]);
    run(&session, "DROP TABLE e").await;
    assert!(file.exists(), "an external table's files are the user's");
}

#[tokio::test]
async fn a_session_that_only_reads_makes_no_home() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("absent");
    let session = gradframe::Session::builder().home(&path).build().unwrap();
    assert_eq!(rows(&session, "SELECT count(*) FROM gradframe.runs").await, ["0"]);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_reopened_model_predicts_the_same_bits() {
    let (home, session) = home();
    run(&session, TRIPS).await;
    run(&session, CREATE_FARES).await;
    let sql =
        "SELECT CAST(predicted_fare AS VARCHAR) FROM ML.PREDICT(MODEL fares, (SELECT distance FROM trips)) ORDER BY distance";
    let here = rows(&session, sql).await;
    drop(session);
    assert_eq!(rows(&open(&home), sql).await, here);
}
