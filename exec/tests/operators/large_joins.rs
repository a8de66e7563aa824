//! Joins whose build side is too large for memory: when they are merged, when not, and that the answer is the same.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::util::pretty::pretty_format_batches;

use crate::testing::{Settings, Testing};

/// 100 000 rows of 16 bytes a side.
async fn planned(query: &str, memory_bytes: usize) -> (String, String) {
    let t = Testing::with(Settings { memory_bytes: Some(memory_bytes), batch_size: 1024, ..Settings::default() });
    for (name, factor) in [("l", 7), ("r", 11)] {
        let key: ArrayRef = Arc::new(Int64Array::from_iter_values((0..100_000).map(|i| i * factor)));
        let value: ArrayRef = Arc::new(Int64Array::from_iter_values((0..100_000).map(|i| i % 13)));
        t.table(name, &[("k", key), (if name == "l" { "x" } else { "y" }, value)], 2);
    }
    let plan = t.query(query).await;
    let batch = t.collect(plan.clone()).await.unwrap();
    (t.physical(&plan).await, pretty_format_batches(&[batch]).unwrap().to_string())
}

const JOIN: &str = "SELECT x + y AS s, count(*) AS n FROM l JOIN r ON l.k = r.k GROUP BY 1 ORDER BY 1";

#[tokio::test]
async fn a_build_side_over_budget_is_sorted_and_merged() {
    let (hashed, expected) = planned(JOIN, 1 << 30).await;
    assert!(hashed.contains("HashJoinExec") && !hashed.contains("SortMergeJoin"), "{hashed}");
    let (merged, answer) = planned(JOIN, 8 << 20).await;
    assert!(merged.contains("SortMergeJoin") && !merged.contains("HashJoinExec"), "{merged}");
    assert_eq!(answer, expected);
}

#[tokio::test]
async fn a_join_that_can_only_be_hashed_stays() {
    let null_aware = "SELECT count(*) FROM l WHERE k NOT IN (SELECT nullif(y, 99) FROM r)";
    let (plan, _) = planned(null_aware, 8 << 20).await;
    assert!(plan.contains("HashJoinExec") && !plan.contains("SortMergeJoin"), "{plan}");
}

#[tokio::test]
async fn a_small_build_side_stays_however_large_the_other_is() {
    let small = "SELECT count(*) FROM l JOIN (SELECT k FROM r LIMIT 10) AS few ON l.k = few.k";
    let (plan, _) = planned(small, 8 << 20).await;
    assert!(plan.contains("HashJoinExec") && !plan.contains("SortMergeJoin"), "{plan}");
}
