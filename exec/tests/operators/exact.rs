//! Exact aggregates, which stand below trainings: what they say of odd values, and their bits with memory ample and short.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Float64Type;
use datafusion::logical_expr::LogicalPlan;
use gradframe_plan::rules::with_exact_aggregates;

use crate::testing::{Settings, Testing, line_table, request};

const AGGREGATES: [&str; 19] = [
    "sum(x)",
    "avg(x)",
    "sum(DISTINCT x)",
    "avg(DISTINCT x)",
    "var_samp(x)",
    "var_pop(x)",
    "stddev(x)",
    "stddev_pop(x)",
    "covar_samp(y, x)",
    "covar_pop(y, x)",
    "corr(y, x)",
    "regr_slope(y, x)",
    "regr_intercept(y, x)",
    "regr_r2(y, x)",
    "regr_avgx(y, x)",
    "regr_avgy(y, x)",
    "regr_sxx(y, x)",
    "regr_syy(y, x)",
    "regr_sxy(y, x)",
];

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

type Pair = (Option<f64>, Option<f64>);

/// Groups of pairs `(y, x)`.
const ODD: [(&str, &[Pair]); 17] = [
    ("both infinite", &[(Some(1.0), Some(INF)), (Some(3.0), Some(-INF))]),
    ("constant", &[(Some(2.0), Some(3.0)), (Some(4.0), Some(3.0))]),
    ("half null", &[(None, Some(1.0)), (Some(1.0), None), (Some(2.0), Some(5.0)), (Some(3.0), Some(4.5))]),
    ("infinite", &[(Some(1.0), Some(INF)), (Some(3.0), Some(1.0))]),
    ("infinite y", &[(Some(INF), Some(1.0)), (Some(1.0), Some(2.0))]),
    ("infinite y over a constant", &[(Some(INF), Some(1.0)), (Some(1.0), Some(1.0))]),
    ("negative", &[(Some(1.0), Some(-INF)), (Some(3.0), Some(1.0))]),
    ("no number", &[(Some(1.0), Some(NAN)), (Some(3.0), Some(1.0))]),
    ("no numbers", &[(Some(NAN), Some(NAN)), (Some(3.0), Some(1.0))]),
    ("null", &[(None, None), (None, None)]),
    ("one", &[(Some(2.5), Some(1.5))]),
    ("one infinite", &[(Some(2.5), Some(INF))]),
    ("overflowing", &[(Some(1e308), Some(1e308)), (Some(1e308), Some(1e308))]),
    ("subnormal", &[(Some(5e-324), Some(1e-310)), (Some(1e-310), Some(5e-324))]),
    ("usual", &[(Some(1.0), Some(2.0)), (Some(2.0), Some(4.5)), (Some(4.0), Some(7.0))]),
    ("wide", &[(Some(1e300), Some(-1e300)), (Some(-1e300), Some(1e300))]),
    ("zeros", &[(Some(-0.0), Some(-0.0)), (Some(0.0), Some(-0.0))]),
];

/// What the plain aggregate gives otherwise, by group and aggregate, and what the exact one gives: where numbers on the way are beyond
/// all floats, or below them.
const OTHERWISE: [(&str, &str, Option<f64>); 16] = [
    ("infinite", "regr_avgx(y, x)", Some(INF)),
    ("infinite y", "regr_avgy(y, x)", Some(INF)),
    ("infinite y over a constant", "corr(y, x)", None),
    ("infinite y over a constant", "regr_avgy(y, x)", Some(INF)),
    ("negative", "regr_avgx(y, x)", Some(-INF)),
    ("overflowing", "corr(y, x)", None),
    ("subnormal", "stddev(x)", Some(7.071067811865e-311)),
    ("subnormal", "stddev_pop(x)", Some(4.9999999999997e-311)),
    ("subnormal", "corr(y, x)", Some(-1.0)),
    ("subnormal", "regr_slope(y, x)", Some(-1.0)),
    ("subnormal", "regr_intercept(y, x)", Some(1.00000000000005e-310)),
    ("subnormal", "regr_r2(y, x)", Some(1.0)),
    ("wide", "corr(y, x)", Some(-1.0)),
    ("wide", "regr_slope(y, x)", Some(-1.0)),
    ("wide", "regr_intercept(y, x)", Some(0.0)),
    ("wide", "regr_r2(y, x)", Some(1.0)),
];

fn odd_table() -> [(&'static str, ArrayRef); 3] {
    let rows = || ODD.iter().flat_map(|(group, pairs)| pairs.iter().map(move |pair| (*group, *pair)));
    [
        ("g", Arc::new(StringArray::from_iter_values(rows().map(|row| row.0).collect::<Vec<_>>()))),
        ("y", Arc::new(Float64Array::from_iter(rows().map(|row| row.1.0)))),
        ("x", Arc::new(Float64Array::from_iter(rows().map(|row| row.1.1)))),
    ]
}

/// A query's rows, its float aggregates plain or exact.
async fn rows(t: &Testing, query: &str, exact: bool) -> RecordBatch {
    let plan: LogicalPlan = t.query(query).await;
    t.collect(if exact { with_exact_aggregates(plan).unwrap() } else { plan }).await.unwrap()
}

fn value(rows: &RecordBatch, column: usize, row: usize) -> Option<f64> {
    rows.column(column).as_primitive::<Float64Type>().iter().nth(row).flatten()
}

fn is_like(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-12 * a.abs().max(b.abs()),
        (a, b) => a == b,
    }
}

#[tokio::test]
async fn odd_values_give_what_the_plain_aggregates_give() {
    let t = Testing::with(Settings { partitions: 1, ..Settings::default() });
    t.table("t", &odd_table(), 1);
    let query = format!("SELECT g, {} FROM t GROUP BY g ORDER BY g", AGGREGATES.join(", "));
    let (plain, exact) = (rows(&t, &query, false).await, rows(&t, &query, true).await);
    let mut wrong = vec![];
    for (row, (group, _)) in ODD.iter().enumerate() {
        for (at, aggregate) in AGGREGATES.into_iter().enumerate() {
            let (plain, exact) = (value(&plain, at + 1, row), value(&exact, at + 1, row));
            let otherwise = OTHERWISE.iter().find(|(of, name, _)| of == group && *name == aggregate);
            let is_right = match otherwise {
                Some((.., expected)) => is_like(exact, *expected) && !is_like(plain, exact),
                None => is_like(plain, exact),
            };
            if !is_right {
                wrong.push(format!("{group}: {aggregate} is {exact:?}, plainly {plain:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const GROUPED: &str = "SELECT g, sum(x) AS s, avg(x) AS m, var_samp(x) AS v, corr(y, x) AS c, regr_intercept(y, x) AS i FROM t GROUP BY g ORDER BY g";

/// So many groups of some three rows, and one of a thousand more, of numbers of many magnitudes.
fn grouped_table(groups: i64) -> [(&'static str, ArrayRef); 3] {
    let rows = groups * 3 + 1000;
    let group = |row: i64| if row % 100 == 7 { 0 } else { row * 7919 % groups };
    let number = |row: i64, by: f64| (row % 41 != 3).then(|| (row as f64 * by).sin() * 10f64.powi((row % 17) as i32 - 8));
    [
        ("g", Arc::new(Int64Array::from_iter_values((0..rows).map(group)))),
        ("y", Arc::new(Float64Array::from_iter((0..rows).map(|row| number(row, 0.37))))),
        ("x", Arc::new(Float64Array::from_iter((0..rows).map(|row| number(row, 1.1))))),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_have_the_same_bits_whether_memory_is_short_or_rows_are_handed_on() {
    let mut distinct = BTreeSet::new();
    let mut spilled = BTreeSet::new();
    for (memory_bytes, partitions, batch_size, ratio) in [
        (None, 1, 8192, 0.8),
        (None, 2, 8192, 0.8),
        (None, 5, 1000, 0.0),
        (None, 2, 8192, 1.0),
        (Some(14 << 20), 2, 2048, 1.0),
        (Some(14 << 20), 1, 2048, 0.8),
    ] {
        let t = Testing::with(Settings { memory_bytes, partitions, batch_size, ..Settings::default() });
        t.table("t", &grouped_table(60_000), partitions);
        let execution = "datafusion.execution.skip_partial_aggregation_probe";
        for set in [format!("SET {execution}_ratio_threshold = {ratio}"), format!("SET {execution}_rows_threshold = 1000")] {
            t.context.sql(&set).await.unwrap();
        }
        let found = rows(&t, GROUPED, true).await;
        let bits = |column: &ArrayRef| -> Vec<Option<u64>> {
            let values = column.as_primitive_opt::<Float64Type>().into_iter().flatten();
            values.map(|value| value.map(f64::to_bits)).collect()
        };
        distinct.insert(found.columns().iter().map(bits).collect::<Vec<_>>());
        let text = t.analyze(with_exact_aggregates(t.query(GROUPED).await).unwrap()).await;
        let counts =
            text.lines().filter(|line| line.contains("AggregateExec")).filter_map(|line| line.split("spill_count=").nth(1));
        if counts.into_iter().any(|rest| !rest.starts_with('0')) {
            spilled.insert((memory_bytes, partitions));
        }
        assert_eq!(t.context.runtime_env().memory_pool.reserved(), 0);
    }
    assert_eq!(distinct.len(), 1);
    assert!(!spilled.is_empty() && spilled.iter().all(|(memory_bytes, _)| memory_bytes.is_some()), "{spilled:?}");
}

#[tokio::test]
async fn explain_names_the_exact_aggregates_of_a_training() {
    let t = Testing::new();
    t.table("t", &line_table(500), 2);
    let query = "SELECT avg(a) AS a, max(b) AS b, sum(y) AS y FROM t GROUP BY kind, id % 50";
    let exact = "exact=[avg(t.a), sum(t.y)]";
    let text = t.physical(&t.plan(query, request("m", "linear_reg")).await.unwrap()).await;
    assert!(text.contains(exact), "{text}");
    let windows = "SELECT a - avg(a) OVER (PARTITION BY kind) AS a, y FROM t";
    let text = t.physical(&t.plan(windows, request("w", "linear_reg")).await.unwrap()).await;
    assert!(text.contains("exact=[avg(t.a) PARTITION BY"), "{text}");
    let mut fast = request("fast", "linear_reg");
    fast.options.push(("reproducible".into(), false.into()));
    let text = t.physical(&t.plan(query, fast).await.unwrap()).await;
    assert!(!text.contains("exact="), "{text}");
    let text = t.analyze(t.plan(query, request("m", "linear_reg")).await.unwrap()).await;
    assert!(text.contains(exact), "{text}");
}
