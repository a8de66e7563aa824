//! UniqueExec: streams its input through, without the rows whose keys were seen before.

mod output;
mod seen;
mod work;

use std::fmt;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{Distribution, LexOrdering, OrderingRequirements, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{CardinalityEffect, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, SpillMetrics};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream, SpillManager, StatisticsArgs,
};
use gradframe_plan::ops::row_order::ROW_ORDER;
use gradframe_plan::ops::unique::UniqueNode;

use self::output::Output;
use self::work::Work;
use crate::memory::Memory;

/// The operator's name in errors.
const OP: &str = "unique";

/// Batches that the operator may be ahead of its reader.
const BATCHES_AHEAD: usize = 2;

/// Which rows meet in an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Those of a partition, whatever their keys: some equal ones stay.
    Partial,
    /// All of the same keys; any of them stays.
    Any,
    /// All, in order of their numbers; the first of the same keys stays.
    First,
}

/// Unique: of its input's rows with equal keys one.
#[derive(Debug, Clone)]
pub struct UniqueExec {
    mode: Mode,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    order: Option<LexOrdering>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl UniqueExec {
    /// The operators of a logical node over its planned input. Errors: `Plan` for a first row without an order of rows.
    pub fn planned(
        node: &UniqueNode,
        keys: Vec<Arc<dyn PhysicalExpr>>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let order = node.order()?.and_then(|index| {
            let number: Arc<dyn PhysicalExpr> = Arc::new(Column::new(ROW_ORDER, index));
            LexOrdering::new([PhysicalSortExpr::new(number, SortOptions { descending: false, nulls_first: false })])
        });
        if order.is_some() {
            return Ok(Arc::new(Self::assemble(Mode::First, keys, order, input)));
        }
        let thinned_out: Arc<dyn ExecutionPlan> = match input.output_partitioning().partition_count() {
            1 => input,
            _ => Arc::new(Self::assemble(Mode::Partial, keys.clone(), None, input)),
        };
        Ok(Arc::new(Self::assemble(Mode::Any, keys, None, thinned_out)))
    }

    fn assemble(mode: Mode, keys: Vec<Arc<dyn PhysicalExpr>>, order: Option<LexOrdering>, input: Arc<dyn ExecutionPlan>) -> Self {
        let mut equivalences = input.equivalence_properties().clone();
        equivalences.clear_orderings();
        equivalences.add_orderings(order.clone());
        let partitioning = input.output_partitioning().clone();
        let properties = PlanProperties::new(equivalences, partitioning, EmissionType::Incremental, input.boundedness());
        UniqueExec { mode, keys, order, input, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }

    fn key_schema(&self) -> Result<SchemaRef> {
        let inner = self.input.schema();
        let field = |(at, key): (usize, &Arc<dyn PhysicalExpr>)| {
            Ok(Field::new(format!("key_{at}"), key.data_type(&inner)?, key.nullable(&inner)?))
        };
        Ok(Arc::new(Schema::new(self.keys.iter().enumerate().map(field).collect::<Result<Vec<_>>>()?)))
    }

    fn work(&self, partition: usize, context: &TaskContext) -> Result<Work> {
        let spills = SpillMetrics::new(&self.metrics, partition);
        let key_schema = self.key_schema()?;
        let on_disk = |schema: &SchemaRef| {
            let manager = SpillManager::new(context.runtime_env(), spills.clone(), Arc::clone(schema));
            manager.with_compression_type(context.session_config().spill_compression())
        };
        Ok(Work {
            keys: self.keys.clone(),
            order: self.order.clone(),
            batch_rows: context.session_config().batch_size(),
            memory: Memory::spillable(OP, context),
            merging: MemoryConsumer::new(OP).register(context.memory_pool()),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            keys_on_disk: on_disk(&key_schema),
            rows_on_disk: on_disk(&self.schema()),
            key_schema,
        })
    }

    fn told(&self) -> String {
        let mode = match self.mode {
            Mode::Partial => "mode=partial, keep=any",
            Mode::Any => "keep=any",
            Mode::First => "keep=first",
        };
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        format!("{mode}, keys=[{}]", keys.join(", "))
    }
}

impl DisplayAs for UniqueExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "{}", self.told()),
            _ => write!(f, "UniqueExec: {}", self.told()),
        }
    }
}

impl ExecutionPlan for UniqueExec {
    fn name(&self) -> &str {
        "UniqueExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![self.order.is_some()]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.order.clone().map(OrderingRequirements::from)]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![match self.mode {
            Mode::Partial => Distribution::UnspecifiedDistribution,
            Mode::Any => Distribution::KeyPartitioned(self.keys.clone()),
            Mode::First => Distribution::SinglePartition,
        }]
    }

    // Batches dealt out in turn would lose the order by which the first is known.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![self.mode != Mode::First]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::LowerEqual
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for key in &self.keys {
            if visit(key)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::assemble(self.mode, self.keys.clone(), self.order.clone(), children.swap_remove(0))))
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::assemble(self.mode, self.keys.clone(), self.order.clone(), children.swap_remove(0))))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::new(inputs[0].as_ref().clone().to_inexact()))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, Arc::clone(&context))?;
        let work = self.work(partition, &context)?;
        let mut reader = RecordBatchReceiverStream::builder(self.schema(), BATCHES_AHEAD);
        let output = Output::new(&self.schema(), work.batch_rows, reader.tx(), work.metrics.clone());
        match self.mode {
            Mode::Partial => reader.spawn(work.thin_out(rows, output)),
            Mode::Any | Mode::First => reader.spawn(work.run(rows, output)),
        }
        Ok(reader.build())
    }
}
