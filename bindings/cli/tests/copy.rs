//! A COPY that is killed.

use std::time::{Duration, Instant};

use crate::support::{Place, read};

/// The staging place beside the target, once something is written in it.
fn staged(place: &Place) -> bool {
    let staging = place.files().into_iter().find(|name| name.starts_with(".t.csv-") && name.ends_with(".copying"));
    staging.is_some_and(|name| {
        place.path(&name).join("data").exists() || place.path(&name).read_dir().is_ok_and(|mut e| e.next().is_some())
    })
}

#[test]
fn a_killed_copy_leaves_the_old_file_and_the_next_one_works() {
    let place = Place::new();
    place.sql("COPY (SELECT 1 AS a) TO 't.csv'", &[]);
    let endless = "COPY (SELECT value AS a FROM generate_series(1, 100000000000)) TO 't.csv' (OVERWRITE)";
    for _ in 0..3 {
        let mut child = place.command(&["sql", "-c", endless]).spawn().unwrap();
        let started = Instant::now();
        while !staged(&place) && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(staged(&place), "it had begun to write");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(read(&place.path("t.csv")), "a\n1\n");
        assert_eq!(place.sql("SELECT count(*) AS n FROM '*.csv'", &["--format", "csv"]), "n\n1\n");
    }
    place.sql("COPY (SELECT 2 AS a) TO 't.csv' (OVERWRITE)", &[]);
    assert_eq!(read(&place.path("t.csv")), "a\n2\n");
}
