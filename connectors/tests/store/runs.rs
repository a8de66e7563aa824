//! Runs, from one process and from several.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use datafusion::scalar::ScalarValue;
use gradframe_connectors::store::Store;
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::{MetricPoint, NewArtifact, NewRun, RunLog, RunOutcome};

use super::{files_below, open};

/// Set for the child processes of these tests: the store's directory.
const CHILD_HOME: &str = "GRADFRAME_TEST_CHILD_HOME";

fn point(name: &str, step: i64, value: f64) -> MetricPoint {
    MetricPoint { name: name.into(), step, epoch: step, value }
}

fn rows(store: &Store, table: LogTable) -> RecordBatch {
    let batches = store.scan(table, &LogQuery::default()).unwrap();
    arrow::compute::concat_batches(&table.schema(), &batches).unwrap()
}

fn texts(rows: &RecordBatch, column: &str) -> Vec<Option<String>> {
    rows.column_by_name(column).unwrap().as_string::<i32>().iter().map(|text| text.map(String::from)).collect()
}

#[test]
fn reading_a_missing_store_gives_empty_tables_and_makes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().join("none"));
    for table in LogTable::ALL {
        assert_eq!(rows(&store, table).num_rows(), 0);
    }
    use gradframe_plan::services::ModelRegistry;
    assert!(store.get("m").unwrap().is_none());
    assert!(!store.remove("m").unwrap());
    assert!(store.names().unwrap().is_empty() && store.entries().unwrap().is_empty());
    assert!(!store.remove_entry("v").unwrap());
    assert!(!home.path().join("none").exists());
}

#[test]
fn a_run_is_a_row_from_start_to_end() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let params = BTreeMap::from([("l2_reg".to_string(), "0.1".to_string())]);
    let (title, model, seed) = ("first".into(), Some("m".into()), Some(u64::MAX));
    let run = NewRun { title, model, seed, reproducible: true, params, ..NewRun::default() };
    let writer = store.start(run).unwrap();
    assert_eq!(texts(&rows(&store, LogTable::Runs), "status"), [Some("running".into())]);

    writer.log(&[point("loss", 0, 1.0), point("loss", 1, 0.5)]).unwrap();
    writer.finish(RunOutcome::Finished).unwrap();
    assert!(writer.finish(RunOutcome::Finished).is_err());
    assert!(writer.log(&[point("loss", 2, 0.1)]).is_err());

    let other = open(home.path().into());
    let runs = rows(&other, LogTable::Runs);
    assert_eq!(texts(&runs, "run"), [Some(writer.id().to_string())]);
    assert_eq!(texts(&runs, "status"), [Some("finished".into())]);
    assert_eq!(runs.column_by_name("seed").unwrap().as_primitive::<arrow::datatypes::UInt64Type>().values(), &[u64::MAX]);
    assert_eq!(texts(&rows(&other, LogTable::Params), "value"), [Some("0.1".into())]);
    assert_eq!(rows(&other, LogTable::Metrics).num_rows(), 2);
}

#[test]
fn a_dropped_run_has_failed() {
    let store = Store::in_memory().unwrap();
    drop(store.start(NewRun::default()).unwrap());
    let runs = rows(&store, LogTable::Runs);
    assert_eq!(texts(&runs, "status"), [Some("failed".into())]);
    assert_eq!(texts(&runs, "error"), [Some("the run was dropped before it ended".into())]);
}

#[test]
fn a_run_ends_with_an_error_whose_text_holds_nuls() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    store.start(NewRun::default()).unwrap().finish(RunOutcome::Failed("of `a\0b\0`".into())).unwrap();
    let runs = rows(&store, LogTable::Runs);
    assert_eq!(texts(&runs, "status"), [Some("failed".into())]);
    assert_eq!(texts(&runs, "error"), [Some("of `a\\0b\\0`".into())]);
}

#[test]
fn every_float_comes_back_bit_for_bit() {
    let home = tempfile::tempdir().unwrap();
    let values = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1.0 / 3.0, 5e-324, f64::MAX, 3.0];
    let store = open(home.path().into());
    let run = store.start(NewRun::default()).unwrap();
    run.log(&values.iter().enumerate().map(|(i, &value)| point("v", i as i64, value)).collect::<Vec<_>>()).unwrap();

    let read = rows(&open(home.path().into()), LogTable::Metrics);
    let read: Vec<u64> =
        read.column_by_name("value").unwrap().as_primitive::<Float64Type>().values().iter().map(|v| v.to_bits()).collect();
    assert_eq!(read, values.map(f64::to_bits));
}

#[test]
fn names_of_runs_are_distinct_and_in_order_of_time() {
    let store = Store::in_memory().unwrap();
    let names: Vec<String> = (0..200).map(|_| store.start(NewRun::default()).unwrap().id().to_string()).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
}

#[test]
fn many_threads_write_to_one_store() {
    let home = tempfile::tempdir().unwrap();
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let store = open(home.path().into());
            std::thread::spawn(move || write_run(&store))
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    assert_eq!(rows(&open(home.path().into()), LogTable::Metrics).num_rows(), 8 * 20);
}

fn write_run(store: &Arc<Store>) {
    let run = store.start(NewRun::default()).unwrap();
    for step in 0..20 {
        run.log(&[point("loss", step, 1.0)]).unwrap();
    }
    run.finish(RunOutcome::Finished).unwrap();
}

#[test]
fn many_processes_write_to_one_store() {
    let home = tempfile::tempdir().unwrap();
    let mut children: Vec<_> = (0..3).map(|_| child("child_that_finishes", home.path()).spawn().unwrap()).collect();
    assert!(children.iter_mut().all(|child| child.wait().unwrap().success()));
    let store = open(home.path().into());
    assert_eq!(rows(&store, LogTable::Metrics).num_rows(), 3 * 20);
    assert_eq!(texts(&rows(&store, LogTable::Runs), "status"), vec![Some("finished".into()); 3]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_whose_process_died_has_failed() {
    let home = tempfile::tempdir().unwrap();
    assert!(!child("child_that_dies", home.path()).status().unwrap().success());
    let runs = rows(&open(home.path().into()), LogTable::Runs);
    assert_eq!(texts(&runs, "status"), [Some("failed".into())]);
    assert_eq!(texts(&runs, "error"), [Some("the process ended before the run did".into())]);
}

/// This test program again, running one of the two tests below.
fn child(test: &str, home: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([&format!("store::runs::{test}"), "--exact", "--include-ignored"]).env(CHILD_HOME, home);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command
}

#[test]
#[ignore = "a part of many_processes_write_to_one_store"]
fn child_that_finishes() {
    let Some(home) = std::env::var_os(CHILD_HOME) else { return };
    write_run(&open(home.into()));
}

#[test]
#[ignore = "a part of a_run_whose_process_died_has_failed"]
fn child_that_dies() {
    let Some(home) = std::env::var_os(CHILD_HOME) else { return };
    let _run = open(home.into()).start(NewRun::default()).unwrap();
    std::process::abort();
}

#[test]
fn a_corrupt_database_is_refused_with_its_name() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("store.db"), "this is no database, and long enough to have a header".repeat(10)).unwrap();
    let filter = LogFilter::Eq("run".into(), ScalarValue::from("x"));
    let query = LogQuery { filters: vec![filter], ..LogQuery::default() };
    let error = open(home.path().into()).scan(LogTable::Metrics, &query).unwrap_err();
    assert_eq!(error.kind(), "Execution");
    assert!(error.to_string().contains("store.db"), "{error}");
    assert_eq!(files_below(home.path()), ["store.db"].map(std::path::PathBuf::from));
}

#[test]
fn a_nul_is_refused_by_every_store_and_named() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let pair = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let starts = [
        NewRun { title: "a\0".into(), ..NewRun::default() },
        NewRun { experiment: Some("e\0".into()), ..NewRun::default() },
        NewRun { params: pair("lr", "0\x001"), ..NewRun::default() },
        NewRun { tags: pair("t\0", "x"), ..NewRun::default() },
    ];
    for start in starts {
        let error = store.start(start).unwrap_err();
        assert!(error.kind() == "Plan" && error.to_string().contains("holds a NUL character"), "{error}");
    }
    let run = store.start(NewRun::default()).unwrap();
    let pairs = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    for error in [run.set_params(&pairs("p", "x\0y")).unwrap_err(), run.set_tags(&pairs("team", "\0")).unwrap_err()] {
        assert!(error.to_string().contains("holds a NUL character"), "{error}");
    }
    run.finish(RunOutcome::Finished).unwrap();
    assert_eq!(rows(&store, LogTable::Runs).num_rows(), 1);
}

#[test]
fn a_run_that_cannot_be_taken_in_is_named_and_keeps_no_other_out() {
    let (home, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (Store::open(home.path().into()).unwrap(), open(there.path().into()));
    let mut runs = Vec::new();
    for content in ["one", "two", "three"] {
        let run = from.start(NewRun::default()).unwrap();
        let artifact = NewArtifact { path: "a.txt", kind: "file", step: None };
        run.add_artifact(&artifact, &mut content.as_bytes()).unwrap();
        run.finish(RunOutcome::Finished).unwrap();
        runs.push(run.id().to_owned());
    }
    let object = from.artifact(&runs[1], "a.txt").unwrap();
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, "changed").unwrap();
    let error = to.copy_runs_from(&from).unwrap_err();
    assert!(error.to_string().contains(&format!("run `{}` was not taken in", runs[1])), "{error}");
    let taken: Vec<String> = texts(&rows(&to, LogTable::Runs), "run").into_iter().flatten().collect();
    assert_eq!(taken, [runs[0].clone(), runs[2].clone()]);
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, "two").unwrap();
    assert_eq!(to.copy_runs_from(&from).unwrap(), [runs[1].clone()]);
}
