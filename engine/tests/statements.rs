//! CREATE, INSERT, DROP, views, SET, and several statements in one text.

use crate::support::{error, rows, run, session};

#[tokio::test]
async fn a_table_is_created_filled_and_dropped() {
    let session = session();
    run(&session, "CREATE TABLE t AS SELECT 1 AS a, 'x' AS b").await;
    let inserted = rows(&session, "INSERT INTO t VALUES (2, 'y'), (3, NULL)").await;
    assert_eq!(inserted, ["2"]);
    assert_eq!(rows(&session, "SELECT a, b FROM t ORDER BY a").await, ["1 | x", "2 | y", "3 | "]);
    run(&session, "DROP TABLE t").await;
    assert!(error(&session, "SELECT * FROM t").await.to_string().contains("unknown table `t`"));
}

#[tokio::test]
async fn a_table_without_rows_keeps_its_columns() {
    let session = session();
    run(&session, "CREATE TABLE t (a INT, b VARCHAR)").await;
    assert_eq!(rows(&session, "SELECT count(*) FROM t").await, ["0"]);
    run(&session, "INSERT INTO t VALUES (1, 'x')").await;
    assert_eq!(rows(&session, "SELECT * FROM t").await, ["1 | x"]);
}

#[tokio::test]
async fn a_table_may_be_replaced_by_what_is_read_from_it() {
    let session = session();
    run(&session, "CREATE TABLE t AS SELECT 1 AS a").await;
    run(&session, "CREATE OR REPLACE TABLE t AS SELECT a + 1 AS a FROM t").await;
    assert_eq!(rows(&session, "SELECT a FROM t").await, ["2"]);
    run(&session, "CREATE TABLE IF NOT EXISTS t AS SELECT 9 AS a").await;
    assert_eq!(rows(&session, "SELECT a FROM t").await, ["2"]);
}

#[tokio::test]
async fn a_failed_create_leaves_no_table_and_no_files() {
    let (home, session) = crate::support::home();
    let failed = error(&session, "CREATE TABLE t AS SELECT 1 / (i - 50) AS x FROM (SELECT unnest(range(1, 100)) AS i)").await;
    assert_eq!(failed.kind(), "Execution", "{failed}");
    assert_eq!(error(&session, "SELECT * FROM t").await.kind(), "Plan");
    let left = std::fs::read_dir(home.path().join("tables")).map_or(0, Iterator::count);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn names_of_tables_views_and_models_are_one_set() {
    let session = session();
    run(&session, "CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS SELECT 2 AS a").await;
    for sql in
        ["CREATE TABLE t AS SELECT 2 AS a", "CREATE VIEW t AS SELECT 2 AS a", "CREATE TABLE v AS SELECT 1 AS a", "DROP VIEW t"]
    {
        assert_eq!(error(&session, sql).await.kind(), "Plan", "{sql}");
    }
    assert_eq!(rows(&session, "SELECT a FROM t").await, ["1"]);
}

#[tokio::test]
async fn tables_and_logs_are_listed() {
    let session = session();
    run(&session, "CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS SELECT a FROM t").await;
    let listed = rows(&session, "SHOW TABLES").await;
    let has = |line: &str| listed.iter().any(|listed| listed.contains(line));
    assert!(has("public | t | BASE TABLE"), "{listed:?}");
    assert!(has("public | v | VIEW"), "{listed:?}");
    assert!(has("gradframe | metrics"), "{listed:?}");
}

#[tokio::test]
async fn a_view_that_reads_itself_is_refused() {
    let session = session();
    run(&session, "CREATE VIEW a AS SELECT 1 AS x; CREATE VIEW b AS SELECT x FROM a").await;
    let cycle = error(&session, "CREATE OR REPLACE VIEW a AS SELECT x FROM b").await;
    assert!(cycle.to_string().contains("reads itself"), "{cycle}");
    assert_eq!(rows(&session, "SELECT x FROM b").await, ["1"]);
}

#[tokio::test]
async fn the_last_of_several_statements_gives_the_frame() {
    let session = session();
    let last = rows(&session, "CREATE TABLE t AS SELECT 1 AS a; INSERT INTO t VALUES (5); SELECT sum(a) FROM t;").await;
    assert_eq!(last, ["6"]);
    assert_eq!(error(&session, " ; -- nothing").await.kind(), "Plan");
}

#[tokio::test]
async fn effects_happen_once_however_often_the_frame_is_read() {
    let session = session();
    run(&session, "CREATE TABLE t AS SELECT 1 AS a").await;
    let inserted = session.sql("INSERT INTO t VALUES (2)").await.unwrap();
    inserted.collect().await.unwrap();
    inserted.collect().await.unwrap();
    assert_eq!(rows(&session, "SELECT count(*) FROM t").await, ["2"]);
}

#[tokio::test]
async fn a_copy_writes_files_that_read_back() {
    let session = session();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.parquet");
    run(&session, &format!("COPY (SELECT 7 AS a) TO '{}'", path.display())).await;
    assert_eq!(rows(&session, &format!("SELECT a FROM '{}'", path.display())).await, ["7"]);
}

#[tokio::test]
async fn options_are_set_and_shown() {
    let session = session();
    run(&session, "SET gradframe.seed = 7; SET datafusion.execution.batch_size = 100").await;
    assert_eq!(rows(&session, "SHOW gradframe.seed").await, ["gradframe.seed | 7"]);
    assert_eq!(error(&session, "SET gradframe.sede = 7").await.kind(), "Plan");
}

#[tokio::test]
async fn a_prepared_statement_runs_with_its_parameters() {
    let session = session();
    run(&session, "PREPARE twice(INT) AS SELECT $1 * 2 AS x").await;
    assert_eq!(rows(&session, "EXECUTE twice(21)").await, ["42"]);
}
