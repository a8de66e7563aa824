//! Memory that is short, on the device or the CPU, and what the CPU then does.

use std::sync::Arc;

use datafusion::catalog::MemTable;
use datafusion::physical_plan::{ExecutionPlan, collect};
use futures::TryStreamExt;
use gradframe_exec::device::{Device, Simulated};
use gradframe_exec::pinned::PinnedTable;

use super::queries::expected;
use super::{assert_same, cached, register, run, settings, simulated};
use crate::testing::{Settings, Testing};

#[tokio::test]
async fn counters_say_what_a_device_did() {
    let t = Testing::with(settings(2));
    register(&t, cached(&t, 10_000, &simulated(4_000), false).unwrap());
    let text = t.analyze(t.query("SELECT k, sum(n) FROM t GROUP BY k").await).await;
    let line = text.lines().find(|line| line.contains("DeviceAggregateExec")).unwrap();
    assert!(line.contains("device_runs=3") && line.contains("bytes_to_device=0"), "{line}");
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

/// Rows without end: they are refused while they come.
#[tokio::test]
async fn rows_are_counted_while_they_are_read() {
    let t = Testing::with(Settings { memory_bytes: Some(1 << 20), ..Settings::default() });
    let query = t.query("SELECT value FROM generate_series(1, 9000000000000000000)").await;
    let plan = t.context.state().create_physical_plan(&query).await.unwrap();
    let table = MemTable::try_new(plan.schema(), vec![vec![]]).unwrap();
    let options = t.context.copied_config();
    let error = PinnedTable::read("t", &table, plan, options.options(), &t.context.task_ctx()).await.unwrap_err();
    assert_eq!(error.kind(), "Resources");
    assert!(error.to_string().contains("table `t` needs"), "{error}");
    assert_eq!(t.context.task_ctx().memory_pool().reserved(), 0);
}

fn aggregate_of(plan: &Arc<dyn ExecutionPlan>) -> Option<Arc<dyn ExecutionPlan>> {
    if plan.name() == "DeviceAggregateExec" {
        return Some(Arc::clone(plan));
    }
    plan.children().into_iter().find_map(aggregate_of)
}

/// The device takes the columns and then has no form of the folds.
#[tokio::test]
async fn what_the_cpu_computes_after_all_it_computes_in_all_partitions_and_counts() {
    const QUERY: &str = "SELECT k, sum(n) FROM t GROUP BY k";
    let t = Testing::with(settings(2));
    let device: Arc<dyn Device> = Arc::new(Simulated { takes_nothing: true, ..Simulated::default() });
    register(&t, cached(&t, 10_000, &device, false).unwrap());
    let plan = t.context.state().create_physical_plan(&t.query(QUERY).await).await.unwrap();
    let aggregate = aggregate_of(&plan).unwrap();
    for partition in [1, 0] {
        let batches: Vec<_> = aggregate.execute(partition, t.context.task_ctx()).unwrap().try_collect().await.unwrap();
        assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 3, "partition {partition}");
    }
    let metrics = aggregate.metrics().unwrap();
    assert_eq!(metrics.output_rows(), Some(6));
    assert_eq!(metrics.sum_by_name("device_rows_on_cpu").map(|rows| rows.as_usize()), Some(10_000));
    // A plan that is run again gives the same.
    let ours = collect(plan, t.context.task_ctx()).await.unwrap();
    let ours = arrow::compute::concat_batches(&ours[0].schema(), &ours).unwrap();
    assert_same(&ours, &expected(QUERY, 10_000).await, QUERY);
    assert_same(&run(&t, t.query(QUERY).await).await.unwrap(), &expected(QUERY, 10_000).await, QUERY);
}
