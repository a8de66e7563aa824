//! InOrderExec: the partitions of its input, one after another.
//!
//! What `CoalescePartitionsExec` gives as it comes, this gives in the order of the partitions: where those are consecutive
//! parts of a file, its rows are the file's rows in their order. All partitions work at once, as far as a few batches ahead
//! of the one that is read.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr,
    PlanProperties, ReplaceChildrenOptions, SendableRecordBatchStream, StatisticsArgs,
};
use futures::{Stream, StreamExt, stream};

/// Batches that a partition may be ahead of its reader.
const BATCHES_AHEAD: usize = 2;

/// See the module.
#[derive(Debug, Clone)]
pub struct InOrderExec {
    input: Arc<dyn ExecutionPlan>,
    /// Rows after which it ends.
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl InOrderExec {
    /// In the place of an operator that takes the partitions as they come.
    pub fn instead_of(coalesce: &CoalescePartitionsExec) -> Self {
        InOrderExec {
            input: Arc::clone(coalesce.input()),
            fetch: coalesce.fetch(),
            properties: Arc::clone(coalesce.properties()),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for InOrderExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        match (format, self.fetch) {
            (DisplayFormatType::TreeRender, Some(fetch)) => writeln!(f, "limit={fetch}"),
            (DisplayFormatType::TreeRender, None) => Ok(()),
            (_, Some(fetch)) => write!(f, "InOrderExec: fetch={fetch}"),
            (_, None) => write!(f, "InOrderExec"),
        }
    }
}

impl ExecutionPlan for InOrderExec {
    fn name(&self) -> &str {
        "InOrderExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    /// Of partitions that are sorted each by itself nothing is sorted, one after another: a sort must not get below.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![self.input.output_partitioning().partition_count() <= 1]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        Ok(match options.children_properties {
            ChildrenPropertiesMode::Keep => {
                Arc::new(InOrderExec { input, metrics: ExecutionPlanMetricsSet::new(), ..Self::clone(&self) })
            }
            ChildrenPropertiesMode::Recompute => {
                Arc::new(Self::instead_of(&CoalescePartitionsExec::new(input).with_fetch(self.fetch)))
            }
        })
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn child_stats_requests(&self, _partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(None)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::new(inputs[0].as_ref().clone().with_fetch(self.fetch, 0, 1)?))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let partitions = self.input.output_partitioning().partition_count();
        let started = (0..partitions).map(|partition| self.started(partition, &context)).collect::<Result<Vec<_>>>()?;
        let metrics = BaselineMetrics::new(&self.metrics, 0);
        let rows = up_to(stream::iter(started).flatten(), self.fetch);
        let rows = rows.map(move |batch| batch.map(|batch| batch.record_output(&metrics)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

impl InOrderExec {
    /// A partition at work on a task of its own, which ends when its stream is dropped.
    fn started(&self, partition: usize, context: &Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut batches = self.input.execute(partition, Arc::clone(context))?;
        let mut builder = RecordBatchReceiverStream::builder(self.schema(), BATCHES_AHEAD);
        let sender = builder.tx();
        builder.spawn(async move {
            while let Some(batch) = batches.next().await {
                // Nobody waits for more.
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        Ok(builder.build())
    }
}

/// The first `fetch` rows; what runs behind them is dropped with the last.
fn up_to(
    batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
    fetch: Option<usize>,
) -> impl Stream<Item = Result<RecordBatch>> + Send {
    let mut left = fetch.unwrap_or(usize::MAX);
    let mut batches = Some(Box::pin(batches));
    stream::poll_fn(move |context| {
        let Some(running) = batches.as_mut() else { return std::task::Poll::Ready(None) };
        running.poll_next_unpin(context).map(|next| {
            let next = next.map(|batch| batch.map(|batch| batch.slice(0, left.min(batch.num_rows()))));
            left -= next.as_ref().and_then(|batch| batch.as_ref().ok()).map_or(0, RecordBatch::num_rows);
            if left == 0 || next.is_none() {
                batches = None;
            }
            next
        })
    })
}
