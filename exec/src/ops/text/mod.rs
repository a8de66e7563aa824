//! TextExec: streams its input through, with what a pretrained model makes of each row's text appended.

mod answer;
mod counts;
mod inputs;
mod known;
mod shared;
mod slices;
mod worker;

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use datafusion::common::Statistics;
use datafusion::common::config::ConfigOptions;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::{CardinalityEffect, apply_expression_roots};
use datafusion::physical_plan::filter_pushdown::{ChildFilterDescription, FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
    StatisticsArgs,
};
use futures::StreamExt;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::ops::text::TextNode;

use self::counts::Counts;
use self::known::Known;
use self::worker::Worker;
use super::appended;

/// Embed, Generate, Classify or Answer: one row out for each row in, in order.
#[derive(Debug, Clone)]
pub struct TextExec {
    input: Arc<dyn ExecutionPlan>,
    worker: Arc<Worker>,
    /// One, or two of pairs.
    texts: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl TextExec {
    /// The operator of a logical node, its texts planned over `input`.
    pub fn try_new(node: &TextNode, texts: Vec<Arc<dyn PhysicalExpr>>, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Self::assemble(Arc::new(Worker::new(node)), texts, input)
    }

    fn assemble(worker: Arc<Worker>, texts: Vec<Arc<dyn PhysicalExpr>>, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let fields = worker.outputs().iter().map(|output| output.field());
        let properties = Arc::new(appended::properties(&input, appended::schema(&input.schema(), fields))?);
        Ok(TextExec { input, worker, texts, properties, metrics: ExecutionPlanMetricsSet::new() })
    }
}

impl DisplayAs for TextExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let outputs: Vec<&str> = self.worker.outputs().iter().map(|output| &*output.name).collect();
        let texts: Vec<String> = self.texts.iter().map(ToString::to_string).collect();
        let (title, outputs, text) = (self.worker.title(), outputs.join(", "), texts.join(", "));
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "model={title}\noutputs={outputs}"),
            _ => {
                let how = self.worker.how();
                write!(f, "{}: model={title}, text={text}, outputs=[{outputs}], {how}", self.name())
            }
        }
    }
}

impl ExecutionPlan for TextExec {
    fn name(&self) -> &str {
        self.worker.operator()
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false] // the model's own threads are all of them
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(&self.texts, f)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::assemble(Arc::clone(&self.worker), self.texts.clone(), children.swap_remove(0))?))
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let passed: HashSet<usize> = (0..self.input.schema().fields().len()).collect();
        let child = ChildFilterDescription::from_child_with_allowed_indices(&filters, passed, &self.input)?;
        Ok(FilterDescription::new().with_child(child))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::new(appended::statistics(&inputs[0], self.worker.outputs().len())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let known = self.worker.known(&context);
        let work = Work {
            exec: self.clone(),
            counts: Counts::new(&self.metrics, partition, self.worker.task(), self.worker.flop_per_token()),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            known,
            stop: Arc::default(),
        };
        let work = Arc::new(work);
        let stop = StopOnDrop(Arc::clone(&work.stop));
        let slices = slices::of(self.input.execute(partition, context)?, self.worker.task());
        let batches = slices.then(move |slice| {
            let (work, _stop) = (Arc::clone(&work), &stop);
            async move { work.run(slice?).await }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

/// What each slice of a partition needs.
struct Work {
    exec: TextExec,
    counts: Counts,
    metrics: BaselineMetrics,
    known: Arc<Known>,
    stop: Arc<AtomicBool>,
}

/// Tells work that is under way that nobody waits for it any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Work {
    /// On a thread that may block: a slice takes seconds.
    async fn run(self: Arc<Self>, slice: RecordBatch) -> Result<RecordBatch> {
        let done = SpawnedTask::spawn_blocking(move || self.append(&slice));
        done.join_unwind().await.map_err(|e| DataFusionError::ExecutionJoin(Box::new(e)))?
    }

    fn append(&self, slice: &RecordBatch) -> Result<RecordBatch> {
        let _timer = self.metrics.elapsed_compute().timer();
        let evaluate = |text: &Arc<dyn PhysicalExpr>| text.evaluate(slice)?.into_array(slice.num_rows());
        let texts = self.exec.texts.iter().map(evaluate).collect::<Result<Vec<_>>>()?;
        let columns = self.exec.worker.columns(&texts, &self.known, &self.counts, &self.stop).map_err(to_datafusion)?;
        Ok(appended::batch(&self.exec.schema(), slice, columns)?.record_output(&self.metrics))
    }
}
