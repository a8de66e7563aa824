//! Which files a path means.

use std::fs;

use datafusion::prelude::SessionContext;
use gradframe_connectors::files::{FileSources, scan_csv};
use gradframe_plan::services::{SourceCall, Sources};
use tempfile::TempDir;

use super::{columns, csv, frame, lines, open, text};

/// Files `a.csv`, `b.csv`, `sub/c.csv`, `sub/deep/d.csv` with one value each, and some that are not meant.
fn tree() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("sub/deep")).unwrap();
    for (i, name) in ["a.csv", "b.csv", "sub/c.csv", "sub/deep/d.csv"].iter().enumerate() {
        fs::write(directory.path().join(name), format!("x\n{i}\n")).unwrap();
    }
    for name in ["notes.txt", "_SUCCESS.csv", ".hidden.csv"] {
        fs::write(directory.path().join(name), "other\n").unwrap();
    }
    directory
}

async fn count(pattern: &str) -> usize {
    let directory = tree();
    let table = csv(&directory.path().join(pattern), &[]).await.unwrap_or_else(|e| panic!("{pattern}: {e}"));
    frame(table).count().await.unwrap()
}

#[tokio::test]
async fn files_directories_and_patterns() {
    assert_eq!(count("a.csv").await, 1);
    assert_eq!(count("").await, 4);
    assert_eq!(count("[ab].csv").await, 2);
    assert_eq!(count("?.csv").await, 2);
    assert_eq!(count("*/*.csv").await, 1);
    assert_eq!(count("**/[a-d].csv").await, 4);
    assert_eq!(count("su*").await, 2);
}

#[tokio::test]
async fn a_list_of_paths_keeps_each_file_once() {
    let directory = tree();
    let paths = ["a.csv", "sub", "sub/c.csv"].map(|name| text(&directory.path().join(name)));
    let table = scan_csv(&SessionContext::new().state(), &paths, &[]).await.unwrap();
    assert_eq!(frame(table).count().await.unwrap(), 3);
}

#[tokio::test]
async fn a_file_that_is_named_twice_is_read_twice() {
    let directory = tree();
    let paths = ["a.csv", "sub", "a.csv"].map(|name| text(&directory.path().join(name)));
    let table = scan_csv(&SessionContext::new().state(), &paths, &[]).await.unwrap();
    assert_eq!(frame(table).count().await.unwrap(), 4);
}

#[tokio::test]
async fn odd_names_are_plain_names_if_there_is_such_a_file() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["100%.csv", "a b.csv", "x[1].csv", "ü#?.csv"] {
        fs::write(directory.path().join(name), "x\n1\n").unwrap();
        let table = open(&directory.path().join(name)).await.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(lines(&super::rows(table).await.unwrap()), ["1"], "{name}");
    }
}

#[tokio::test]
async fn missing_files_are_plan_errors_with_the_nearest_name() {
    let directory = tree();
    fs::write(directory.path().join("flights.csv"), "x\n").unwrap();
    let error = open(&directory.path().join("flihgts.csv")).await.unwrap_err();
    assert_eq!(error.kind(), "Plan");
    let root = text(directory.path());
    assert_eq!(
        error.to_string(),
        format!("read_csv: no such file `{root}/flihgts.csv`; hint: did you mean `{root}/flights.csv`?")
    );

    let error = open(&directory.path().join("nowhere/x.parquet")).await.unwrap_err();
    assert!(error.to_string().ends_with(&format!("hint: there is no directory `{root}/nowhere`")), "{error}");
    let error = open(&directory.path().join("*.parquet")).await.unwrap_err();
    assert_eq!(error.to_string(), format!("read_parquet: no file matches `{root}/*.parquet`"));
    assert_eq!(open(&directory.path().join("notes.txt")).await.unwrap_err().kind(), "Plan");
    assert_eq!(open(&directory.path().join("[.csv")).await.unwrap_err().kind(), "Plan");
}

#[tokio::test]
async fn unknown_functions_and_empty_lists_are_plan_errors() {
    let call = |function: &str, paths: &[&str]| SourceCall {
        function: Some(function.into()),
        paths: paths.iter().map(|path| path.to_string()).collect(),
        options: vec![],
    };
    let state = SessionContext::new().state();
    let error = FileSources.open(&state, &call("read_cvs", &["a.csv"])).await.unwrap_err();
    assert_eq!(error.to_string(), "read_cvs: no such reading function; hint: did you mean `read_csv`?");
    assert_eq!(FileSources.open(&state, &call("read_csv", &[])).await.unwrap_err().kind(), "Plan");
}

#[tokio::test]
async fn directories_of_csv_are_partitions_too() {
    let directory = tempfile::tempdir().unwrap();
    for (day, value) in [("2013-01-01", 1), ("2013-01-02", 2)] {
        fs::create_dir_all(directory.path().join(format!("day={day}"))).unwrap();
        fs::write(directory.path().join(format!("day={day}/p.csv")), format!("x\n{value}\n")).unwrap();
    }
    let table = csv(&directory.path().join("day=*/*.csv"), &[]).await.unwrap();
    assert_eq!(columns(&table), ["x Int64", "day Date32"]);
    let sorted = frame(table).sort(vec![datafusion::prelude::col("x").sort(true, true)]).unwrap();
    assert_eq!(lines(&super::collect(sorted).await.unwrap()), ["1,2013-01-01", "2,2013-01-02"]);
}

#[cfg(unix)]
#[tokio::test]
async fn links_in_a_circle_are_followed_once() {
    let directory = tree();
    for (link, to) in [("loop", "."), ("sub/up", ".."), ("sub/deep/again", "../../sub")] {
        std::os::unix::fs::symlink(to, directory.path().join(link)).unwrap();
    }
    let table = csv(directory.path(), &[]).await.unwrap();
    assert_eq!(frame(table).count().await.unwrap(), 4);
}

#[tokio::test]
async fn a_directory_is_of_the_format_of_its_files() {
    let directory = tree();
    fs::remove_file(directory.path().join("notes.txt")).unwrap();
    assert_eq!(frame(open(directory.path()).await.unwrap()).count().await.unwrap(), 4);
}
