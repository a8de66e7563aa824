//! A program's own runs, two at a time, killed at any moment: each point whose `log` had returned is there, once.
//!
//! A hundred times: `GRADFRAME_KILLS=100 cargo test -p gradframe-tests logged -- --nocapture`.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gradframe::{RunOptions, Session};

use crate::harness::rows;

/// Set for the child: the store's home, and its run's name.
const HOME: &str = "GRADFRAME_TEST_LOGGER_HOME";
const NAME: &str = "GRADFRAME_TEST_LOGGER_NAME";
/// Kills of the always-on run.
const KILLS: usize = 10;

fn session(home: &Path) -> Session {
    Session::builder().home(home).threads(1).build().unwrap()
}

fn start(home: &Path, name: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["faults::logged::logs_until_it_is_killed", "--exact", "--include-ignored", "--nocapture"]);
    command.env(HOME, home).env(NAME, name).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// Kills it some moments after its first points; the last step that it had said.
fn kill(mut child: Child, wait: Duration) -> i64 {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = |line: &str| line.strip_prefix("logged ").and_then(|step| step.parse::<i64>().ok());
    let mut last = lines.by_ref().map_while(Result::ok).find_map(|line| said(&line)).unwrap();
    std::thread::sleep(wait);
    child.kill().unwrap();
    child.wait().unwrap();
    // A line that the kill has cut is of a point that nobody was told of.
    for line in lines.map_while(Result::ok) {
        last = said(&line).filter(|step| *step == last + 1).unwrap_or(last);
    }
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_logged_point_is_lost_to_a_kill() {
    let kills = std::env::var("GRADFRAME_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let home = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    for round in 0..kills.div_ceil(2) {
        let names = [format!("{round} a"), format!("{round} b")];
        let children = names.clone().map(|name| start(home.path(), &name));
        for (name, child) in names.into_iter().zip(children) {
            told.push((name, kill(child, Duration::from_micros(37 * (round as u64 * 97 % 500)))));
        }
    }
    let session = session(home.path());
    for (name, last) in &told {
        let found =
            "SELECT status, count(*), min(step), max(step), count(DISTINCT step), count(*) FILTER (WHERE value <> step * 0.5)
                     FROM gradframe.runs JOIN gradframe.metrics USING (run)";
        let found = rows(&session, &format!("{found} WHERE title = '{name}' GROUP BY status")).await.unwrap().concat();
        let number = |i: usize| found[i].parse::<i64>().unwrap();
        assert!(found[0] == "failed" && number(3) >= *last, "{name}: told {last}, found {found:?}");
        assert_eq!((number(1), number(2), number(4), number(5)), (number(3) + 1, 0, number(3) + 1, 0), "{name}: {found:?}");
    }
    assert_eq!(std::fs::read_dir(home.path().join("points")).unwrap().count(), 0, "what the dead have left is folded");
    eprintln!("{} points of {kills} killed programs", told.iter().map(|(_, last)| last + 1).sum::<i64>());
}

#[test]
#[ignore = "a part of no_logged_point_is_lost_to_a_kill"]
fn logs_until_it_is_killed() {
    let Some(home) = std::env::var_os(HOME) else { return };
    let run = session(Path::new(&home)).start_run(RunOptions::new(std::env::var(NAME).unwrap()).without_code()).unwrap();
    // Ends the harness's line.
    println!();
    for step in 0.. {
        run.log(step, &[("loss", step as f64 * 0.5)]).unwrap();
        std::io::stdout().write_all(format!("logged {step}\n").as_bytes()).unwrap();
    }
}
