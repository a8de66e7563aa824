//! The scan of CSV files.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use bytes::Bytes;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::file_format::csv::CsvDecoder;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, PhysicalExpr, apply_expression_roots};
use datafusion_datasource::decoder::{DecoderDeserializer, deserialize_stream};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use gradframe_ml_core::Error;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};

use super::FUNCTION;
use super::convert::Conversion;
use super::diagnose;
use super::options::ReadOptions;
use crate::files::error::external;
use crate::files::table::SourceName;

/// DataFusion tells sources their batch size before they open a file.
const DEFAULT_BATCH_ROWS: usize = 8192;

/// The scan: which columns are read and how.
#[derive(Debug, Clone)]
pub(super) struct CsvSource {
    options: Arc<ReadOptions>,
    schema: TableSchema,
    projection: SplitProjection,
    batch_rows: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl CsvSource {
    /// The scan of all columns.
    pub(super) fn new(options: Arc<ReadOptions>, schema: TableSchema) -> Self {
        let projection = SplitProjection::unprojected(&schema);
        CsvSource { options, schema, projection, batch_rows: DEFAULT_BATCH_ROWS, metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl FileSource for CsvSource {
    fn create_file_opener(&self, store: Arc<dyn ObjectStore>, _: &FileScanConfig, _: usize) -> Result<Arc<dyn FileOpener>> {
        let file_schema = self.schema.file_schema();
        let output = Arc::new(file_schema.project(&self.projection.file_indices)?);
        let reader = CsvReader {
            options: self.options.clone(),
            conversion: Conversion::of(&self.options),
            file_schema: file_schema.clone(),
            columns: self.projection.file_indices.clone(),
            output,
            batch_rows: self.batch_rows,
        };
        ProjectionOpener::try_new(self.projection.clone(), Arc::new(CsvOpener { reader, store }), file_schema)
    }

    fn table_schema(&self) -> &TableSchema {
        &self.schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(CsvSource { batch_rows: batch_size, ..self.clone() })
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.schema.file_schema(), &merged);
        Ok(Some(Arc::new(CsvSource { projection, ..self.clone() })))
    }

    /// A record's beginning cannot be told in the middle of a file: a line end may be inside quotes.
    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        "csv"
    }

    fn fmt_extra(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, ", has_header={}", self.options.dialect.has_header())
    }

    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.projection.source.iter(), visit)
    }
}

/// Opens files of one scan.
struct CsvOpener {
    reader: CsvReader,
    store: Arc<dyn ObjectStore>,
}

impl FileOpener for CsvOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let (reader, store) = (self.reader.clone(), self.store.clone());
        Ok(Box::pin(async move {
            let name = SourceName::of(&file).to_string();
            let location = file.object_meta.location;
            let compression = reader.options.dialect.compression(location.as_ref());
            match store.get(&location).await?.payload {
                GetResultPayload::File(file, path) => reader.read_file(compression.convert_read(file)?, path, name),
                GetResultPayload::Stream(bytes) => {
                    let text = compression.convert_stream(bytes.map_err(DataFusionError::from).boxed())?;
                    Ok(reader.read_stream(text, name))
                }
            }
        }))
    }
}

/// Reads one file after another.
#[derive(Debug, Clone)]
struct CsvReader {
    options: Arc<ReadOptions>,
    conversion: Option<Conversion>,
    /// All columns of the files.
    file_schema: SchemaRef,
    /// Those that are read.
    columns: Vec<usize>,
    output: SchemaRef,
    batch_rows: usize,
}

impl CsvReader {
    fn builder(&self) -> arrow::csv::ReaderBuilder {
        let schema = match self.conversion {
            Some(_) => Conversion::texts(&self.file_schema),
            None => self.file_schema.clone(),
        };
        self.options.dialect.batches(schema).with_projection(self.columns.clone()).with_batch_size(self.batch_rows)
    }

    fn finish(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        match &self.conversion {
            Some(conversion) => conversion.apply(&batch, &self.output),
            None => Ok(batch),
        }
    }

    /// A file on disk, read by blocking calls: the page cache is as fast as anything.
    fn read_file(
        self,
        text: Box<dyn Read + Send>,
        path: PathBuf,
        name: String,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let unreadable = |e: std::io::Error| external(Error::external(FUNCTION, format!("cannot read `{name}`: {e}")).because(e));
        let text = self.options.dialect.after_skipped(text).map_err(unreadable)?;
        let batches = self.builder().build_buffered(text)?;
        let batches =
            batches.map(move |batch| batch.and_then(|batch| self.finish(batch)).map_err(|e| self.explain(&path, &name, e)));
        Ok(futures::stream::iter(batches).boxed())
    }

    /// A file in a remote store.
    fn read_stream(self, text: BoxStream<'static, Result<Bytes>>, name: String) -> BoxStream<'static, Result<RecordBatch>> {
        let text = skip_lines(text, self.options.dialect.skip).fuse();
        let batches = deserialize_stream(text, DecoderDeserializer::new(CsvDecoder::new(self.builder().build_decoder())));
        let named = move |e: ArrowError| external(Error::execution(FUNCTION, format!("`{name}`: {e}")).because(e));
        batches.map(move |batch| batch.and_then(|batch| self.finish(batch)).map_err(&named)).boxed()
    }

    /// The error with file and line. Arrow counts records; people count lines.
    fn explain(&self, path: &Path, name: &str, error: ArrowError) -> DataFusionError {
        let compression = self.options.dialect.compression(name);
        let again = std::fs::File::open(path).ok().and_then(|file| compression.convert_read(file).ok());
        let found = again.and_then(|text| diagnose::first_error(text, name, &self.options, &self.file_schema));
        external(found.unwrap_or_else(|| Error::execution(FUNCTION, format!("`{name}`: {error}")).because(error)))
    }
}

/// The bytes after the first `count` lines.
fn skip_lines(text: BoxStream<'static, Result<Bytes>>, mut count: usize) -> BoxStream<'static, Result<Bytes>> {
    let skip = move |mut chunk: Bytes| {
        while count > 0 {
            let Some(end) = chunk.iter().position(|&byte| byte == b'\n') else { return Bytes::new() };
            let _ = chunk.split_to(end + 1);
            count -= 1;
        }
        chunk
    };
    text.map_ok(skip).boxed()
}
