//! `gradframe runs`.

use crate::support::{CREATE_FARES, Place};

/// A place with one run; its identifier.
fn trained() -> (Place, String) {
    let place = Place::new();
    place.sql(CREATE_FARES, &[]);
    let runs = place.sql("SELECT run FROM gradframe.runs", &["--format", "csv"]);
    let run = runs.lines().nth(1).unwrap().to_owned();
    (place, run)
}

#[test]
fn ls_lists_runs() {
    let (place, run) = trained();
    let ended = place.run(&["runs", "ls"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains(&run) && ended.stdout.contains("finished") && ended.stdout.ends_with("(1 row)\n"),
        "{}",
        ended.stdout
    );
}

#[test]
fn ls_of_an_empty_home_is_an_empty_table() {
    let ended = Place::new().run(&["runs", "ls"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert!(ended.stdout.ends_with("(0 rows)\n"));
}

#[test]
fn show_takes_the_beginning_of_a_run() {
    let (place, run) = trained();
    let ended = place.run(&["runs", "show", &run[..run.len() - 2]]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for shown in [run.as_str(), "model_type", "loss", "gradient_norm"] {
        assert!(ended.stdout.contains(shown), "{shown}: {}", ended.stdout);
    }
}

#[test]
fn show_of_an_unknown_run_says_where_to_look() {
    let ended = Place::new().run(&["runs", "show", "o'clock"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("no run `o'clock`") && ended.stderr.contains("gradframe runs ls"), "{}", ended.stderr);
}

#[test]
fn tail_prints_what_is_logged_and_how_it_ended() {
    let (place, run) = trained();
    for args in [&["runs", "tail"][..], &["runs", "tail", &run]] {
        let ended = place.run(args);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
        let lines: Vec<&str> = ended.stdout.lines().collect();
        assert!(lines[0].starts_with("epoch    0  gradient_norm ") && lines[0].contains("  loss "), "{}", ended.stdout);
        assert_eq!(lines.last(), Some(&&*format!("run {run} finished")));
    }
}

#[test]
fn tail_of_a_failed_run_says_why_and_fails() {
    let place = Place::new();
    let failing = CREATE_FARES.replace("(5.0, 17.0)", "(CAST('inf' AS DOUBLE), 17.0)");
    assert_eq!(place.run(&["sql", "-c", &failing]).code, 1);
    let ended = place.run(&["runs", "tail"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains(" failed: ") && ended.stderr.contains("distance"), "{}", ended.stderr);
}

#[test]
fn tail_without_runs_says_so() {
    let ended = Place::new().run(&["runs", "tail"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("there are no runs yet"), "{}", ended.stderr);
}

#[test]
fn resume_says_what_cannot_go_on() {
    let (place, run) = trained();
    let finished = place.run(&["runs", "resume", &run]);
    assert_eq!(finished.code, 1);
    assert!(finished.stderr.contains("has finished"), "{}", finished.stderr);
    let unknown = place.run(&["runs", "resume", &run.replace("20", "19")]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.contains("unknown run") && unknown.stderr.contains(&run), "{}", unknown.stderr);
}
