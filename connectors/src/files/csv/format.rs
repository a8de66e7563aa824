//! CSV as a file format of DataFusion.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::Statistics;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::{FileScanConfig, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use gradframe_ml_core::Error;
use object_store::{ObjectMeta, ObjectStore};

use super::FUNCTION;
use super::options::ReadOptions;
use super::source::CsvSource;
use crate::files::error::external;

/// Reads CSV as the options say.
#[derive(Debug)]
pub(super) struct CsvFormat {
    options: Arc<ReadOptions>,
}

impl CsvFormat {
    pub(super) fn new(options: ReadOptions) -> Self {
        CsvFormat { options: Arc::new(options) }
    }
}

#[async_trait]
impl FileFormat for CsvFormat {
    fn get_ext(&self) -> String {
        "csv".to_string()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        Ok(format!("csv{}", compression.get_variant()))
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        self.options.dialect.compression.map(FileCompressionType::from)
    }

    async fn infer_schema(&self, _: &dyn Session, _: &Arc<dyn ObjectStore>, _: &[ObjectMeta]) -> Result<SchemaRef> {
        Err(external(Error::internal(FUNCTION, "columns are inferred when the table is opened")))
    }

    async fn infer_stats(
        &self,
        _: &dyn Session,
        _: &Arc<dyn ObjectStore>,
        schema: SchemaRef,
        _: &ObjectMeta,
    ) -> Result<Statistics> {
        Ok(Statistics::new_unknown(&schema))
    }

    async fn create_physical_plan(&self, _: &dyn Session, config: FileScanConfig) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(DataSourceExec::from_data_source(config))
    }

    fn file_source(&self, schema: TableSchema) -> Arc<dyn FileSource> {
        Arc::new(CsvSource::new(self.options.clone(), schema))
    }
}
