//! Stores of older and newer builds.

use std::fs;
use std::path::Path;

use arrow::array::AsArray;
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

/// Takes back what the second layout added.
fn back_to_layout_1(home: &Path) {
    let database = Connection::open(home.join("store.db")).unwrap();
    database.execute_batch("ALTER TABLE runs DROP COLUMN statement; PRAGMA user_version = 1").unwrap();
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
    let home = tempfile::tempdir().unwrap();
    store_with_a_run(home.path());
    back_to_layout_1(home.path());

    let store = Store::open(home.path().into()).unwrap();
    assert_eq!(titles(&store), ["old"]);
    drop(store);
    let version = |file: &str| -> i64 {
        Connection::open(home.path().join(file)).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    };
    assert_eq!((version("store.db"), version("store.db.layout-1")), (2, 1));

    // The copy is a store of the older layout, with all that was in it.
    let again = tempfile::tempdir().unwrap();
    fs::copy(home.path().join("store.db.layout-1"), again.path().join("store.db")).unwrap();
    assert_eq!(titles(&Store::open(again.path().into()).unwrap()), ["old"]);
}

#[test]
fn many_that_open_an_older_store_migrate_it_once() {
    let home = tempfile::tempdir().unwrap();
    store_with_a_run(home.path());
    back_to_layout_1(home.path());
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
            error.to_string().contains("store.db` has layout 99, this build reads up to 2; hint: a newer gradframe"),
            "{error}"
        );
    }
    drop(store);
    let unlocked = |(_, file): &(Vec<u8>, std::path::PathBuf)| !file.starts_with("processes");
    let after: Vec<_> = content(home.path()).into_iter().filter(unlocked).collect();
    assert_eq!(after, before);
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
    let error = open_run.log(&[point]).unwrap_err();
    assert!(error.to_string().ends_with("is no longer in the store"), "{error}");
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
