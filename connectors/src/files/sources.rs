//! Files named in a query.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names;
use gradframe_plan::services::{SourceCall, Sources};

use super::csv::{self, CsvTable};
use super::describe::{self, describe};
use super::former;
use super::ipc::{self, IpcTable};
use super::ndjson::{self, NdjsonTable};
use super::open::open_called;
use super::parquet::{self, ParquetTable};
use super::selection::Selection;

const FUNCTIONS: [&str; 7] =
    ["read_csv", "read_parquet", "read_json", "read_ndjson", "read_arrow", "read_ipc", describe::FUNCTION];

/// Opens files named in a query.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileSources;

#[async_trait]
impl Sources for FileSources {
    async fn open(&self, session: &dyn Session, call: &SourceCall) -> Result<Arc<dyn TableProvider>> {
        let call = &former::found(session, call)?;
        let (paths, options) = (&call.paths, &call.options);
        if call.function.as_deref() == Some(describe::FUNCTION) {
            return describe_files(session, call).await;
        }
        match format(call)? {
            Format::Csv => open_called(session, call, CsvTable::new(paths, options)?).await,
            Format::Parquet => open_called(session, call, ParquetTable::new(session, options)?).await,
            Format::Ndjson => open_called(session, call, NdjsonTable::new(options)?).await,
            Format::Ipc => open_called(session, call, IpcTable::new(options)?).await,
        }
    }

    fn functions(&self) -> &[&'static str] {
        &FUNCTIONS
    }
}

/// Files may differ in their columns here: that is what one wants to see.
async fn describe_files(session: &dyn Session, call: &SourceCall) -> Result<Arc<dyn TableProvider>> {
    let paths = &call.paths;
    let mut options = call.options.clone();
    if !options.iter().any(|(name, _)| name == "union_by_name") {
        options.push(("union_by_name".into(), true.into()));
    }
    match of_path(paths)? {
        Format::Csv => describe(session, paths, CsvTable::new(paths, &options)?).await,
        Format::Parquet => describe(session, paths, ParquetTable::new(session, &options)?).await,
        Format::Ndjson => describe(session, paths, NdjsonTable::new(&options)?).await,
        Format::Ipc => describe(session, paths, IpcTable::new(&options)?).await,
    }
}

/// A format of files.
#[derive(Clone, Copy)]
enum Format {
    Csv,
    Parquet,
    Ndjson,
    Ipc,
}

/// The format of the reading function, else that of the paths.
fn format(call: &SourceCall) -> Result<Format> {
    match call.function.as_deref() {
        None => of_path(&call.paths),
        Some("read_csv") => Ok(Format::Csv),
        Some("read_parquet") => Ok(Format::Parquet),
        Some("read_json" | "read_ndjson") => Ok(Format::Ndjson),
        Some("read_arrow" | "read_ipc") => Ok(Format::Ipc),
        Some(other) => Err(Error::plan(other, "no such reading function").hint(names::suggest(other, FUNCTIONS))),
    }
}

/// The format that the first path's ending names, or the files in it if it is a directory.
fn of_path(paths: &[String]) -> Result<Format> {
    let path = paths.first().ok_or_else(|| Error::plan("from", "no path is given"))?;
    let found = of_name(path).or_else(|| Path::new(path).is_dir().then(|| of_directory(path)));
    found.ok_or_else(|| {
        let hint = "name the format: read_csv('...'), read_parquet('...'), read_json('...') or read_arrow('...')";
        Error::plan("from", format!("the ending of `{path}` names no format")).hint(hint)
    })
}

fn of_name(name: &str) -> Option<Format> {
    if csv::is_csv(name) {
        Some(Format::Csv)
    } else if ndjson::is_ndjson(name) {
        Some(Format::Ndjson)
    } else if ipc::is_ipc(name) {
        Some(Format::Ipc)
    } else {
        parquet::is_parquet(name).then_some(Format::Parquet)
    }
}

/// Parquet, unless the files are all of something else.
fn of_directory(path: &str) -> Format {
    let formats = [Format::Parquet, Format::Csv, Format::Ndjson, Format::Ipc];
    let selections = [parquet::ENDINGS, csv::ENDINGS, ndjson::ENDINGS, ipc::ENDINGS].map(|endings| Selection {
        function: "from",
        paths: vec![path.to_string()],
        endings,
        compressed: true,
    });
    let found = selections.iter().position(|selection| selection.is_in(Path::new(path)));
    formats[found.unwrap_or(0)]
}
