//! What processes leave that end half-way, and what living ones are at.

use std::fs;
use std::path::Path;

use gradframe_connectors::store::{EntryKind, Store, TABLE_WRITER_PREFIX};
use gradframe_plan::services::{ModelRegistry, NewRun, RunLog};

use super::files_below;
use crate::support::model;

/// The lock of a process that has ended: a file that nobody holds.
fn dead(home: &Path) -> String {
    fs::create_dir_all(home.join("processes")).unwrap();
    fs::write(home.join("processes/0123456789abcdef.lock"), "").unwrap();
    "elsewhere boot namespace 1 1 0123456789abcdef.lock".to_owned()
}

fn directory_with(directory: &Path, files: &[(&str, &str)]) {
    fs::create_dir_all(directory).unwrap();
    files.iter().for_each(|(name, text)| fs::write(directory.join(name), text).unwrap());
}

#[test]
fn what_the_dead_leave_is_removed_and_what_the_living_write_is_not() {
    let home = tempfile::tempdir().unwrap();
    let other = Store::open(home.path().into()).unwrap();
    other.commit("m", model(1.0), false).unwrap();
    let (living, dead) = (other.owner(), dead(home.path()));
    let models = home.path().join("models");
    directory_with(&models.join("m/.writing-0123456789abcdef-1"), &[]);
    directory_with(&models.join("m/.writing-0-2"), &[("writer", &dead), ("model.json", "{")]);
    directory_with(&models.join("n/1"), &[("writer", &dead), ("model.json", "{}")]);
    directory_with(&models.join("m/.writing-0-3"), &[("writer", &living)]);
    directory_with(&models.join("n/2"), &[("writer", &living)]);
    directory_with(&models.join("n/3"), &[("model.json", "who knows whose")]);
    // Its row was written, its mark not removed.
    fs::write(models.join("m/1/writer"), &dead).unwrap();

    Store::open(home.path().into()).unwrap().start(NewRun::default()).unwrap();
    let left = ["m/.writing-0-3/writer", "m/1/model.json", "m/1/weights.safetensors", "n/2/writer", "n/3/model.json"];
    assert_eq!(files_below(&models), left.map(std::path::PathBuf::from));
    assert!(!home.path().join("processes/0123456789abcdef.lock").exists());
    assert_eq!(other.get("m").unwrap().unwrap().model, model(1.0));
}

#[test]
fn tables_without_an_entry_go_with_their_dead_writer() {
    let home = tempfile::tempdir().unwrap();
    let sql = "CREATE EXTERNAL TABLE \"kept\" STORED AS PARQUET LOCATION 'tables/kept-1/'";
    Store::open(home.path().into()).unwrap().save_entry(EntryKind::Table, "kept", sql).unwrap();
    let (dead, tables) = (dead(home.path()), home.path().join("tables"));
    for name in ["kept-1", "lost-2"] {
        directory_with(&tables.join(name), &[("part-0.parquet", "rows")]);
        fs::write(tables.join(format!("{TABLE_WRITER_PREFIX}{name}")), &dead).unwrap();
    }
    // Marks have names of their own, beside each other; one was on its way into its place.
    fs::write(tables.join(format!("{TABLE_WRITER_PREFIX}lost-2.0123456789abcdef")), &dead).unwrap();
    fs::write(tables.join(".writing-0123456789abcdef-9"), "").unwrap();
    directory_with(&tables.join(".doomed-lost-2"), &[("part-1.parquet", "rows")]);
    let store = Store::open(home.path().into()).unwrap();
    store.save_entry(EntryKind::View, "v", "CREATE VIEW v AS SELECT 1").unwrap();
    assert_eq!(files_below(&tables), [std::path::PathBuf::from("kept-1/part-0.parquet")]);
}

#[test]
fn scratch_of_the_dead_is_removed_and_that_of_the_living_goes_with_it() {
    let home = tempfile::tempdir().unwrap();
    dead(home.path());
    let scratch = home.path().join("scratch");
    directory_with(&scratch.join(".writing-0123456789abcdef-1/store"), &[("store.db", "half")]);
    let store = Store::open(home.path().into()).unwrap();
    let own = store.scratch().unwrap();
    assert_eq!(own.path().parent(), Some(scratch.as_path()));
    store.remove_unused_objects().unwrap();
    assert!(own.path().is_dir() && !scratch.join(".writing-0123456789abcdef-1").exists());
    drop(own);
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0);
}

#[test]
fn scratch_of_a_store_in_memory_is_among_the_system_s_temporary_files() {
    let scratch = Store::in_memory().unwrap().scratch().unwrap();
    assert!(scratch.path().starts_with(std::env::temp_dir()) && scratch.path().is_dir());
}
