//! What surrounds a training: the code that it comes from, the run that it is in, what it runs on.

use std::path::Path;
use std::process::Command;

use gradframe::ml::LinearRegression;
use gradframe::{FitOptions, RunOptions, Session};
use tempfile::TempDir;

use crate::support::{rows, run};

const CREATE: &str =
    "CREATE OR REPLACE MODEL line OPTIONS (model_type = 'linear_reg', input_label_cols = ['y'], max_iterations = 2) AS
    SELECT CAST(value AS DOUBLE) AS x, 2.0 * value AS y FROM generate_series(1, 20)";
const CODE: &str =
    "SELECT length(commit), diff LIKE '%+lr = 2%' FROM gradframe.runs WHERE model = 'line' ORDER BY run DESC LIMIT 1";

fn git(directory: &Path, arguments: &[&str]) {
    let named = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    let done = Command::new("git").current_dir(directory).args(named).args(arguments).output().unwrap();
    assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

/// A repository with one file and one that says packages, and in it what was changed since.
fn repository(changed: Option<&str>) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("train.py"), "lr = 1\n").unwrap();
    std::fs::write(place.path().join("uv.lock"), "numpy\n").unwrap();
    for arguments in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-m", "first"]] {
        git(place.path(), arguments);
    }
    changed.iter().for_each(|text| std::fs::write(place.path().join("train.py"), text).unwrap());
    place
}

fn session_of(home: &TempDir, code: &TempDir) -> Session {
    Session::builder().home(home.path()).threads(2).code(code.path()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trainings_keep_the_code_that_they_come_from_and_replays_compare_it() {
    let (home, code) = (tempfile::tempdir().unwrap(), repository(Some("lr = 2\n")));
    let session = session_of(&home, &code);
    run(&session, CREATE).await;
    assert_eq!(rows(&session, CODE).await, ["40 | true"]);
    let locks = "SELECT path FROM gradframe.artifacts WHERE starts_with(path, 'system/')";
    assert_eq!(rows(&session, locks).await, ["system/uv.lock"]);
    let id = rows(&session, "SELECT run FROM gradframe.runs").await.concat();
    let again = session.replay_run(&id).await.unwrap();
    assert!(again.differences.is_empty() && again.unknown.is_empty(), "{again:?}");

    // Another state of the code, and none.
    let changed = repository(Some("lr = 3\n"));
    let elsewhere = session_of(&home, &changed).replay_run(&id).await.unwrap();
    let told: Vec<&str> = elsewhere.differences.iter().map(|d| d.name.as_str()).collect();
    assert!(told.contains(&"train.py beyond the commit"), "{elsewhere:?}");
    let outside = session_of(&home, &tempfile::tempdir().unwrap()).replay_run(&id).await.unwrap();
    assert!(outside.unknown.iter().any(|said| said.starts_with("code: ")), "{outside:?}");
    assert!(outside.differences.iter().all(|d| d.what != "code"), "{outside:?}");

    let silent = Session::builder().in_memory().threads(2).without_code().build().unwrap();
    run(&silent, CREATE).await;
    assert_eq!(rows(&silent, CODE).await, [" | "]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_training_within_a_run_has_the_code_of_that_run() {
    let (home, code, other) = (tempfile::tempdir().unwrap(), repository(Some("lr = 2\n")), repository(None));
    let session = session_of(&home, &other);
    let of_code = session.start_run(RunOptions::new("outer").code(code.path()).without_samples()).unwrap();
    run(&session.in_run(of_code.id()), CREATE).await;
    assert_eq!(rows(&session, CODE).await, ["40 | true"]);

    let silent = session.start_run(RunOptions::new("silent").without_code().without_samples()).unwrap();
    let frame = session.sql("SELECT CAST(value AS DOUBLE) AS x, 2.0 * value AS y FROM generate_series(1, 20)").await.unwrap();
    let fitted = frame.fit_with(LinearRegression::new(), FitOptions::new("y").name("line").in_run(silent.id())).await.unwrap();
    let code = format!("SELECT commit, diff FROM gradframe.runs WHERE run = '{}'", fitted.run());
    assert_eq!(rows(&session, &code).await, [" | "]);
}
