//! The rows that a run was trained on, where an archive has brought them along: what reads the training's data again reads these. Else
//! the files that it has read, wherever this is done.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::execution::session_state::SessionState;
use gradframe_connectors::files::FormerFiles;
use gradframe_connectors::store::Store;

use crate::Result;

/// The artifact that holds them.
pub(crate) const TRAINING_ROWS: &str = "replay/training.parquet";

/// Whether there are some.
pub(crate) fn has_kept_rows(store: &Store, run: &str) -> Result<bool> {
    Ok(store.artifact_records(run)?.iter().any(|artifact| artifact.path == TRAINING_ROWS))
}

/// The state to plan a run's statement in once more: what it names by a relative path is looked for where the run had it too, if that path
/// means nothing here.
pub(crate) fn with_former_files(store: &Store, run: &str, mut state: SessionState) -> Result<SessionState> {
    let files = store.dataset_files(run, "training")?.into_iter().map(|file| PathBuf::from(file.path));
    state.config_mut().set_extension(Arc::new(FormerFiles::new(run.to_owned(), files)));
    Ok(state)
}

/// The run's statement over them, where there are some.
pub(crate) fn over_kept_rows(store: &Store, run: &str, statement: String) -> Result<String> {
    if !has_kept_rows(store, run)? {
        return Ok(statement);
    }
    let datasets = store.datasets(run)?.into_iter().filter(|dataset| dataset.role == "training" && dataset.kind == "query");
    let place = datasets.filter_map(|dataset| Some((statement.rfind(&dataset.source)?, dataset.source.len()))).next();
    let Some((start, length)) = place else { return Ok(statement) };
    let rows = format!("SELECT * FROM read_artifact('{run}/{TRAINING_ROWS}')");
    Ok(format!("{}{rows}{}", &statement[..start], &statement[start + length..]))
}
