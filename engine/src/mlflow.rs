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
    /// the store's directory, or that its server kept beside it; gives their names here. Each is taken in once: its tag
    /// `mlflow.imported_from` says which one it was. A run that is part of another is so here, one that goes on there is running
    /// here and belongs to no process. Experiments come with their tags, deleted ones deleted. Logged models and the model
    /// registry are taken in after the runs; traces stay behind.
    ///
    /// Errors: `Execution` naming a file that cannot be understood: of a directory all else is there then, of a database the runs
    /// before it.
    pub(crate) fn import_mlflow(&self, path: &Path) -> Result<Vec<String>> {
        let store = self.public().store();
        let (mut taken, roots) = (Vec::new(), Roots::of(path));
        for experiment in mlflow::experiments(path)? {
            store.take_in_experiment(&experiment)?;
        }
        let mut is_whole = true;
        let read = mlflow::each_run(path, &mut |run| {
            is_whole = false;
            if !store.is_tagged(FROM_TAG, &run.id)? {
                taken.push(take_in(store, run, &roots)?);
            }
            is_whole = true;
            Ok(())
        });
        taken.iter().try_for_each(|run| name_parent(store, run))?;
        // A run of a directory that cannot be understood keeps nothing else out. But models do not come before runs that come later.
        match read {
            Err(error) if !is_whole || path.is_file() => Err(error),
            read => mlflow_models::take_in(store, path, &roots).and(read).map(|()| taken),
        }
    }
}

/// What is said of files that lie where only their own store can look.
pub(crate) fn not_looked_at(uri: &str) -> String {
    format!(
        "files that it has at `{uri}` were left there: only those of this machine are taken, and of `mlartifacts` beside the store"
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

/// The directories to which a store's files belong: a store of somebody's may name any file of this machine.
pub(crate) struct Roots(Vec<PathBuf>);

impl Roots {
    /// That of the store, and what a server of MLflow's kept beside it.
    fn of(path: &Path) -> Self {
        let own = match path.is_file() {
            true => path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")),
            false => path,
        };
        Roots([own.to_path_buf()].into_iter().chain(mlflow::served(path)).collect())
    }

    /// All files below a directory that are really below one of these, wherever links lead.
    pub(crate) fn files(&self, directory: &Path) -> Result<Vec<(String, PathBuf)>> {
        if !self.have(directory) {
            return Ok(vec![]);
        }
        Ok(files_below(directory)?.into_iter().filter(|(_, file)| self.have(file)).collect())
    }

    fn have(&self, path: &Path) -> bool {
        self.0.iter().any(|root| is_below(path, root))
    }

    /// What is said of files that stay behind; None if none do.
    pub(crate) fn left(&self, place: &Path) -> Option<String> {
        let root = self.0.first().filter(|_| !self.have(place))?;
        Some(format!("its artifacts were left in `{}`, which is not below `{}`", place.display(), root.display()))
    }
}

fn is_below(path: &Path, root: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| root.canonicalize().is_ok_and(|root| path.starts_with(root)))
}

pub(crate) fn opened(file: &Path) -> Result<File> {
    File::open(file).map_err(|error| Error::external(OP, format!("cannot read `{}`: {error}", file.display())).because(error))
}

fn take_in(store: &Arc<Store>, run: ForeignRun, roots: &Roots) -> Result<String> {
    let ForeignRun { name, experiment, params, tags, .. } = &run;
    let title = if name.is_empty() { run.id.clone() } else { name.clone() };
    let from = (FROM_TAG.to_owned(), run.id.clone());
    let tags = tags.iter().cloned().chain([from]).collect();
    let new = NewRun { title, tags, params: params.iter().cloned().collect(), ..NewRun::default() };
    let id = store.create_run(store.experiment_number(experiment)?, &new, run.started_us)?;
    match fill(store, &id, &run, roots) {
        Ok(()) => Ok(id),
        Err(error) => {
            // Half a run is none.
            store.change_run(&id, &RunChanges { status: Some("failed"), ..RunChanges::default() })?;
            store.remove_run(&id)?;
            Err(error)
        }
    }
}

fn fill(store: &Arc<Store>, id: &str, run: &ForeignRun, roots: &Roots) -> Result<()> {
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
    for (path, file) in run.artifacts.iter().map(|place| roots.files(place)).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        let mut content = opened(&file)?;
        writer.add_artifact(&NewArtifact { path: &path, kind: "file", step: None }, &mut content)?;
    }
    if let Some(note) = run.artifacts.as_ref().and_then(|place| roots.left(place)) {
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
