//! Runs of stores that somebody has made to do harm, or a disk has damaged.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use gradframe_connectors::store::Store;
use gradframe_plan::services::{MetricPoint, NewArtifact, NewRun, RunLog, RunOutcome};
use rusqlite::Connection;

/// A store with one ended run that has a point and an artifact, changed by SQL. Gives the run's name there.
fn changed_store(home: &Path, change: &str) -> (Arc<Store>, String) {
    let store = Store::open(home.into()).unwrap();
    let run = store.start(NewRun { title: "one".into(), ..NewRun::default() }).unwrap();
    run.log(&[MetricPoint { name: "loss".into(), step: 0, epoch: 0, value: 0.5 }]).unwrap();
    run.add_artifact(&NewArtifact { path: "note.txt", kind: "text", step: None }, &mut &b"hello"[..]).unwrap();
    run.finish(RunOutcome::Finished).unwrap();
    drop((run, store));
    let database = Connection::open(home.join("store.db")).unwrap();
    database.pragma_update(None, "foreign_keys", false).unwrap();
    database.execute_batch(change).unwrap();
    let name = database.query_row("SELECT run FROM runs", [], |row| row.get(0)).unwrap();
    (Store::open(home.into()).unwrap(), name)
}

#[test]
fn what_leads_out_of_a_store_or_is_damaged_is_not_taken_in() {
    for (change, said) in [
        ("UPDATE artifacts SET path = '../../x'", "leads elsewhere"),
        ("UPDATE artifacts SET path = '/etc/passwd'", "is no relative path"),
        ("UPDATE artifacts SET hash = '../../../dev/zero'", "`../../../dev/zero` is no hash"),
        ("UPDATE artifacts SET hash = 'aé'", "`aé` is no hash"),
        ("UPDATE artifacts SET hash = ''", "`` is no hash"),
        ("UPDATE runs SET run = '../../x'", "`../../x` is no name of a run"),
        ("UPDATE runs SET run = ''", "`` is no name of a run"),
        ("UPDATE runs SET run = '.'", "`.` is no name of a run"),
        ("UPDATE chunks SET data = zeroblob(10)", "changed after they were written, in metric `loss`"),
        ("UPDATE chunks SET points = 99999999999", "99999999999 points are said to be where 1 are"),
    ] {
        let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (other, run) = changed_store(there.path(), change);
        let store = Store::open(here.path().into()).unwrap();
        let error = store.copy_run_from(&other, &run).unwrap_err();
        assert_eq!(error.kind(), "Execution", "{change}: {error}");
        assert!(error.to_string().contains(said), "{change}: {error}");
        let all = store.copy_runs_from(&other).unwrap_err();
        assert!(all.to_string().contains("was not taken in"), "{change}: {all}");
        assert_eq!(store.run_start(&run).unwrap_err().kind(), "Plan", "{change}");
    }
}

#[test]
fn a_run_whose_name_leads_elsewhere_is_removed_alone() {
    let home = tempfile::tempdir().unwrap();
    let beside = home.path().join("beside");
    let (store, run) = changed_store(&home.path().join("store"), "UPDATE runs SET run = '../../beside', deleted = 1");
    fs::create_dir_all(home.path().join("store/runs")).unwrap();
    fs::create_dir_all(&beside).unwrap();
    assert_eq!(store.remove_deleted().unwrap(), [run]);
    assert!(beside.is_dir());
}

#[test]
fn a_database_of_another_program_is_refused_as_it_is() {
    for (tables, said) in [
        ("CREATE TABLE runs (a); CREATE TABLE notes (b)", "it is another program's database, and no store of gradframe"),
        ("CREATE TABLE notes (b); PRAGMA user_version = 3", "no such table"),
        ("CREATE TABLE notes (b); PRAGMA user_version = 9", "no such table"),
    ] {
        let home = tempfile::tempdir().unwrap();
        Connection::open(home.path().join("store.db")).unwrap().execute_batch(tables).unwrap();
        let error = Store::open(home.path().into()).unwrap().start(NewRun::default()).err().unwrap();
        assert_eq!(error.kind(), "Execution", "{error}");
        let text = error.to_string();
        assert!(text.contains(said) && text.contains("store.db") && !text.contains("STRICT"), "{text}");
        let database = Connection::open(home.path().join("store.db")).unwrap();
        let of_notes: i64 =
            database.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'notes'", [], |row| row.get(0)).unwrap();
        let all: i64 = database.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).unwrap();
        assert_eq!((of_notes, all), (1, tables.matches("TABLE").count() as i64), "{tables}");
    }
}
