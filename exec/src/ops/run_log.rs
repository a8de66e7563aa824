//! The run log's tables: `gradframe.runs`, `params`, `metrics`, `models`.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt, stream};
use gradframe_ml_core::Error;
use gradframe_plan::Services;
use gradframe_plan::error::to_datafusion;
use gradframe_plan::ops::run_log::{LogFilter, LogQuery, LogTable};
use gradframe_plan::services::{LogPages, RunLog};

/// A log table of the catalog. Its rows are read when the plan runs.
#[derive(Debug, Clone, Copy)]
pub struct LogTableProvider {
    table: LogTable,
}

impl LogTableProvider {
    /// The provider of a log table.
    pub fn new(table: LogTable) -> Self {
        LogTableProvider { table }
    }
}

#[async_trait]
impl TableProvider for LogTableProvider {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match LogFilter::from_expr(filter) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filters = filters.iter().filter_map(LogFilter::from_expr).collect();
        let query = LogQuery { filters, projection: projection.cloned(), limit };
        Ok(Arc::new(RunLogExec::try_new(self.table, query)?))
    }
}

/// Reads a log table from the session's store.
#[derive(Debug, Clone)]
pub struct RunLogExec {
    table: LogTable,
    query: LogQuery,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl RunLogExec {
    /// The scan that answers `query`.
    pub fn try_new(table: LogTable, query: LogQuery) -> Result<Self> {
        let schema = match &query.projection {
            Some(columns) => Arc::new(table.schema().project(columns)?),
            None => table.schema(),
        };
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        Ok(RunLogExec { table, query, properties, metrics: ExecutionPlanMetricsSet::new() })
    }
}

impl DisplayAs for RunLogExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let columns: Vec<String> = self.schema().fields().iter().map(|field| field.name().clone()).collect();
        let filters: Vec<String> = self.query.filters.iter().map(LogFilter::to_string).collect();
        let (table, columns, filters) = (self.table.name(), columns.join(", "), filters.join(" AND "));
        if let DisplayFormatType::TreeRender = format {
            return writeln!(f, "table={table}\nfilters={filters}");
        }
        write!(f, "RunLogExec: table={table}, columns=[{columns}]")?;
        if !filters.is_empty() {
            write!(f, ", filters=[{filters}]")?;
        }
        if let Some(limit) = self.query.limit {
            write!(f, ", limit={limit}")?;
        }
        Ok(())
    }
}

impl ExecutionPlan for RunLogExec {
    fn name(&self) -> &str {
        "RunLogExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let runs = Arc::clone(&Services::of_task(&context).map_err(to_datafusion)?.runs);
        let (table, query) = (self.table, self.query.clone());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let pages = stream::try_unfold(Reading::Before(runs), move |reading| next_page(reading, table, query.clone()));
        let batches = pages.map_ok(|batches| stream::iter(batches.into_iter().map(Ok::<RecordBatch, DataFusionError>)));
        let batches = batches.try_flatten().map(move |batch| batch.record_output(&metrics));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }
}

/// A scan before and after its first page.
enum Reading {
    Before(Arc<dyn RunLog>),
    Within(Box<dyn LogPages>),
}

/// Reads on a thread that may block, no further than is asked for.
async fn next_page(reading: Reading, table: LogTable, query: LogQuery) -> Result<Option<(Vec<RecordBatch>, Reading)>> {
    let read = tokio::task::spawn_blocking(move || {
        let mut pages = match reading {
            Reading::Before(runs) => runs.pages(table, &query)?,
            Reading::Within(pages) => pages,
        };
        Ok(pages.next()?.map(|batches| (batches, Reading::Within(pages))))
    });
    read.await.map_err(|error| Error::internal("run log", error.to_string())).flatten().map_err(to_datafusion)
}
