//! Parquet.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::file_format::FileFormat;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::Result;
use object_store::ObjectStore;

use super::changed::SaysColumns;
use super::open::{TableFormat, open};
use super::options::Arguments;
use super::parquet_format::ExtensionParquetFormat;
use super::selection::{FoundFile, Selection};
use super::shared_options::SharedOptions;
use super::unify::FileColumns;

/// The function's name in errors.
pub(super) const FUNCTION: &str = "read_parquet";
/// Endings of Parquet files, in lower case.
pub(super) const ENDINGS: &[&str] = &[".parquet", ".parq", ".pq"];

/// A table of Parquet files, with the options that all formats have. Errors: `Plan` for a path that means no file or an
/// unknown option; `Execution` naming the file for a corrupt one, or two whose columns do not go together.
pub async fn scan_parquet(
    session: &dyn Session,
    paths: &[String],
    options: &[(String, ScalarValue)],
) -> Result<Arc<dyn TableProvider>> {
    open(session, paths, ParquetTable::new(session, options)?).await
}

/// True for Parquet's endings.
pub(super) fn is_parquet(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// Parquet files as the options say.
#[derive(Debug)]
pub(super) struct ParquetTable {
    format: Arc<ExtensionParquetFormat>,
    shared: SharedOptions,
}

impl ParquetTable {
    /// The options checked. Errors: `Plan`.
    pub(super) fn new(session: &dyn Session, options: &[(String, ScalarValue)]) -> Result<Self> {
        let mut arguments = Arguments::new(FUNCTION, options)?;
        let shared = SharedOptions::take(FUNCTION, &mut arguments, false, &["types", "columns", "schema_overrides"])?;
        arguments.finish()?;
        let options: TableParquetOptions = session.default_table_options().parquet;
        Ok(ParquetTable { format: Arc::new(ExtensionParquetFormat::new(options)), shared })
    }
}

#[async_trait]
impl TableFormat for ParquetTable {
    fn selection(&self, paths: &[String]) -> Selection {
        Selection { function: FUNCTION, paths: paths.to_vec(), endings: ENDINGS, compressed: false }
    }

    fn shared(&self) -> &SharedOptions {
        &self.shared
    }

    fn says_columns(&self) -> Option<Arc<dyn SaysColumns>> {
        Some(self.format.clone())
    }

    fn file_format(self) -> Arc<dyn FileFormat> {
        self.format
    }
}

#[async_trait]
impl SaysColumns for ExtensionParquetFormat {
    async fn columns_of(
        &self,
        session: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        files: &[FoundFile],
    ) -> Result<Vec<FileColumns>> {
        self.columns(session, store, files).await
    }
}
