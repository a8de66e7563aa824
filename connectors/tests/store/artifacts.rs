//! Artifacts: kept once, found by name, never elsewhere, never lost to the garbage collector.

use std::io::{self, Read};
use std::sync::Arc;

use arrow::array::AsArray;
use gradframe_connectors::store::{NewVersion, RunChanges, Store};
use gradframe_plan::ops::run_log::{LogQuery, LogTable};
use gradframe_plan::services::{NewArtifact, NewRun, RunLog, RunOutcome, RunWriter};

use super::{files_below, open};

fn add(run: &Arc<dyn RunWriter>, path: &str, content: &str) -> gradframe_ml_core::Result<()> {
    run.add_artifact(&NewArtifact { path, kind: "file", step: None }, &mut content.as_bytes())
}

fn content(store: &Store, run: &str, path: &str) -> String {
    std::fs::read_to_string(store.artifact(run, path).unwrap()).unwrap()
}

#[test]
fn equal_contents_are_one_object_and_a_name_has_the_newest() {
    let home = tempfile::tempdir().unwrap();
    for store in [open(home.path().into()), Store::in_memory().unwrap()] {
        let (one, two) = (store.start(NewRun::default()).unwrap(), store.start(NewRun::default()).unwrap());
        add(&one, "a.txt", "same").unwrap();
        add(&two, "b/c 🦀.txt", "same").unwrap();
        add(&one, "b.txt", "first").unwrap();
        add(&one, "b.txt", "second").unwrap();
        assert_eq!(store.artifact(one.id(), "a.txt").unwrap(), store.artifact(two.id(), "b/c 🦀.txt").unwrap());
        assert_eq!(content(&store, one.id(), "b.txt"), "second");
        let rows = store.scan(LogTable::Artifacts, &LogQuery::default()).unwrap();
        assert_eq!(rows[0].num_rows(), 3);
        // SHA-256 of "same", by another program.
        let hash = "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5";
        assert_eq!(rows[0].column_by_name("hash").unwrap().as_string::<i32>().value(0), hash);
    }
}

#[test]
fn names_that_lead_elsewhere_are_refused_to_write_and_to_read() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().join("home"));
    let run = store.start(NewRun::default()).unwrap();
    for path in ["../../x", "/etc/passwd", "a/../../b", "", "a\\..\\b", "a//b"] {
        assert_eq!(add(&run, path, "x").unwrap_err().kind(), "Plan", "{path}");
        assert_eq!(store.artifact(run.id(), path).unwrap_err().kind(), "Plan", "{path}");
    }
    assert!(files_below(home.path()).iter().all(|file| file.starts_with("home")));
    add(&run, "loss.png", "x").unwrap();
    let error = store.artifact(run.id(), "lsos.png").unwrap_err();
    assert!(error.to_string().contains("loss.png"), "{error}");
}

#[test]
fn a_file_is_no_directory_in_any_order() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let (run, other) = (store.start(NewRun::default()).unwrap(), store.start(NewRun::default()).unwrap());
    for path in ["n", "d/e/x", "n.x", "n0", "n-", "d.x", "n"] {
        add(&run, path, "x").unwrap();
    }
    for path in ["n/x", "n/x/y", "d", "d/e", "d/e/x/y"] {
        let error = add(&run, path, "x").unwrap_err();
        assert!(error.kind() == "Plan" && error.to_string().contains("cannot be kept"), "{path}: {error}");
        add(&other, path.split('/').next_back().unwrap(), "x").unwrap();
    }
    let artifact = NewArtifact { path: "n/x", kind: "file", step: None };
    assert!(store.put_artifact(run.id(), &artifact, &mut "x".as_bytes()).is_err());
    store.remove_artifacts(run.id(), "n").unwrap();
    add(&run, "n/x", "x").unwrap();
}

/// Gives some bytes, then fails.
struct Torn(usize);

impl Read for Torn {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.min(into.len());
        self.0 -= bytes;
        if bytes == 0 { Err(io::Error::other("the cable is cut")) } else { Ok(bytes) }
    }
}

#[test]
fn a_content_that_cannot_be_read_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let run = store.start(NewRun::default()).unwrap();
    let artifact = NewArtifact { path: "a", kind: "file", step: Some(3) };
    let error = run.add_artifact(&artifact, &mut Torn(3 << 20)).unwrap_err();
    assert!(error.to_string().contains("the cable is cut"), "{error}");
    assert!(!files_below(home.path()).iter().any(|file| file.starts_with("objects")));
    assert!(store.artifact(run.id(), "a").is_err());
}

#[test]
fn garbage_is_what_nothing_points_to() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let (kept, gone) = (store.start(NewRun::default()).unwrap(), store.start(NewRun::default()).unwrap());
    add(&kept, "both", "shared").unwrap();
    add(&gone, "both", "shared").unwrap();
    add(&gone, "own", "alone").unwrap();
    assert_eq!(store.remove_unused_objects().unwrap(), (0, 0));
    assert!(store.remove_run(gone.id()).unwrap_err().to_string().contains("still running"));
    gone.finish(RunOutcome::Finished).unwrap();
    store.remove_run(gone.id()).unwrap();
    assert_eq!(store.remove_unused_objects().unwrap(), (1, 5));
    assert_eq!(content(&store, kept.id(), "both"), "shared");
}

#[test]
fn garbage_is_collected_while_others_write() {
    let home = tempfile::tempdir().unwrap();
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = open(home.path().into());
            std::thread::spawn(move || {
                let run = store.start(NewRun::default()).unwrap();
                (0..20).for_each(|i| add(&run, &format!("{i}"), &format!("{writer} {i}")).unwrap());
                run.finish(RunOutcome::Finished).unwrap();
                (0..20).for_each(|i| assert_eq!(content(&store, run.id(), &format!("{i}")), format!("{writer} {i}")));
            })
        })
        .collect();
    let store = open(home.path().into());
    while writers.iter().any(|writer| !writer.is_finished()) {
        store.remove_unused_objects().unwrap();
        // SQLite's lock is not fair: who asks for it all the time keeps others from it.
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

#[test]
fn a_run_is_copied_whole_from_store_to_store() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (open(here.path().into()), open(there.path().into()));
    // Experiments have other numbers there.
    drop(to.start(NewRun { experiment: Some("first there".into()), ..NewRun::default() }).unwrap());
    let params = std::collections::BTreeMap::from([("lr".to_owned(), "0.1".to_owned())]);
    let run = from.start(NewRun { experiment: Some("taxi".into()), params, ..NewRun::default() }).unwrap();
    let row = |step| gradframe_plan::services::MetricRow { step, epoch: None, time_us: None, values: &[("loss", 0.5)] };
    (0..5).for_each(|step| run.log_rows(&[row(step)]).unwrap());
    add(&run, "note.txt", "hello").unwrap();
    assert!(to.copy_run_from(&from, run.id()).unwrap_err().to_string().contains("still running"));
    run.finish(RunOutcome::Finished).unwrap();

    assert_eq!(to.copy_runs_from(&from).unwrap(), [run.id()]);
    assert_eq!(to.copy_runs_from(&from).unwrap(), Vec::<String>::new());
    assert!(to.copy_run_from(&from, run.id()).unwrap_err().to_string().contains("already"));
    assert_eq!(content(&to, run.id(), "note.txt"), "hello");
    let of_run = LogQuery {
        filters: vec![gradframe_plan::ops::run_log::LogFilter::Eq("run".into(), run.id().into())],
        ..LogQuery::default()
    };
    for table in [LogTable::Runs, LogTable::Params, LogTable::Metrics, LogTable::Latest] {
        assert_eq!(to.scan(table, &of_run).unwrap(), from.scan(table, &of_run).unwrap(), "{}", table.name());
    }

    let object = from.artifact(run.id(), "note.txt").unwrap();
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, "HELLO").unwrap();
    let third = tempfile::tempdir().unwrap();
    let error = open(third.path().into()).copy_run_from(&from, run.id()).unwrap_err();
    assert!(error.to_string().contains("was changed after it was written"), "{error}");
}

#[test]
fn what_is_deleted_goes_unless_a_model_comes_from_it() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let new = |title: &str| NewRun { title: title.into(), ..NewRun::default() };
    let runs: Vec<String> =
        ["kept", "gone", "source"].iter().map(|title| store.create_run(0, &new(title), None).unwrap()).collect();
    store.register_model("fare", "", &[]).unwrap();
    let version = NewVersion {
        model: "fare",
        model_type: "mlflow",
        source: "mlflow-artifacts:/0/x/artifacts/model",
        run: &runs[2],
        run_link: None,
        logged_model: None,
        description: "",
        tags: &[],
    };
    store.register_version(&version).unwrap();
    for run in &runs[1..] {
        let changes = RunChanges { status: Some("finished"), deleted: Some(true), ..RunChanges::default() };
        store.change_run(run, &changes).unwrap();
    }
    assert_eq!(store.remove_deleted().unwrap(), [runs[1].clone()]);
    assert_eq!(store.run_records(&[&runs[0], &runs[1], &runs[2]]).unwrap().len(), 2);
}

#[test]
fn a_deleted_experiment_s_runs_go_though_nobody_ended_them() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path().into());
    let experiment = store.create_experiment("gone", &[]).unwrap();
    let run = store.create_run(experiment, &NewRun::default(), None).unwrap();
    let going_on = store.start(NewRun { experiment: Some("gone".into()), ..NewRun::default() }).unwrap();
    store.set_experiment_deleted(experiment, true).unwrap();
    assert_eq!(store.remove_deleted().unwrap(), [run], "a process goes on with the other");
    store.set_experiment_deleted(experiment, false).unwrap();
    assert!(!store.run_records(&[going_on.id()]).unwrap()[0].deleted);
}

#[test]
fn the_store_s_own_tag_of_an_experiment_is_nobody_s() {
    let store = Store::in_memory().unwrap();
    let experiment = store.create_experiment("e", &[("a".into(), "b".into())]).unwrap();
    store.rename_experiment(experiment, "f").unwrap();
    let found = store.experiments().unwrap().pop().unwrap();
    assert_eq!((found.name.as_str(), found.tags), ("f", vec![("a".into(), "b".into())]));
    assert!(!store.untag_experiment(experiment, "system/updated").unwrap());
    assert!(store.tag_experiment(experiment, &[("system/updated".into(), "1".into())]).is_err());
    assert!(store.untag_experiment(experiment, "a").unwrap() && !store.untag_experiment(experiment, "a").unwrap());
}
