//! What FROM may name beside tables: files, artifacts of runs by `read_artifact('RUN/predictions.parquet')`, and what a step of a
//! run learned from by `gradframe.batch_rows('RUN', 3)`.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use gradframe_connectors::files::FileSources;
use gradframe_connectors::store::Store;
use gradframe_plan::services::{SourceCall, Sources};

use crate::catalog::batch_rows::{self, BATCH_ROWS};
use crate::{Error, Result};

/// The function's name in SQL.
pub(crate) const READ_ARTIFACT: &str = "read_artifact";

/// Reading functions, and the endings of artifacts that they read.
const READERS: [(&str, &[&str]); 4] = [
    ("read_parquet", &["parquet"]),
    ("read_csv", &["csv", "tsv"]),
    ("read_json", &["json", "ndjson", "jsonl"]),
    ("read_arrow", &["arrow", "ipc", "feather"]),
];

/// Files, and artifacts of the store.
#[derive(Debug)]
pub(crate) struct StoreSources {
    store: Arc<Store>,
    functions: Vec<&'static str>,
}

impl StoreSources {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        StoreSources { store, functions: [FileSources.functions(), &[READ_ARTIFACT, BATCH_ROWS]].concat() }
    }

    /// The call that reads the artifacts' files.
    fn resolve(&self, call: &SourceCall) -> Result<SourceCall> {
        let function = reader(call.paths.first().map(String::as_str).unwrap_or_default())?;
        let paths = call.paths.iter().map(|name| self.path(name)).collect::<Result<_>>()?;
        Ok(SourceCall { function: Some(function.to_owned()), paths, options: call.options.clone() })
    }

    fn path(&self, name: &str) -> Result<String> {
        let name = name.strip_prefix("runs:/").unwrap_or(name);
        let Some((run, path)) = name.split_once('/') else {
            let what = format!("`{name}` names no artifact, expected a run and a path such as 20261126-101500-0abc/rows.parquet");
            return Err(Error::plan(READ_ARTIFACT, what).hint("gradframe.artifacts lists them"));
        };
        let run = self.store.full_run_name(run)?;
        Ok(self.store.artifact(&run, path)?.to_string_lossy().into_owned())
    }
}

#[async_trait]
impl Sources for StoreSources {
    async fn open(&self, session: &dyn Session, call: &SourceCall) -> Result<Arc<dyn TableProvider>> {
        if call.function.as_deref() == Some(READ_ARTIFACT) {
            return FileSources.open(session, &self.resolve(call)?).await;
        }
        if call.function.as_deref() == Some(BATCH_ROWS) {
            return batch_rows::open(&self.store, session, call).await;
        }
        FileSources.open(session, call).await
    }

    fn functions(&self) -> &[&'static str] {
        &self.functions
    }
}

fn reader(path: &str) -> Result<&'static str> {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    let found = READERS.iter().find(|(_, endings)| endings.contains(&ending.as_str())).map(|(function, _)| *function);
    found.ok_or_else(|| {
        let what = format!("`{path}` is no table, expected an ending such as .parquet, .csv, .json or .arrow");
        Error::plan(READ_ARTIFACT, what)
    })
}
