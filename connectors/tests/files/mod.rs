//! Tables that are files.

mod csv;
mod csv_spectrum;
mod ipc;
mod json_test_suite;
mod ndjson;
mod parquet;
mod parquet_testing;
mod paths;
mod union;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, StructArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::scalar::ScalarValue;
use gradframe_connectors::files::{FileSources, scan_csv, scan_parquet};
use gradframe_ml_core::Error;
use gradframe_plan::error::from_datafusion;
use gradframe_plan::services::{SourceCall, Sources};

type Options<'a> = &'a [(&'a str, ScalarValue)];

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_string()
}

fn owned(options: Options) -> Vec<(String, ScalarValue)> {
    options.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
}

async fn csv(path: &Path, options: Options<'_>) -> Result<Arc<dyn TableProvider>, Error> {
    scan_csv(&SessionContext::new().state(), &[text(path)], &owned(options)).await
}

async fn parquet(paths: &[String]) -> Result<Arc<dyn TableProvider>, Error> {
    scan_parquet(&SessionContext::new().state(), paths, &[]).await
}

/// By a reading function, or the path's ending.
async fn read(function: Option<&str>, path: &Path, options: Options<'_>) -> Result<Arc<dyn TableProvider>, Error> {
    let call = SourceCall { function: function.map(str::to_string), paths: vec![text(path)], options: owned(options) };
    FileSources.open(&SessionContext::new().state(), &call).await
}

/// An option `{column: type}`.
fn types(named: &[(&str, &str)]) -> ScalarValue {
    let column = |name: &str, value: &str| {
        let field = Arc::new(Field::new(name, DataType::Utf8, false));
        (field, Arc::new(StringArray::from(vec![value])) as ArrayRef)
    };
    let row: Vec<_> = named.iter().map(|(name, value)| column(name, value)).collect();
    ScalarValue::Struct(Arc::new(StructArray::from(row)))
}

async fn open(path: &Path) -> Result<Arc<dyn TableProvider>, Error> {
    let call = SourceCall { function: None, paths: vec![text(path)], options: vec![] };
    FileSources.open(&SessionContext::new().state(), &call).await
}

fn frame(table: Arc<dyn TableProvider>) -> DataFrame {
    SessionContext::new().read_table(table).unwrap()
}

/// All rows as one batch.
async fn rows(table: Arc<dyn TableProvider>) -> Result<RecordBatch, Error> {
    collect(frame(table)).await
}

async fn collect(frame: DataFrame) -> Result<RecordBatch, Error> {
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let batches = frame.collect().await.map_err(from_datafusion)?;
    Ok(concat_batches(&schema, &batches).unwrap())
}

/// Rows as text, one line a row, fields between commas, null as `-`.
fn lines(rows: &RecordBatch) -> Vec<String> {
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    let options = FormatOptions::default().with_null("-");
    let columns: Vec<_> = rows.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    (0..rows.num_rows()).map(|row| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join(",")).collect()
}

/// Columns as `name type`.
fn columns(table: &Arc<dyn TableProvider>) -> Vec<String> {
    table.schema().fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect()
}
