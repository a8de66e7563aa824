//! Runs of an `mlruns/` directory or an `mlflow.db`, taken in as runs of ours.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradframe_connectors::mlflow::{self, ForeignRun};
use gradframe_connectors::store::{RunChanges, Store, files_below};
use gradframe_plan::services::{MetricRow, NewArtifact, NewRun};

use crate::run::TIMES_US;
use crate::{Error, Result, Session, mlflow_models};

const OP: &str = "import";
/// The tag that says which run of MLflow's it was.
pub(crate) const FROM_TAG: &str = "mlflow.imported_from";
/// The tag by which MLflow knows the run that another is part of.
const PARENT_TAG: &str = "mlflow.parentRunId";
/// The tag that says what of a run was not taken in.
pub(crate) const NOTE_TAG: &str = "import.note";
/// Points that are logged at once.
const BATCH_POINTS: usize = 10_000;

impl Session {
    /// Takes in all runs that MLflow keeps at a path, with parameters, tags, metrics and those artifacts that are below
    /// the store's directory; gives their names here. Each is taken in once: its tag `mlflow.imported_from` says which one it was. A run that
    /// is part of another is so here, one that goes on there is running here and belongs to no process. Experiments come with their tags,
    /// deleted ones deleted. Logged models and the model registry are taken in after the runs; traces stay behind.
    ///
    /// Errors: `Execution` naming a file that cannot be understood. Runs before it are there then.
    pub(crate) fn import_mlflow(&self, path: &Path) -> Result<Vec<String>> {
        let store = self.public().store();
        let (mut taken, root) = (Vec::new(), root_of(path));
        for experiment in mlflow::experiments(path)? {
            store.take_in_experiment(&experiment)?;
        }
        mlflow::each_run(path, &mut |run| {
            if !store.is_tagged(FROM_TAG, &run.id)? {
                taken.push(take_in(store, run, root)?);
            }
            Ok(())
        })?;
        taken.iter().try_for_each(|run| name_parent(store, run))?;
        mlflow_models::take_in(store, path, root)?;
        Ok(taken)
    }
}

/// What is said of files that lie where only their own store can look.
pub(crate) fn not_looked_at(uri: &str) -> String {
    format!(
        "files that it has at `{uri}` were left there: only those of this machine are taken, and of `mlartifacts` beside a database"
    )
}

/// Lets a run name the run that it is part of by its name here.
fn name_parent(store: &Arc<Store>, run: &str) -> Result<()> {
    let Some(record) = store.run_records(&[run])?.pop().filter(|record| !record.deleted) else { return Ok(()) };
    let parent = record.tags.into_iter().find(|(name, _)| name == PARENT_TAG);
    match parent.map(|(_, parent)| store.tagged(FROM_TAG, &parent)).transpose()?.flatten() {
        Some(parent) => store.attach(run)?.set_tags(&[(PARENT_TAG.to_owned(), parent)]),
        None => Ok(()),
    }
}

/// The directory to which a store's files belong: a store of somebody's may name any file of this machine.
fn root_of(path: &Path) -> &Path {
    match path.is_file() {
        true => path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        false => path,
    }
}

/// All files below a directory that are really below the store's root, wherever links lead.
pub(crate) fn files_of_store(directory: &Path, root: &Path) -> Result<Vec<(String, PathBuf)>> {
    if !is_below(directory, root) {
        return Ok(vec![]);
    }
    Ok(files_below(directory)?.into_iter().filter(|(_, file)| is_below(file, root)).collect())
}

fn is_below(path: &Path, root: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| root.canonicalize().is_ok_and(|root| path.starts_with(root)))
}

pub(crate) fn opened(file: &Path) -> Result<File> {
    File::open(file).map_err(|error| Error::external(OP, format!("cannot read `{}`: {error}", file.display())).because(error))
}

fn take_in(store: &Arc<Store>, run: ForeignRun, root: &Path) -> Result<String> {
    let ForeignRun { name, experiment, params, tags, .. } = &run;
    let title = if name.is_empty() { run.id.clone() } else { name.clone() };
    let from = (FROM_TAG.to_owned(), run.id.clone());
    let tags = tags.iter().cloned().chain([from]).collect();
    let new = NewRun { title, tags, params: params.iter().cloned().collect(), ..NewRun::default() };
    let id = store.create_run(store.experiment_number(experiment)?, &new, run.started_us)?;
    match fill(store, &id, &run, root) {
        Ok(()) => Ok(id),
        Err(error) => {
            // Half a run is none.
            store.change_run(&id, &RunChanges { status: Some("failed"), ..RunChanges::default() })?;
            store.remove_run(&id)?;
            Err(error)
        }
    }
}

fn fill(store: &Arc<Store>, id: &str, run: &ForeignRun, root: &Path) -> Result<()> {
    let writer = store.attach(id)?;
    for points in run.points.chunks(BATCH_POINTS) {
        let values: Vec<(&str, f64)> = points.iter().map(|point| (point.name.as_str(), point.value)).collect();
        let rows: Vec<MetricRow<'_>> = points
            .iter()
            .zip(&values)
            .map(|(point, value)| MetricRow {
                step: point.step,
                epoch: None,
                time_us: Some(point.time_us.clamp(*TIMES_US.start(), *TIMES_US.end())),
                values: std::slice::from_ref(value),
            })
            .collect();
        writer.log_rows(&rows)?;
    }
    for (path, file) in
        run.artifacts.iter().map(|place| files_of_store(place, root)).collect::<Result<Vec<_>>>()?.into_iter().flatten()
    {
        let mut content = opened(&file)?;
        writer.add_artifact(&NewArtifact { path: &path, kind: "file", step: None }, &mut content)?;
    }
    if let Some(place) = run.artifacts.as_ref().filter(|place| !is_below(place, root)) {
        let note = format!("its artifacts were left in `{}`, which is not below `{}`", place.display(), root.display());
        writer.set_tags(&[(NOTE_TAG.to_owned(), note)])?;
    }
    if let Some(uri) = &run.elsewhere {
        writer.set_tags(&[(NOTE_TAG.to_owned(), not_looked_at(uri))])?;
    }
    run.inputs.iter().try_for_each(|(dataset, tags)| store.put_dataset(id, dataset, tags))?;
    writer.flush()?;
    // Before its points are folded, which are those that nobody writes any more.
    drop(writer);
    // Of one that goes on the store keeps no end.
    let (ended_us, deleted) = (run.ended_us.or(run.started_us), Some(run.deleted));
    store.change_run(id, &RunChanges { status: Some(run.status), ended_us, deleted, ..RunChanges::default() })
}
