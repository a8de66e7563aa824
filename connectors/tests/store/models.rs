//! Models: whole or not at all, whatever happens beside.

use std::fs;
use std::sync::{Arc, Barrier};

use gradframe_connectors::store::Store;
use gradframe_ml_core::Error;
use gradframe_ml_learn::FORMAT_VERSION;
use gradframe_plan::services::ModelRegistry;

use super::{files_below, open};
use crate::support::model;

#[test]
fn a_reopened_model_has_the_same_bits() {
    let home = tempfile::tempdir().unwrap();
    let committed = open(home.path().into()).commit("m", model(0.1 + 0.2), false).unwrap();

    let reopened = open(home.path().into()).get("m").unwrap().unwrap();
    assert_eq!(reopened.model, committed.model);
    assert_eq!((reopened.version, reopened.created_us), (1, committed.created_us));
    assert_eq!(open(home.path().into()).names().unwrap(), ["m"]);
}

#[test]
fn a_second_model_of_the_name_is_refused_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    store.commit("m", model(1.0), false).unwrap();
    let before = files_below(&home.path().join("models"));

    let error = store.commit("m", model(2.0), false).unwrap_err();
    assert_eq!(error.kind(), "Plan");
    assert_eq!(error.to_string(), "create model: model `m` already exists; hint: CREATE OR REPLACE MODEL trains it again");
    assert_eq!(files_below(&home.path().join("models")), before);
    assert_eq!(store.get("m").unwrap().unwrap().model, model(1.0));
}

#[test]
fn a_replaced_model_is_seen_by_other_handles() {
    let home = tempfile::tempdir().unwrap();
    let (writer, reader) = (open(home.path().into()), open(home.path().into()));
    writer.commit("m", model(1.0), false).unwrap();
    assert_eq!(reader.get("m").unwrap().unwrap().version, 1);

    writer.commit("m", model(2.0), true).unwrap();
    let seen = reader.get("m").unwrap().unwrap();
    assert_eq!((seen.version, &seen.model), (2, &model(2.0)));
}

#[test]
fn a_removed_model_is_gone_and_its_version_is_never_used_again() {
    let home = tempfile::tempdir().unwrap();
    let (store, other) = (open(home.path().into()), open(home.path().into()));
    store.commit("m", model(1.0), false).unwrap();
    other.get("m").unwrap().unwrap();

    assert!(store.remove("m").unwrap());
    assert!(!store.remove("m").unwrap());
    assert_eq!(files_below(&home.path().join("models")), Vec::<std::path::PathBuf>::new());
    assert!(other.get("m").unwrap().is_none());
    assert_eq!(store.commit("m", model(2.0), false).unwrap().version, 2);
    assert_eq!(other.get("m").unwrap().unwrap().model, model(2.0));
}

#[test]
fn of_many_that_race_for_a_name_one_wins() {
    let home = tempfile::tempdir().unwrap();
    let start = Arc::new(Barrier::new(8));
    let racers: Vec<_> = (0..8)
        .map(|i| {
            let (home, start) = (home.path().to_path_buf(), start.clone());
            std::thread::spawn(move || {
                let store = open(home);
                start.wait();
                store.commit("m", model(f64::from(i)), false)
            })
        })
        .collect();
    let results: Vec<_> = racers.into_iter().map(|racer| racer.join().unwrap()).collect();

    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(|error| matches!(error, Error::Plan(_))));
    let files = files_below(&home.path().join("models")).len();
    assert!(files == 2 || std::env::var(crate::postgres::ADDRESS).is_ok(), "{files} files");
}

#[test]
fn names_never_leave_the_store() {
    let outside = tempfile::tempdir().unwrap();
    let home = outside.path().join("a/home");
    let store = open(home.clone());
    let long = "x".repeat(4000);
    let names = ["../../x", "..", ".", "/etc/passwd", "a/b", "a\\b", "C:\\x", "nul\0byte", "délai ☃", " ", "%2E", long.as_str()];
    for (i, name) in names.iter().enumerate() {
        store.commit(name, model(i as f64), false).unwrap_or_else(|e| panic!("{name:?}: {e}"));
    }
    let reopened = open(home);
    for (i, name) in names.iter().enumerate() {
        assert_eq!(reopened.get(name).unwrap().unwrap().model, model(i as f64), "{name:?}");
    }
    assert!(files_below(outside.path()).iter().all(|file| file.starts_with("a/home")));
    assert_eq!(store.commit("", model(0.0), false).unwrap_err().kind(), "Plan");
}

#[test]
fn what_a_crash_left_is_ignored_and_swept() {
    let home = tempfile::tempdir().unwrap();
    // The first write has made the database before anything has its place.
    open(home.path().into()).commit("other", model(0.0), false).unwrap();
    let versions = home.path().join("models/m");
    let unfinished = versions.join(".writing-0123");
    fs::create_dir_all(&unfinished).unwrap();
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    let described = described_process(&ended.id().to_string());
    ended.wait().unwrap();
    fs::write(unfinished.join("writer"), described).unwrap();
    // Renamed, but the row was never written.
    fs::create_dir_all(versions.join("1")).unwrap();
    fs::write(versions.join("1/model.json"), "half").unwrap();

    let store = open(home.path().into());
    assert!(store.get("m").unwrap().is_none());
    store.commit("m", model(1.0), false).unwrap();
    assert_eq!(open(home.path().into()).get("m").unwrap().unwrap().model, model(1.0));
    assert!(!unfinished.exists());
}

/// As the store describes processes: host, boot, namespace, identifier, start.
fn described_process(id: &str) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_string();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default().display().to_string();
    format!("{} {} {namespace} {id} 1", read("/proc/sys/kernel/hostname"), read("/proc/sys/kernel/random/boot_id"))
}

#[test]
fn broken_files_are_named() {
    let home = tempfile::tempdir().unwrap();
    open(home.path().into()).commit("m", model(1.0), false).unwrap();
    let version = home.path().join("models/m/1");
    let good = fs::read_to_string(version.join("model.json")).unwrap();
    let failure = || open(home.path().into()).get("m").unwrap_err();

    fs::write(version.join("model.json"), "{ not json").unwrap();
    assert!(failure().to_string().contains("model.json`: not a model's specification"), "{}", failure());
    assert_eq!(failure().kind(), "Execution");

    fs::write(version.join("model.json"), good.replace(&format!("\"format\": {FORMAT_VERSION}"), "\"format\": 99")).unwrap();
    let expected = format!("model.json`: format 99, this build reads up to {FORMAT_VERSION}; hint:");
    assert!(failure().to_string().contains(&expected), "{}", failure());

    fs::write(version.join("model.json"), good.replace("\"seed\": ", "\"seed\": 1")).unwrap();
    assert!(failure().to_string().contains("model.json`: the file was changed"), "{}", failure());
    fs::write(version.join("model.json"), good.replace('\n', " ")).unwrap();
    assert!(failure().to_string().contains("model.json`: the file was changed"), "{}", failure());

    fs::write(version.join("model.json"), good).unwrap();
    let mut weights = fs::read(version.join("weights.safetensors")).unwrap();
    *weights.last_mut().unwrap() ^= 1;
    fs::write(version.join("weights.safetensors"), weights).unwrap();
    assert!(failure().to_string().contains("weights.safetensors`: the file was changed"), "{}", failure());

    fs::remove_file(version.join("weights.safetensors")).unwrap();
    assert!(failure().to_string().contains("weights.safetensors"), "{}", failure());
}

#[test]
fn a_specification_of_an_earlier_build_has_no_checksum_and_is_read() {
    let home = tempfile::tempdir().unwrap();
    open(home.path().into()).commit("m", model(1.0), false).unwrap();
    let path = home.path().join("models/m/1/model.json");
    let written = fs::read_to_string(&path).unwrap();
    let earlier: Vec<&str> = written.lines().filter(|line| !line.contains("xxh3")).collect();
    assert_eq!(earlier.len() + 1, written.lines().count());
    fs::write(&path, earlier.join("\n")).unwrap();
    assert_eq!(open(home.path().into()).get("m").unwrap().unwrap().model, model(1.0));
}

#[test]
fn a_specification_that_json_cannot_say_is_refused_before_anything_is_written() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let mut unsayable = model(1.0);
    unsayable.spec.training.loss = f64::NAN;
    assert_eq!(store.commit("m", unsayable, false).unwrap_err().kind(), "Internal");
    assert!(!home.path().join("models").exists());
}

#[test]
fn a_store_in_memory_keeps_models_without_files() {
    let store = Store::in_memory().unwrap();
    store.commit("m", model(1.0), false).unwrap();
    assert!(store.commit("m", model(2.0), false).is_err());
    store.commit("m", model(3.0), true).unwrap();
    assert_eq!(store.get("m").unwrap().unwrap().model, model(3.0));
    assert_eq!(store.names().unwrap(), ["m"]);
    assert!(store.remove("m").unwrap());
    assert!(store.get("m").unwrap().is_none());
    assert!(store.home().is_none());
}
