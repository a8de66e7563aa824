//! CSV: a dialect, columns inferred from a sample, and a scan that names file and line of what is wrong.

mod convert;
mod diagnose;
mod dialect;
mod format;
mod kind;
mod options;
mod sample;
mod source;

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::catalog::{Session, TableProvider};
use datafusion::scalar::ScalarValue;
use gradframe_ml_core::{Error, Result};
use gradframe_plan::error::from_datafusion;
use gradframe_plan::names;

use self::format::CsvFormat;
use self::options::ReadOptions;
use self::sample::Sample;
use super::hive::PartitionColumns;
use super::selection::{Found, Selection};
use super::table::FileTable;

const FUNCTION: &str = "read_csv";
/// Endings of CSV files, in lower case.
const ENDINGS: &[&str] =
    &[".csv", ".csv.gz", ".csv.zst", ".csv.bz2", ".csv.xz", ".tsv", ".tsv.gz", ".tsv.zst", ".tsv.bz2", ".tsv.xz"];

/// A table of CSV files; [`ReadOptions`] says which options there are. Every column may be null: an empty field is,
/// and so is one that equals a null value. Errors: `Plan` for a path that means no file or a wrong option; `Execution`
/// naming file and line for ragged rows, bytes that are not UTF-8, and values that do not fit their column.
pub async fn scan_csv(
    session: &dyn Session,
    paths: &[String],
    options: &[(String, ScalarValue)],
) -> Result<Arc<dyn TableProvider>> {
    let mut options = ReadOptions::parse(options)?;
    options.dialect.fit_ending(paths);
    let selection = Selection { function: FUNCTION, paths: paths.to_vec(), endings: ENDINGS };
    let found = selection.find(session).await?;
    let sample = sample_files(session, &found, &mut options).await?;
    let schema = schema(&sample, &options)?;
    let partition_columns = match options.hive_partitioning {
        true => PartitionColumns::infer(FUNCTION, &found.files)?,
        false => PartitionColumns::none(FUNCTION),
    };
    Ok(Arc::new(FileTable::new(selection, Arc::new(CsvFormat::new(options)), &schema, partition_columns)))
}

/// True for CSV's endings, compressed or not.
pub(super) fn is_csv(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}

/// Reads the beginning of every file: they must agree on their columns. Settles whether there is a header.
async fn sample_files(session: &dyn Session, found: &Found, options: &mut ReadOptions) -> Result<Sample> {
    let store = session.runtime_env().object_store(&found.store).map_err(from_datafusion)?;
    let rows = options.schema_infer_rows.div_ceil(found.files.len());
    let mut all: Option<Sample> = None;
    for file in &found.files {
        let sample = sample::read(&store, file, options, rows).await?;
        options.dialect.header = Some(sample.header);
        all = Some(match all {
            None => sample,
            Some(before) => before.merge(sample)?,
        });
    }
    all.ok_or_else(|| Error::plan(FUNCTION, "no path is given"))
}

fn schema(sample: &Sample, options: &ReadOptions) -> Result<Schema> {
    for (name, _) in &options.types {
        if !sample.names.contains(name) {
            let hint = names::suggest(name, sample.names.iter().map(String::as_str));
            return Err(Error::plan(FUNCTION, format!("option `types` names the unknown column `{name}`")).hint(hint));
        }
    }
    let data_type = |name: &str, inferred| match options.types.iter().find(|(typed, _)| typed == name) {
        Some((_, data_type)) => data_type.clone(),
        None => inferred,
    };
    let columns = sample.names.iter().zip(&sample.kinds);
    Ok(Schema::new(columns.map(|(name, kind)| Field::new(name, data_type(name, kind.data_type()), true)).collect::<Vec<_>>()))
}
