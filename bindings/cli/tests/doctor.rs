//! `gradframe doctor`.

use crate::support::Place;

#[test]
fn the_doctor_says_what_is_there_and_what_is_missing_and_makes_no_store() {
    let place = Place::new();
    let ended = place.run(&["doctor"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let version = format!("gradframe    {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(ended.stdout.lines().next(), Some(version.as_str()));
    for name in ["datafusion", "processor", "vectors", "memory", "home", "cuda driver", "nvrtc", "cublaslt", "cuda device"] {
        let line = ended.stdout.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {}", ended.stdout));
        assert!(!line.contains("missing") || line.contains("hint:"), "{line}");
    }
    assert!(!place.path("home").exists());
}

#[test]
fn what_the_doctor_finds_without_a_driver_is_what_strict_mode_says() {
    let place = Place::new();
    let found = place.run(&["doctor"]).stdout;
    let device = found.lines().find_map(|line| line.strip_prefix("cuda device  missing: "));
    let Some(missing) = device.map(|rest| rest.split(';').next().unwrap_or(rest)) else {
        println!("skipped: {found}");
        return;
    };
    let sql = "SET gradframe.device = 'cuda'; SET gradframe.device_strict = true;
        SELECT x * x + x * 2 - x AS y FROM (SELECT CAST(value AS DOUBLE) AS x FROM generate_series(1, 3))";
    let ended = place.run(&["sql", "-c", sql]);
    assert_eq!(ended.code, 5, "{}", ended.stderr);
    assert!(ended.stderr.contains("error[NoDevice]: cuda: ") && ended.stderr.contains(missing), "{}", ended.stderr);
    let plan = place.sql(&format!("{}; EXPLAIN {}", sql_parts(sql)[0], sql_parts(sql)[2]), &["--format", "csv"]);
    assert!(plan.contains(&format!("device=cpu (no device: {missing})")), "{plan}");
}

fn sql_parts(sql: &str) -> Vec<&str> {
    sql.split(';').map(str::trim).collect()
}
