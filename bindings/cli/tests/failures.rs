//! What goes wrong: on standard error, with an exit code by whose fault it is.

use std::time::{Duration, Instant};

use crate::support::Place;

/// Runs the arguments and compares the exit code and a part of what standard error says.
fn check(args: &[&str], code: i32, message: &str) {
    let ended = Place::new().run(args);
    assert_eq!(ended.code, code, "{args:?}: {}", ended.stderr);
    assert!(ended.stderr.contains(message), "{args:?}: {}", ended.stderr);
    assert_eq!(ended.stdout, "", "{args:?}");
}

#[test]
fn a_wrong_query_is_code_1() {
    check(&["sql", "-c", "SELEC 1"], 1, "error[Plan]:");
    check(&["sql", "-c", "SELECT * FROM nowhere"], 1, "nowhere");
    check(&["sql", "-c", "SELECT 1 / 0 AS x FROM generate_series(1, 2)"], 1, "error[Execution]:");
}

#[test]
fn the_place_of_an_error_is_marked() {
    let ended = Place::new().run(&["sql", "-c", "SELECT 1 AS a;\nSELECT a, dely\nFROM (VALUES (1, 2)) AS t(a, delay);"]);
    assert!(ended.stderr.contains("  2 | SELECT a, dely\n                ^\n  hint: "), "{}", ended.stderr);
    let ended = Place::new().run(&["sql", "-c", "SELECT 1 AS a;\nSELEC 2"]);
    assert!(ended.stderr.contains("  2 | SELEC 2\n      ^\n  hint: did you mean `SELECT`?"), "{}", ended.stderr);
}

#[test]
fn a_wrong_command_line_is_code_2() {
    check(&["sql", "--format", "xml"], 2, "possible values");
    check(&["sql", "-c", "SELECT 1", "-f", "a.sql"], 2, "cannot be used with");
    check(&["sql", "-c", "SELECT 1", "--memory-limit", "5 parrots"], 2, "no unit of memory");
    check(&["sql", "-c", "SELECT 1", "--threads", "0"], 2, "--threads");
    check(&["sql", "--watch", "SELECT 1", "--interval", "0"], 2, "no number of seconds");
    check(&["sql", "--interval", "1"], 2, "--watch");
    check(&["sing"], 2, "unrecognized subcommand");
}

#[test]
fn short_memory_is_code_3() {
    let sql = "SELECT array_length(array_agg(value)) FROM generate_series(1, 5000000)"; // Cannot spill.
    check(&["sql", "--memory-limit", "1MB", "-c", sql], 3, "error[Resources]:");
}

#[test]
fn what_is_outside_is_code_4() {
    check(&["sql", "-f", "nowhere.sql"], 4, "nowhere.sql");
    check(&["sql", "-c", "SELECT 1", "-o", "no/such/directory.csv"], 4, "no/such/directory.csv");
}

#[test]
fn help_and_version_are_no_errors() {
    let place = Place::new();
    assert!(place.run(&["--help"]).stdout.contains("Exit codes:"));
    let version = place.run(&["--version"]);
    assert_eq!((version.code, version.stdout.trim()), (0, concat!("gradframe ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn the_statements_after_a_failing_one_do_not_run() {
    let place = Place::new();
    let ended = place.run(&["sql", "-c", "SELECT 1 AS a; SELECT nothing; SELECT 3 AS c", "--format", "csv"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (1, "a\n1\n"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_query_with_130() {
    let place = Place::new();
    let sql = "SELECT count(*) AS n FROM generate_series(1, 3000000) AS a(x) CROSS JOIN generate_series(1, 3000000) AS b(y) WHERE x * y % 7 = 3";
    let child = place.command(&["sql", "-c", sql, "--format", "csv", "-o", "out.csv"]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let interrupted = Instant::now();
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130));
    assert!(interrupted.elapsed() < Duration::from_secs(10));
    assert_eq!(place.files(), [] as [&str; 0]);
}
