//! Parquet as a file format of DataFusion that keeps what columns mean.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{GetExt, Statistics};
use datafusion::config::{ConfigFileType, TableParquetOptions};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory, FileMeta};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{FileScanConfig, FileSinkConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result as DataFusionResult;
use datafusion::physical_expr::{LexOrdering, LexRequirement};
use datafusion::physical_plan::ExecutionPlan;
use futures::{FutureExt, StreamExt, TryStreamExt};
use gradframe_ml_core::{Error, Result};
use object_store::{ObjectMeta, ObjectStore};

use super::error::{bad_file, external, panicked};
use super::extensions::keep_extensions;
use super::parquet::FUNCTION;
use super::parquet_nans;
use super::parquet_rows::with_doubts;
use super::quiet::quiet_future;
use super::selection::FoundFile;
use super::unify::{self, FileColumns, Union};

/// Makes [`ExtensionParquetFormat`]s for `CREATE EXTERNAL TABLE` and `COPY TO`:
/// `state.register_file_format(Arc::new(ExtensionParquetFormatFactory), true)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExtensionParquetFormatFactory;

impl FileFormatFactory for ExtensionParquetFormatFactory {
    fn create(&self, state: &dyn Session, options: &HashMap<String, String>) -> DataFusionResult<Arc<dyn FileFormat>> {
        let mut table_options = state.default_table_options();
        table_options.set_config_format(ConfigFileType::PARQUET);
        table_options.alter_with_string_hash_map(options)?;
        Ok(Arc::new(ExtensionParquetFormat::new(table_options.parquet)))
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(ExtensionParquetFormat::new(TableParquetOptions::default()))
    }
}

impl GetExt for ExtensionParquetFormatFactory {
    fn get_ext(&self) -> String {
        "parquet".to_string()
    }
}

/// DataFusion's Parquet format, but extension types of columns survive, and files with different notes in their
/// metadata (as pandas and Spark write them) still make one table.
#[derive(Debug)]
pub struct ExtensionParquetFormat {
    /// Reads and writes, without metadata.
    plain: ParquetFormat,
    /// Infers schemas, with metadata.
    annotated: ParquetFormat,
}

impl ExtensionParquetFormat {
    /// The format with these options.
    pub fn new(options: TableParquetOptions) -> Self {
        let plain = ParquetFormat::default().with_options(options.clone());
        ExtensionParquetFormat { plain, annotated: ParquetFormat::default().with_options(options).with_skip_metadata(false) }
    }

    /// The columns and rows of each file, a few files at a time.
    pub(super) async fn columns(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        files: &[FoundFile],
    ) -> Result<Vec<FileColumns>> {
        let at_once = state.config_options().execution.meta_fetch_concurrency.get();
        let columns = files.iter().cloned().map(|file| async move {
            let schema = self.file_schema(state, store, &file).await?;
            let rows = file_rows(state, store, &file).await?;
            Ok::<_, Error>(FileColumns { file: file.name, fields: schema.fields().to_vec(), rows })
        });
        futures::stream::iter(columns).boxed().buffered(at_once).try_collect().await
    }

    /// One file's schema with the metadata that we keep. A panic in the reader is an error about the file.
    async fn file_schema(&self, state: &dyn Session, store: &Arc<dyn ObjectStore>, file: &FoundFile) -> Result<Schema> {
        let FoundFile { name: file, meta: object } = file;
        if object.size == 0 {
            return Err(Error::execution(FUNCTION, format!("`{file}` is empty: not a Parquet file")));
        }
        let inferred = AssertUnwindSafe(quiet_future(self.annotated.infer_schema(state, store, std::slice::from_ref(object))));
        match inferred.catch_unwind().await {
            Ok(Ok(schema)) => Ok(Schema::new(keep_extensions(schema.fields()))),
            Ok(Err(error)) => Err(bad_file(FUNCTION, file, error)),
            Err(_) => Err(panicked(FUNCTION, file)),
        }
    }
}

/// The rows of a file's row groups.
async fn file_rows(state: &dyn Session, store: &Arc<dyn ObjectStore>, file: &FoundFile) -> Result<Option<u64>> {
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let metadata = DFParquetMetadata::new(store.as_ref(), &file.meta).with_file_metadata_cache(Some(cache));
    let metadata = metadata.fetch_metadata().await.map_err(|e| bad_file(FUNCTION, &file.name, e))?;
    let rows: i64 = metadata.row_groups().iter().map(|group| group.num_rows()).sum();
    Ok(u64::try_from(rows).ok())
}

#[async_trait]
impl FileFormat for ExtensionParquetFormat {
    fn get_ext(&self) -> String {
        self.plain.get_ext()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> DataFusionResult<String> {
        self.plain.get_ext_with_compression(compression)
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        self.plain.compression_type()
    }

    async fn infer_schema(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> DataFusionResult<SchemaRef> {
        let file = |object: &ObjectMeta| FoundFile { name: object.location.to_string(), meta: object.clone() };
        let files: Vec<_> = objects.iter().map(file).collect();
        let columns = self.columns(state, store, &files).await.map_err(external)?;
        let union = Union { by_name: true, ..Union::default() };
        Ok(Arc::new(unify::table(FUNCTION, &columns, &union).map_err(external)?))
    }

    async fn infer_stats(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        table_schema: SchemaRef,
        object: &ObjectMeta,
    ) -> DataFusionResult<Statistics> {
        let statistics = self.plain.infer_stats(state, store, Arc::clone(&table_schema), object).await?;
        Ok(parquet_nans::of_table(statistics, &table_schema))
    }

    async fn infer_ordering(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        table_schema: SchemaRef,
        object: &ObjectMeta,
    ) -> DataFusionResult<Option<LexOrdering>> {
        self.plain.infer_ordering(state, store, table_schema, object).await
    }

    async fn infer_stats_and_ordering(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        table_schema: SchemaRef,
        object: &ObjectMeta,
    ) -> DataFusionResult<FileMeta> {
        let mut file = self.plain.infer_stats_and_ordering(state, store, Arc::clone(&table_schema), object).await?;
        file.statistics = parquet_nans::of_table(file.statistics, &table_schema);
        Ok(file)
    }

    async fn create_physical_plan(
        &self,
        state: &dyn Session,
        config: FileScanConfig,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        Ok(with_doubts(self.plain.create_physical_plan(state, config).await?))
    }

    async fn create_writer_physical_plan(
        &self,
        input: Arc<dyn ExecutionPlan>,
        state: &dyn Session,
        config: FileSinkConfig,
        order_requirements: Option<LexRequirement>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        self.plain.create_writer_physical_plan(input, state, config, order_requirements).await
    }

    fn file_source(&self, table_schema: TableSchema) -> Arc<dyn FileSource> {
        self.plain.file_source(table_schema)
    }
}
