//! RowOrderExec: streams its input through, with a number appended that grows from row to row and partition to partition.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::SortOptions;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::equivalence::ProjectionMapping;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{Distribution, LexOrdering, OrderingRequirements, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::filter_pushdown::{ChildFilterDescription, FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream, StatisticsArgs,
};
use futures::StreamExt;
use gradframe_plan::ops::row_order::{ROW_ORDER, RowOrderNode, row_order_field};

/// Bits for the number of a row in its partition; those above are the partition's.
const ROW_BITS: u32 = 44;

/// RowOrder: one row out for each row in, in order.
#[derive(Debug, Clone)]
pub struct RowOrderExec {
    input: Arc<dyn ExecutionPlan>,
    /// The order of a sort below, which is asked for so that it stays.
    sorted: Option<LexOrdering>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RowOrderExec {
    /// The operator of a logical node over its planned input.
    pub fn try_new(node: &RowOrderNode, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let sorted = input.output_ordering().cloned().filter(|_| node.sorted());
        Self::assemble(input, sorted)
    }

    fn assemble(input: Arc<dyn ExecutionPlan>, sorted: Option<LexOrdering>) -> Result<Self> {
        let properties = Arc::new(properties(&input)?);
        Ok(RowOrderExec { input, sorted, properties, metrics: ExecutionPlanMetricsSet::new() })
    }

    fn passed_columns(&self) -> HashSet<usize> {
        (0..self.input.schema().fields().len()).collect()
    }
}

fn properties(input: &Arc<dyn ExecutionPlan>) -> Result<PlanProperties> {
    let inner = input.schema();
    let passed: Vec<usize> = (0..inner.fields().len()).collect();
    let mapping = ProjectionMapping::from_indices(&passed, &inner)?;
    let mut equivalences = input.equivalence_properties().project(&mapping, output_schema(&inner));
    let number = Arc::new(Column::new(ROW_ORDER, passed.len())) as Arc<dyn PhysicalExpr>;
    equivalences.clear_orderings();
    equivalences.add_ordering([PhysicalSortExpr::new(number, SortOptions { descending: false, nulls_first: false })]);
    let partitioning = input.output_partitioning().project(&mapping, input.equivalence_properties());
    Ok(PlanProperties::new(equivalences, partitioning, input.pipeline_behavior(), input.boundedness()))
}

fn output_schema(inner: &Schema) -> SchemaRef {
    let fields: Vec<_> = inner.fields().iter().cloned().chain([row_order_field()]).collect();
    Arc::new(Schema::new_with_metadata(fields, inner.metadata().clone()))
}

impl DisplayAs for RowOrderExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "column={ROW_ORDER}"),
            _ => write!(f, "RowOrderExec: {ROW_ORDER}"),
        }
    }
}

impl ExecutionPlan for RowOrderExec {
    fn name(&self) -> &str {
        "RowOrderExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    // It does, but a sort above must not be put below: the numbers would be those of the sorted rows.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.sorted.clone().map(OrderingRequirements::from)]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![if self.sorted.is_some() { Distribution::SinglePartition } else { Distribution::UnspecifiedDistribution }]
    }

    // Batches dealt out in turn would lose the order that is to be kept.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
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
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::assemble(children.swap_remove(0), self.sorted.clone())?))
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::assemble(children.swap_remove(0), self.sorted.clone())?))
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let child = ChildFilterDescription::from_child_with_allowed_indices(&filters, self.passed_columns(), &self.input)?;
        Ok(FilterDescription::new().with_child(child))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let mut statistics = inputs[0].as_ref().clone();
        statistics.column_statistics.push(ColumnStatistics::new_unknown());
        statistics.total_byte_size = datafusion::common::stats::Precision::Absent;
        Ok(Arc::new(statistics))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let schema = self.schema();
        let mut next = (partition as u64) << ROW_BITS;
        let batches = input.map(move |batch| {
            let batch = batch?;
            let first = next;
            next += batch.num_rows() as u64;
            numbered(&schema, &batch, first).record_output(&metrics)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

fn numbered(schema: &SchemaRef, batch: &RecordBatch, first: u64) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(first..first + rows as u64));
    let columns = batch.columns().iter().cloned().chain([numbers]).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
