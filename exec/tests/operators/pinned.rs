//! Aggregates over cached tables on a device give what the CPU gives: on a simulated one everywhere, on CUDA's with
//! `GRADFRAME_DEVICE=cuda`.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int8Array, Int64Array,
    RecordBatch, StringArray, StringViewArray, UInt64Array,
};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int64Type, SchemaRef};
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::collect;
use gradframe_exec::device::{Device, Simulated};
use gradframe_exec::pinned::PinnedTable;
use gradframe_ml_core::Result;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::functions::checked_sum;
use gradframe_plan::options::{DeviceChoice, GradframeOptions};

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

fn mixed(row: i64, salt: i64) -> i64 {
    let mixed = (row.wrapping_add(1)).wrapping_mul(0x5851_F42D_4C95_7F2D ^ salt.wrapping_mul(0x1405_7B7E_F767_814F));
    (mixed >> 20 ^ mixed >> 41) & 0xffff_ffff
}

/// Columns of all kinds, with nulls, NaN and infinities.
fn columns(rows: i64) -> Vec<(&'static str, ArrayRef)> {
    const SPECIAL: [f64; 7] = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, -1e300];
    let some = |row: i64, salt: i64| mixed(row, salt) % 11 != 3;
    let number = |row: i64, salt: i64| (mixed(row, salt) % 2001 - 1000) as f64 / 8.0;
    let special = |row: i64, salt: i64| match mixed(row, salt + 50) % 29 {
        at @ 0..7 => SPECIAL[at as usize],
        _ => number(row, salt),
    };
    let words = ["alpha", "beta", "gamma", "delta", ""];
    let decimal = |salt: i64, most: i64, some: &dyn Fn(i64) -> bool| {
        let values = (0..rows).map(|row| some(row).then(|| i128::from(mixed(row, salt) % most)));
        Decimal128Array::from_iter(values).with_precision_and_scale(15, 2).unwrap()
    };
    let word = |row| some(row, 7).then(|| words[(mixed(row, 8) % 5) as usize]);
    vec![
        ("n", Arc::new(Int64Array::from_iter((0..rows).map(|row| some(row, 1).then(|| mixed(row, 2) % 4001 - 2000))))),
        ("x", Arc::new(Float64Array::from_iter((0..rows).map(|row| some(row, 3).then(|| number(row, 4)))))),
        ("y", Arc::new(Float64Array::from_iter((0..rows).map(|row| some(row, 5).then(|| special(row, 6)))))),
        ("f", Arc::new(Float32Array::from_iter((0..rows).map(|row| some(row, 9).then(|| number(row, 10) as f32))))),
        ("k", Arc::new(StringViewArray::from_iter_values((0..rows).map(|row| ["A", "N", "R"][(mixed(row, 11) % 3) as usize])))),
        ("w", Arc::new(StringArray::from_iter((0..rows).map(word)))),
        ("b", Arc::new(BooleanArray::from_iter((0..rows).map(|row| some(row, 12).then(|| mixed(row, 13) % 2 == 0))))),
        ("d", Arc::new(decimal(14, 10_000_000, &|row| some(row, 15)))),
        ("d2", Arc::new(decimal(16, 11, &|_| true))),
        (
            "day",
            Arc::new(Date32Array::from_iter((0..rows).map(|row| some(row, 17).then(|| 8036 + (mixed(row, 18) % 2526) as i32)))),
        ),
        ("small", Arc::new(Int8Array::from_iter((0..rows).map(|row| some(row, 19).then(|| (mixed(row, 20) % 23) as i8 - 9))))),
        ("year", Arc::new(Int64Array::from_iter((0..rows).map(|row| some(row, 23).then(|| 1992 + mixed(row, 24) % 7))))),
        ("u", Arc::new(UInt64Array::from_iter((0..rows).map(|row| some(row, 21).then(|| mixed(row, 22) as u64))))),
        ("note", Arc::new(Decimal128Array::from_iter_values((0..rows).map(i128::from)).with_precision_and_scale(30, 2).unwrap())),
    ]
}

/// In partitions of several batches, some of them empty.
fn partitions(columns: &[(&'static str, ArrayRef)]) -> (SchemaRef, Vec<Vec<RecordBatch>>) {
    let whole = RecordBatch::try_from_iter_with_nullable(columns.iter().map(|(name, column)| (*name, Arc::clone(column), true)));
    let whole = whole.unwrap();
    let rows = whole.num_rows();
    let cuts = [0, rows / 7, rows / 7, rows / 3, rows / 2, rows];
    let parts: Vec<RecordBatch> = cuts.windows(2).map(|cut| whole.slice(cut[0], cut[1] - cut[0])).collect();
    (whole.schema(), vec![parts[..3].to_vec(), parts[3..].to_vec()])
}

fn simulated(rows_max: usize) -> Arc<dyn Device> {
    Arc::new(Simulated { rows_max, ..Simulated::default() })
}

fn cached(t: &Testing, rows: i64, device: &Arc<dyn Device>, is_strict: bool) -> Result<PinnedTable> {
    let (schema, partitions) = partitions(&columns(rows));
    PinnedTable::on((device, is_strict), "t", schema, partitions, &t.context.task_ctx())
}

fn register(t: &Testing, table: impl TableProvider + 'static) {
    t.context.register_udaf(checked_sum().as_ref().clone());
    t.context.deregister_table("t").unwrap();
    t.context.register_table("t", Arc::new(table)).unwrap();
}

async fn run(t: &Testing, plan: LogicalPlan) -> Result<RecordBatch> {
    let plan = t.context.state().create_physical_plan(&plan).await.map_err(from_datafusion)?;
    let schema = plan.schema();
    let batches = collect(plan, t.context.task_ctx()).await.map_err(from_datafusion)?;
    Ok(arrow::compute::concat_batches(&schema, &batches).unwrap())
}

/// The rows in an order of their own: what groups come in no order.
fn sorted(batch: &RecordBatch) -> RecordBatch {
    let keys = batch.columns().iter().filter(|column| !column.data_type().is_floating());
    let keys: Vec<_> = keys.map(|column| arrow::compute::SortColumn { values: Arc::clone(column), options: None }).collect();
    if keys.is_empty() || batch.num_rows() < 2 {
        return batch.clone();
    }
    let order = arrow::compute::lexsort_to_indices(&keys, None).unwrap();
    arrow::compute::take_record_batch(batch, &order).unwrap()
}

/// Equal, but for the rounding of sums of floats.
fn assert_same(ours: &RecordBatch, expected: &RecordBatch, what: &str) {
    if let Some(difference) = difference(ours, expected) {
        panic!("{what}:\n{difference}");
    }
}

fn difference(ours: &RecordBatch, expected: &RecordBatch) -> Option<String> {
    let (ours, expected) = (sorted(ours), sorted(expected));
    let text = |batch: &RecordBatch| pretty_format_batches(std::slice::from_ref(batch)).unwrap().to_string();
    let floats = |array: &ArrayRef| -> Option<Vec<Option<f64>>> {
        Some(match array.data_type() {
            DataType::Float64 => array.as_primitive::<Float64Type>().iter().collect(),
            DataType::Float32 => array.as_primitive::<Float32Type>().iter().map(|x| x.map(f64::from)).collect(),
            _ => return None,
        })
    };
    let near = |(a, b): (Option<f64>, Option<f64>)| match (a, b) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits() || (a - b).abs() <= 1e-12 * (1e5 + b.abs()),
        (a, b) => a.is_none() && b.is_none(),
    };
    let same = |(a, b): (&ArrayRef, &ArrayRef)| match (floats(a), floats(b)) {
        (Some(a), Some(b)) => a.len() == b.len() && a.into_iter().zip(b).all(near),
        _ => a == b,
    };
    let is_same = ours.num_columns() == expected.num_columns() && ours.columns().iter().zip(expected.columns()).all(same);
    (!is_same).then(|| format!("{}\n{}", text(&ours), text(&expected)))
}

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

fn settings(partitions: usize) -> Settings {
    Settings { partitions, ..Settings::default() }
}

async fn expected(query: &str, rows: i64) -> RecordBatch {
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
async fn counters_say_what_a_device_did() {
    let t = Testing::with(settings(2));
    register(&t, cached(&t, 10_000, &simulated(4_000), false).unwrap());
    let text = t.analyze(t.query("SELECT k, sum(n) FROM t GROUP BY k").await).await;
    let line = text.lines().find(|line| line.contains("DeviceAggregateExec")).unwrap();
    assert!(line.contains("device_runs=3") && line.contains("bytes_to_device=0"), "{line}");
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
async fn without_memory_on_the_device_the_cpu_has_the_table_unless_that_is_forbidden() {
    let t = Testing::with(settings(2));
    let error = cached(&t, 100, &simulated(0), true).unwrap_err();
    assert_eq!(error.kind(), "Resources");
    let table = cached(&t, 100, &simulated(0), false).unwrap();
    assert_eq!(table.place(), "cpu (the device's memory is short)");
    assert_eq!((table.device_bytes(), table.on_device().len()), (0, 0));
    register(&t, table);
    let query = "SELECT k, sum(n) FROM t GROUP BY k";
    let text = t.physical(&t.query(query).await).await;
    assert!(text.contains("PinnedScanExec: table=t, cached on=cpu (the device's memory is short)"), "{text}");
    assert_same(&run(&t, t.query(query).await).await.unwrap(), &expected(query, 100).await, query);
}

#[tokio::test]
async fn a_cached_table_counts_against_memory() {
    let t = Testing::with(Settings { memory_bytes: Some(64 << 10), ..Settings::default() });
    let error = cached(&t, 20_000, &simulated(usize::MAX), false).unwrap_err();
    assert_eq!(error.kind(), "Resources");
    assert!(error.to_string().contains("table `t` needs"), "{error}");
}

#[test]
fn strings_and_small_numbers_lie_there_wide_decimals_do_not() {
    let t = Testing::with(settings(1));
    let table = cached(&t, 1_000, &simulated(usize::MAX), true).unwrap();
    assert_eq!(table.on_device().join(" "), "n x y f k w b d d2 day small year u");
    // One byte more a row of a column with nulls.
    assert_eq!(table.device_bytes(), 1_000 * (9 + 9 + 9 + 5 + 1 + 2 + 2 + 9 + 8 + 5 + 2 + 9 + 9));
}

#[tokio::test]
async fn aggregates_over_a_table_cached_on_cuda_are_those_of_the_cpu() {
    if std::env::var("GRADFRAME_DEVICE").as_deref() != Ok("cuda") {
        return println!("skipped: GRADFRAME_DEVICE is not cuda");
    }
    let t = Testing::with(settings(2));
    let options = GradframeOptions { device: DeviceChoice::Cuda, device_strict: true, ..GradframeOptions::default() };
    t.context.state_ref().write().config_mut().options_mut().extensions.insert(options);
    for rows in [200_003, 1, 0] {
        let (schema, partitions) = partitions(&columns(rows));
        let (config, context) = (t.context.copied_config(), t.context.task_ctx());
        register(&t, PinnedTable::try_new("t", schema, partitions, config.options(), &context).unwrap());
        let faults = faults(&t, rows, "cuda:0").await;
        assert!(faults.is_empty(), "{rows} rows:\n{faults}");
    }
    println!("{}", t.analyze(t.query(THERE[3]).await).await);
}

/// Queries 1 and 6 of TPC-H.
const TPCH: [&str; 2] = [
    "SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice), sum(l_extendedprice * (1 - l_discount)),
        sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)), avg(l_quantity), avg(l_extendedprice), avg(l_discount), count(*)
        FROM t WHERE l_shipdate <= DATE '1998-09-02' GROUP BY l_returnflag, l_linestatus",
    "SELECT sum(l_extendedprice * l_discount) FROM t WHERE l_shipdate >= DATE '1994-01-01' AND l_shipdate < DATE '1995-01-01'
        AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24",
];

/// Rows of `lineitem` from a number on.
fn lineitem(from: i64, rows: i64) -> RecordBatch {
    let decimal = |salt: i64, low: i64, high: i64| {
        let values = (from..from + rows).map(move |row| i128::from(low + mixed(row, salt) % (high - low)));
        Arc::new(Decimal128Array::from_iter_values(values).with_precision_and_scale(15, 2).unwrap()) as ArrayRef
    };
    let word = |salt: i64, words: &'static [&'static str]| {
        let words = (from..from + rows).map(move |row| words[mixed(row, salt) as usize % words.len()]);
        Arc::new(StringViewArray::from_iter_values(words)) as ArrayRef
    };
    let days = (from..from + rows).map(|row| 8_036 + (mixed(row, 5) % 2_526) as i32);
    let columns = [
        ("l_quantity", decimal(1, 100, 5_001)),
        ("l_extendedprice", decimal(2, 90_000, 10_500_000)),
        ("l_discount", decimal(3, 0, 11)),
        ("l_tax", decimal(4, 0, 9)),
        ("l_shipdate", Arc::new(Date32Array::from_iter_values(days))),
        ("l_returnflag", word(6, &["A", "N", "R"])),
        ("l_linestatus", word(7, &["F", "O"])),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Partitions of batches, each made by a thread of its own.
fn lineitems(rows: i64, partitions: i64) -> Vec<Vec<RecordBatch>> {
    const BATCH: i64 = 1 << 18;
    let of = |partition: i64| {
        let (from, to) = (rows * partition / partitions, rows * (partition + 1) / partitions);
        let starts = (from..to).step_by(BATCH as usize);
        move || starts.map(|start| lineitem(start, BATCH.min(to - start))).collect::<Vec<_>>()
    };
    let threads: Vec<_> = (0..partitions).map(|partition| std::thread::spawn(of(partition))).collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[tokio::test]
async fn queries_of_tpch_over_a_cached_table_are_exact() {
    let t = Testing::with(settings(2));
    let rows = lineitems(50_000, 2);
    let table = PinnedTable::on((&simulated(20_000), true), "t", rows[0][0].schema(), rows.clone(), &t.context.task_ctx());
    register(&t, table.unwrap());
    let on_cpu = Testing::with(settings(2));
    register(&on_cpu, MemTable::try_new(rows[0][0].schema(), rows).unwrap());
    for query in TPCH {
        let plan = t.query(query).await;
        assert!(t.physical(&plan).await.contains("DeviceAggregateExec: device=simulated:0"), "{query}");
        let expected = run(&on_cpu, on_cpu.query(query).await).await.unwrap();
        assert_same(&run(&t, plan).await.unwrap(), &expected, query);
    }
}

/// `GRADFRAME_DEVICE=cuda GRADFRAME_ROWS=60000000` times them, the plan included: the figures of docs/gpu.md.
#[tokio::test]
async fn queries_of_tpch_over_a_table_cached_on_cuda() {
    let rows: i64 = std::env::var("GRADFRAME_ROWS").ok().and_then(|rows| rows.parse().ok()).unwrap_or(1_000_000);
    if std::env::var("GRADFRAME_DEVICE").as_deref() != Ok("cuda") {
        return println!("skipped: GRADFRAME_DEVICE is not cuda");
    }
    let t = Testing::with(settings(16));
    let options = GradframeOptions { device: DeviceChoice::Cuda, device_strict: true, ..GradframeOptions::default() };
    t.context.state_ref().write().config_mut().options_mut().extensions.insert(options);
    let batches = lineitems(rows, 16);
    let (schema, config, start) = (batches[0][0].schema(), t.context.copied_config(), Instant::now());
    let table = PinnedTable::try_new("t", Arc::clone(&schema), batches.clone(), config.options(), &t.context.task_ctx()).unwrap();
    let bytes = table.device_bytes() as f64 * 1e-9;
    println!("{rows} rows, {bytes:.2} GB there in {:.2} s", start.elapsed().as_secs_f64());
    register(&t, table);
    let on_cpu = Testing::with(settings(16));
    register(&on_cpu, MemTable::try_new(schema, batches).unwrap());
    for query in TPCH {
        let expected = run(&on_cpu, on_cpu.query(query).await).await.unwrap();
        let mut times = vec![];
        for _ in 0..5 {
            let start = Instant::now();
            let ours = run(&t, t.query(query).await).await.unwrap();
            times.push(start.elapsed().as_secs_f64() * 1e3);
            assert_same(&ours, &expected, query);
        }
        println!("first {:.2} ms, then {:.2?} ms\n{}", times[0], &times[1..], t.analyze(t.query(query).await).await);
    }
}
