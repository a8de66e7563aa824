//! What must not change an answer: threads, batch size, the optimizer, how often it is asked.

mod numeric_stages;
mod training_rows;

use std::fs;
use std::path::Path;

use gradframe::Session;
use gradframe_tests::tpch::{table_file, write_tables};

use crate::harness::exact_texts;

/// A training on joined and grouped files.
const TRAINING: &str = "CREATE MODEL m OPTIONS (model_type = 'logistic_reg', input_label_cols = ['late'], l2_reg = 0.001) AS
    SELECT o_orderpriority, count(*) AS lines, sum(l_quantity) AS pieces, bool_or(l_receiptdate > l_commitdate) AS late
    FROM orders JOIN lineitem ON l_orderkey = o_orderkey GROUP BY o_orderkey, o_orderpriority";

/// A training whose features are fitted to float columns by aggregates.
const TRANSFORMED: &str = "CREATE MODEL m TRANSFORM (
        ML.STANDARD_SCALER(CAST(l_extendedprice AS DOUBLE) / 7) OVER () AS price,
        ML.ROBUST_SCALER(CAST(l_tax AS DOUBLE) * CAST(l_quantity AS DOUBLE)) OVER () AS taxed,
        ML.QUANTILE_BUCKETIZE(l_extendedprice, 8) OVER () AS bucket, ML.ONE_HOT_ENCODER(l_shipmode) OVER () AS mode,
        l_quantity)
    OPTIONS (model_type = 'linear_reg', input_label_cols = ['l_quantity'], l2_reg = 0.001) AS SELECT * FROM lineitem";

/// A training whose model has errors of all sizes.
const REGRESSION: &str =
    "CREATE MODEL price OPTIONS (model_type = 'linear_reg', input_label_cols = ['l_extendedprice'], l2_reg = 0.1) AS
    SELECT l_extendedprice, l_linenumber, l_shipmode, CAST(l_tax AS DOUBLE) * 1e6 AS tax FROM lineitem";

/// Queries around a prediction, each with a total order.
const QUESTIONS: [&str; 6] = [
    "SELECT * FROM ML.PREDICT(MODEL m, TABLE packed) WHERE o_orderkey < 100 ORDER BY o_orderkey",
    "SELECT count(*) FROM ML.PREDICT(MODEL m, TABLE packed)",
    "SELECT predicted_late, count(*), min(lines), max(pieces) FROM ML.PREDICT(MODEL m, TABLE packed) GROUP BY 1 ORDER BY 1",
    "SELECT o_orderkey, lines FROM ML.PREDICT(MODEL m, TABLE packed) WHERE predicted_late AND lines > 6 ORDER BY 1 DESC LIMIT 7",
    "SELECT * FROM ML.EVALUATE(MODEL m, TABLE packed)",
    "SELECT * FROM ML.EVALUATE(MODEL price, (SELECT *, CAST(l_tax AS DOUBLE) * 1e6 AS tax FROM lineitem))",
];

/// What varies between two sessions that must agree.
#[derive(Debug, Clone, Copy)]
struct Setting {
    threads: usize,
    batch_size_rows: usize,
    seed: u64,
}

const USUAL: Setting = Setting { threads: 2, batch_size_rows: 8192, seed: 1 };

fn open(home: &Path, setting: Setting) -> Session {
    let Setting { threads, batch_size_rows, seed } = setting;
    let builder = Session::builder().home(home).threads(threads).seed(seed).batch_size_rows(batch_size_rows);
    builder.build().unwrap()
}

/// A session over a new home, with the tables and views that the questions ask.
async fn prepare(data: &Path, home: &Path, setting: Setting) -> Session {
    let session = open(home, setting);
    for table in ["orders", "lineitem"] {
        let file = table_file(data, table);
        let ddl = format!("CREATE EXTERNAL TABLE {table} STORED AS PARQUET LOCATION '{}'", file.display());
        session.sql(&ddl).await.unwrap();
    }
    let packed = "CREATE VIEW packed AS SELECT o_orderkey, o_orderpriority, count(*) AS lines, sum(l_quantity) AS pieces,
        bool_or(l_receiptdate > l_commitdate) AS late FROM orders JOIN lineitem ON l_orderkey = o_orderkey GROUP BY 1, 2";
    session.sql(packed).await.unwrap();
    session
}

/// The bytes of the weights that training in a fresh home leaves.
async fn trained_weights(data: &Path, training: &str, setting: Setting) -> Vec<u8> {
    let home = tempfile::tempdir().unwrap();
    let session = prepare(data, home.path(), setting).await;
    session.sql(training).await.unwrap().collect().await.unwrap();
    fs::read(home.path().join("models/m/1/weights.safetensors")).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn weights_are_the_same_bits_whatever_the_threads_and_the_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("tpch");
    write_tables(&data, 0.01).unwrap();
    for training in [TRAINING, TRANSFORMED] {
        let expected = trained_weights(&data, training, USUAL).await;
        for setting in [
            USUAL,
            Setting { threads: 1, ..USUAL },
            Setting { threads: 3, ..USUAL },
            Setting { batch_size_rows: 100, ..USUAL },
            Setting { threads: 1, batch_size_rows: 1000, ..USUAL },
        ] {
            let weights = trained_weights(&data, training, setting).await;
            assert!(weights == expected, "{setting:?} gives other weights to {training}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_the_same_whatever_the_threads_the_batch_size_and_the_optimizer() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("tpch");
    write_tables(&data, 0.01).unwrap();
    let home = folder.path().join("home");
    let usual = prepare(&data, &home, USUAL).await;
    usual.sql(TRAINING).await.unwrap();
    usual.sql(REGRESSION).await.unwrap();
    let expected = answers(&usual).await;
    for setting in [
        Setting { threads: 1, ..USUAL },
        Setting { threads: 3, ..USUAL },
        Setting { batch_size_rows: 64, ..USUAL },
        Setting { threads: 1, batch_size_rows: 1000, ..USUAL },
    ] {
        let home = copy_models(&home, folder.path(), &format!("{setting:?}"));
        assert_eq!(answers(&open(&home, setting)).await, expected, "{setting:?}");
    }
    for switch in OPTIMIZER_SWITCHES {
        usual.sql(switch).await.unwrap();
        assert_eq!(answers(&usual).await, expected, "after {switch}");
    }
}

/// Each turns off one more rewrite that a prediction lets through.
const OPTIMIZER_SWITCHES: [&str; 4] = [
    "SET datafusion.execution.parquet.pushdown_filters = false",
    "SET datafusion.optimizer.enable_round_robin_repartition = false",
    "SET datafusion.optimizer.prefer_hash_join = false",
    "SET datafusion.optimizer.max_passes = 0",
];

/// To the last digit.
async fn answers(session: &Session) -> Vec<Vec<Vec<String>>> {
    let mut all = Vec::new();
    for question in QUESTIONS {
        let frame = session.sql(question).await.unwrap_or_else(|error| panic!("{question}: {error}"));
        let batches = frame.collect().await.unwrap_or_else(|error| panic!("{question}: {error}"));
        all.push(batches.iter().flat_map(exact_texts).collect());
    }
    all
}

/// A home with the same models and nothing else running in it.
fn copy_models(home: &Path, folder: &Path, name: &str) -> std::path::PathBuf {
    let copy = folder.join(name.replace(|character: char| !character.is_alphanumeric(), "_"));
    copy_folder(home, &copy);
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
