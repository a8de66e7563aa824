//! `describe_files('glob')`: which columns each file has, and what the table of them all makes of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, Session, TableProvider};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;

use super::open::{TableFormat, united};
use super::unify::FileColumns;

/// The function's name in SQL.
pub(super) const FUNCTION: &str = "describe_files";

/// A row for each file and each column of the table: `file`, `bytes`, `rows` (where the file says so without being read),
/// `column`, `type` in the file (null where the file has no such column), `table_type`, and `note`: `missing`, `widened`,
/// `no values`, or null where nothing is changed. Errors: those of opening the files, except that files may differ in their columns.
pub(super) async fn describe(
    session: &dyn Session,
    paths: &[String],
    mut format: impl TableFormat,
) -> Result<Arc<dyn TableProvider>> {
    let selection = format.selection(paths);
    let found = selection.find(session).await?;
    let (files, table) = united(session, &found, &selection, &mut format).await?;
    let sizes = found.files.iter().map(|file| file.meta.size).collect::<Vec<_>>();
    report(&files, &sizes, &table)
}

fn report(files: &[FileColumns], sizes: &[u64], table: &Schema) -> Result<Arc<dyn TableProvider>> {
    let pairs = || files.iter().zip(sizes).flat_map(|(file, size)| table.fields().iter().map(move |column| (file, size, column)));
    let here = |file: &FileColumns, column: &Field| file.fields.iter().find(|field| field.name() == column.name()).cloned();
    let type_here = |file, column| here(file, column).map(|field| field.data_type().to_string());
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("file", Arc::new(pairs().map(|(file, _, _)| Some(&file.file)).collect::<StringArray>())),
        ("bytes", Arc::new(pairs().map(|(_, size, _)| Some(*size)).collect::<UInt64Array>())),
        ("rows", Arc::new(pairs().map(|(file, _, _)| file.rows).collect::<UInt64Array>())),
        ("column", Arc::new(pairs().map(|(_, _, column)| Some(column.name())).collect::<StringArray>())),
        ("type", Arc::new(pairs().map(|(file, _, column)| type_here(file, column)).collect::<StringArray>())),
        ("table_type", Arc::new(pairs().map(|(_, _, column)| Some(column.data_type().to_string())).collect::<StringArray>())),
        ("note", Arc::new(pairs().map(|(file, _, column)| note(here(file, column).as_deref(), column)).collect::<StringArray>())),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let rows = rows.map_err(|e| Error::internal(FUNCTION, e.to_string()))?;
    Ok(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]]).map_err(from_datafusion)?))
}

fn note(here: Option<&Field>, column: &Field) -> Option<&'static str> {
    match here.map(Field::data_type) {
        None => Some("missing"),
        Some(DataType::Null) => Some("no values"),
        Some(data_type) if data_type != column.data_type() => Some("widened"),
        Some(_) => None,
    }
}
