//! Versions that clients of MLflow register: where their files are, and what stays because of it.

use gradframe_connectors::store::{LoggedModel, NewVersion, RunChanges, Store};
use gradframe_plan::services::{ModelRegistry, NewRun};

use super::open;
use crate::support::model;

fn register(store: &Store, model: &str, source: &str) -> u64 {
    if store.registered_model(model).unwrap().is_none() {
        store.register_model(model, "", &[]).unwrap();
    }
    let (run, run_link, logged_model) = ("", None, None);
    let new = NewVersion { model, model_type: "mlflow", source, run, run_link, logged_model, description: "", tags: &[] };
    store.register_version(&new).unwrap()
}

fn logged_model(store: &Store) -> LoggedModel {
    let id = store
        .create_logged_model(LoggedModel {
            id: String::new(),
            experiment: 0,
            name: "net".into(),
            model_type: String::new(),
            run: String::new(),
            status: "LOGGED_MODEL_READY".into(),
            created_us: 0,
            updated_us: 0,
            params: vec![],
            tags: vec![],
            metrics: vec![],
        })
        .unwrap();
    store.put_logged_file(&id, "MLmodel", &mut "flavors:".as_bytes()).unwrap();
    store.logged_model(&id).unwrap().unwrap()
}

fn place(store: &Store, model: &str, version: u64) -> Option<String> {
    store.registered_version(model, version).unwrap().unwrap().storage
}

#[test]
fn a_version_keeps_the_place_of_what_its_source_names() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let logged = logged_model(&store);
    register(&store, "a", &format!("models:/{}", logged.id));
    register(&store, "b", "models:/a/1");
    register(&store, "c", "models:/b/1");
    register(&store, "a", "mlflow-artifacts:/0/run/artifacts/model");
    store.change_logged_model(&logged.id, None, true).unwrap();
    store.remove_version("a", 1).unwrap();
    store.rename_model("b", "renamed").unwrap();
    assert_eq!(place(&store, "renamed", 1), Some(logged.place()));
    assert_eq!(place(&store, "c", 1), Some(logged.place()));
    assert_eq!(place(&store, "a", 2), None, "the source is the place");
    for (source, found) in [
        ("models:/renamed/1", Some(logged.place())),
        ("models:/renamed/2", None),
        ("models:/renamed/x", None),
        ("models:/renamed@champion", None),
        ("models:/m-none", None),
        ("file:///tmp/model", Some("file:///tmp/model".to_owned())),
    ] {
        assert_eq!(store.place_of(source).unwrap(), found, "{source}");
    }

    store.remove_deleted().unwrap();
    assert_eq!(store.logged_files(&logged.id).unwrap().len(), 1, "versions have their files there");
    for name in ["renamed", "c"] {
        store.unregister_model(name).unwrap();
    }
    store.remove_deleted().unwrap();
    assert_eq!(store.logged_files(&logged.id).unwrap().len(), 0);
}

#[test]
fn what_was_trained_here_stays_as_long_as_a_copy_has_its_files() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    for version in 1..=3 {
        store.commit("fare", model(f64::from(version)), true).unwrap();
    }
    register(&store, "copy", "models:/fare/1");
    assert_eq!(place(&store, "copy", 1), Some(Store::place_of_trained("fare", 1)));
    assert_eq!(store.remove_old_versions(1).unwrap(), [("fare".to_owned(), 2)]);
    for refused in [store.remove_version("fare", 1), store.unregister_model("fare"), store.remove("fare")] {
        let error = refused.unwrap_err();
        assert!(error.kind() == "Plan" && error.to_string().contains("`fare@1` stays: `copy@1`"), "{error}");
    }
    assert!(store.get("fare@1").unwrap().is_some());
    store.remove_version("fare", 3).unwrap();
    store.unregister_model("copy").unwrap();
    assert!(store.remove("fare").unwrap());
}

#[test]
fn a_model_goes_with_copies_among_its_own_versions() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    store.commit("fare", model(1.0), true).unwrap();
    register(&store, "fare", "models:/fare/1");
    assert!(store.remove_version("fare", 1).unwrap_err().to_string().contains("`fare@2`"));
    assert!(store.unregister_model("fare").unwrap());
    assert_eq!(store.registered_versions(None).unwrap(), []);
}

#[test]
fn a_run_stays_whose_artifacts_a_version_is_though_it_does_not_name_the_run() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let runs: Vec<String> = (0..4).map(|_| store.create_run(0, &NewRun::default(), None).unwrap()).collect();
    register(&store, "a", &format!("mlflow-artifacts:/0/{}/artifacts/model", runs[0]));
    register(&store, "b", &format!("runs:/{}/model", runs[1]));
    register(&store, "c", "models:/a/1");
    store.remove_version("a", 1).unwrap();
    let gone = RunChanges { status: Some("finished"), deleted: Some(true), ..RunChanges::default() };
    runs.iter().for_each(|run| store.change_run(run, &gone).unwrap());
    for (run, version) in [(&runs[0], "c@1"), (&runs[1], "b@1")] {
        let error = store.remove_run(run).unwrap_err();
        assert!(error.to_string().contains(&format!("model `{version}` comes from it")), "{error}");
    }
    store.remove_run(&runs[2]).unwrap();
    assert_eq!(store.remove_deleted().unwrap(), [runs[3].clone()]);
}
