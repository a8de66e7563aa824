//! Which queries a device computes, which the CPU, and that both give the same.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Decimal128Type, Int64Type};
use datafusion::catalog::MemTable;
use gradframe_exec::pinned::PinnedTable;

use super::{assert_same, cached, columns, difference, partitions, read, register, run, settings, simulated, strictly_on_cuda};
use crate::testing::{Settings, Testing};

/// Queries that a device computes as a whole.
const THERE: [&str; 24] = [
    "SELECT sum(n), count(n), count(*), avg(x), min(n), max(n) FROM t",
    "SELECT k, sum(n) AS s, count(*) AS c FROM t GROUP BY k",
    "SELECT k, w, b, sum(d), avg(d), min(d), max(d), count(d) FROM t GROUP BY k, w, b",
    "SELECT sum(d * (1 - d2)), sum(d * (1 - d2) * (1 + d2)), avg(d2) FROM t WHERE day <= DATE '1998-09-02' AND d2 BETWEEN 0.02 AND 0.07",
    "SELECT k, sum(x), avg(x), sum(x * y - x / 2), count(x * y) FROM t WHERE n = 7 OR n > -500 GROUP BY k",
    "SELECT small, count(*), sum(n) FROM t GROUP BY small",
    "SELECT year, count(*), max(year) FROM t GROUP BY year",
    "SELECT min(x), max(x), min(y), max(y), min(f), max(f) FROM t",
    "SELECT k, min(x), max(x), min(f), max(f), min(w), max(w), min(day), max(day) FROM t GROUP BY k",
    "SELECT sum(n) FROM t WHERE x > y",
    "SELECT sum(n) FROM t WHERE x <> 0 AND NOT (y >= x) AND y < 1e9",
    "SELECT sum(n) FROM t WHERE x = x AND x <= y",
    "SELECT count(*) FROM t WHERE w = 'beta' OR w LIKE 'g%' OR w IS NULL",
    "SELECT count(*), sum(n) FROM t WHERE w IN ('alpha', 'delta') AND k <> 'A'",
    "SELECT sum(n) FROM t WHERE b AND NOT (n < 0 AND b IS NOT NULL)",
    "SELECT sum(CASE WHEN k = 'A' THEN d ELSE 0 END), sum(CASE WHEN n > 10 THEN n WHEN n < -10 THEN -n END) FROM t",
    "SELECT k, sum(n) FILTER (WHERE b) AS f, count(*) FILTER (WHERE n > 0) AS g FROM t GROUP BY k",
    "SELECT sum(n * n), sum(n + n - 3), sum(-n), max(n * 1000000000) FROM t",
    "SELECT count(*) FROM t WHERE n IN (1, 5, -6, 22) OR n NOT IN (3, 4)",
    "SELECT sum(u), min(u), max(u), avg(u) FROM t",
    "SELECT b, count(*) FROM t GROUP BY b",
    "SELECT sum(n), avg(d), min(w), count(x) FROM t WHERE day < DATE '1900-01-01'",
    "SELECT k, sum(n) FROM t WHERE day < DATE '1900-01-01' GROUP BY k",
    "SELECT sum(CAST(n AS DOUBLE) * 0.5), sum(CAST(d AS DOUBLE)), sum(CAST(f AS DOUBLE)) FROM t WHERE f IS NOT NULL",
];

/// Queries that stay on the CPU, and a part of what EXPLAIN says why.
const HERE: [(&str, &str); 7] = [
    ("SELECT count(DISTINCT n) FROM t", "groups by `alias1`: too many whole numbers"),
    ("SELECT median(n) FROM t", "no form on a device"),
    ("SELECT sum(abs(n)) FROM t", "`abs(n@0)` has no form on a device"),
    ("SELECT n, count(*) FROM t GROUP BY n", "groups by `n`: too many whole numbers"),
    ("SELECT day, count(*) FROM t WHERE day < DATE '1995-02-01' GROUP BY day", "groups by `day`: too many whole numbers"),
    ("SELECT max(n * 4000000000000000) FROM t", "no form on a device"),
    ("SELECT count(*) FROM t WHERE note = 7", "`note` stays on the CPU"),
];

/// What is wrong with these queries over the session's table of so many rows.
async fn faults(t: &Testing, rows: i64, device: &str) -> String {
    let mut faults = String::new();
    for query in THERE {
        let plan = t.query(query).await;
        let text = t.physical(&plan).await;
        // Over no rows, some are known before.
        if rows > 0 && !text.contains(&format!("DeviceAggregateExec: device={device}, mode=Partial")) {
            faults += &format!("{query}\n{text}\n");
        }
        let difference = match run(t, plan).await {
            Ok(ours) => difference(&ours, &expected(query, rows).await),
            Err(error) => Some(error.to_string()),
        };
        faults += &difference.map_or(String::new(), |difference| format!("{query}\n{difference}\n"));
    }
    faults
}

/// The CPU's answer.
pub async fn expected(query: &str, rows: i64) -> RecordBatch {
    let t = Testing::with(Settings { without: Some("device_aggregates"), ..Settings::default() });
    register(&t, cached(&t, rows, &simulated(usize::MAX), false).unwrap());
    let plan = t.query(query).await;
    assert!(!t.physical(&plan).await.contains("DeviceAggregateExec"));
    run(&t, plan).await.unwrap()
}

#[tokio::test]
async fn aggregates_over_a_cached_table_are_those_of_the_cpu() {
    for (rows, piece_rows, partitions) in [(20_011, usize::MAX, 2), (20_011, 1_000, 3), (20_011, 4_096, 1), (1, 7, 2)] {
        let t = Testing::with(settings(partitions));
        register(&t, cached(&t, rows, &simulated(piece_rows), true).unwrap());
        let faults = faults(&t, rows, "simulated:0").await;
        assert!(faults.is_empty(), "{rows} rows, pieces of {piece_rows}:\n{faults}");
    }
}

/// Zeros of either sign, NaN, infinities, and the least float there is, each with each.
#[tokio::test]
async fn floats_are_compared_by_their_order() {
    const SPECIAL: [f64; 9] = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, -5e-324, 1.5, -1e300];
    let pairs = || SPECIAL.into_iter().flat_map(|x| SPECIAL.into_iter().map(move |y| (x, y)));
    let column = |of: fn((f64, f64)) -> f64| Arc::new(Float64Array::from_iter_values(pairs().map(of))) as ArrayRef;
    let n: ArrayRef = Arc::new(Int64Array::from_iter_values((0..81).map(|row| 1 << (row % 60))));
    let (schema, parts) = partitions(&[("x", column(|pair| pair.0)), ("y", column(|pair| pair.1)), ("n", n)]);
    let t = Testing::with(settings(1));
    let table = PinnedTable::on((&simulated(usize::MAX), true), "t", Arc::clone(&schema), parts.clone(), &t.context.task_ctx());
    register(&t, table.unwrap());
    let on_cpu = Testing::with(settings(1));
    register(&on_cpu, MemTable::try_new(schema, parts).unwrap());
    for operator in ["=", "<>", "<", "<=", ">", ">="] {
        let query = format!("SELECT sum(n), count(*), min(x), max(y) FROM t WHERE x {operator} y");
        let expected = run(&on_cpu, on_cpu.query(&query).await).await.unwrap();
        assert_same(&run(&t, t.query(&query).await).await.unwrap(), &expected, &query);
    }
    for list in ["0.0, 1.5", "0.0, 1.5, 2.5, 3.5", "1.5, 2.5, 3.5, 4.5"] {
        let query = format!("SELECT sum(n), count(*) FROM t WHERE x IN ({list})");
        let expected = run(&on_cpu, on_cpu.query(&query).await).await.unwrap();
        assert_same(&run(&t, t.query(&query).await).await.unwrap(), &expected, &query);
    }
}

#[tokio::test]
async fn numbers_in_texts_are_read_as_numbers() {
    let t = Testing::with(settings(1));
    let s: ArrayRef = Arc::new(StringArray::from(vec!["9", "10", "100"]));
    let (schema, parts) = partitions(&[("s", s)]);
    let table = PinnedTable::on((&simulated(usize::MAX), true), "t", schema, parts, &t.context.task_ctx());
    register(&t, table.unwrap());
    let found = run(&t, t.query("SELECT min(CAST(s AS BIGINT)), max(CAST(s AS BIGINT)) FROM t").await).await.unwrap();
    assert_eq!([0, 1].map(|column| found.column(column).as_primitive::<Int64Type>().value(0)), [9, 100]);
}

#[tokio::test]
async fn a_table_without_rows_has_aggregates_too() {
    let t = Testing::with(settings(2));
    register(&t, cached(&t, 0, &simulated(usize::MAX), true).unwrap());
    let faults = faults(&t, 0, "simulated:0").await;
    assert!(faults.is_empty(), "{faults}");
}

#[tokio::test]
async fn what_has_no_form_on_a_device_is_read_by_the_cpu_which_says_why() {
    let t = Testing::with(settings(2));
    register(&t, cached(&t, 5_000, &simulated(usize::MAX), false).unwrap());
    for (query, reason) in HERE {
        let plan = t.query(query).await;
        let text = t.physical(&plan).await;
        assert!(!text.contains("DeviceAggregateExec") && text.contains(reason), "{query}\n{text}");
        assert!(text.contains("PinnedScanExec: table=t, cached on=simulated:0, columns=["), "{text}");
        assert_same(&run(&t, plan).await.unwrap(), &expected(query, 5_000).await, query);
    }
}

#[tokio::test]
async fn other_operators_read_the_cpus_copy() {
    let t = Testing::with(settings(2));
    register(&t, cached(&t, 3_000, &simulated(usize::MAX), false).unwrap());
    for query in ["SELECT * FROM t WHERE n > 1900", "SELECT a.n, b.w FROM t a JOIN t b ON a.n = b.n AND a.u = b.u"] {
        assert_same(&run(&t, t.query(query).await).await.unwrap(), &expected(query, 3_000).await, query);
    }
}

#[tokio::test]
async fn a_sum_that_leaves_its_type_fails_as_on_the_cpu() {
    let t = Testing::with(settings(2));
    let large = i64::MAX / 3;
    let n: ArrayRef = Arc::new(Int64Array::from(vec![large, large, large, large]));
    let (schema, partitions) = partitions(&[("n", n)]);
    let table = PinnedTable::on((&simulated(usize::MAX), true), "t", schema, partitions, &t.context.task_ctx()).unwrap();
    register(&t, table);
    let fails = run(&t, t.query("SELECT sum(n) FROM t").await).await.unwrap_err();
    assert!(fails.to_string().contains("does not fit"), "{fails}");
    let wide = run(&t, t.query("SELECT sum(CAST(n AS DECIMAL(19, 0))) FROM t").await).await.unwrap();
    assert_eq!(wide.column(0).as_primitive::<Decimal128Type>().value(0), 4 * i128::from(large));
}

#[tokio::test]
async fn aggregates_over_a_table_cached_on_cuda_are_those_of_the_cpu() {
    if std::env::var("GRADFRAME_DEVICE").as_deref() != Ok("cuda") {
        return println!("skipped: GRADFRAME_DEVICE is not cuda");
    }
    let t = strictly_on_cuda(2);
    for rows in [200_003, 1, 0] {
        let (schema, partitions) = partitions(&columns(rows));
        register(&t, read(&t, &MemTable::try_new(schema, partitions).unwrap()).await.unwrap());
        let faults = faults(&t, rows, "cuda:0").await;
        assert!(faults.is_empty(), "{rows} rows:\n{faults}");
    }
    println!("{}", t.analyze(t.query(THERE[3]).await).await);
}
