//! NumericStageExec: streams its input through, with float expressions computed by one compiled program appended.
//!
//! DataFusion computes an expression an operation at a time, each over the whole batch into memory of its own. Here the
//! expressions of a projection, filter or aggregate are one program of the numeric core, which goes over a block that
//! stays in the first-level cache with all operations. The values have the same bits. The rule
//! [`crate::rules::NumericStages`] decides where that pays.

mod lowered;
mod stage;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Statistics;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream, StatisticsArgs,
};
use futures::StreamExt;
use gradframe_ml_kernels::Scratch;

pub(crate) use self::lowered::cost;
use self::stage::{Stage, column_name};
use super::appended;

pub(crate) type Expr = Arc<dyn PhysicalExpr>;

/// One row out for each row in, in order.
#[derive(Debug, Clone)]
pub struct NumericStageExec {
    input: Arc<dyn ExecutionPlan>,
    stage: Arc<Stage>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl NumericStageExec {
    /// Appends a column an expression, in their order; each must have a [`cost`].
    pub fn try_new(exprs: Vec<Expr>, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        Self::assemble(Arc::new(Stage::try_new(exprs, input.schema())?), input)
    }

    /// The name of the computed column of this number.
    pub fn column_name(number: usize) -> String {
        column_name(number)
    }

    fn assemble(stage: Arc<Stage>, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let properties = Arc::new(appended::properties(&input, appended::schema(&input.schema(), stage.fields()))?);
        Ok(NumericStageExec { input, stage, properties, metrics: ExecutionPlanMetricsSet::new() })
    }
}

impl DisplayAs for NumericStageExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let computed = self.stage.fields().zip(self.stage.exprs()).map(|(field, expr)| format!("{expr} as {}", field.name()));
        let computed = computed.collect::<Vec<_>>().join(", ");
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "device=cpu\n{computed}"),
            _ => write!(f, "NumericStageExec: device=cpu, expr=[{computed}]"),
        }
    }
}

impl ExecutionPlan for NumericStageExec {
    fn name(&self) -> &str {
        "NumericStageExec"
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

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn apply_expressions(&self, f: &mut dyn FnMut(&Expr) -> Result<TreeNodeRecursion>) -> Result<TreeNodeRecursion> {
        let exprs: Vec<Expr> = self.stage.exprs().cloned().collect();
        datafusion::physical_plan::execution_plan::apply_expression_roots(&exprs, f)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (input, stage) = (children.swap_remove(0), Arc::clone(&self.stage));
        Ok(Arc::new(match options.children_properties {
            ChildrenPropertiesMode::Keep => {
                let properties = Arc::clone(&self.properties);
                NumericStageExec { input, stage, properties, metrics: ExecutionPlanMetricsSet::new() }
            }
            ChildrenPropertiesMode::Recompute => Self::assemble(stage, input)?,
        }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        Ok(Arc::new(appended::statistics(&inputs[0], self.stage.fields().len())))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (stage, schema) = (Arc::clone(&self.stage), self.schema());
        let mut scratch = Scratch::new();
        let batches = input.map(move |batch| {
            let _timer = metrics.elapsed_compute().timer();
            computed(&stage, &schema, &batch?, &mut scratch).record_output(&metrics)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

fn computed(stage: &Stage, schema: &SchemaRef, batch: &RecordBatch, scratch: &mut Scratch) -> Result<RecordBatch> {
    appended::batch(schema, batch, stage.columns(batch, scratch)?)
}
