//! Catalog entries.

use super::open;
use gradframe_connectors::store::{Entry, EntryKind, Store};

#[test]
fn entries_survive_in_the_order_they_were_made() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().join("s"));
    store.save_entry(EntryKind::View, "z", "CREATE VIEW z AS SELECT 1").unwrap();
    store.save_entry(EntryKind::Table, "a", "CREATE EXTERNAL TABLE a ...").unwrap();
    store.save_entry(EntryKind::View, "z", "CREATE VIEW z AS SELECT 2").unwrap();

    let again = open(home.path().join("s"));
    let entry = |kind, name: &str, sql: &str| Entry { kind, name: name.into(), sql: sql.into() };
    let expected =
        [entry(EntryKind::View, "z", "CREATE VIEW z AS SELECT 2"), entry(EntryKind::Table, "a", "CREATE EXTERNAL TABLE a ...")];
    assert_eq!(again.entries().unwrap(), expected);
}

#[test]
fn removing_says_whether_there_was_one() {
    let store = Store::in_memory().unwrap();
    store.save_entry(EntryKind::View, "v", "CREATE VIEW v AS SELECT 1").unwrap();
    assert!(store.remove_entry("v").unwrap());
    assert!(!store.remove_entry("v").unwrap());
    assert_eq!(store.entries().unwrap(), []);
}
