//! NumericStageExec: streams its input through, with float expressions computed by one compiled program appended.
//!
//! DataFusion computes an expression an operation at a time, each over the whole batch into memory of its own. Here the
//! expressions of a projection, filter or aggregate are one program of the numeric core, which goes over a block that
//! stays in the first-level cache with all operations. The values have the same bits. The rule
//! [`crate::rules::NumericStages`] decides where that pays. On a device ([`crate::device`]) many batches are computed together;
//! they come out as they came in.

mod lowered;
mod stage;

use std::fmt;
use std::sync::Arc;

use datafusion::common::Statistics;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::execution_plan::CardinalityEffect;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::statistics::StatisticsContext;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ChildStats, ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr,
    PlanProperties, ReplaceChildrenOptions, SendableRecordBatchStream, StatisticsArgs,
};
use futures::StreamExt;
use gradframe_ml_kernels::{Scratch, Threads};
use gradframe_plan::error::to_datafusion;

pub(crate) use self::lowered::cost;
use self::stage::{Stage, column_name};
use super::appended;
use crate::device::{DeviceCounts, DeviceProgram, Placement, Work, gathered};
use crate::memory::Memory;

pub(crate) type Expr = Arc<dyn PhysicalExpr>;

/// One row out for each row in, in order.
#[derive(Debug, Clone)]
pub struct NumericStageExec {
    input: Arc<dyn ExecutionPlan>,
    stage: Arc<Stage>,
    placement: Placement,
    /// The program on the placement's device; None on the CPU.
    on_device: Option<Arc<DeviceProgram>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl NumericStageExec {
    /// Appends a column an expression, in their order; each must have a [`cost`]. The session's settings say on which device.
    /// Errors: `NoDevice` or `NotImplemented` if they demand one that is not there, or does not take it.
    pub fn try_new(exprs: Vec<Expr>, input: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Self> {
        let stage = Stage::try_new(exprs, input.schema())?;
        let placement = Placement::choose(config, &work(&stage, &input), || rows(&input)).map_err(to_datafusion)?;
        let on_device = DeviceProgram::of(&placement).map(Arc::new);
        let properties = Arc::new(appended::properties(&input, appended::schema(&input.schema(), stage.fields()))?);
        let (stage, metrics) = (Arc::new(stage), ExecutionPlanMetricsSet::new());
        Ok(NumericStageExec { input, stage, placement, on_device, properties, metrics })
    }

    /// The same on another device; None if it would have other bits there.
    pub(crate) fn placed_on(&self, placement: &Placement) -> Option<Self> {
        if self.stage.work().inexact.is_some() {
            return None;
        }
        let (placement, on_device) = (placement.clone(), DeviceProgram::of(placement).map(Arc::new));
        Some(NumericStageExec { placement, on_device, metrics: ExecutionPlanMetricsSet::new(), ..self.clone() })
    }

    /// The name of the computed column of this number.
    pub fn column_name(number: usize) -> String {
        column_name(number)
    }
}

/// What the choice of a device goes by.
fn work(stage: &Stage, input: &Arc<dyn ExecutionPlan>) -> Work {
    let threads = input.output_partitioning().partition_count();
    Work { threads, endless: input.boundedness().is_unbounded(), ..stage.work() }
}

/// How many rows come, or are estimated to.
fn rows(input: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    let statistics = StatisticsContext::new().compute(input.as_ref(), &StatisticsArgs::new()).ok()?;
    statistics.num_rows.get_value().copied()
}

impl DisplayAs for NumericStageExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let computed = self.stage.fields().zip(self.stage.exprs()).map(|(field, expr)| format!("{expr} as {}", field.name()));
        let computed = computed.collect::<Vec<_>>().join(", ");
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "device={}\n{computed}", self.placement.shown(format)),
            _ => write!(f, "NumericStageExec: device={}, expr=[{computed}]", self.placement.shown(format)),
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
        let input = children.swap_remove(0);
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(Arc::new(match options.children_properties {
            ChildrenPropertiesMode::Keep => NumericStageExec { input, metrics, ..Self::clone(&self) },
            ChildrenPropertiesMode::Recompute => {
                let fields = appended::schema(&input.schema(), self.stage.fields());
                let properties = Arc::new(appended::properties(&input, fields)?);
                NumericStageExec { input, properties, metrics, ..Self::clone(&self) }
            }
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
        let memory = Memory::new("numeric_stage", &context);
        let input = self.input.execute(partition, context)?;
        match &self.on_device {
            Some(program) => Ok(self.gathered(input, memory, Arc::clone(program), partition)),
            None => Ok(self.streamed(input, partition)),
        }
    }
}

impl NumericStageExec {
    /// On this thread: the plan's other partitions have theirs.
    fn streamed(&self, input: SendableRecordBatchStream, partition: usize) -> SendableRecordBatchStream {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let (stage, schema) = (Arc::clone(&self.stage), self.schema());
        let mut scratch = Scratch::new();
        let batches = input.map(move |batch| {
            let _timer = metrics.elapsed_compute().timer();
            let batch = batch?;
            let columns = stage.columns(std::slice::from_ref(&batch), |program, arguments, _rows| {
                program.run_with(arguments, &mut scratch, Threads::One)
            })?;
            appended::batch(&schema, &batch, columns).record_output(&metrics)
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches))
    }

    /// On the device.
    fn gathered(
        &self,
        input: SendableRecordBatchStream,
        memory: Memory,
        on_device: Arc<DeviceProgram>,
        partition: usize,
    ) -> SendableRecordBatchStream {
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let counts = DeviceCounts::new(&self.metrics, partition);
        let (stage, schema) = (Arc::clone(&self.stage), self.schema());
        let batches = gathered(input, memory, move |batches| {
            let _timer = metrics.elapsed_compute().timer();
            let columns = stage.columns(batches, |program, arguments, rows| on_device.run(program, arguments, rows, &counts))?;
            let batches = appended::batches(&schema, batches, &columns)?;
            Ok(batches.into_iter().map(|batch| batch.record_output(&metrics)).collect())
        });
        Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches))
    }
}
