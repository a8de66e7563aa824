//! NumericSortExec: DataFusion's SortExec where all keys are numbers.
//!
//! That one sorts batch by batch, comparing, and merges the batches row by row. Numbers are sorted by their digits instead,
//! all rows at once, in a time that only grows with the rows. Where memory has no room for all rows, SortExec does it after all.

mod keys;
mod order;
mod replay;
mod work;

use std::fmt;
use std::sync::Arc;

use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, SpillMetrics};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, PhysicalExpr, PlanProperties, ReplaceChildrenOptions,
    SendableRecordBatchStream, StatisticsArgs,
};

use self::work::Work;
use crate::memory::Memory;

/// The operator's name in errors.
const OP: &str = "sort";

/// Keys beyond these are compared: each is another pass over all rows.
const KEYS_MAX: usize = 4;

/// Batches that the operator may be ahead of its reader.
const BATCHES_AHEAD: usize = 2;

/// NumericSort: its input's rows in order; equal ones as they were.
#[derive(Debug)]
pub struct NumericSortExec {
    /// What it stands for.
    sort: SortExec,
    metrics: ExecutionPlanMetricsSet,
}

impl NumericSortExec {
    /// In the place of an operator whose keys are all numbers, and that gives all rows; None of any other.
    pub fn instead_of(sort: &SortExec) -> Option<Self> {
        let schema = sort.input().schema();
        let is_number = |expr: &Arc<dyn PhysicalExpr>| expr.data_type(&schema).is_ok_and(|of| keys::is_number(&of));
        let numbers = sort.expr().iter().all(|by| is_number(&by.expr));
        let fits = numbers && sort.expr().len() <= KEYS_MAX && sort.fetch().is_none();
        fits.then(|| NumericSortExec { sort: sort.clone(), metrics: ExecutionPlanMetricsSet::new() })
    }
}

impl DisplayAs for NumericSortExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        if !matches!(format, DisplayFormatType::TreeRender) {
            write!(f, "Numeric")?;
        }
        self.sort.fmt_as(format, f)
    }
}

impl ExecutionPlan for NumericSortExec {
    fn name(&self) -> &str {
        "NumericSortExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.sort.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.sort.children()
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![match self.sort.preserve_partitioning() {
            true => Distribution::UnspecifiedDistribution,
            false => Distribution::SinglePartition,
        }]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.sort.apply_expressions(visit)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let sort = SortExec::new(self.sort.expr().clone(), children.swap_remove(0));
        let sort = sort.with_preserve_partitioning(self.sort.preserve_partitioning());
        Ok(Arc::new(NumericSortExec { sort, metrics: ExecutionPlanMetricsSet::new() }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(datafusion::physical_plan::ChildrenPropertiesMode::Recompute);
        self.replace_children(children, options)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        self.sort.child_stats_requests(partition)
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        self.sort.statistics_from_inputs(inputs, args)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.sort.input().execute(partition, Arc::clone(&context))?;
        let mut reader = RecordBatchReceiverStream::builder(self.schema(), BATCHES_AHEAD);
        let work = Work {
            by: self.sort.expr().clone(),
            schema: self.schema(),
            memory: Memory::spillable(OP, &context),
            context,
            metrics: BaselineMetrics::new(&self.metrics, partition),
            spills: SpillMetrics::new(&self.metrics, partition),
            reader: reader.tx(),
        };
        reader.spawn(work.run(input));
        Ok(reader.build())
    }
}
