//! The scan of files that are read from their beginning to their end: CSV, NDJSON, Arrow.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, PhysicalExpr, apply_expression_roots};
use futures::stream::BoxStream;
use object_store::{ObjectMeta, ObjectStore};

use super::table::SourceName;

/// DataFusion tells sources their batch size before they open a file.
const DEFAULT_BATCH_ROWS: usize = 8192;

/// Batches of one file.
pub(super) type Batches = BoxStream<'static, Result<RecordBatch>>;

/// How a format reads a file.
#[async_trait]
pub(super) trait ReadFile: fmt::Debug + Send + Sync + 'static {
    /// The format's name in EXPLAIN.
    fn file_type(&self) -> &'static str;

    /// What EXPLAIN says of the options, beginning with a comma.
    fn explain(&self) -> String;

    /// The file's rows, with exactly the columns of `wanted.output`. Errors name the file.
    async fn read(&self, file: FileToRead, wanted: Wanted) -> Result<Batches>;
}

/// A file of a scan.
#[derive(Debug, Clone)]
pub(super) struct FileToRead {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) meta: ObjectMeta,
    /// As its user names it.
    pub(super) name: String,
}

/// What a scan wants of a file.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// All columns that the table has from files.
    pub(super) table: SchemaRef,
    /// Those that are read.
    pub(super) output: SchemaRef,
    pub(super) batch_rows: usize,
}

/// The scan: which columns are read and how.
#[derive(Debug, Clone)]
pub(super) struct StreamSource {
    reader: Arc<dyn ReadFile>,
    schema: TableSchema,
    projection: SplitProjection,
    batch_rows: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl StreamSource {
    /// The scan of all columns.
    pub(super) fn new(reader: Arc<dyn ReadFile>, schema: TableSchema) -> Self {
        let projection = SplitProjection::unprojected(&schema);
        StreamSource { reader, schema, projection, batch_rows: DEFAULT_BATCH_ROWS, metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl FileSource for StreamSource {
    fn create_file_opener(&self, store: Arc<dyn ObjectStore>, _: &FileScanConfig, _: usize) -> Result<Arc<dyn FileOpener>> {
        let table = self.schema.file_schema();
        let output = Arc::new(table.project(&self.projection.file_indices)?);
        let wanted = Wanted { table: table.clone(), output, batch_rows: self.batch_rows };
        let opener = StreamOpener { reader: self.reader.clone(), store, wanted };
        ProjectionOpener::try_new(self.projection.clone(), Arc::new(opener), table)
    }

    fn table_schema(&self) -> &TableSchema {
        &self.schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(StreamSource { batch_rows: batch_size, ..self.clone() })
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.schema.file_schema(), &merged);
        Ok(Some(Arc::new(StreamSource { projection, ..self.clone() })))
    }

    /// A record's beginning cannot be told in the middle of a file: a line end may be inside quotes.
    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        self.reader.file_type()
    }

    fn fmt_extra(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.reader.explain())
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.projection.source.iter(), visit)
    }
}

/// Opens files of one scan.
struct StreamOpener {
    reader: Arc<dyn ReadFile>,
    store: Arc<dyn ObjectStore>,
    wanted: Wanted,
}

impl FileOpener for StreamOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let (reader, wanted) = (self.reader.clone(), self.wanted.clone());
        let name = SourceName::of(&file).to_string();
        let file = FileToRead { store: self.store.clone(), meta: file.object_meta, name };
        Ok(Box::pin(async move { reader.read(file, wanted).await }))
    }
}
