//! Parquet.

use std::sync::Arc;

use datafusion::catalog::{Session, TableProvider};
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::Result;
use gradframe_plan::error::from_datafusion;

use super::hive::PartitionColumns;
use super::options::Arguments;
use super::parquet_format::ExtensionParquetFormat;
use super::selection::Selection;
use super::table::FileTable;

/// The function's name in errors.
pub(super) const FUNCTION: &str = "read_parquet";
/// Endings of Parquet files, in lower case.
pub(super) const ENDINGS: &[&str] = &[".parquet", ".parq", ".pq"];

/// A table of Parquet files. Options: `hive_partitioning` (true): directories like `year=2013` become columns.
/// Errors: `Plan` for a path that means no file or an unknown option; `Execution` naming the file for a corrupt one or
/// one whose columns have other types than those of the files before it.
pub async fn scan_parquet(
    session: &dyn Session,
    paths: &[String],
    options: &[(String, ScalarValue)],
) -> Result<Arc<dyn TableProvider>> {
    let mut arguments = Arguments::new(FUNCTION, options)?;
    let hive = arguments.boolean(&["hive_partitioning"])?.unwrap_or(true);
    arguments.finish()?;
    let selection = Selection { function: FUNCTION, paths: paths.to_vec(), endings: ENDINGS };
    let found = selection.find(session).await?;
    let partition_columns =
        if hive { PartitionColumns::infer(FUNCTION, &found.files)? } else { PartitionColumns::none(FUNCTION) };
    let format = ExtensionParquetFormat::new(session.default_table_options().parquet);
    let store = session.runtime_env().object_store(&found.store).map_err(from_datafusion)?;
    let schema = format.table_schema(session, &store, found.files).await?;
    Ok(Arc::new(FileTable::new(selection, Arc::new(format), &schema, partition_columns)))
}
