//! Rows on their way to other threads, by way of the disk.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array};

use crate::testing::{Settings, Testing};

const GROUPED: &str = "SELECT k, count(DISTINCT v) AS n, sum(x) AS s FROM t GROUP BY k";

fn table(rows: i64) -> [(&'static str, ArrayRef); 3] {
    [
        ("k", Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row * 7919 % (rows / 2))))),
        ("v", Arc::new(Int64Array::from_iter_values((0..rows).map(|row| row * 31 % 1009)))),
        ("x", Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64)))),
    ]
}

/// DataFusion's own reader waited for more of one spilled file while what it was promised was in another (decision 238).
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_inputs_that_spill_at_the_same_time_come_to_an_end() {
    for attempt in 0..10 {
        let t = Testing::with(Settings { memory_bytes: Some(12 << 20), partitions: 4, batch_size: 1024, ..Settings::default() });
        t.table("t", &table(400_000), 200);
        let plan = t.query(GROUPED).await;
        let grouped = tokio::time::timeout(Duration::from_secs(60), t.collect(plan)).await;
        let rows = grouped.unwrap_or_else(|_| panic!("attempt {attempt} stands still")).unwrap();
        assert_eq!(rows.num_rows(), 200_000);
    }
}
