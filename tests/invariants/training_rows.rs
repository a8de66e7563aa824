//! The rows of a training whose query adds up floats: the same bits each time, so that batches are found again and archives replay.

use std::path::Path;

use gradframe::Session;

use super::{Setting, USUAL, open};
use crate::harness::exact_texts;

/// Float aggregates of groups, of different values, of lines, in windows and in a subquery.
const TRAININGS: [&str; 2] = [
    "CREATE MODEL m OPTIONS (model_type = 'linear_reg', input_label_cols = ['target'], l2_reg = 0.1, max_iterations = 3) AS
     SELECT g, avg(x) AS ax, sum(y) AS sy, var_samp(x) AS vx, stddev_pop(y) AS dy, covar_samp(x, y) AS cxy, corr(x, y) AS rxy,
         regr_slope(y, x) AS slope, sum(DISTINCT y) AS different, avg(y) FILTER (WHERE i % 3 = 0) AS target FROM measured GROUP BY g",
    "CREATE MODEL m OPTIONS (model_type = 'linear_reg', input_label_cols = ['y'], l2_reg = 0.1, max_iterations = 3) AS
     SELECT x - avg(x) OVER (PARTITION BY g) AS apart, sum(x) OVER (PARTITION BY g ORDER BY i ROWS 5 PRECEDING) AS late, y
     FROM measured WHERE y > (SELECT avg(y) FROM measured) AND i % 7 = 0",
];

const FILES: i64 = 4;
const ROWS_A_FILE: i64 = 30_000;

async fn texts(session: &Session, sql: &str) -> Vec<Vec<String>> {
    let frame = session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let batches = frame.collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    batches.iter().flat_map(exact_texts).collect()
}

/// Numbers of many magnitudes and all signs, in several files.
async fn write_measured(session: &Session, data: &Path) {
    std::fs::create_dir_all(data).unwrap();
    for file in 0..FILES {
        let (first, last) = (file * ROWS_A_FILE, (file + 1) * ROWS_A_FILE - 1);
        let rows = format!(
            "SELECT value AS i, value % 499 AS g, sin(value * 0.37) * power(10.0, (value % 13) - 6) AS x,
                 cos(value * 0.11) * 1e3 + 1e9 AS y FROM generate_series({first}, {last})"
        );
        texts(session, &format!("COPY ({rows}) TO '{}' STORED AS PARQUET", data.join(format!("{file}.parquet")).display())).await;
    }
}

/// A session with the table, and what training has left: the run, its digest and whether it is called reproducible, the weights.
async fn trained(data: &Path, home: &Path, training: &str, setting: Setting) -> (Session, String, Vec<String>, Vec<u8>) {
    let session = open(home, setting);
    texts(&session, &format!("CREATE EXTERNAL TABLE measured STORED AS PARQUET LOCATION '{}'", data.display())).await;
    texts(&session, training).await;
    let run = texts(&session, "SELECT run FROM gradframe.runs").await.remove(0).remove(0);
    let kept = "SELECT digest, reproducible FROM gradframe.datasets JOIN gradframe.runs USING (run) WHERE role = 'training'";
    let kept = texts(&session, kept).await.remove(0);
    let weights = std::fs::read(home.join("models/m/1/weights.safetensors")).unwrap();
    (session, run, kept, weights)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_float_aggregates_are_the_same_bits_whatever_the_threads_and_the_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("measured");
    write_measured(&open(&folder.path().join("writer"), USUAL), &data).await;
    for (number, training) in TRAININGS.into_iter().enumerate() {
        let mut expected = None;
        for (threads, batch_size_rows) in [(1, 8192), (2, 8192), (5, 1000), (8, 8192)] {
            let setting = Setting { threads, batch_size_rows, ..USUAL };
            let home = folder.path().join(format!("home_{number}_{threads}"));
            let (session, run, kept, weights) = trained(&data, &home, training, setting).await;
            // That `i` is unique, so that frames of ROWS repeat, is nothing that a plan knows.
            assert_eq!(kept[1], (!training.contains(" ROWS ")).to_string(), "{training}");
            let found = (kept[0].clone(), weights);
            assert!(found == *expected.get_or_insert_with(|| found.clone()), "{setting:?} has other rows for {training}");
            let rows = texts(&session, &format!("SELECT count(*) FROM gradframe.batch_rows('{run}', 1)")).await;
            assert_ne!(rows[0][0], "0");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_with_its_rows_replays_bit_for_bit_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("measured");
    write_measured(&open(&folder.path().join("writer"), USUAL), &data).await;
    let here = Setting { threads: 8, ..USUAL };
    let (session, run, kept, _) = trained(&data, &folder.path().join("here"), TRAININGS[0], here).await;
    let archive = folder.path().join("run.tar");
    session.archive_run(&run, &archive, true).await.unwrap();
    let elsewhere = open(&folder.path().join("elsewhere"), Setting { threads: 3, ..USUAL });
    elsewhere.import_runs(&archive).unwrap();
    let replay = elsewhere.replay_run(&run).await.unwrap();
    assert!(replay.is_equal() && replay.tolerance.is_none(), "{:?}", replay.differences);
    let digests = format!("SELECT digest FROM gradframe.datasets WHERE run = '{}' AND role = 'training'", replay.again);
    assert_eq!(texts(&elsewhere, &digests).await[0][0], kept[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_training_may_ask_for_speed_and_is_not_called_reproducible() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("measured");
    write_measured(&open(&folder.path().join("writer"), USUAL), &data).await;
    let training = TRAININGS[0].replace("OPTIONS (", "OPTIONS (reproducible = false, ");
    let (.., kept, _) = trained(&data, &folder.path().join("fast"), &training, USUAL).await;
    assert_eq!(kept[1], "false");
}
