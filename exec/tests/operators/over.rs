//! Windows over rows as they come: the same answers as DataFusion's own operators, whatever the batches and the memory.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::MemTable;
use datafusion::logical_expr::col;

use crate::testing::{Settings, Testing};

const ROWS: i64 = 500;

/// Columns i (the rows' order), k (a key with nulls), s (a text with nulls), x (floats with nulls and NaN), n (integers with nulls).
fn rows(count: i64) -> Vec<(&'static str, ArrayRef)> {
    let each = || (0..count).map(|i| (i * 7919) % 997);
    let x = |h: i64| if h % 13 == 0 { f64::NAN } else { (h % 101) as f64 / 8.0 };
    vec![
        ("i", Arc::new(Int64Array::from_iter_values(0..count))),
        ("k", Arc::new(each().map(|h| (h % 11 != 0).then_some(h % 7)).collect::<Int64Array>())),
        ("s", Arc::new(each().map(|h| (h % 5 != 0).then(|| format!("t{}", h % 9))).collect::<StringArray>())),
        ("x", Arc::new(each().map(|h| (h % 6 != 0).then(|| x(h))).collect::<Float64Array>())),
        ("n", Arc::new(each().map(|h| (h % 4 != 0).then_some(h - 400)).collect::<Int64Array>())),
    ]
}

/// Windows over rows in order.
const WINDOWS: &[&str] = &[
    "row_number() OVER (ORDER BY i)",
    "row_number() OVER (PARTITION BY k ORDER BY i)",
    "row_number() OVER (PARTITION BY k, s ORDER BY i)",
    "lag(s) OVER (ORDER BY i)",
    "lag(n, 3, -1) OVER (ORDER BY i)",
    "lag(n, -2) OVER (ORDER BY i)",
    "lag(n, 0) OVER (ORDER BY i)",
    "lag(n, 1000, 5) OVER (ORDER BY i)",
    "lead(s, 2, 'none') OVER (ORDER BY i)",
    "lead(x, 1000) OVER (ORDER BY i)",
    "lag(s, 2) OVER (PARTITION BY k ORDER BY i)",
    "lead(n, 1, 0) OVER (PARTITION BY s ORDER BY i)",
    "sum(n) OVER (ORDER BY i ROWS UNBOUNDED PRECEDING)",
    "sum(n) OVER (PARTITION BY k ORDER BY i ROWS UNBOUNDED PRECEDING)",
    "sum(CAST(n AS DECIMAL(12, 2))) OVER (PARTITION BY s ORDER BY i ROWS UNBOUNDED PRECEDING)",
    "count(x) OVER (PARTITION BY k ORDER BY i ROWS UNBOUNDED PRECEDING)",
    "min(x) OVER (ORDER BY i ROWS UNBOUNDED PRECEDING)",
    "max(x) OVER (PARTITION BY s ORDER BY i ROWS UNBOUNDED PRECEDING)",
    "max(CAST(n AS DECIMAL(12, 2))) OVER (PARTITION BY s ORDER BY i ROWS UNBOUNDED PRECEDING)",
    "min(arrow_cast(i, 'Timestamp(Second, Some(\"UTC\"))')) OVER (PARTITION BY k ORDER BY i ROWS UNBOUNDED PRECEDING)",
    "sum(n) OVER (PARTITION BY k)",
    "count(*) OVER (PARTITION BY s, k)",
    "min(s) OVER (PARTITION BY k)",
    "median(n) OVER (PARTITION BY k)",
    "count(DISTINCT n) OVER (PARTITION BY k)",
    "array_agg(n) OVER (PARTITION BY k ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
    "max(n) OVER ()",
    "ntile(4) OVER (PARTITION BY k ORDER BY i)",
];

fn query(window: &str) -> String {
    format!("SELECT i, {window} AS w FROM t ORDER BY i")
}

/// The rows as a table that says in which order they are, in partitions one after the other.
fn in_order(t: &Testing, partitions: usize) {
    let whole = RecordBatch::try_from_iter(rows(ROWS)).unwrap();
    let each = whole.num_rows().div_ceil(partitions);
    let batch_rows = t.context.state().config().batch_size();
    let batches = |p: usize| {
        let end = whole.num_rows().min((p + 1) * each);
        (p * each..end).step_by(batch_rows).map(|start| whole.slice(start, batch_rows.min(end - start))).collect()
    };
    let table = MemTable::try_new(whole.schema(), (0..partitions).map(batches).collect()).unwrap();
    let table = table.with_sort_order(vec![vec![col("i").sort(true, false)]; 1]);
    t.context.register_table("t", Arc::new(table)).unwrap();
}

async fn answer(window: &str, settings: Settings) -> (String, String) {
    let t = Testing::with(settings);
    in_order(&t, settings.partitions);
    let plan = t.query(&query(window)).await;
    let physical = t.physical(&plan).await;
    (physical, pretty_format_batches(&[t.collect(plan).await.unwrap()]).unwrap().to_string())
}

#[tokio::test]
async fn answers_are_those_of_datafusions_operators() {
    for window in WINDOWS {
        let (without, expected) = answer(window, Settings { without: Some("over_rows"), ..Settings::default() }).await;
        assert!(!without.contains("OverExec"), "{without}");
        for (batch_size, partitions) in [(1, 1), (3, 2), (8192, 1)] {
            let (plan, answer) = answer(window, Settings { batch_size, partitions, ..Settings::default() }).await;
            assert!(plan.contains("OverExec"), "{window}: {plan}");
            assert_eq!(answer, expected, "{window}, batches of {batch_size}");
        }
    }
}

#[tokio::test]
async fn windows_of_other_kinds_stay() {
    for window in [
        "sum(n) OVER (ORDER BY i)",
        "sum(n) OVER (ORDER BY n ROWS UNBOUNDED PRECEDING)",
        "sum(n) FILTER (WHERE n > 0) OVER (PARTITION BY k)",
        "lag(n) IGNORE NULLS OVER (ORDER BY i)",
        "rank() OVER (ORDER BY i)",
        "row_number() OVER ()",
        "sum(n) OVER (ORDER BY i ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
        "first_value(n) OVER (PARTITION BY k ORDER BY i)",
    ] {
        let (plan, _) = answer(window, Settings::default()).await;
        assert!(!plan.contains("OverExec"), "{window}: {plan}");
    }
}

#[tokio::test]
async fn rows_stay_where_they_are_without_a_sort() {
    let (plan, _) = answer("sum(n) OVER (PARTITION BY k ORDER BY i ROWS UNBOUNDED PRECEDING)", Settings::default()).await;
    assert!(!plan.contains("SortExec"), "{plan}");
}

#[tokio::test]
async fn rows_that_wait_go_to_the_disk_where_memory_is_short() {
    let windows = "sum(n) OVER (PARTITION BY k) AS a, count(x) OVER (PARTITION BY k) AS b, sum(x) OVER () AS c";
    let query = format!("SELECT count(*), sum(a), sum(b), sum(i), max(s) FROM (SELECT *, {windows} FROM t)");
    let run = async |memory_bytes: Option<usize>| {
        let t = Testing::with(Settings { memory_bytes, partitions: 1, ..Settings::default() });
        t.table("t", &rows(300_000), 1);
        let plan = t.query(&query).await;
        let text = t.analyze(plan.clone()).await;
        let spilled = text.lines().any(|line| line.contains("OverExec") && !line.contains("spill_count=0"));
        let answer = pretty_format_batches(&[t.collect(plan).await.unwrap()]).unwrap().to_string();
        assert_eq!(t.context.runtime_env().memory_pool.reserved(), 0);
        assert_eq!(t.context.runtime_env().disk_manager.spilling_progress().active_files_count, 0);
        (spilled, answer)
    };
    let (ample, short) = (run(None).await, run(Some(4 << 20)).await);
    assert!(!ample.0 && short.0);
    assert_eq!(ample.1, short.1);
}

#[tokio::test]
async fn groups_that_do_not_fit_are_worked_on_part_by_part() {
    for window in ["sum(n) OVER (PARTITION BY i)", "min(s) OVER (PARTITION BY g)", "lag(n) OVER (PARTITION BY g ORDER BY i)"] {
        let run = async |memory_bytes: Option<usize>| {
            let t = Testing::with(Settings { memory_bytes, partitions: 1, ..Settings::default() });
            let table = MemTable::try_new(in_batches().0, vec![in_batches().1]).unwrap();
            t.context.register_table("t", Arc::new(table.with_sort_order(vec![vec![col("i").sort(true, false)]; 1]))).unwrap();
            let plan = t.query(&format!("SELECT i, {window} AS w, s FROM (SELECT *, i % 70000 AS g FROM t)")).await;
            let text = t.analyze(plan.clone()).await;
            let spilled = text.lines().any(|line| line.contains("OverExec") && !line.contains("spill_count=0"));
            let answer = t.collect(plan).await.unwrap();
            assert_eq!(t.context.runtime_env().memory_pool.reserved(), 0);
            assert_eq!(t.context.runtime_env().disk_manager.spilling_progress().active_files_count, 0);
            (spilled, answer)
        };
        let (ample, short) = (run(None).await, run(Some(6 << 20)).await);
        assert!(!ample.0 && short.0, "{window}");
        assert!(ample.1 == short.1, "{window}");
    }
}

fn in_batches() -> (arrow::datatypes::SchemaRef, Vec<RecordBatch>) {
    let whole = RecordBatch::try_from_iter(rows(150_000)).unwrap();
    let batches = (0..whole.num_rows()).step_by(8192).map(|start| whole.slice(start, 8192.min(whole.num_rows() - start)));
    (whole.schema(), batches.collect())
}

#[tokio::test]
async fn states_of_rows_that_went_on_and_do_not_fit_are_an_error_that_says_so() {
    let t = Testing::with(Settings { memory_bytes: Some(1 << 20), partitions: 1, ..Settings::default() });
    let table = MemTable::try_new(in_batches().0, vec![in_batches().1]).unwrap();
    t.context.register_table("t", Arc::new(table.with_sort_order(vec![vec![col("i").sort(true, false)]; 1]))).unwrap();
    let window = "sum(n) OVER (PARTITION BY i ORDER BY i ROWS UNBOUNDED PRECEDING)";
    let plan = t.query(&format!("SELECT max(w) FROM (SELECT {window} AS w FROM t)")).await;
    let error = t.collect(plan).await.unwrap_err().to_string();
    assert!(error.contains("window: what it keeps of groups and rows needs"), "{error}");
}
