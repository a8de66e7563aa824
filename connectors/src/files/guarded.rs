//! A scan whose errors name the file, and whose reader may panic on a corrupt file without taking anyone with it.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::filter_pushdown::FilterPushdownPropagation;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan, PhysicalExpr, SortOrderPushdownResult};
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner, Morselizer};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use gradframe_plan::functions::{null_keys_in_rows, one_nan_in_rows};
use object_store::ObjectStore;

use super::error::{bad_file, external, panicked};
use super::quiet::{quiet_future, quiet_stream, quietly};
use super::raw_floats;
use super::table::SourceName;

/// The plan of a scan, with its files guarded. Plans of another shape stay as they are.
pub(super) fn guard(function: &'static str, plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    let scan = plan.downcast_ref::<DataSourceExec>().and_then(|exec| exec.data_source().downcast_ref::<FileScanConfig>());
    let Some(scan) = scan else { return plan };
    let inner = scan.file_source().clone();
    let source = Arc::new(GuardedSource { function, inner });
    DataSourceExec::from_data_source(FileScanConfigBuilder::from(scan.clone()).with_source(source).build())
}

/// Another source, guarded.
struct GuardedSource {
    function: &'static str,
    inner: Arc<dyn FileSource>,
}

impl GuardedSource {
    fn wrap(&self, inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(GuardedSource { function: self.function, inner })
    }
}

impl FileSource for GuardedSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        self.inner.create_file_opener(store, config, partition)
    }

    fn create_morselizer(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        let inner = self.inner.create_morselizer(store, config, partition)?;
        Ok(Box::new(GuardedMorselizer { function: self.function, inner }))
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        self.wrap(self.inner.with_batch_size(batch_size))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.inner.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn fmt_extra(&self, format: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        self.inner.fmt_extra(format, f)
    }

    fn supports_repartitioning(&self) -> bool {
        self.inner.supports_repartitioning()
    }

    fn repartitioned(
        &self,
        target_partitions: usize,
        file_min_size: usize,
        output_ordering: Option<LexOrdering>,
        config: &FileScanConfig,
    ) -> Result<Option<FileScanConfig>> {
        self.inner.repartitioned(target_partitions, file_min_size, output_ordering, config)
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let pushed = self.inner.try_pushdown_filters(filters, config)?;
        Ok(FilterPushdownPropagation { filters: pushed.filters, updated_node: pushed.updated_node.map(|inner| self.wrap(inner)) })
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        Ok(self.inner.try_pushdown_sort(order, properties)?.map(|inner| self.wrap(inner)))
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.inner.reorder_files(files)
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let file = self.table_schema().table_schema();
        let scanned = self.projection().map(|columns| columns.project_schema(file)).transpose()?;
        if raw_floats::are_computed_with(projection, scanned.as_ref().unwrap_or(file))? {
            return Ok(None);
        }
        Ok(self.inner.try_pushdown_projection(projection)?.map(|inner| self.wrap(inner)))
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(visit)
    }
}

/// Which file is read, for errors.
#[derive(Debug, Clone)]
struct Reading {
    function: &'static str,
    file: Arc<str>,
}

impl Reading {
    fn failed(&self, error: DataFusionError) -> DataFusionError {
        external(bad_file(self.function, &self.file, error))
    }

    fn panicked(&self) -> DataFusionError {
        external(panicked(self.function, &self.file))
    }

    /// What the call gives, or its error or panic as an error about the file.
    fn guard<T>(&self, call: impl FnOnce() -> Result<T>) -> Result<T> {
        let caught: Result<_, Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(|| quietly(call)));
        caught.map_err(|_| self.panicked())?.map_err(|error| self.failed(error))
    }
}

#[derive(Debug)]
struct GuardedMorselizer {
    function: &'static str,
    inner: Box<dyn Morselizer>,
}

impl Morselizer for GuardedMorselizer {
    fn plan_file(&self, file: PartitionedFile) -> Result<Box<dyn MorselPlanner>> {
        let reading = Reading { function: self.function, file: SourceName::of(&file).into() };
        let inner = reading.guard(|| self.inner.plan_file(file))?;
        Ok(Box::new(GuardedPlanner { reading, inner }))
    }
}

#[derive(Debug)]
struct GuardedPlanner {
    reading: Reading,
    inner: Box<dyn MorselPlanner>,
}

impl MorselPlanner for GuardedPlanner {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        let GuardedPlanner { reading, inner } = *self;
        Ok(reading.guard(|| inner.plan())?.map(|plan| guard_plan(plan, &reading)))
    }
}

fn guard_plan(mut plan: MorselPlan, reading: &Reading) -> MorselPlan {
    let morsels = plan.take_morsels().into_iter();
    let planners = plan.take_ready_planners().into_iter();
    let planner = |inner| Box::new(GuardedPlanner { reading: reading.clone(), inner }) as Box<dyn MorselPlanner>;
    let morsels = morsels.map(|inner| Box::new(GuardedMorsel { reading: reading.clone(), inner }) as Box<dyn Morsel>);
    let mut guarded = MorselPlan::new().with_morsels(morsels.collect()).with_planners(planners.map(planner).collect());
    if let Some(pending) = plan.take_pending_planner() {
        let reading = reading.clone();
        guarded.set_pending_planner(async move {
            let planned = AssertUnwindSafe(quiet_future(pending.boxed())).catch_unwind().await;
            let inner = planned.map_err(|_| reading.panicked())?.map_err(|error| reading.failed(error))?;
            Ok(Box::new(GuardedPlanner { reading, inner }) as Box<dyn MorselPlanner>)
        });
    }
    guarded
}

#[derive(Debug)]
struct GuardedMorsel {
    reading: Reading,
    inner: Box<dyn Morsel>,
}

impl Morsel for GuardedMorsel {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, Result<RecordBatch>> {
        let GuardedMorsel { reading, inner } = *self;
        let batches = AssertUnwindSafe(quiet_stream(inner.into_stream())).catch_unwind();
        let guarded = batches.map(move |batch| batch.map_err(|_| reading.panicked())?.map_err(|error| reading.failed(error)));
        guarded.map(|batch| batch.map(one_nan_in_rows).map(null_keys_in_rows)).boxed()
    }
}
