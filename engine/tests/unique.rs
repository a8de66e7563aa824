//! One row of those with equal keys: whatever the memory, the threads and the batches.

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use gradframe::expr::col;
use gradframe::{DataFrame, Keep, Session};

use crate::support::run;

/// 60,000 rows: every key several times, in no order; nulls, both zeros and NaN among the keys.
const ROWS: &str =
    "SELECT i, (i * 7919) % 20011 AS k, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 0.0 WHEN 2 THEN -0.0 WHEN 3 THEN 'NaN'::DOUBLE
    ELSE 1.5 END AS x, repeat(CAST(i % 20011 AS VARCHAR), 20) AS s FROM (SELECT value AS i FROM generate_series(0, 59999))";

async fn frame(session: &Session) -> DataFrame {
    session.sql(ROWS).await.unwrap()
}

fn numbers(batches: &[RecordBatch]) -> Vec<i64> {
    batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

async fn kept(frame: &DataFrame, keys: &[&str], keep: Keep, maintain_order: bool) -> Vec<i64> {
    let unique = frame.unique_with(keys.iter().map(|key| col(*key)), keep, maintain_order).unwrap();
    numbers(&unique.collect().await.unwrap())
}

/// The first row of each key, found by looking at all before it.
async fn expected(frame: &DataFrame, keys: &[&str]) -> Vec<i64> {
    let mut seen = std::collections::HashSet::new();
    let mut first = vec![];
    let shown = frame.select(std::iter::once("i").chain(keys.iter().copied())).unwrap().collect().await.unwrap();
    for batch in shown {
        let columns: Vec<_> = (1..batch.num_columns()).map(|at| batch.column(at)).collect();
        let texts = |row| columns.iter().map(|column| text(column, row)).collect::<Vec<_>>();
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        first.extend((0..batch.num_rows()).filter(|row| seen.insert(texts(*row))).map(|row| numbers.value(row)));
    }
    first
}

fn text(column: &datafusion::arrow::array::ArrayRef, row: usize) -> String {
    let text = datafusion::arrow::util::display::array_value_to_string(column, row).unwrap();
    if text == "-0.0" { "0.0".into() } else { text }
}

async fn session(threads: usize, memory_limit_bytes: u64, batch_rows: usize) -> Session {
    let builder = Session::builder().in_memory().threads(threads).memory_limit_bytes(memory_limit_bytes);
    let session = builder.build().unwrap();
    run(&session, &format!("SET datafusion.execution.batch_size = {batch_rows}")).await;
    session
}

const KEYS: [&[&str]; 4] = [&["k"], &["x"], &["s"], &["k", "x", "s"]];

#[tokio::test]
async fn the_first_row_of_each_key_stays_in_its_place_whatever_the_batches() {
    for (threads, batch_rows) in [(1, 8192), (2, 8192), (2, 7)] {
        let session = session(threads, 1 << 30, batch_rows).await;
        let frame = frame(&session).await;
        for keys in KEYS {
            assert_eq!(
                kept(&frame, keys, Keep::First, true).await,
                expected(&frame, keys).await,
                "{keys:?}, {threads}, {batch_rows}"
            );
        }
    }
}

#[tokio::test]
async fn what_does_not_fit_in_memory_goes_by_way_of_the_disk() {
    let short = frame(&session(2, 3 << 20, 512).await).await;
    let ample = frame(&session(2, 1 << 30, 512).await).await;
    for keys in KEYS {
        let expected = kept(&ample, keys, Keep::First, true).await;
        assert_eq!(kept(&short, keys, Keep::First, true).await, expected, "{keys:?}");
        let mut first: Vec<i64> = kept(&short, keys, Keep::First, false).await;
        first.sort_unstable();
        assert_eq!(first, expected, "{keys:?}");
        assert_eq!(kept(&short, keys, Keep::Any, false).await.len(), expected.len(), "{keys:?}");
    }
    let plan = short.unique_with([col("s")], Keep::First, true).unwrap();
    let profile = plan.explain(true).await.unwrap();
    let line = profile.lines().find(|line| line.contains("UniqueExec")).unwrap_or_default();
    assert!(line.contains("spill_count=") && !line.contains("spill_count=0"), "{profile}");
}

#[tokio::test]
async fn the_last_row_and_rows_that_are_there_once_are_found_beyond_memory_too() {
    // Less than the rows take, and more than what two merges of sixteen files do.
    let short = frame(&session(2, 6 << 20, 512).await).await;
    let ample = frame(&session(1, 1 << 30, 8192).await).await;
    for keys in KEYS {
        let backwards = ample.reverse().unwrap();
        let mut last = expected(&backwards, keys).await;
        last.reverse();
        for frame in [&ample, &short] {
            assert_eq!(kept(frame, keys, Keep::Last, true).await, last, "{keys:?}");
            let mut any_order = kept(frame, keys, Keep::Last, false).await;
            any_order.sort_unstable();
            assert_eq!(any_order, last, "{keys:?}");
        }
        assert_eq!(kept(&short, keys, Keep::None, true).await, kept(&ample, keys, Keep::None, true).await, "{keys:?}");
    }
    let once = short.filter(col("i").gt(gradframe::expr::lit(30_000_i64))).unwrap();
    assert_eq!(kept(&once, &["k"], Keep::None, true).await.len(), 10_023);
}

#[tokio::test]
async fn rows_of_one_key_are_thinned_out_before_they_are_brought_together() {
    let session = session(2, 1 << 30, 8192).await;
    let memory = frame(&session).await.collect().await.unwrap();
    let frame = session.from_batches(memory[0].schema(), memory).unwrap();
    let unique = frame.unique(["k"]).unwrap();
    let plan = unique.explain(false).await.unwrap();
    assert!(plan.contains("UniqueExec: mode=partial, keep=any") && plan.contains("UniqueExec: keep=any"), "{plan}");
    let mut rows = numbers(&unique.select(["k"]).unwrap().collect().await.unwrap());
    rows.sort_unstable();
    assert_eq!(rows, (0..20_011).collect::<Vec<_>>());
}
