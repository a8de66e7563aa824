//! Runs of an `mlruns/` directory or an `mlflow.db`, taken in as runs of ours.

use std::path::Path;
use std::sync::Arc;

use gradframe_connectors::mlflow::{self, Damaged, ForeignRun};
use gradframe_connectors::store::{Gathered, RunChanges, Sources, Store, TakenRun};
use gradframe_plan::services::{MetricRow, NewRun};

use crate::around::PARENT_TAG;
use crate::run::TIMES_US;
use crate::{Result, Session, mlflow_files, mlflow_models, mlflow_traces};

/// The tag that says which run of MLflow's it was.
pub(crate) const FROM_TAG: &str = "mlflow.imported_from";
/// The tag that says what of a run was not taken in.
pub(crate) const NOTE_TAG: &str = "import.note";

impl Session {
    /// Takes in all runs that MLflow keeps at a path, with parameters, tags, metrics and those artifacts that are below
    /// the store's directory, or that its server kept beside it; gives their names here. Each is taken in once, and whole, or, where this is
    /// interrupted, not at all: its tag `mlflow.imported_from` says which one it was. A run that is part of another is so here, one that goes on there is running
    /// here and belongs to no process. Experiments come with their tags, deleted ones deleted. Logged models and the model
    /// registry are taken in after the runs, and a database's traces with spans and assessments; what stays behind is counted and said.
    ///
    /// Errors: `Execution` or `External` naming what cannot be understood: of a directory all else is there then, of a database the runs
    /// before it.
    pub(crate) fn import_mlflow(&self, path: &Path) -> Result<Vec<String>> {
        let store = self.public().store();
        let (mut taken, roots, mut damaged) = (Vec::new(), mlflow_files::Roots::of(path), Damaged::default());
        for experiment in mlflow::experiments(path, &mut damaged)? {
            store.take_in_experiment(&experiment)?;
        }
        let (mut runs, mut parents) = (store.sources(FROM_TAG)?, Vec::new());
        let read = mlflow::each_run(path, &mut damaged, &mut |run| {
            let parent = run.tags.iter().find(|(name, _)| name == PARENT_TAG);
            parents.extend(parent.map(|(_, parent)| (run.id.clone(), parent.clone())));
            if runs.get(&run.id).is_none() {
                taken.extend(take_in(store, run, &roots, &mut runs)?);
            }
            Ok(())
        });
        parents.iter().try_for_each(|(run, parent)| name_parent(store, &runs, run, parent))?;
        // Models do not come before runs that come later.
        read?;
        mlflow_models::take_in(store, path, &roots, &runs, &mut damaged)?;
        mlflow_traces::take_in(store, path, &roots, &runs)?;
        mlflow_traces::tell_what_is_left(path)?;
        // What cannot be understood keeps nothing else out.
        damaged.outcome().map(|()| taken)
    }
}

/// Lets a run name the run that it is part of by its name here. Also one of an earlier import, which may have been interrupted before.
fn name_parent(store: &Arc<Store>, runs: &Sources, run: &str, parent: &str) -> Result<()> {
    let (Some(run), Some(here)) = (runs.get(run), runs.get(parent)) else { return Ok(()) };
    let Some(record) = store.run_records(&[run])?.pop().filter(|record| !record.deleted) else { return Ok(()) };
    let says_theirs = record.tags.iter().any(|(name, value)| name == PARENT_TAG && value == parent);
    if says_theirs { store.attach(run)?.set_tags(&[(PARENT_TAG.to_owned(), here.to_owned())]) } else { Ok(()) }
}

/// Takes in a run, whole; None if another import has meanwhile.
fn take_in(store: &Arc<Store>, run: ForeignRun, roots: &mlflow_files::Roots, runs: &mut Sources) -> Result<Option<String>> {
    let (gathered, left_out) = gather(store, &run, roots)?;
    let title = if run.name.is_empty() { run.id.clone() } else { run.name };
    let left = run.artifacts.as_ref().and_then(|place| roots.left(place));
    let note = note([run.elsewhere.as_deref().map(mlflow_files::not_looked_at).or(left), left_out]);
    let new = NewRun {
        title,
        experiment: Some(run.experiment),
        tags: run.tags.into_iter().chain(note).collect(),
        params: run.params.into_iter().collect(),
        ..NewRun::default()
    };
    // Of one that goes on the store keeps no end.
    let ended_us = run.ended_us.or(run.started_us);
    let (status, deleted) = (Some(run.status), Some(run.deleted));
    let state = RunChanges { status, started_us: run.started_us, ended_us, deleted, ..RunChanges::default() };
    let taken = TakenRun { new: &new, from: &run.id, state, error: None, datasets: &run.inputs };
    store.take_in_run(&taken, &gathered, runs)
}

/// The tag that says what was not taken in; None if all was.
pub(crate) fn note(said: [Option<String>; 2]) -> Option<(String, String)> {
    let said = said.into_iter().flatten().reduce(|all, next| format!("{all}; {next}"));
    said.map(|said| (NOTE_TAG.to_owned(), said))
}

/// Points and files of a run, and what is said of files that stay behind.
fn gather(store: &Arc<Store>, run: &ForeignRun, roots: &mlflow_files::Roots) -> Result<(Gathered, Option<String>)> {
    let mut gathered = store.gather();
    for point in &run.points {
        let time_us = Some(point.time_us.clamp(*TIMES_US.start(), *TIMES_US.end()));
        let row = MetricRow { step: point.step, epoch: None, time_us, values: &[(&point.name, point.value)] };
        gathered.log_rows([row].into_iter())?;
    }
    let place = run.artifacts.as_ref();
    let left_out = place.map(|place| mlflow_files::gather(&mut gathered, place, roots)).transpose()?.flatten();
    Ok((gathered, left_out))
}
