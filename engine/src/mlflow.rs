//! Runs of an `mlruns/` directory or an `mlflow.db`, taken in as runs of ours.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use gradframe_connectors::mlflow::{self, ForeignRun};
use gradframe_connectors::store::{RunChanges, Store, files_below};
use gradframe_plan::services::{MetricRow, NewArtifact, NewRun};

use crate::{Error, Result, Session};

const OP: &str = "import";
/// The tag that says which run of MLflow's it was.
const FROM_TAG: &str = "mlflow.imported_from";
/// Points that are logged at once.
const BATCH_POINTS: usize = 10_000;

impl Session {
    /// Takes in all runs that MLflow keeps at a path, with parameters, tags, metrics and those artifacts that are on this
    /// machine; gives their names here. Each is taken in once: its tag `mlflow.imported_from` says which one it was. The
    /// registry and traces stay behind.
    ///
    /// Errors: `Execution` naming a file that cannot be understood. Runs before it are there then.
    pub(crate) fn import_mlflow(&self, path: &Path) -> Result<Vec<String>> {
        let store = self.public().store();
        let mut taken = Vec::new();
        mlflow::each_run(path, &mut |run| {
            if !store.is_tagged(FROM_TAG, &run.id)? {
                taken.push(take_in(store, run)?);
            }
            Ok(())
        })?;
        Ok(taken)
    }
}

fn take_in(store: &Arc<Store>, run: ForeignRun) -> Result<String> {
    let ForeignRun { name, experiment, params, tags, .. } = &run;
    let title = if name.is_empty() { run.id.clone() } else { name.clone() };
    let from = (FROM_TAG.to_owned(), run.id.clone());
    let tags = tags.iter().cloned().chain([from]).collect();
    let new = NewRun { title, tags, params: params.iter().cloned().collect(), ..NewRun::default() };
    let id = store.create_run(store.experiment_number(experiment)?, &new, run.started_us)?;
    match fill(store, &id, &run) {
        Ok(()) => Ok(id),
        Err(error) => {
            // Half a run is none.
            store.change_run(&id, &RunChanges { status: Some("failed"), ..RunChanges::default() })?;
            store.remove_run(&id)?;
            Err(error)
        }
    }
}

fn fill(store: &Arc<Store>, id: &str, run: &ForeignRun) -> Result<()> {
    let writer = store.attach(id)?;
    for points in run.points.chunks(BATCH_POINTS) {
        let values: Vec<(&str, f64)> = points.iter().map(|point| (point.name.as_str(), point.value)).collect();
        let rows: Vec<MetricRow<'_>> = points
            .iter()
            .zip(&values)
            .map(|(point, value)| MetricRow {
                step: point.step,
                epoch: None,
                time_us: Some(point.time_us),
                values: std::slice::from_ref(value),
            })
            .collect();
        writer.log_rows(&rows)?;
    }
    for (path, file) in
        run.artifacts.iter().map(|directory| files_below(directory)).collect::<Result<Vec<_>>>()?.into_iter().flatten()
    {
        let mut content = File::open(&file)
            .map_err(|error| Error::external(OP, format!("cannot read `{}`: {error}", file.display())).because(error))?;
        writer.add_artifact(&NewArtifact { path: &path, kind: "file", step: None }, &mut content)?;
    }
    writer.flush()?;
    // A run of another store that went on when it was read goes on for nobody here.
    let status = Some(if run.status == "running" { "failed" } else { run.status });
    let (ended_us, deleted) = (run.ended_us.or(run.started_us), Some(run.deleted));
    store.change_run(id, &RunChanges { status, ended_us, deleted, ..RunChanges::default() })
}
