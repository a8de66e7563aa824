//! NDJSON: one JSON object a line, or all of them in one array; columns inferred from a sample, and a scan that names file
//! and line of what is wrong.

mod check;
mod kind;
mod options;
mod read;
mod records;
mod sample;

use std::sync::Arc;

use arrow::datatypes::Schema;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::file_format::FileFormat;
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::Result;
use object_store::ObjectStore;

use self::options::ReadOptions;
use self::read::NdjsonReader;
use super::compression;
use super::format::StreamFormat;
use super::open::{TableFormat, open};
use super::selection::{FoundFile, Selection};
use super::shared_options::SharedOptions;
use super::unify::FileColumns;

const FUNCTION: &str = "read_json";
/// Endings of NDJSON files, in lower case, before those of compression.
pub(super) const ENDINGS: &[&str] = &[".ndjson", ".jsonl", ".json"];

/// A table of JSON files; [`ReadOptions`] says which options there are. Every column may be null: an object without a key
/// has null there. Objects are structs, arrays are lists; a column whose values are sometimes nested and sometimes not is
/// their JSON text. Errors: `Plan` for a path that means no file or a wrong option; `Execution` naming file and line for a
/// line that is no JSON object, bytes that are not UTF-8, a value that does not fit its column, and a column that the sample
/// did not have, and naming two files whose columns do not go together.
pub async fn scan_ndjson(
    session: &dyn Session,
    paths: &[String],
    options: &[(String, ScalarValue)],
) -> Result<Arc<dyn TableProvider>> {
    open(session, paths, NdjsonTable::new(options)?).await
}

/// True for NDJSON's endings, compressed or not.
pub(super) fn is_ndjson(path: &str) -> bool {
    let path = compression::plain_name(path);
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// NDJSON files as the options say.
#[derive(Debug)]
pub(super) struct NdjsonTable(ReadOptions);

impl NdjsonTable {
    /// The options checked. Errors: `Plan`.
    pub(super) fn new(options: &[(String, ScalarValue)]) -> Result<Self> {
        ReadOptions::parse(options).map(NdjsonTable)
    }
}

#[async_trait]
impl TableFormat for NdjsonTable {
    fn selection(&self, paths: &[String]) -> Selection {
        Selection { function: FUNCTION, paths: paths.to_vec(), endings: ENDINGS, compressed: true }
    }

    fn shared(&self) -> &SharedOptions {
        &self.0.shared
    }

    async fn columns(&mut self, _: &dyn Session, store: &Arc<dyn ObjectStore>, files: &[FoundFile]) -> Result<Vec<FileColumns>> {
        let rows = self.0.schema_infer_rows.div_ceil(files.len());
        let mut all = Vec::with_capacity(files.len());
        for file in files {
            all.push(sample::read(store, file, &self.0, rows).await?);
        }
        Ok(all)
    }

    fn table_schema(&self, schema: Schema) -> Schema {
        kind::known_types(&schema)
    }

    fn file_format(self) -> Arc<dyn FileFormat> {
        Arc::new(StreamFormat(Arc::new(NdjsonReader(Arc::new(self.0)))))
    }
}
