//! What a limit takes, whatever stands above it.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;

use crate::testing::{Settings, Testing};

/// 9 to 0.
fn table() -> [(&'static str, ArrayRef); 2] {
    [
        ("a", Arc::new(Int64Array::from_iter_values((0..10).rev()))),
        ("k", Arc::new(Int64Array::from_iter_values((0..10).map(|row| row % 2)))),
    ]
}

/// Queries with the first columns of their results. Rows below a limit come in the table's order: there is one partition.
const QUERIES: [(&str, &[i64]); 13] = [
    ("SELECT a FROM (SELECT a FROM t WHERE a <> 8 LIMIT 3) x ORDER BY a", &[6, 7, 9]),
    ("SELECT a FROM (SELECT a FROM t WHERE a <> 8 LIMIT 3 OFFSET 2) x ORDER BY a", &[4, 5, 6]),
    ("SELECT a FROM (SELECT a FROM t LIMIT 4 OFFSET 3) x ORDER BY a", &[3, 4, 5, 6]),
    ("SELECT a FROM (SELECT a FROM t OFFSET 7) x ORDER BY a", &[0, 1, 2]),
    ("SELECT a FROM (SELECT a FROM t WHERE a <> 8 LIMIT 6) x ORDER BY a LIMIT 2", &[3, 4]),
    ("SELECT a FROM (SELECT a FROM t WHERE a <> 8 LIMIT 6 OFFSET 1) x ORDER BY a DESC LIMIT 2 OFFSET 1", &[6, 5]),
    ("SELECT a FROM (SELECT a, k FROM t ORDER BY k, a LIMIT 3) x ORDER BY a DESC", &[5, 3, 1]),
    ("SELECT a FROM (SELECT a, k FROM t ORDER BY k, a LIMIT 3 OFFSET 1) x ORDER BY a DESC", &[7, 5, 3]),
    (
        "SELECT CAST(row_number() OVER (ORDER BY a) AS BIGINT) + a * 10 FROM (SELECT a FROM t WHERE a <> 8 LIMIT 3 OFFSET 1) x ORDER BY 1",
        &[51, 62, 73],
    ),
    ("SELECT first_value(a ORDER BY a) FROM (SELECT a FROM t WHERE a <> 8 LIMIT 3) x", &[6]),
    (
        "SELECT a FROM (SELECT a FROM (SELECT a FROM t WHERE a <> 8 LIMIT 6) x ORDER BY a LIMIT 4) y ORDER BY a DESC LIMIT 2",
        &[6, 5],
    ),
    (
        "SELECT a FROM (SELECT a FROM (SELECT a, k FROM t ORDER BY k DESC, a LIMIT 7) x ORDER BY k, a OFFSET 5) y ORDER BY a",
        &[6, 8],
    ),
    ("SELECT x.a FROM (SELECT a FROM t WHERE a <> 8 LIMIT 3) x JOIN t ON t.a = x.a ORDER BY x.a", &[6, 7, 9]),
];

fn numbers(rows: &RecordBatch) -> Vec<i64> {
    let column = arrow::compute::cast(rows.column(0), &arrow::datatypes::DataType::Int64).unwrap();
    column.as_primitive::<Int64Type>().values().to_vec()
}

#[tokio::test]
async fn a_limit_takes_its_rows_before_anything_above_it_sorts_or_filters() {
    let mut wrong = vec![];
    for partitions in [1, 2, 4] {
        for optimizer in [true, false] {
            let t = Testing::with(Settings { partitions, optimizer, ..Settings::default() });
            t.table("t", &table(), 1);
            for (query, expected) in QUERIES {
                let found = numbers(&t.collect(t.query(query).await).await.unwrap());
                if found != expected {
                    wrong.push(format!("{query}: {found:?} with {partitions} partitions, optimizer {optimizer}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn distinct_rows_are_found_before_the_first_of_them_are_taken() {
    let query = "WITH s(x) AS (SELECT * FROM (VALUES (0), (1), (2)) z ORDER BY 1 LIMIT 3),
        u AS (SELECT * FROM s UNION ALL SELECT * FROM s UNION ALL SELECT * FROM s) SELECT DISTINCT x FROM u ORDER BY x LIMIT 3";
    for partitions in [1, 2, 4] {
        let t = Testing::with(Settings { partitions, ..Settings::default() });
        assert_eq!(numbers(&t.collect(t.query(query).await).await.unwrap()), [0, 1, 2], "{partitions} partitions");
    }
}

#[tokio::test]
async fn a_sort_that_takes_its_first_rows_stays_one() {
    let t = Testing::with(Settings { partitions: 2, ..Settings::default() });
    t.table("t", &table(), 4);
    let text = t.physical(&t.query("SELECT a FROM t ORDER BY a LIMIT 3").await).await;
    assert!(text.contains("TopK(fetch=3)") && text.contains("SortPreservingMergeExec: [a@0 ASC NULLS LAST], fetch=3"), "{text}");
    assert!(!text.contains("LimitExec"), "{text}");
}
