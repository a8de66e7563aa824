//! The rows that a run was trained on, where an archive has brought them along: what reads the training's data again reads these.

use gradframe_connectors::store::Store;

use crate::Result;

/// The artifact that holds them.
pub(crate) const TRAINING_ROWS: &str = "replay/training.parquet";

/// Whether there are some.
pub(crate) fn has_kept_rows(store: &Store, run: &str) -> Result<bool> {
    Ok(store.artifact_records(run)?.iter().any(|artifact| artifact.path == TRAINING_ROWS))
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
