//! The model registry of an `mlflow.db` or an `mlruns/`, and its logged models, taken in after its runs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gradframe_connectors::mlflow::{self, Damaged, ForeignLogged, ForeignLoggedPoint, ForeignModel, ForeignVersion};
use gradframe_connectors::notices;
use gradframe_connectors::store::{LoggedMetric, LoggedModel, Sources, Store, TakenModel, TakenVersion, is_alias};

use crate::Result;
use crate::mlflow::{FROM_TAG, NOTE_TAG, note};
use crate::mlflow_files::{Roots, gather, not_looked_at};
use crate::run::TIMES_US;

/// Models of each kind of library say which in the file of this name.
const MLMODEL: &str = "MLmodel";
/// What stands in an address between a run and the path of an artifact.
const ARTIFACTS: &str = "/artifacts/";
/// The status of a logged model that is all there.
const READY: &str = "LOGGED_MODEL_READY";

/// Names and places of logged models there, and what they are called here, with the kind of model.
type Logged = BTreeMap<String, (String, String)>;

/// Takes in what is not here yet: logged models with their files, names, versions with stages, tags and aliases. Each keeps where it
/// comes from as a tag. A version keeps its number, unless it is another's here, which is said. Of logged models that are deleted those
/// come, deleted, of which a version has the files.
pub(crate) fn take_in(store: &Store, path: &Path, roots: &Roots, runs: &Sources, damaged: &mut Damaged) -> Result<()> {
    let models = mlflow::registered_models(path, damaged)?;
    let versions = models.iter().flat_map(|model| &model.versions);
    let used: BTreeSet<String> = versions.flat_map(|version| [plain(&version.source), plain(&version.storage)]).collect();
    let mut logged = Logged::new();
    for model in mlflow::logged_models(path, damaged)? {
        let names = [format!("models:/{}", model.id), plain(&model.uri)];
        if model.deleted && !names.iter().any(|name| used.contains(name)) {
            continue;
        }
        if let Some(taken) = take_in_logged(store, &model, roots, runs)? {
            logged.extend(names.into_iter().filter(|name| !name.is_empty()).map(|name| (name, taken.clone())));
        }
    }
    models.iter().try_for_each(|model| take_in_model(store, model, &logged, runs))
}

fn take_in_logged(store: &Store, model: &ForeignLogged, roots: &Roots, runs: &Sources) -> Result<Option<(String, String)>> {
    let flavor = model.files.as_deref().map_or_else(|| "mlflow".to_owned(), flavor);
    let known = |store: &Store| store.logged_model_tagged(FROM_TAG, &model.id);
    if let Some(there) = known(store)? {
        return Ok(Some((there, flavor)));
    }
    let mut gathered = store.gather();
    let place = model.files.as_ref();
    let left_out = place.map(|place| gather(&mut gathered, place, roots)).transpose()?.flatten();
    let note = note([left_files(model, roots), left_out]);
    let taken = LoggedModel {
        id: String::new(),
        experiment: store.experiment_number(&model.experiment)?,
        name: model.name.clone(),
        model_type: model.model_type.clone(),
        run: runs.get(&model.run).unwrap_or_default().to_owned(),
        status: model.status.to_owned(),
        created_us: model.times_us.0,
        updated_us: model.times_us.1,
        params: model.params.clone(),
        tags: model.tags.iter().cloned().chain(note).collect(),
        metrics: metrics(model, runs),
    };
    let made = store.take_in_logged_model(&taken, (FROM_TAG, &model.id), model.deleted, &gathered)?;
    // Another import may have taken it in meanwhile.
    let there = made.map_or_else(|| known(store), |made| Ok(Some(made)))?;
    Ok(there.map(|there| (there, flavor)))
}

/// What is said of files that stay behind; None if none do, as far as is known.
fn left_files(model: &ForeignLogged, roots: &Roots) -> Option<String> {
    match (&model.elsewhere, &model.files) {
        (Some(uri), _) => Some(not_looked_at(uri)),
        (None, Some(place)) => roots.left(place),
        (None, None) if model.status == READY => Some(format!("it has no files: there is no directory `{}`", model.uri)),
        (None, None) => None,
    }
}

/// What was measured of a logged model, each point of the run that it is of here.
fn metrics(model: &ForeignLogged, runs: &Sources) -> Vec<LoggedMetric> {
    let metric = |of: &ForeignLoggedPoint| LoggedMetric {
        run: runs.get(&of.run).unwrap_or_default().to_owned(),
        name: of.point.name.clone(),
        dataset: of.dataset.clone(),
        digest: of.digest.clone(),
        step: of.point.step,
        value: of.point.value,
        time_us: of.point.time_us.clamp(*TIMES_US.start(), *TIMES_US.end()),
    };
    model.metrics.iter().map(metric).collect()
}

fn take_in_model(store: &Store, model: &ForeignModel, logged: &Logged, runs: &Sources) -> Result<()> {
    let versions = model.versions.iter().map(|version| taken(store, version, logged, runs)).collect::<Result<_>>()?;
    // MLflow takes numbers for aliases, which mean versions here.
    let (aliases, others): (Vec<_>, Vec<_>) = model.aliases.iter().cloned().partition(|(alias, _)| is_alias(alias));
    let left = |(alias, version): &(String, i64)| format!("`{alias}` for its version {version}");
    let note = others.iter().map(left).reduce(|all, next| format!("{all}, {next}"));
    let note = note.map(|left| (NOTE_TAG.to_owned(), format!("left out, since they are no names for aliases here: {left}")));
    let tags: Vec<(String, String)> = model.tags.iter().cloned().chain(note).collect();
    let (name, description) = (&model.name, &model.description);
    let taken = TakenModel { name, description, tags: &tags, times_us: model.times_us, versions, aliases: &aliases };
    let renumbered = store.take_in_registered_model(&taken, FROM_TAG)?;
    let said = renumbered.iter().map(|(theirs, ours)| format!("{theirs} is {ours}")).reduce(|all, next| format!("{all}, {next}"));
    if let Some(said) = said {
        notices::tell(&format!("versions of the model `{name}` have other numbers here, which had some already: {said}"));
    }
    Ok(())
}

fn taken<'a>(store: &Store, version: &'a ForeignVersion, logged: &'a Logged, runs: &'a Sources) -> Result<TakenVersion<'a>> {
    let run = runs.get(&version.run);
    // A source may name a version, which has another number here: what MLflow has looked up of it is what counts.
    let place = if version.storage.is_empty() { &version.source } else { &version.storage };
    let named = logged.get(&version.source);
    let of_logged = named.or_else(|| logged.get(&plain(place)));
    let here = match (of_logged, below_run(runs, version, place).or_else(|| below_named_run(runs, place))) {
        (Some((id, _)), _) => Some(format!("models:/{id}")),
        (None, Some((run, path))) => place_in_run(store, run, &path)?,
        (None, None) => None,
    };
    let note = if here.is_none() { left_version(place) } else { None };
    let tags = match note {
        Some(note) => Cow::Owned(version.tags.iter().cloned().chain([(NOTE_TAG.to_owned(), note)]).collect()),
        None => Cow::Borrowed(version.tags.as_slice()),
    };
    Ok(TakenVersion {
        number: version.version,
        model_type: of_logged.map_or("mlflow", |(_, flavor)| flavor),
        source: here.unwrap_or_else(|| place.clone()),
        run: run.unwrap_or_default(),
        run_link: version.run_link.as_deref(),
        logged_model: named.map(|(id, _)| id.as_str()),
        description: &version.description,
        tags,
        stage: &version.stage,
        times_us: version.times_us,
    })
}

/// An address as its others are written.
fn plain(uri: &str) -> String {
    uri.strip_prefix("file://").unwrap_or(uri).trim_end_matches('/').to_owned()
}

/// The run here among whose artifacts the files of a version lay, which its own run has there, and their path.
fn below_run<'a>(runs: &'a Sources, version: &ForeignVersion, place: &str) -> Option<(&'a str, String)> {
    let run = runs.get(&version.run)?;
    let (source, artifacts) = (plain(place), plain(&version.run_artifacts));
    let of_run = format!("runs:/{}", version.run);
    let roots = [artifacts.as_str(), of_run.as_str()];
    let path = roots.iter().filter(|root| !root.is_empty()).find_map(|root| source.strip_prefix(*root)?.strip_prefix('/'));
    path.map(|path| (run, path.to_owned()))
}

/// The same by the run that an address itself names, `.../RUN/artifacts/PATH` or `runs:/RUN/PATH`: a version may say no run, or one that
/// there is not, and a store may have been moved.
fn below_named_run<'a>(runs: &'a Sources, place: &str) -> Option<(&'a str, String)> {
    let place = plain(place);
    let of_runs = place.strip_prefix("runs:/").and_then(|rest| rest.split_once('/'));
    let of_artifacts = place.match_indices(ARTIFACTS).map(|(at, _)| {
        let before = &place[..at];
        (before.rsplit_once('/').map_or(before, |(_, run)| run), &place[at + ARTIFACTS.len()..])
    });
    let mut named = of_runs.into_iter().chain(of_artifacts);
    named.find_map(|(run, path)| Some((runs.get(run)?, path.to_owned())))
}

/// The address here of what lies among a run's artifacts.
fn place_in_run(store: &Store, run: &str, path: &str) -> Result<Option<String>> {
    let experiment = store.run_records(&[run])?.pop().map(|record| record.experiment);
    Ok(experiment.map(|experiment| format!("mlflow-artifacts:/{experiment}/{run}/artifacts/{path}")))
}

/// What is said of a version whose files are at a place of its old store; None of one that is found wherever it is loaded.
fn left_version(place: &str) -> Option<String> {
    let is_of_store = ["mlflow-artifacts:", "runs:/", "models:/", "file:", "/"].iter().any(|start| place.starts_with(start));
    is_of_store.then(|| format!("its files were left at `{place}`, which is of no run and no model that was taken in"))
}

/// What kind of model lies in a directory: `mlflow.sklearn`.
fn flavor(directory: &Path) -> String {
    let text = std::fs::read_to_string(directory.join(MLMODEL)).unwrap_or_default();
    let below = text.lines().skip_while(|line| *line != "flavors:").skip(1).take_while(|line| line.starts_with(' '));
    let mut keys = below.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')).filter(|key| !key.starts_with(' '));
    let named = keys.find(|key| *key != "python_function");
    named.map_or_else(|| "mlflow".to_owned(), |flavor| format!("mlflow.{flavor}"))
}
