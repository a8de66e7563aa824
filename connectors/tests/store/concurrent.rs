//! What is read before it is changed is read in the transaction that changes it: others write meanwhile.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use gradframe_connectors::store::{EntryKind, NewVersion, Store};
use gradframe_plan::services::ModelRegistry;

use super::open;
use crate::support::model;

const ROUNDS: usize = 60;

fn is_there(store: &Store, version: u64) -> bool {
    store.registered_version("fare", version).unwrap().is_some()
}

/// Runs `work` while others of the same store clear old versions away.
fn while_cleared(work: impl FnOnce(&Store)) {
    let home = tempfile::tempdir().unwrap();
    let (store, other) = (open(home.path().into()), open(home.path().into()));
    store.commit("fare", model(0.0), true).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                other.remove_old_versions(1).unwrap();
            }
        });
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&store)));
        stop.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[test]
fn a_version_that_a_view_names_is_not_cleared_away_while_the_view_is_made() {
    while_cleared(|store| {
        let mut named = Vec::new();
        for i in 0..ROUNDS {
            let version = store.commit("fare", model(i as f64), true).unwrap().version;
            let sql = format!("CREATE VIEW v{version} AS SELECT * FROM ML.PREDICT(MODEL fare@{version}, TABLE t)");
            store.save_entry(EntryKind::View, &format!("v{version}"), &sql).unwrap();
            named.extend(is_there(store, version).then_some(version));
        }
        store.commit("fare", model(0.5), true).unwrap();
        let lost: Vec<u64> = named.iter().copied().filter(|version| !is_there(store, *version)).collect();
        assert!(lost.is_empty() && !named.is_empty(), "{lost:?} of {named:?}");
    });
}

#[test]
fn an_alias_gets_the_version_that_another_name_means_just_then() {
    while_cleared(|store| {
        let home = store.home().unwrap().to_path_buf();
        let trainer = open(home);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    trainer.commit("fare", model(1.0), true).unwrap();
                }
            });
            let promoted: Vec<_> = (0..ROUNDS).map(|_| store.promote("fare", "latest", "champion")).collect();
            stop.store(true, Ordering::Relaxed);
            let versions: Vec<u64> = promoted.into_iter().map(Result::unwrap).collect();
            assert!(versions.is_sorted(), "{versions:?}");
        });
        let champion = store.get("fare@champion").unwrap().unwrap().version;
        assert_eq!(store.promote("fare", "champion", "second").unwrap(), champion);
        for (from, said) in [("nobody", "no alias `nobody`"), ("999999", "no version 999999")] {
            let error = store.promote("fare", from, "third").unwrap_err();
            assert!(error.kind() == "Plan" && error.to_string().contains(said), "{error}");
        }
        assert!(store.promote("fore", "latest", "third").unwrap_err().to_string().contains("did you mean `fare`"));
        assert!(store.promote("fare", "latest", "a b").unwrap_err().to_string().contains("no name for an alias"));
    });
}

#[test]
fn a_model_is_forgotten_with_all_its_versions() {
    let home = tempfile::tempdir().unwrap();
    let (store, other) = (open(home.path().into()), open(home.path().into()));
    let new = NewVersion {
        model: "m",
        model_type: "mlflow",
        source: "s3://x",
        run: "",
        run_link: None,
        logged_model: None,
        description: "",
        tags: &[],
    };
    for _ in 0..ROUNDS {
        if store.registered_model("m").unwrap().is_none() {
            store.register_model("m", "", &[]).unwrap();
        }
        let together = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                together.wait();
                // Of a model that is forgotten already it is an error.
                (0..4).for_each(|_| drop(other.register_version(&new)));
            });
            together.wait();
            assert!(store.unregister_model("m").unwrap());
        });
        let versions = store.registered_versions(Some("m")).unwrap().len();
        assert!(versions == 0 || store.registered_model("m").unwrap().is_some(), "{versions} versions of no model");
    }
}
