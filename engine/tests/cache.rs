//! CACHE TABLE and UNCACHE TABLE, with a device or without.

use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use gradframe::{DataFrame, MapOptions, Session};

use crate::support::{CREATE_FARES, TRIPS, error, home, open, rows, run, session};

const FIVE: &str = "CREATE TABLE t AS SELECT value AS n, CASE value % 2 WHEN 0 THEN 'even' ELSE 'odd' END AS k, value / 2.0 AS x
    FROM generate_series(1, 5)";
const SUMS: &str = "SELECT k, sum(n) AS s FROM t GROUP BY k ORDER BY k";

#[tokio::test]
async fn a_cached_table_is_read_as_it_was() {
    let session = session();
    run(&session, FIVE).await;
    let said = rows(&session, "CACHE TABLE t ON CUDA").await;
    assert!(said[0].starts_with("t | cpu (no device: ") || said[0].starts_with("t | cuda:0 | 5 | n, k, x | "), "{said:?}");
    assert_eq!(rows(&session, SUMS).await, ["even | 6", "odd | 9"]);
    assert_eq!(rows(&session, "SELECT count(*), max(x) FROM t").await, ["5 | 2.5"]);
    let plan = rows(&session, &format!("EXPLAIN {SUMS}")).await.join("\n");
    assert!(plan.contains("PinnedScanExec: table=t, cached on="), "{plan}");
}

#[tokio::test]
async fn rows_are_put_into_the_table_when_it_is_cached_no_more() {
    let session = session();
    run(&session, FIVE).await;
    run(&session, "CACHE TABLE t ON CPU").await;
    let refused = error(&session, "INSERT INTO t VALUES (6, 'even', 3.0)").await;
    assert_eq!(refused.kind(), "Plan");
    let text = refused.to_string();
    assert!(text.contains("`t` is cached: its rows stay as they are; hint: UNCACHE TABLE t first"), "{text}");
    run(&session, "UNCACHE TABLE t").await;
    run(&session, "INSERT INTO t VALUES (6, 'even', 3.0)").await;
    assert_eq!(rows(&session, SUMS).await, ["even | 12", "odd | 9"]);
    run(&session, "CACHE TABLE t ON CPU").await;
    assert_eq!(rows(&session, SUMS).await, ["even | 12", "odd | 9"]);
}

#[tokio::test]
async fn a_table_that_is_dropped_or_replaced_is_cached_no_more() {
    let session = session();
    run(&session, FIVE).await;
    run(&session, "CACHE TABLE t ON CPU").await;
    run(&session, "CREATE OR REPLACE TABLE t AS SELECT 1 AS n, 'odd' AS k").await;
    assert_eq!(rows(&session, SUMS).await, ["odd | 1"]);
    run(&session, "CACHE TABLE t ON CPU").await;
    run(&session, "DROP TABLE t").await;
    assert_eq!(error(&session, SUMS).await.kind(), "Plan");
    assert!(error(&session, "UNCACHE TABLE t").await.to_string().contains("`t` is not cached"));
    run(&session, "UNCACHE TABLE IF EXISTS t").await;
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let session = session();
    run(&session, FIVE).await;
    let unknown = error(&session, "CACHE TABLE tt ON CUDA").await;
    assert_eq!(unknown.kind(), "Plan");
    assert!(unknown.to_string().contains("unknown table `tt`; hint: did you mean `t`"), "{unknown}");
    run(&session, TRIPS).await;
    run(&session, CREATE_FARES).await;
    let model = error(&session, "CACHE TABLE fares ON CPU").await;
    assert!(
        model.to_string().contains("cache table: `fares` is a model; hint: CREATE VIEW ... AS SELECT * FROM fares"),
        "{model}"
    );
    let nowhere = error(&session, "CACHE TABLE t").await;
    assert!(nowhere.to_string().contains("expected ON CUDA or ON CPU"), "{nowhere}");
}

#[tokio::test]
async fn a_session_that_is_strict_misses_its_device() {
    let session = session();
    run(&session, FIVE).await;
    run(&session, "SET gradframe.device_strict = true").await;
    run(&session, "SET gradframe.device = 'cpu'").await;
    let missing = error(&session, "CACHE TABLE t ON CUDA").await;
    assert_eq!(missing.kind(), "NoDevice");
    assert!(missing.to_string().contains("gradframe.device is cpu"), "{missing}");
    run(&session, "CACHE TABLE t ON CPU").await;
    assert_eq!(rows(&session, SUMS).await, ["even | 6", "odd | 9"]);
}

#[tokio::test]
async fn what_cannot_be_cached_anew_is_cached_as_before() {
    let session = session();
    run(&session, "CREATE TABLE words AS SELECT '1' AS w").await;
    run(&session, "CREATE VIEW v AS SELECT CAST(w AS BIGINT) AS n FROM words").await;
    run(&session, "CACHE TABLE v ON CPU").await;
    // A row that is no number.
    run(&session, "INSERT INTO words VALUES ('one')").await;
    let wrong = error(&session, "CACHE TABLE v ON CPU").await;
    assert!(wrong.to_string().contains("one"), "{wrong}");
    assert_eq!(rows(&session, "SELECT * FROM v").await, ["1"]);
    // No device.
    run(&session, "SET gradframe.device_strict = true; SET gradframe.device = 'cpu'").await;
    assert_eq!(error(&session, "CACHE TABLE v ON CUDA").await.kind(), "NoDevice");
    assert_eq!(rows(&session, "SELECT * FROM v").await, ["1"]);
    let plan = rows(&session, "EXPLAIN SELECT * FROM v").await.join("\n");
    assert!(plan.contains("PinnedScanExec: table=v, cached on=cpu"), "{plan}");
}

#[tokio::test]
async fn rows_that_have_no_room_beside_the_earlier_ones_leave_those() {
    let session = Session::builder().in_memory().threads(2).memory_limit_bytes(8 << 20).build().unwrap();
    run(&session, "CREATE VIEW v AS SELECT value AS n FROM generate_series(1, 600000)").await;
    run(&session, "CACHE TABLE v ON CPU").await;
    let short = error(&session, "CACHE TABLE v ON CPU").await;
    assert_eq!(short.kind(), "Resources");
    assert!(short.to_string().contains("hint: UNCACHE TABLE v first"), "{short}");
    assert_eq!(rows(&session, "SELECT count(*), max(n) FROM v").await, ["600000 | 600000"]);
    run(&session, "UNCACHE TABLE v").await;
    run(&session, "CACHE TABLE v ON CPU").await;
}

#[tokio::test]
async fn a_cached_table_is_described_as_before() {
    let session = session();
    run(&session, FIVE).await;
    run(&session, "CREATE VIEW v AS SELECT n FROM t").await;
    let described = async |name: &str| {
        let definition = rows(&session, &format!("SHOW CREATE TABLE {name}")).await;
        (definition, rows(&session, &format!("DESCRIBE {name}")).await)
    };
    let before = (described("t").await, described("v").await);
    run(&session, "CACHE TABLE v ON CPU; CACHE TABLE t ON CPU").await;
    assert_eq!((described("t").await, described("v").await), before);
    let plan = rows(&session, "EXPLAIN SELECT * FROM v").await.join("\n");
    assert!(plan.contains("PinnedScanExec: table=v"), "{plan}");
}

/// A frame of one row, 1. Who reads it first finds that the statements have run meanwhile.
async fn one_while(session: &Session, statements: &'static str) -> DataFrame {
    let (others, done) = (session.clone(), AtomicBool::new(false));
    let function = move |batch: RecordBatch| {
        if !done.swap(true, Ordering::Relaxed) {
            let session = others.clone();
            let other = std::thread::spawn(move || session.block_on(session.sql(statements)).map(|_| ()));
            other.join().unwrap()?;
        }
        Ok(batch)
    };
    let one = session.sql("SELECT 1 AS n").await.unwrap();
    one.map_batches(function, MapOptions::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_dropped_or_replaced_while_it_is_read_is_never_answered_from() {
    let cases = [
        ("v", "DROP VIEW v", None),
        ("slow", "DROP TABLE slow", None),
        ("v", "CREATE OR REPLACE VIEW v AS SELECT 7 AS n", Some("7")),
        ("slow", "DROP TABLE slow; CREATE TABLE slow AS SELECT 7 AS n", Some("7")),
        ("v", "CREATE VIEW other AS SELECT 7 AS n; UNCACHE TABLE IF EXISTS v", Some("1")),
    ];
    for (name, meanwhile, expected) in cases {
        let session = session();
        session.register("slow", &one_while(&session, meanwhile).await).unwrap();
        run(&session, "CREATE VIEW v AS SELECT n FROM slow").await;
        let (cache, read) = (format!("CACHE TABLE {name} ON CPU"), format!("SELECT * FROM {name}"));
        match expected {
            Some(row) => {
                run(&session, &cache).await;
                assert_eq!(rows(&session, &read).await, [row], "{meanwhile}");
                let plan = rows(&session, &format!("EXPLAIN {read}")).await.join("\n");
                assert!(plan.contains("PinnedScanExec"), "{meanwhile}: {plan}");
            }
            None => {
                let dropped = error(&session, &cache).await;
                let expected = format!("`{name}` was dropped while it was to be cached");
                assert!(dropped.kind() == "Plan" && dropped.to_string().contains(&expected), "{meanwhile}: {dropped}");
                assert_eq!(error(&session, &read).await.kind(), "Plan", "{meanwhile}");
            }
        }
    }
}

#[tokio::test]
async fn a_drop_forgets_rows_of_a_table_that_somebody_else_has_dropped() {
    let (home, session) = home();
    for drop in ["DROP TABLE IF EXISTS t", "DROP TABLE t"] {
        run(&session, FIVE).await;
        run(&session, "CACHE TABLE t ON CPU").await;
        run(&open(&home), "DROP TABLE t").await;
        let _ = session.sql(drop).await;
        assert_eq!(error(&session, SUMS).await.kind(), "Plan", "{drop}");
    }
}
