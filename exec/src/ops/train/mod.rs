//! TrainExec: reads its input once, fits a model to it, and streams the log while it does.
//!
//! In order: [`dataset`] says which files are read; [`cache`] reads the partitions into a [`sorter`], which gives [`rows`] their place and writes sorted runs to
//! the [`disk`] when memory is short; [`split`] says which rows are kept for evaluation; [`order`] cuts the rows, from
//! memory or from a [`merge`] of the runs, into fixed chunks; [`statistics`] folds the columns; [`encode`] makes [`chunks`],
//! again in memory or on the disk; [`fit`] answers the estimator's requests with [`fold`] and [`sweep`], [`watch`]
//! tells of it, [`resume`] says whether a checkpoint may be gone on from; [`evaluation`] looks at the rows kept; [`run`] keeps
//! the run's record and commits the model; [`batch_rows`] gives the rows of one step again. Everything after the reading is on a blocking thread with a pool of its own.

pub mod batch_rows;
mod cache;
mod chunks;
mod dataset;
mod disk;
mod encode;
mod evaluation;
mod fit;
mod fold;
mod merge;
mod metrics;
mod model;
mod order;
mod reproducible;
mod resume;
mod rows;
mod run;
mod sorter;
mod split;
mod statistics;
mod sweep;
mod task;
mod transform;
mod watch;
mod work;

pub use dataset::{files as dataset_files, schema_text};

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, apply_expression_roots};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::{RecordBatchReceiverStreamBuilder, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, stream};
use gradframe_plan::error::{from_datafusion, to_datafusion};
use gradframe_plan::ops::train::{ColumnPlaces, Split, TrainJob, TrainNode, log_schema};

use self::metrics::TrainMetrics;
use self::reproducible::exact_aggregates;
pub(crate) use self::reproducible::is_reproducible;
use self::task::TrainTask;
use self::transform::Transform;

/// The operator's name in errors.
const OP: &str = "train";

/// Rows of a chunk: the unit in which statistics and gradients are added up, whatever the number of threads.
pub const CHUNK_ROWS: usize = 65_536;

/// Runs a plan that trains (`gradframe_plan::ops::train::train`) to its end and returns the log.
///
/// A reader of the log that stops early, as under a LIMIT, would cancel the training: statements that train are run
/// with this, and the log is handed out afterwards.
/// Errors: those of the training, after which no model is left behind.
pub async fn run_to_end(plan: &LogicalPlan, session: &dyn Session) -> gradframe_ml_core::Result<Vec<RecordBatch>> {
    let physical = session.create_physical_plan(plan).await.map_err(from_datafusion)?;
    datafusion::physical_plan::collect(physical, session.task_ctx()).await.map_err(from_datafusion)
}

/// What Train reads of a row: expressions over its input.
#[derive(Debug, Clone)]
pub(crate) struct Inputs {
    /// The features, the label, then the weight and the split column if any.
    columns: Vec<Arc<dyn PhysicalExpr>>,
    /// The names of `columns`.
    names: Vec<String>,
    /// The label's position in `columns`: the number of features.
    label: usize,
    /// The position of what each row weighs.
    weight: Option<usize>,
    /// The position of what the split goes by.
    split: Option<usize>,
    /// The keys of the rows' order; empty is the order by row hash.
    keys: Vec<(Arc<dyn PhysicalExpr>, SortOptions)>,
}

impl Inputs {
    /// What is read of each row, by name.
    fn schema(&self, input: &Arc<dyn ExecutionPlan>) -> gradframe_ml_core::Result<SchemaRef> {
        let from = input.schema();
        let field = |(name, column): (&String, &Arc<dyn PhysicalExpr>)| {
            Ok(Field::new(name, column.data_type(&from)?, column.nullable(&from)?))
        };
        let fields = self.names.iter().zip(&self.columns).map(field).collect::<Result<Vec<_>>>().map_err(from_datafusion)?;
        Ok(Arc::new(Schema::new(fields)))
    }
}

/// Train: one row of log an epoch.
#[derive(Debug, Clone)]
pub struct TrainExec {
    input: Arc<dyn ExecutionPlan>,
    job: Arc<TrainJob>,
    inputs: Arc<Inputs>,
    /// What is done to the columns first, if anything.
    transform: Option<Transform>,
    /// False if its rows are of something that is another each time and does not show in `input`.
    repeats: bool,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl TrainExec {
    /// The operator of a logical node, its columns and the keys of its order planned over `input`; `fit` gives what a
    /// TRANSFORM is fitted by.
    pub fn try_new(
        node: &TrainNode,
        columns: Vec<Arc<dyn PhysicalExpr>>,
        keys: Vec<(Arc<dyn PhysicalExpr>, SortOptions)>,
        input: Arc<dyn ExecutionPlan>,
        fit: Option<Arc<dyn ExecutionPlan>>,
    ) -> Result<Self> {
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(log_schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        let ColumnPlaces { label, weight, split } = node.places();
        let inputs = Arc::new(Inputs { columns, names: node.names().to_vec(), label, weight, split, keys });
        let (job, metrics) = (Arc::clone(node.job()), ExecutionPlanMetricsSet::new());
        let transform = fit.and_then(|plan| Transform::new(node, plan));
        Ok(TrainExec { input, job, inputs, transform, repeats: !node.asks_clock(), properties, metrics })
    }

    /// The same training over other children.
    fn over(&self, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Self {
        let transform = self.transform.clone().map(|transform| match children.pop() {
            Some(plan) => transform.with_plan(plan),
            None => transform,
        });
        let input = children.swap_remove(0);
        TrainExec { input, transform, metrics: ExecutionPlanMetricsSet::new(), ..self.clone() }
    }

    /// False if it is known to be of something that is another each time.
    pub(crate) fn repeats(&self) -> bool {
        self.repeats
    }

    /// The same training, said not to repeat.
    pub(crate) fn unrepeatable(&self) -> Self {
        TrainExec { repeats: false, metrics: ExecutionPlanMetricsSet::new(), ..self.clone() }
    }

    fn features(&self) -> &[String] {
        &self.inputs.names[..self.inputs.label]
    }

    fn replay(&self, log: Vec<RecordBatch>, baseline: BaselineMetrics) -> SendableRecordBatchStream {
        let batches = stream::iter(log.into_iter().map(move |batch| Ok(batch.record_output(&baseline))));
        Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches))
    }

    /// Starts the training; dropping the stream stops it.
    fn train(&self, context: Arc<TaskContext>, baseline: BaselineMetrics) -> Result<SendableRecordBatchStream> {
        let metrics = TrainMetrics::new(&self.metrics, &baseline);
        let repeats = self.repeats && is_reproducible(&self.input);
        let task = TrainTask::start(Arc::clone(&self.job), Arc::clone(&self.inputs), repeats, &context, metrics);
        let task = task.map_err(to_datafusion)?;
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema(), 1);
        let (input, log) = (Arc::clone(&self.input), builder.tx());
        let transform = self.transform.clone();
        builder.spawn(async move { task.run(transform, input, context, log).await });
        let batches = builder.build().map(move |batch| batch.record_output(&baseline));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

impl DisplayAs for TrainExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let (model, model_type, label) = (self.job.title(), self.job.estimator.model_type(), &self.job.label);
        if let DisplayFormatType::TreeRender = format {
            return writeln!(f, "model={model}\nmodel_type={model_type}\nlabel={label}");
        }
        let features = self.features().join(", ");
        write!(f, "TrainExec: model={model}, model_type={model_type}, label={label}, features=[{features}]")?;
        for (part, at) in [("weight", self.inputs.weight), ("split_by", self.inputs.split)] {
            if let Some(at) = at {
                write!(f, ", {part}={}", self.inputs.names[at])?;
            }
        }
        if self.job.split != Split::None {
            write!(f, ", split={}", self.job.split.method())?;
        }
        if !self.inputs.keys.is_empty() {
            let keys: Vec<String> = self.inputs.keys.iter().map(|(expr, options)| format!("{expr} {options}")).collect();
            write!(f, ", order_by=[{}]", keys.join(", "))?;
        }
        let exact = exact_aggregates(&self.input);
        if !exact.is_empty() {
            write!(f, ", exact=[{}]", exact.join(", "))?;
        }
        Ok(())
    }
}

impl ExecutionPlan for TrainExec {
    fn name(&self) -> &str {
        "TrainExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        std::iter::once(&self.input).chain(self.transform.as_ref().map(Transform::plan)).collect()
    }

    // Rows are put in an order of their own after reading; dealing them out first would be for nothing.
    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.children().len()]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.inputs.columns.iter().chain(self.inputs.keys.iter().map(|(expr, _)| expr)), f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.over(children)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        match self.job.begin().map_err(to_datafusion)? {
            Some(log) => Ok(self.replay(log, baseline)),
            None => self.train(context, baseline),
        }
    }
}
