//! A table of files in one format.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::project_schema;
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion_datasource::compute_all_files_statistics;
use futures::{StreamExt, TryStreamExt};
use gradframe_plan::services::SourceCall;
use object_store::ObjectStore;

use super::changed::Opened;
use super::error::{bad_file, external};
use super::guarded::guard;
use super::hive::PathColumns;
use super::partitions;
use super::selection::{Found, FoundFile, Selection};

/// A file's name as its user knows it, carried along for errors.
#[derive(Debug, Clone)]
pub(super) struct SourceName(String);

impl SourceName {
    /// The name that a file of a scan carries, else its place in the store.
    pub(super) fn of(file: &PartitionedFile) -> &str {
        file.extension::<SourceName>().map_or(file.object_meta.location.as_ref(), |name| &name.0)
    }
}

/// Files of one format as a table: the columns in the files, then those in the paths.
#[derive(Debug)]
pub(super) struct FileTable {
    selection: Selection,
    format: Arc<dyn FileFormat>,
    path_columns: PathColumns,
    schema: TableSchema,
    /// False if values are read as of another type, which may sort otherwise.
    keeps_order: bool,
    /// What asked for it, if that can be written down.
    call: Option<SourceCall>,
    /// The files as they were, where a change can be told.
    opened: Option<Opened>,
}

/// The paths that a table of files was asked for, as they were written; None of another table.
pub fn paths_of(table: &dyn TableProvider) -> Option<&[String]> {
    table.downcast_ref::<FileTable>().map(|table| table.selection.paths.as_slice())
}

/// The call of a reading function that gives this table; None of another table.
pub fn call_of(table: &dyn TableProvider) -> Option<&SourceCall> {
    table.downcast_ref::<FileTable>()?.call.as_ref()
}

impl FileTable {
    /// The table of a selection. A column in the paths takes the place of one of the same name in the files.
    pub(super) fn new(
        selection: Selection,
        format: Arc<dyn FileFormat>,
        file_schema: &Schema,
        path_columns: PathColumns,
        keeps_order: bool,
    ) -> Self {
        let in_path = |name: &str| path_columns.fields().iter().any(|field| field.name() == name);
        let in_files: Vec<_> = file_schema.fields().iter().filter(|field| !in_path(field.name())).cloned().collect();
        let schema = TableSchema::builder(Arc::new(Schema::new(in_files)))
            .with_table_partition_cols(path_columns.fields().to_vec())
            .build();
        FileTable { selection, format, path_columns, schema, keeps_order, call: None, opened: None }
    }

    /// The same table, which remembers the call that asked for it.
    pub(super) fn called_by(self, call: SourceCall) -> Self {
        FileTable { call: Some(call), ..self }
    }

    /// The same table, which looks into files that are others than these when it is read.
    pub(super) fn opened_as(self, opened: Option<Opened>) -> Self {
        FileTable { opened, ..self }
    }

    /// Errors: `Execution` for a file that does not have the columns that are read as they were.
    async fn check_files(&self, session: &dyn Session, found: &Found, projection: Option<&Vec<usize>>) -> Result<()> {
        let Some(opened) = &self.opened else { return Ok(()) };
        let read = |at: usize| projection.is_none_or(|projection| projection.contains(&at));
        let columns = self.schema.file_schema().fields().iter().enumerate();
        let columns: Vec<_> = columns.filter(|(at, _)| read(*at)).map(|(_, column)| column.as_ref()).collect();
        opened.check(session, found, &columns).await.map_err(external)
    }

    /// The files that may hold rows that pass the filters, with their statistics.
    async fn files(&self, session: &dyn Session, found: &Found, filters: &[Expr]) -> Result<Vec<PartitionedFile>> {
        let files = found.files.iter().map(|file| self.partitioned(file)).collect::<Result<_>>()?;
        let files = partitions::prune(session, self.path_columns.fields(), files, filters)?;
        if !session.config().collect_statistics() {
            return Ok(files);
        }
        let store = session.runtime_env().object_store(&found.store)?;
        let at_once = session.config_options().execution.meta_fetch_concurrency.get();
        let with_statistics = files.into_iter().map(|file| self.with_statistics(session, &store, file));
        futures::stream::iter(with_statistics).buffered(at_once).try_collect().await
    }

    fn partitioned(&self, file: &FoundFile) -> Result<PartitionedFile> {
        let values = self.path_columns.values(file).map_err(external)?;
        let named = PartitionedFile::from(file.meta.clone()).with_extension(SourceName(file.name.clone()));
        Ok(named.with_partition_values(values))
    }

    async fn with_statistics(
        &self,
        session: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        file: PartitionedFile,
    ) -> Result<PartitionedFile> {
        let (format, schema) = (&self.format, self.schema.file_schema().clone());
        let inferred = format.infer_stats_and_ordering(session, store, schema, &file.object_meta).await;
        let inferred = inferred.map_err(|e| external(bad_file(self.selection.function, SourceName::of(&file), e)))?;
        let ordering = inferred.ordering.filter(|_| self.keeps_order);
        Ok(partitions::with_statistics(file, inferred.statistics).with_ordering(ordering))
    }
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        self.schema.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let pushdown = |filter: &&Expr| match partitions::is_exact(self.path_columns.fields(), filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(pushdown).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let found = self.selection.find(session).await.map_err(external)?;
        self.check_files(session, &found, projection).await?;
        let files = self.files(session, &found, filters).await?;
        if files.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(&self.schema(), projection)?)));
        }
        let groups = FileGroup::new(files).split_files(session.config().target_partitions());
        let collect_statistics = session.config().collect_statistics();
        let (groups, statistics) = compute_all_files_statistics(groups, self.schema(), collect_statistics, false)?;
        let config = FileScanConfigBuilder::new(found.store, self.format.file_source(self.schema.clone()))
            .with_statistics(statistics)
            .with_output_ordering(common_ordering(&groups).into_iter().collect())
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        let plan = self.format.create_physical_plan(session, config).await?;
        Ok(guard(self.selection.function, plan))
    }
}

/// The order that all files say their rows are in. Whether it holds over several files their statistics must tell.
fn common_ordering(groups: &[FileGroup]) -> Option<LexOrdering> {
    let mut orderings = groups.iter().flat_map(FileGroup::iter).map(|file| file.ordering.as_ref());
    let first = orderings.next()??;
    orderings.all(|ordering| ordering == Some(first)).then(|| first.clone())
}
