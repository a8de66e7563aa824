//! Every kind of bad input is a typed error that names the thing, and the session goes on.

use std::fs;

use arrow::datatypes::DataType;
use futures::StreamExt;
use gradframe::expr::prelude::*;
use gradframe::ml::LinearRegression;
use gradframe::{DataFrame, Session};

use crate::support::{CREATE_FARES, TRIPS, error, rows, run, session};

/// Runs bad SQL, checks its error's kind and words, and that the session still works.
async fn check(session: &Session, sql: &str, kind: &str, says: &[&str]) {
    let error = error(session, sql).await;
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{sql}\n{text}");
    for word in says {
        assert!(text.contains(word), "{sql}\nexpected `{word}` in: {text}");
    }
    assert_eq!(rows(session, "SELECT 1").await, ["1"]);
}

fn create_model(options: &str, query: &str) -> String {
    format!("CREATE MODEL m OPTIONS ({options}) AS {query}")
}

#[tokio::test]
async fn names_that_do_not_exist() {
    let session = session();
    run(&session, TRIPS).await;
    check(&session, "SELECT * FROM tripz", "Plan", &["unknown table `tripz`", "did you mean `trips`"]).await;
    check(&session, "SELECT distence FROM trips", "Plan", &["distence", "did you mean", "distance"]).await;
    check(&session, "SELECT * FROM 'no/such.parquet'", "Plan", &["no/such.parquet"]).await;
    check(&session, "SELEC 1", "Plan", &["line 1"]).await;
    check(&session, "SELECT nosuch(1)", "Plan", &["nosuch"]).await;
    check(&session, "SELECT * FROM ML.PREDICT(MODEL farez, (SELECT 1 AS a))", "Plan", &["farez"]).await;
    check(&session, "DROP TABLE tripz", "Plan", &["unknown table `tripz`", "did you mean `trips`"]).await;
}

#[tokio::test]
async fn names_that_do_not_exist_in_frames() {
    let session = session();
    run(&session, TRIPS).await;
    let trips = session.table("trips").await.unwrap();
    for error in [
        trips.select(["distence"]).unwrap_err(),
        trips.filter(col("distence").is_null()).unwrap_err(),
        trips.sort(["distence"]).unwrap_err(),
        trips.drop(["distence"]).unwrap_err(),
        trips.rename([("distence", "d")]).unwrap_err(),
        trips.join(&trips, ["distence"], gradframe::How::Inner).unwrap_err(),
        trips.group_by(["distence"]).len().unwrap_err(),
        trips.fit(LinearRegression::new(), "distence", None).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), "Plan", "{error}");
        assert!(error.to_string().contains("did you mean `distance`"), "{error}");
    }
    assert!(session.table("tripz").await.unwrap_err().to_string().contains("did you mean `trips`"));
    assert_eq!(session.model("m").unwrap_err().kind(), "Plan");
    assert_eq!(session.scan_parquet("no/such.parquet").await.unwrap_err().kind(), "Plan");
}

#[tokio::test]
async fn labels_and_features_that_cannot_be_learned() {
    let session = session();
    run(&session, TRIPS).await;
    let linear = "model_type = 'linear_reg', input_label_cols = ['y']";
    let logistic = "model_type = 'logistic_reg', input_label_cols = ['y']";
    let cases = [
        (
            create_model(linear, "SELECT distance, CASE WHEN distance < 9 THEN NULL ELSE fare END AS y FROM trips"),
            "Execution",
            "y",
        ),
        (create_model(linear, "SELECT distance, 1.0 AS y FROM trips"), "Execution", "y"),
        (create_model(logistic, "SELECT distance, 'a' AS y FROM trips"), "Execution", "y"),
        (create_model(linear, "SELECT distance, region AS y FROM trips"), "DType", "y"),
        (
            create_model(linear, "SELECT CASE WHEN distance > 99 THEN 'inf' ELSE '1' END::DOUBLE AS x, fare AS y FROM trips"),
            "Execution",
            "x",
        ),
        (create_model(linear, "SELECT distance, fare AS y FROM trips WHERE distance < 0"), "Execution", "row"),
        (create_model("model_type = 'linar_reg'", "SELECT distance, fare AS label FROM trips"), "Plan", "linear_reg"),
        (create_model("model_type = 'linear_reg', l2 = 1", "SELECT distance, fare AS label FROM trips"), "Plan", "l2_reg"),
    ];
    for (sql, kind, word) in &cases {
        check(&session, sql, kind, &[word]).await;
    }
    assert!(session.models().unwrap().is_empty());
    assert_eq!(rows(&session, "SELECT count(*) FROM gradframe.runs WHERE status = 'running'").await, ["0"]);
}

#[tokio::test]
async fn predictions_over_input_that_does_not_fit() {
    let session = session();
    run(&session, TRIPS).await;
    run(&session, CREATE_FARES).await;
    check(&session, "SELECT * FROM ML.PREDICT(MODEL fares, (SELECT fare FROM trips))", "Plan", &["distance"]).await;
    check(&session, "SELECT * FROM ML.PREDICT(MODEL fares, (SELECT 'far' AS distance))", "DType", &["distance"]).await;
    check(&session, CREATE_FARES, "Plan", &["fares", "CREATE OR REPLACE MODEL"]).await;
}

#[tokio::test]
async fn files_that_are_damaged() {
    let session = session();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    fs::write(path("bad.parquet"), b"PAR1 this is no footer PAR1").unwrap();
    fs::write(path("ragged.csv"), "a,b\n1,2\n3\n4,5,6\n").unwrap();
    fs::write(path("bytes.csv"), b"a,b\n1,\xff\xfe\n").unwrap();
    check(&session, &format!("SELECT * FROM '{}'", path("bad.parquet")), "Execution", &["bad.parquet"]).await;
    check(&session, &format!("SELECT * FROM read_csv('{}')", path("ragged.csv")), "Execution", &["ragged.csv"]).await;
    check(&session, &format!("SELECT * FROM read_csv('{}')", path("bytes.csv")), "Execution", &["bytes.csv"]).await;
    check(&session, &format!("CREATE EXTERNAL TABLE e STORED AS PARQUET LOCATION '{}'", path("bad.parquet")), "Execution", &[])
        .await;
    check(&session, "CREATE EXTERNAL TABLE e STORED AS PARKET LOCATION 'x'", "Plan", &["PARKET", "PARQUET"]).await;
}

#[tokio::test]
async fn values_that_cannot_be_computed() {
    let session = session();
    check(&session, "SELECT CAST('x' AS INT)", "Execution", &["x"]).await;
    check(&session, "SELECT 1 / 0", "Execution", &["zero"]).await;
}

#[tokio::test]
async fn statements_that_are_out_of_place() {
    let session = session();
    check(&session, "CREATE TABLE nowhere.t AS SELECT 1 AS a", "Plan", &["nowhere"]).await;
    check(&session, "DROP TABLE gradframe.runs", "Plan", &["gradframe"]).await;
    check(&session, "SELECT ML.PREDICT(1)", "Plan", &[]).await;
}

/// What ends the work, in the words of its error.
async fn ways_to_fail(frame: &DataFrame, out: &std::path::Path) -> Vec<(&'static str, gradframe::Error)> {
    let mut failed = vec![("collect", frame.collect().await.unwrap_err())];
    let streamed: Vec<_> = frame.stream().await.unwrap().collect().await;
    failed.push(("stream", gradframe::from_datafusion(streamed.into_iter().find_map(Result::err).unwrap())));
    failed.push(("write", frame.write_parquet(out.display().to_string()).await.unwrap_err()));
    failed.push(("profile", frame.profile().await.unwrap_err()));
    failed.push(("explain", frame.explain(true).await.unwrap_err()));
    let mut loader = frame.load(&gradframe::LoadOptions::new(1000)).await.unwrap();
    let loaded = loop {
        match loader.next().await {
            Ok(batch) => assert!(batch.is_some(), "no error came"),
            Err(error) => break error,
        }
    };
    failed.push(("load", loaded));
    let session = frame.session();
    let created = match session.sql_with("CREATE TABLE made AS SELECT * FROM f", [("f", frame.clone())]).await {
        Ok(made) => made.collect().await.map(|_| ()).unwrap_err(),
        Err(error) => error,
    };
    failed.push(("create table", created));
    failed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_impossible_cast_says_its_row_in_every_way_of_running_over_memory_and_over_files() {
    let directory = tempfile::tempdir().unwrap();
    let session = Session::builder().home(directory.path().join("home")).threads(2).build().unwrap();
    let text = "CASE WHEN value = 12003 THEN 'zz' ELSE CAST(value AS VARCHAR) END AS x";
    let texts = session.sql(&format!("SELECT {text} FROM generate_series(0, 19999)")).await.unwrap();
    let path = directory.path().join("texts.parquet").display().to_string();
    texts.write_parquet(&path).await.unwrap();
    let memory = session.from_batches(texts.schema(), texts.collect().await.unwrap()).unwrap();
    for (kind, rows) in [("memory", memory), ("file", session.scan_parquet(&path).await.unwrap())] {
        let frame = rows.select([col("x").cast(DataType::Int64, true)]).unwrap();
        for (way, error) in ways_to_fail(&frame, &directory.path().join("out.parquet")).await {
            assert_eq!(error.kind(), "Execution", "{kind}, {way}: {error}");
            let says = "cast: `x` has 'zz', which is no Int64 (row 12003)";
            assert!(error.to_string().starts_with(says), "{kind}, {way}: {error}");
        }
    }
}
