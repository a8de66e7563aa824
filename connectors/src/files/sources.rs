//! Files named in a query.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use gradframe_ml_core::{Error, Result};
use gradframe_plan::names;
use gradframe_plan::services::{SourceCall, Sources};

use super::{csv, parquet};

const FUNCTIONS: [&str; 2] = ["read_csv", "read_parquet"];

/// Opens files named in a query.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileSources;

#[async_trait]
impl Sources for FileSources {
    async fn open(&self, session: &dyn Session, call: &SourceCall) -> Result<Arc<dyn TableProvider>> {
        match function(call)? {
            "read_csv" => csv::scan_csv(session, &call.paths, &call.options).await,
            "read_parquet" => parquet::scan_parquet(session, &call.paths, &call.options).await,
            other => Err(Error::plan(other, "no such reading function").hint(names::suggest(other, FUNCTIONS))),
        }
    }

    fn functions(&self) -> &[&'static str] {
        &FUNCTIONS
    }
}

/// The reading function: as named, else by the ending of the paths.
fn function(call: &SourceCall) -> Result<&str> {
    if let Some(function) = &call.function {
        return Ok(function);
    }
    let first = call.paths.first().ok_or_else(|| Error::plan("from", "no path is given"))?;
    let of_path = |path: &str| if csv::is_csv(path) { Some("read_csv") } else { is_parquet(path).then_some("read_parquet") };
    of_path(first).ok_or_else(|| {
        let hint = "name the format: read_csv('...') or read_parquet('...')";
        Error::plan("from", format!("the ending of `{first}` names no format")).hint(hint)
    })
}

/// True for Parquet's endings, and for a directory or pattern without an ending that holds such files.
fn is_parquet(path: &str) -> bool {
    parquet::ENDINGS.iter().any(|ending| path.to_ascii_lowercase().ends_with(ending)) || Path::new(path).is_dir()
}
