//! Stores of older and newer builds.

use std::fs;
use std::path::Path;

use arrow::array::AsArray;
use arrow::datatypes::{Float64Type, Int64Type, UInt64Type};
use gradframe_connectors::store::Store;
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{MetricPoint, NewRun, RunLog, RunOutcome};
use rusqlite::Connection;

use super::files_below;

/// A store with one run of one point, in the layout of this build.
fn store_with_a_run(home: &Path) {
    let store = Store::open(home.into()).unwrap();
    let run = store.start(NewRun { title: "old".into(), ..NewRun::default() }).unwrap();
    run.log(&[MetricPoint { name: "loss".into(), step: 0, epoch: 0, value: 0.5 }]).unwrap();
    run.finish(RunOutcome::Finished).unwrap();
}

/// Puts a store of an earlier build there: what that build wrote, with a run `old` of three points and a parameter.
fn older_store(home: &Path, layout: u32) {
    fs::create_dir_all(home).unwrap();
    let database = Connection::open(home.join("store.db")).unwrap();
    database.execute_batch(include_str!("layout_1.sql")).unwrap();
    if layout == 2 {
        database.execute_batch("ALTER TABLE runs ADD COLUMN statement TEXT; UPDATE runs SET statement = 'SELECT 1'").unwrap();
    }
    database.pragma_update(None, "user_version", layout).unwrap();
}

fn titles(store: &Store) -> Vec<String> {
    let batches = store.scan(LogTable::Runs, &LogQuery::default()).unwrap();
    let titles = |batch: &arrow::array::RecordBatch| {
        let titles = batch.column_by_name("title").unwrap().as_string::<i32>().clone();
        titles.iter().flatten().map(str::to_owned).collect::<Vec<_>>()
    };
    batches.iter().flat_map(titles).collect()
}

#[test]
fn an_older_store_is_migrated_and_a_copy_of_it_kept() {
    for layout in [1, 2] {
        let home = tempfile::tempdir().unwrap();
        older_store(home.path(), layout);
        let store = Store::open(home.path().into()).unwrap();
        holds_the_old_run(&store);
        drop(store);
        let copy = format!("store.db.layout-{layout}");
        let version = |file: &str| -> u32 {
            Connection::open(home.path().join(file)).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
        };
        assert_eq!((version("store.db"), version(&copy)), (9, layout));

        // The copy is a store of the older layout, with all that was in it.
        let again = tempfile::tempdir().unwrap();
        fs::copy(home.path().join(copy), again.path().join("store.db")).unwrap();
        holds_the_old_run(&Store::open(again.path().into()).unwrap());
    }
}

/// What older_store puts there.
fn holds_the_old_run(store: &Store) {
    assert_eq!(titles(store), ["old"]);
    let rows = |table: LogTable| {
        let batches = store.scan(table, &LogQuery::default()).unwrap();
        arrow::compute::concat_batches(&table.schema(), &batches).unwrap()
    };
    let metrics = rows(LogTable::Metrics);
    let values = metrics.column_by_name("value").unwrap().as_primitive::<Float64Type>().values().to_vec();
    assert!(values[0] == 0.5 && values[1].is_nan() && values[2] == -0.25, "{values:?}");
    assert_eq!(metrics.column_by_name("epoch").unwrap().as_primitive::<Int64Type>().values(), &[0, 1, 1]);
    assert_eq!(rows(LogTable::Latest).num_rows(), 2);
    assert_eq!(rows(LogTable::Params).num_rows(), 1);
    let runs = rows(LogTable::Runs);
    assert_eq!(runs.column_by_name("seed").unwrap().as_primitive::<UInt64Type>().value(0), u64::MAX);
    assert_eq!(runs.column_by_name("experiment").unwrap().as_string::<i32>().value(0), "Default");
}

#[test]
fn many_that_open_an_older_store_migrate_it_once() {
    let home = tempfile::tempdir().unwrap();
    older_store(home.path(), 1);
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let home = home.path().to_path_buf();
            std::thread::spawn(move || titles(&Store::open(home).unwrap()))
        })
        .collect();
    assert!(openers.into_iter().all(|opener| opener.join().unwrap() == ["old"]));
}

#[test]
fn a_newer_store_is_refused_and_left_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    store_with_a_run(home.path());
    Connection::open(home.path().join("store.db")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let content =
        |home: &Path| files_below(home).into_iter().map(|file| (fs::read(home.join(&file)).unwrap(), file)).collect::<Vec<_>>();
    let before = content(home.path());

    let store = Store::open(home.path().into()).unwrap();
    let errors = [
        store.start(NewRun::default()).unwrap_err(),
        store.scan(LogTable::Params, &LogQuery::default()).unwrap_err(),
        store.entries().unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), "Execution");
        assert!(
            error.to_string().contains("store.db` has layout 99, this build reads up to 9; hint: a newer gradframe"),
            "{error}"
        );
    }
    assert_eq!(content(home.path()), before, "no lock of this process either");
}

#[test]
fn a_store_that_was_deleted_is_made_anew() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("home");
    store_with_a_run(&place);
    let store = Store::open(place.clone()).unwrap();
    assert_eq!(titles(&store), ["old"]);
    let open_run = store.start(NewRun::default()).unwrap();

    fs::remove_dir_all(&place).unwrap();
    assert_eq!(titles(&store), Vec::<String>::new());
    let point = MetricPoint { name: "loss".into(), step: 0, epoch: 0, value: 0.5 };
    let pairs = [("lr".to_owned(), "0.1".to_owned())];
    let errors = [
        open_run.log(&[point]).unwrap_err(),
        open_run.set_params(&pairs).unwrap_err(),
        open_run.finish(RunOutcome::Finished).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().ends_with("is no longer in the store"), "{error}");
    }
    assert!(!place.exists(), "a run does not make its store again");
    store.start(NewRun { title: "new".into(), ..NewRun::default() }).unwrap().finish(RunOutcome::Finished).unwrap();
    assert_eq!(titles(&Store::open(place).unwrap()), ["new"]);
}

#[test]
fn a_store_that_stays_locked_says_who_is_at_fault() {
    let home = tempfile::tempdir().unwrap();
    store_with_a_run(home.path());
    let store = Store::open_waiting(home.path().into(), std::time::Duration::from_millis(200)).unwrap();
    let other = Connection::open(home.path().join("store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(titles(&store), ["old"], "readers do not wait for a writer");
    let error = store.start(NewRun::default()).unwrap_err();
    assert_eq!(error.kind(), "External");
    assert!(error.to_string().contains("store.db`: another process keeps it locked; hint: try again"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    store.start(NewRun::default()).unwrap();
}
