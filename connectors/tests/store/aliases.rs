//! Aliases: one version at a time, moved, moved back, and in the garbage collector's way.

use gradframe_connectors::store::{EntryKind, Store};
use gradframe_plan::services::{ModelRegistry, NewRun, RunLog};

use super::open;
use crate::support::model;

/// A store with versions 1, 2 and 3 of a model, each with its number as weight.
fn three_versions() -> (tempfile::TempDir, std::sync::Arc<Store>) {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    for version in 1..=3 {
        store.commit("fare", model(f64::from(version)), true).unwrap();
    }
    (home, store)
}

fn version(store: &Store, name: &str) -> Option<u64> {
    store.get(name).unwrap().map(|model| model.version)
}

#[test]
fn an_alias_is_a_name_for_a_version() {
    let (home, store) = three_versions();
    store.set_alias("fare", "champion", 2).unwrap();
    let other = open(home.path().into());
    for (name, expected) in [("fare", 3), ("fare@champion", 2), ("fare@1", 1), ("fare@latest", 3)] {
        assert_eq!(version(&other, name), Some(expected), "{name}");
        assert_eq!(other.get(name).unwrap().unwrap().model, model(expected as f64));
    }
    for name in ["fare@nobody", "fare@4", "fare@", "@champion", "other@champion"] {
        assert_eq!(version(&other, name), None, "{name}");
    }
    assert_eq!(store.alias_names().unwrap(), ["fare@champion"]);
    assert!(store.remove_alias("fare", "champion").unwrap());
    assert!(!store.remove_alias("fare", "champion").unwrap());
    assert_eq!(version(&other, "fare@champion"), None);
}

#[test]
fn an_alias_goes_back_step_by_step() {
    let (_home, store) = three_versions();
    for champion in [1, 3, 2] {
        store.set_alias("fare", "champion", champion).unwrap();
    }
    assert_eq!(store.roll_back("fare", "champion").unwrap(), 3);
    assert_eq!(store.roll_back("fare", "champion").unwrap(), 1);
    assert!(store.roll_back("fare", "champion").unwrap_err().to_string().contains("no version before"));
    assert_eq!(version(&store, "fare@champion"), Some(1));
    store.set_alias("fare", "champion", 2).unwrap();
    assert_eq!(store.roll_back("fare", "champion").unwrap(), 1);
}

#[test]
fn an_alias_goes_back_past_versions_that_are_gone() {
    let (_home, store) = three_versions();
    for champion in [1, 2, 1, 2, 3] {
        store.set_alias("fare", "champion", champion).unwrap();
    }
    store.remove_version("fare", 2).unwrap();
    assert_eq!(store.roll_back("fare", "champion").unwrap(), 1);
    let none = store.roll_back("fare", "champion").unwrap_err();
    assert!(none.to_string().contains("no version before that is there"), "{none}");
    assert_eq!(version(&store, "fare@champion"), Some(1));
    store.set_alias("fare", "champion", 3).unwrap();
    store.remove_alias("fare", "champion").unwrap();
    assert_eq!(store.roll_back("fare", "champion").unwrap(), 3, "an alias that was removed comes back");
}

#[test]
fn what_is_no_alias_or_no_version_is_said() {
    let (_home, store) = three_versions();
    for alias in ["", "latest", "3", "a@b", "a/b", "a b", "a:b"] {
        assert_eq!(store.set_alias("fare", alias, 1).unwrap_err().kind(), "Plan", "{alias:?}");
    }
    let unknown = store.set_alias("fare", "champion", 9).unwrap_err();
    assert!(unknown.to_string().contains("no version 9, the newest is 3"), "{unknown}");
    let unknown = store.set_alias("fair", "champion", 1).unwrap_err();
    assert!(unknown.to_string().contains("unknown model `fair`") && unknown.to_string().contains("fare"), "{unknown}");
    let tags = [("card".to_owned(), "for taxis".to_owned())];
    store.set_model_tags("fare", 2, &tags).unwrap();
    assert!(store.set_model_tags("fare", 7, &tags).is_err());
}

#[test]
fn old_versions_go_unless_an_alias_names_them() {
    let (home, store) = three_versions();
    store.set_alias("fare", "champion", 1).unwrap();
    assert_eq!(store.remove_old_versions(1).unwrap(), [("fare".to_owned(), 2)]);
    let other = open(home.path().into());
    assert_eq!([1, 2, 3].map(|v| version(&other, &format!("fare@{v}")).is_some()), [true, false, true]);
    assert!(!home.path().join("models/fare/2").exists());
    // A model that is removed takes its aliases with it: the next of its name has none.
    store.remove("fare").unwrap();
    store.commit("fare", model(5.0), false).unwrap();
    assert_eq!(version(&store, "fare@champion"), None);
}

#[test]
fn old_versions_stay_that_a_view_or_a_query_of_a_run_names_and_a_great_number_keeps_all() {
    let (_home, store) = three_versions();
    assert_eq!(store.remove_old_versions(u64::MAX).unwrap(), []);
    store.save_entry(EntryKind::View, "v", "CREATE VIEW v AS SELECT * FROM ML.PREDICT(MODEL fare@1, TABLE t)").unwrap();
    assert_eq!(store.remove_old_versions(1).unwrap(), [("fare".to_owned(), 2)]);
    let statement = Some("CREATE MODEL s AS SELECT * FROM ML.PREDICT(MODEL \"fare\"@1, TABLE t)".to_owned());
    store.start(NewRun { statement, ..NewRun::default() }).unwrap();
    store.remove_entry("v").unwrap();
    assert_eq!(store.remove_old_versions(1).unwrap(), []);
}

#[test]
fn a_store_in_memory_has_versions_too() {
    let store = Store::in_memory().unwrap();
    store.commit("m", model(1.0), false).unwrap();
    store.commit("m", model(2.0), true).unwrap();
    store.set_alias("m", "first", 1).unwrap();
    assert_eq!(store.get("m@first").unwrap().unwrap().model, model(1.0));
}
