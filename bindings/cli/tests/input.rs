//! Where statements come from, and several of them.

use crate::support::{CREATE_FARES, Place};

#[test]
fn sql_comes_from_an_argument_a_file_or_standard_input() {
    let place = Place::new();
    std::fs::write(place.path("q.sql"), "SELECT 6 * 7 AS answer").unwrap();
    let from_argument = place.run(&["sql", "-c", "SELECT 6 * 7 AS answer", "--format", "csv"]);
    let from_file = place.run(&["sql", "-f", "q.sql", "--format", "csv"]);
    let from_input = place.run_with_input(&["sql", "--format", "csv"], "SELECT 6 * 7 AS answer;\n");
    let from_dash = place.run_with_input(&["sql", "-f", "-", "--format", "csv"], "SELECT 6 * 7 AS answer;\n");
    for ended in [from_argument, from_file, from_input, from_dash] {
        assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "answer\n42\n", ""));
    }
}

#[test]
fn statements_run_in_turn_and_each_result_is_written() {
    let place = Place::new();
    let out = place.sql(
        "CREATE TABLE t AS SELECT 1 AS a; INSERT INTO t VALUES (2); SELECT sum(a) AS s FROM t; SELECT 5 AS b",
        &["--format", "csv"],
    );
    assert!(out.ends_with("s\n3\nb\n5\n"), "{out}");
}

#[test]
fn texts_of_several_arguments_run_in_turn_until_one_fails() {
    let place = Place::new();
    let ended = place.run(&["sql", "-c", "SELECT 1 AS a", "-c", "SELECT 2 AS b; SELECT 3 AS c", "--format", "csv"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "a\n1\nb\n2\nc\n3\n"));
    let ended = place.run(&["sql", "-c", "SELECT 1 AS a", "-c", "SELEC", "-c", "SELECT 3 AS c", "--format", "csv"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, "a\n1\n"));
}

#[test]
fn an_empty_script_does_nothing() {
    let ended = Place::new().run_with_input(&["sql"], "  -- nothing\n");
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
    let ended = Place::new().run(&["sql", "-c", "-- nothing"]);
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "", ""));
}

#[test]
fn echo_shows_each_statement_and_its_time() {
    let place = Place::new();
    let out = place.sql("SELECT 1 AS a; SELECT\n 2 AS b", &["--echo"]);
    assert!(out.contains("\n> SELECT 1 AS a\n"), "{out}");
    assert!(out.contains("\n> SELECT\n   2 AS b\n"), "{out}");
    assert_eq!(out.matches(" ms)").count() + out.matches(" s)").count(), 2, "{out}");
    let quiet = place.sql("SELECT 1 AS a", &["--echo", "--quiet"]);
    assert!(!quiet.contains(" ms)"), "{quiet}");
}

#[test]
fn a_second_process_predicts_with_the_model_of_the_first() {
    let place = Place::new();
    place.sql(CREATE_FARES, &[]);
    let predict = "SELECT round(predicted_fare, 6) AS fare FROM ML.PREDICT(MODEL fares, (SELECT 4.0 AS distance))";
    assert_eq!(place.sql(predict, &["--format", "csv"]), "fare\n14.0\n");
}

#[test]
fn a_watched_query_runs_again_and_again() {
    let place = Place::new();
    let ended = place.run(&["sql", "--watch", "SELECT 6 * 7 AS answer", "--interval", "0.01", "--count", "3", "--format", "csv"]);
    assert_eq!((ended.code, ended.stdout.as_str(), ended.stderr.as_str()), (0, "answer\n42\nanswer\n42\nanswer\n42\n", ""));
}
