//! Large batches in memory: cut where functions are computed, whole otherwise.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};

use crate::testing::{Settings, Testing};

async fn planned(query: &str, rows: i64) -> (String, Vec<usize>) {
    let t = Testing::with(Settings { batch_size: 100, partitions: 1, ..Settings::default() });
    let texts: ArrayRef = Arc::new((0..rows).map(|i| Some(format!("t{i}"))).collect::<StringArray>());
    t.table("t", &[("s", texts), ("n", Arc::new(Int64Array::from_iter_values(0..rows)))], 1);
    let plan = t.query(query).await;
    let batches = t.context.execute_logical_plan(plan.clone()).await.unwrap().collect().await.unwrap();
    (t.physical(&plan).await, batches.iter().map(|batch| batch.num_rows()).collect())
}

#[tokio::test]
async fn functions_see_pieces_of_a_large_batch() {
    let (plan, batches) = planned("SELECT upper(s) AS u FROM t", 4000).await;
    assert!(plan.contains("CutExec"), "{plan}");
    assert_eq!((batches.iter().sum::<usize>(), batches.iter().max()), (4000, Some(&100)));
    let (plan, _) = planned("SELECT n FROM t WHERE upper(s) = 'T7'", 4000).await;
    assert!(plan.contains("CutExec"), "{plan}");
}

#[tokio::test]
async fn columns_arithmetic_and_small_batches_stay_whole() {
    for (query, rows) in [("SELECT s, n FROM t", 4000), ("SELECT n + 1 AS m FROM t", 4000), ("SELECT upper(s) AS u FROM t", 400)]
    {
        let (plan, _) = planned(query, rows).await;
        assert!(!plan.contains("CutExec"), "{query}: {plan}");
    }
}
