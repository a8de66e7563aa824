//! DeviceAggregateExec: the first half of an aggregate over a cached table, computed where its columns lie.
//!
//! Filters, expressions, groups and aggregates are one pass over the columns ([`lowered`]); what comes back is a number for each
//! group and fold, as the states that the second half joins. The plan that the CPU would run is the operator's input: it is run
//! where the device has no memory for the folds.

mod expr;
mod keys;
mod lowered;
mod states;
mod values;

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr, PlanProperties,
    ReplaceChildrenOptions, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt, stream};
use gradframe_ml_core::Error;
use gradframe_plan::error::{copy, to_datafusion};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use self::lowered::Lowered;
pub(crate) use self::lowered::scan_below;
use crate::device::{DeviceCounts, LoadedFolds};

/// States of groups: the device's all in the first partition, the CPU's in each.
#[derive(Debug)]
pub(crate) struct DeviceAggregateExec {
    /// What the CPU would run.
    cpu: Arc<dyn ExecutionPlan>,
    /// What the folds are, in words: keys and aggregates.
    shown: String,
    folds: Arc<Folds>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// Folds, loaded and run when a first partition is asked for. The table does not change, so neither does what they come to.
#[derive(Debug)]
struct Folds {
    lowered: Lowered,
    is_strict: bool,
    loaded: Mutex<Option<Arc<dyn LoadedFolds>>>,
    outcome: OnceCell<Outcome>,
}

/// What a run came to, for all partitions.
#[derive(Debug)]
enum Outcome {
    States(RecordBatch),
    OnCpu,
}

impl DeviceAggregateExec {
    /// In place of this aggregate, over a table that lies on a device. In strict mode the CPU does not compute what the device has no
    /// memory for. Errors: `NotImplemented` naming what has no form there.
    pub fn try_new(aggregate: AggregateExec, is_strict: bool) -> gradframe_ml_core::Result<Self> {
        let lowered = Lowered::of(&aggregate)?;
        if let Some(device) = lowered.table.placement.device() {
            device.takes_folds(&lowered.grouped)?;
        }
        let names = |names: Vec<&str>| names.join(", ");
        let keys = names(aggregate.group_expr().expr().iter().map(|(_, name)| name.as_str()).collect());
        let functions = names(aggregate.aggr_expr().iter().map(|function| function.name()).collect());
        let shown = format!("gby=[{keys}], aggr=[{functions}], groups={}", lowered.grouped.groups());
        let cpu: Arc<dyn ExecutionPlan> = Arc::new(aggregate);
        let properties = Arc::new(properties(&cpu));
        let folds = Arc::new(Folds { lowered, is_strict, loaded: Mutex::new(None), outcome: OnceCell::new() });
        Ok(DeviceAggregateExec { cpu, shown, folds, properties, metrics: ExecutionPlanMetricsSet::new() })
    }
}

fn properties(cpu: &Arc<dyn ExecutionPlan>) -> PlanProperties {
    let partitioning = Partitioning::UnknownPartitioning(cpu.output_partitioning().partition_count());
    PlanProperties::new(EquivalenceProperties::new(cpu.schema()), partitioning, EmissionType::Final, Boundedness::Bounded)
}

impl DisplayAs for DeviceAggregateExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let placement = &self.folds.lowered.table.placement;
        match format {
            DisplayFormatType::TreeRender => writeln!(f, "device={}\n{}", placement.shown(format), self.shown),
            _ => write!(f, "DeviceAggregateExec: device={}, mode=Partial, {}", placement.shown(format), self.shown),
        }
    }
}

impl ExecutionPlan for DeviceAggregateExec {
    fn name(&self) -> &str {
        "DeviceAggregateExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.cpu]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
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
        let cpu = children.swap_remove(0);
        let (folds, properties) = (Arc::clone(&self.folds), Arc::new(properties(&cpu)));
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(Arc::new(DeviceAggregateExec { cpu, shown: self.shown.clone(), folds, properties, metrics }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        use datafusion::physical_plan::ChildrenPropertiesMode::Recompute;
        self.replace_children(children, ReplaceChildrenOptions::new(Recompute))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    /// Whichever partition is polled first asks the device, and the others wait for what it says: whether the CPU has to compute is
    /// known only then, and then each partition computes its own.
    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let (folds, cpu) = (Arc::clone(&self.folds), Arc::clone(&self.cpu));
        let (metrics, counts) = (BaselineMetrics::new(&self.metrics, partition), DeviceCounts::new(&self.metrics, partition));
        let states = async move {
            let outcome = folds.outcome.get_or_try_init(async || {
                let _timer = metrics.elapsed_compute().timer();
                folds.run(&cpu.schema(), &counts).map_err(to_datafusion)
            });
            let batches: SendableRecordBatchStream = match outcome.await? {
                Outcome::States(batch) => {
                    let own = (partition == 0).then(|| Ok(batch.clone()));
                    Box::pin(RecordBatchStreamAdapter::new(cpu.schema(), stream::iter(own)))
                }
                Outcome::OnCpu => cpu.execute(partition, context)?,
            };
            Ok::<_, DataFusionError>(batches.map(move |batch| batch.record_output(&metrics)))
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream::once(states).try_flatten())))
    }
}

impl Folds {
    fn run(&self, schema: &SchemaRef, counts: &DeviceCounts) -> gradframe_ml_core::Result<Outcome> {
        let lowered = &self.lowered;
        match self.folded(counts) {
            Ok(folded) => {
                let columns = lowered.columns(&folded, schema)?;
                let rows = columns.first().map_or(1, |column| column.len());
                let options = RecordBatchOptions::new().with_row_count(Some(rows));
                let batch = RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options);
                let internal = |error| Error::internal("device aggregate", "states of other types").because(error);
                Ok(Outcome::States(batch.map_err(internal)?))
            }
            Err(Error::Resources(_) | Error::NotImplemented(_)) if !self.is_strict => {
                counts.add_rows_on_cpu(lowered.table.rows);
                Ok(Outcome::OnCpu)
            }
            Err(error) => Err(error),
        }
    }

    fn folded(&self, counts: &DeviceCounts) -> gradframe_ml_core::Result<Vec<gradframe_ml_kernels::grouped::Folded>> {
        let (lowered, loaded) = (&self.lowered, self.loaded()?);
        let mut all = lowered.grouped.nothing();
        for piece in 0..lowered.pieces() {
            let (folded, measured) = counts.timed(|| loaded.run(&lowered.arguments(piece)?))?;
            counts.add(&measured);
            lowered.grouped.join(&mut all, &folded);
        }
        Ok(all)
    }

    fn loaded(&self) -> gradframe_ml_core::Result<Arc<dyn LoadedFolds>> {
        let mut loaded = self.loaded.lock();
        if let Some(loaded) = &*loaded {
            return Ok(Arc::clone(loaded));
        }
        let none = Error::internal("device aggregate", "a table on no device");
        let device = self.lowered.table.placement.device().ok_or_else(|| copy(&none))?;
        let folds: Arc<dyn LoadedFolds> = device.load_folds(&self.lowered.grouped)?.into();
        *loaded = Some(Arc::clone(&folds));
        Ok(folds)
    }
}
