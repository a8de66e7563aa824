//! CSV: a dialect, columns inferred from a sample, and a scan that names file and line of what is wrong.

mod blank;
mod convert;
mod diagnose;
mod dialect;
mod empty;
mod kind;
mod options;
mod quotes;
mod read;
mod sample;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::file_format::FileFormat;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::Result;
use object_store::ObjectStore;

use self::options::ReadOptions;
use self::read::CsvReader;
use super::compression;
use super::format::StreamFormat;
use super::open::{TableFormat, open};
use super::selection::{FoundFile, Selection};
use super::shared_options::SharedOptions;
use super::unify::FileColumns;

const FUNCTION: &str = "read_csv";
/// Endings of CSV files, in lower case, before those of compression.
pub(super) const ENDINGS: &[&str] = &[".csv", ".tsv"];

/// A table of CSV files; [`ReadOptions`] says which options there are. Every column may be null: an empty field is,
/// and so is one that equals a null value; two quotes in a column of texts are an empty text. Errors: `Plan` for a path that means no file or a wrong option; `Execution`
/// naming file and line for ragged rows, bytes that are not UTF-8, and values that do not fit their column, and naming two
/// files whose columns do not go together.
pub async fn scan_csv(
    session: &dyn Session,
    paths: &[String],
    options: &[(String, ScalarValue)],
) -> Result<Arc<dyn TableProvider>> {
    open(session, paths, CsvTable::new(paths, options)?).await
}

/// True for CSV's endings, compressed or not.
pub(super) fn is_csv(path: &str) -> bool {
    let path = compression::plain_name(path);
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// CSV files as the options say.
#[derive(Debug)]
pub(super) struct CsvTable(ReadOptions);

impl CsvTable {
    /// The options checked. Errors: `Plan`.
    pub(super) fn new(paths: &[String], options: &[(String, ScalarValue)]) -> Result<Self> {
        let mut options = ReadOptions::parse(options)?;
        options.dialect.fit_ending(paths);
        Ok(CsvTable(options))
    }
}

#[async_trait]
impl TableFormat for CsvTable {
    fn selection(&self, paths: &[String]) -> Selection {
        Selection { function: FUNCTION, paths: paths.to_vec(), endings: ENDINGS, compressed: true }
    }

    fn shared(&self) -> &SharedOptions {
        &self.0.shared
    }

    /// Reads the beginning of every file. Settles whether there is a header.
    async fn columns(&mut self, _: &dyn Session, store: &Arc<dyn ObjectStore>, files: &[FoundFile]) -> Result<Vec<FileColumns>> {
        let rows = self.0.schema_infer_rows.div_ceil(files.len());
        let mut all = Vec::with_capacity(files.len());
        for file in files {
            let sample = sample::read(store, file, &self.0, rows).await?;
            self.0.dialect.header = Some(sample.header);
            all.push(sample.columns());
        }
        Ok(all)
    }

    /// A column without values is text.
    fn table_schema(&self, schema: Schema) -> Schema {
        let text = |field: &Field| field.clone().with_data_type(DataType::Utf8);
        let known = |field: &Field| if field.data_type().is_null() { text(field) } else { field.clone() };
        Schema::new(schema.fields().iter().map(|field| known(field)).collect::<Vec<_>>())
    }

    fn file_format(self) -> Arc<dyn FileFormat> {
        Arc::new(StreamFormat(Arc::new(CsvReader(Arc::new(self.0)))))
    }
}
