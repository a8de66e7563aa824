//! What a run costs: a table of the plan's operators with rows, time, memory and copies.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, RecordBatch, StringBuilder, UInt32Builder, UInt64Builder};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning, collect_partitioned, displayable};
use gradframe_plan::error::from_datafusion;

use super::DataFrame;
use crate::Result;
use crate::panics::guard;

/// The rows of a frame, and what each operator took to make them.
#[derive(Debug, Clone)]
pub struct Profile {
    /// The frame's rows, as [`DataFrame::collect`] gives them.
    pub rows: Vec<RecordBatch>,
    /// One row an operator, from the result down to the scans: `operator` (indented by its depth), `detail`, `rows` (given),
    /// `time_ms` (of all threads together, without waiting), `memory_bytes` (at most, where it is known), `spills`,
    /// `spilled_bytes`, `copied_bytes` (rows that had to be written anew, 0 where memory is shared) and `copied_why`.
    pub operators: RecordBatch,
}

impl DataFrame {
    /// Runs the frame and says what each operator of its plan took.
    /// Errors: as [`DataFrame::collect`].
    pub async fn profile(&self) -> Result<Profile> {
        let execution = self.execution();
        let context = Arc::new(execution.task_ctx());
        let profiled = guard("profile", async {
            let plan = execution.create_physical_plan().await.map_err(from_datafusion)?;
            let rows = run(Arc::clone(&plan), context).await?;
            let mut table = Table::default();
            table.push_all(plan.as_ref(), 0);
            Ok(Profile { rows, operators: table.finish()? })
        });
        self.or_lost_row(profiled).await
    }
}

async fn run(plan: Arc<dyn ExecutionPlan>, context: Arc<TaskContext>) -> Result<Vec<RecordBatch>> {
    let partitions = collect_partitioned(plan, context).await.map_err(from_datafusion)?;
    Ok(partitions.into_iter().flatten().collect())
}

/// The table under construction.
#[derive(Default)]
struct Table {
    operator: StringBuilder,
    detail: StringBuilder,
    rows: UInt64Builder,
    time_ms: Float64Builder,
    memory_bytes: UInt64Builder,
    spills: UInt32Builder,
    spilled_bytes: UInt64Builder,
    copied_bytes: UInt64Builder,
    copied_why: StringBuilder,
}

impl Table {
    fn push_all(&mut self, plan: &dyn ExecutionPlan, depth: usize) {
        self.push(plan, depth);
        for child in plan.children() {
            self.push_all(child.as_ref(), depth + 1);
        }
    }

    fn push(&mut self, plan: &dyn ExecutionPlan, depth: usize) {
        let metrics = plan.metrics().unwrap_or_default();
        let described = displayable(plan).one_line().to_string();
        let detail = described.trim().split_once(": ").map_or("", |(_, detail)| detail);
        self.operator.append_value(format!("{}{}", "  ".repeat(depth), plan.name()));
        self.detail.append_value(detail);
        self.rows.append_option(metrics.output_rows().map(|rows| rows as u64));
        self.time_ms.append_option(metrics.elapsed_compute().map(|nanoseconds| nanoseconds as f64 / 1e6));
        self.memory_bytes.append_option(memory_bytes(&metrics));
        self.spills.append_value(metrics.spill_count().unwrap_or(0) as u32);
        self.spilled_bytes.append_value(metrics.spilled_bytes().unwrap_or(0) as u64);
        let (bytes, why) = copied(plan, &metrics);
        self.copied_bytes.append_option(bytes);
        self.copied_why.append_option(why);
    }

    fn finish(mut self) -> Result<RecordBatch> {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("operator", Arc::new(self.operator.finish())),
            ("detail", Arc::new(self.detail.finish())),
            ("rows", Arc::new(self.rows.finish())),
            ("time_ms", Arc::new(self.time_ms.finish())),
            ("memory_bytes", Arc::new(self.memory_bytes.finish())),
            ("spills", Arc::new(self.spills.finish())),
            ("spilled_bytes", Arc::new(self.spilled_bytes.finish())),
            ("copied_bytes", Arc::new(self.copied_bytes.finish())),
            ("copied_why", Arc::new(self.copied_why.finish())),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .map_err(|error| from_datafusion(error.into()))
    }
}

/// What operators call their memory, in DataFusion and here.
const MEMORY: [&str; 4] = ["peak_mem_used", "build_mem_used", "mem_used", "peak_memory"];

fn memory_bytes(metrics: &MetricsSet) -> Option<u64> {
    MEMORY.iter().filter_map(|name| metrics.sum_by_name(name)).map(|value| value.as_usize() as u64).max()
}

/// Bytes that the operator wrote anew though they were there already, and why; none where it hands on what it got, or
/// computes what was not there.
fn copied(plan: &dyn ExecutionPlan, metrics: &MetricsSet) -> (Option<u64>, Option<String>) {
    let named = |name: &str| metrics.sum_by_name(name).map(|value| value.as_usize() as u64);
    if let Some(noted) = plan.downcast_ref::<super::in_memory::ImportedExec>() {
        return (Some(noted.copied_bytes()), Some(noted.why()));
    }
    if let Some(bytes) = named("bytes_copied") {
        return (Some(bytes), (bytes > 0).then(|| "small batches are put together, texts change their layout".to_owned()));
    }
    match why(plan) {
        Some(why) => {
            let bytes = metrics.sum(|metric| matches!(metric.value(), MetricValue::OutputBytes(_)));
            (bytes.map(|bytes| bytes.as_usize() as u64), Some(why.to_owned()))
        }
        None => (Some(0), None),
    }
}

fn why(plan: &dyn ExecutionPlan) -> Option<&'static str> {
    let moves_rows = plan.downcast_ref::<RepartitionExec>().is_none_or(|r| matches!(r.partitioning(), Partitioning::Hash(..)));
    let in_memory = |source: &DataSourceExec| source.data_source().downcast_ref::<MemorySourceConfig>().is_some();
    Some(match plan.name() {
        "DataSourceExec" if plan.downcast_ref::<DataSourceExec>().is_some_and(in_memory) => return None,
        "DataSourceExec" => "files are decoded",
        "FilterExec" | "UniqueExec" => "the rows that pass are gathered",
        "SortExec" | "SortExec(TopK)" | "NumericSortExec" | "SortPreservingMergeExec" | "PartialSortExec" => {
            "rows are put in order"
        }
        "RepartitionExec" if moves_rows => "rows are dealt to threads by their keys",
        "CoalesceBatchesExec" => "small batches are put together",
        "HashJoinExec" | "SortMergeJoinExec" | "NestedLoopJoinExec" | "CrossJoinExec" | "PiecewiseMergeJoinExec" => {
            "rows of both sides are put side by side"
        }
        "WindowAggExec" | "BoundedWindowAggExec" | "OverExec" => "rows of a window are put together",
        "UnnestExec" => "a row is repeated for each item of its list",
        _ => return None,
    })
}
