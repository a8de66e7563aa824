//! SQL golden files: every `.slt` beside this file, each over a fresh home.
//!
//! `{dir}` in a file stands for its own temporary folder, `{data}` for `tests/slt/data`; in results the folders are
//! written back the same way. A `connection NAME` line opens a further session over the same home.
//! `GRADFRAME_SLT=update` rewrites what the files expect; read the difference before committing it.

mod adapter;

use std::path::PathBuf;

use adapter::Database;
use gradframe_tests::outside::root;
use sqllogictest::{Runner, default_column_validator, default_normalizer, default_validator};

macro_rules! golden_files {
    ($($name:ident)*) => {
        const LISTED: &[&str] = &[$(stringify!($name)),*];

        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            check(stringify!($name)).await;
        })*
    };
}

golden_files! {
    bad_input
    clauses
    copy
    counts
    create_model
    ddl
    decimals
    devices
    evaluate
    explain
    extremes
    functions
    intervals
    lateral
    logs
    nan
    networks
    numeric_stage
    overflow
    precedence
    predict
    pruned_casts
    quantified
    read_arrow
    read_csv
    read_json
    right_answers
    show_models
    sources
    subqueries
    texts
    training_info
    transform
    union_by_name
    unions
    weights
    windows
    zones
}

fn folder() -> PathBuf {
    root().join("tests/slt")
}

async fn check(name: &str) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut runner = Runner::new(|| {
        let database = Database::open(home.path());
        async { database }
    });
    let file = folder().join(format!("{name}.slt"));
    if std::env::var("GRADFRAME_SLT").is_ok_and(|mode| mode == "update") {
        let updated = runner.update_test_file(&file, " ", default_validator, default_normalizer, default_column_validator);
        updated.await.expect("the file is rewritten");
    } else if let Err(failure) = runner.run_file_async(&file).await {
        panic!("{}", failure.display(false));
    }
}

#[test]
fn every_golden_file_is_run() {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let golden = entries.filter(|path| path.extension().is_some_and(|extension| extension == "slt"));
    let mut names: Vec<_> = golden.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    assert_eq!(names, LISTED);
}
