//! The model registry of an `mlflow.db` or an `mlruns/`, and its logged models, taken in after its runs.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gradframe_connectors::mlflow::{self, ForeignLogged, ForeignLoggedPoint, ForeignModel, ForeignVersion};
use gradframe_connectors::store::{LoggedMetric, LoggedModel, NewVersion, Store, VersionChanges};

use crate::Result;
use crate::mlflow::{FROM_TAG, NOTE_TAG, Roots, not_looked_at, opened};
use crate::run::TIMES_US;

/// Models of each kind of library say which in the file of this name.
const MLMODEL: &str = "MLmodel";
/// The status of a logged model that is all there.
const READY: &str = "LOGGED_MODEL_READY";

/// Names and places of logged models there, and what they are called here, with the kind of model.
type Logged = BTreeMap<String, (String, String)>;

/// Takes in what is not here yet: logged models with their files, names, versions with stages, tags and aliases. Each keeps where it
/// comes from as a tag. A version gets the next number here, which is another than there where versions were deleted. Of logged models that
/// are deleted those come, deleted, of which a version has the files.
pub(crate) fn take_in(store: &Store, path: &Path, roots: &Roots) -> Result<()> {
    let models = mlflow::registered_models(path)?;
    let versions = models.iter().flat_map(|model| &model.versions);
    let used: BTreeSet<String> = versions.flat_map(|version| [plain(&version.source), plain(&version.storage)]).collect();
    let mut logged = Logged::new();
    for model in mlflow::logged_models(path)? {
        let names = [format!("models:/{}", model.id), plain(&model.uri)];
        if model.deleted && !names.iter().any(|name| used.contains(name)) {
            continue;
        }
        let taken = take_in_logged(store, &model, roots)?;
        logged.extend(names.into_iter().filter(|name| !name.is_empty()).map(|name| (name, taken.clone())));
    }
    models.iter().try_for_each(|model| take_in_model(store, model, &logged))
}

fn take_in_logged(store: &Store, model: &ForeignLogged, roots: &Roots) -> Result<(String, String)> {
    let flavor = model.files.as_deref().map_or_else(|| "mlflow".to_owned(), flavor);
    if let Some(there) = store.logged_model_tagged(FROM_TAG, &model.id)? {
        return Ok((there, flavor));
    }
    let run = store.tagged(FROM_TAG, &model.run)?.unwrap_or_default();
    let note = left_files(model, roots).map(|note| (NOTE_TAG.to_owned(), note));
    let id = store.create_logged_model(LoggedModel {
        id: String::new(),
        experiment: store.experiment_number(&model.experiment)?,
        name: model.name.clone(),
        model_type: model.model_type.clone(),
        run: run.clone(),
        status: model.status.to_owned(),
        created_us: 0,
        updated_us: 0,
        params: model.params.clone(),
        tags: model.tags.iter().cloned().chain(note).collect(),
        metrics: vec![],
    })?;
    match fill_logged(store, &id, model, &run, roots) {
        Ok(()) => Ok((id, flavor)),
        Err(error) => {
            // Half a model is none.
            store.forget_logged_model(&id)?;
            Err(error)
        }
    }
}

fn fill_logged(store: &Store, id: &str, model: &ForeignLogged, run: &str, roots: &Roots) -> Result<()> {
    for (name, file) in model.files.iter().map(|place| roots.files(place)).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        store.put_logged_file(id, &name, &mut opened(&file)?)?;
    }
    store.log_model_metrics(id, &metrics(store, model)?)?;
    if !run.is_empty() {
        store.link_models(run, &[(id.to_owned(), 0)], false)?;
    }
    // It counts as taken in from here on, also where the process is killed.
    store.set_logged_values(id, &[], &[(FROM_TAG.to_owned(), model.id.clone())])?;
    if model.deleted {
        store.change_logged_model(id, None, true)?;
    }
    // Last, since all that is said about it changes it.
    store.date_logged_model(id, model.times_us)
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
fn metrics(store: &Store, model: &ForeignLogged) -> Result<Vec<LoggedMetric>> {
    let mut runs: BTreeMap<&str, String> = BTreeMap::new();
    for of in &model.metrics {
        if let Entry::Vacant(place) = runs.entry(&of.run) {
            place.insert(store.tagged(FROM_TAG, &of.run)?.unwrap_or_default());
        }
    }
    let metric = |of: &ForeignLoggedPoint| LoggedMetric {
        run: runs.get(of.run.as_str()).cloned().unwrap_or_default(),
        name: of.point.name.clone(),
        dataset: of.dataset.clone(),
        digest: of.digest.clone(),
        step: of.point.step,
        value: of.point.value,
        time_us: of.point.time_us.clamp(*TIMES_US.start(), *TIMES_US.end()),
    };
    Ok(model.metrics.iter().map(metric).collect())
}

fn take_in_model(store: &Store, model: &ForeignModel, logged: &Logged) -> Result<()> {
    let is_new = store.registered_model(&model.name)?.is_none();
    if is_new {
        store.register_model(&model.name, &model.description, &model.tags)?;
    }
    let there = store.registered_versions(Some(&model.name))?;
    let mut numbers = BTreeMap::new();
    for version in &model.versions {
        let from = format!("{}/{}", model.name, version.version);
        let known = there.iter().find(|there| there.tags.iter().any(|(name, value)| name == FROM_TAG && *value == from));
        let number = match known {
            Some(known) => known.version,
            None => take_in_version(store, &model.name, version, from, logged)?,
        };
        numbers.insert(version.version, number);
    }
    for (alias, version) in &model.aliases {
        if let Some(number) = numbers.get(version) {
            store.set_alias(&model.name, alias, *number)?;
        }
    }
    // Last, since all that is said about it changes it.
    if is_new { store.date_model(&model.name, model.times_us) } else { Ok(()) }
}

fn take_in_version(store: &Store, model: &str, version: &ForeignVersion, from: String, logged: &Logged) -> Result<u64> {
    let run = store.tagged(FROM_TAG, &version.run)?;
    // A source may name a version, which has another number here: what MLflow has looked up of it is what counts.
    let place = if version.storage.is_empty() { &version.source } else { &version.storage };
    let named = logged.get(&version.source);
    let of_logged = named.or_else(|| logged.get(&plain(place)));
    let below_run = run.as_deref().map(|run| below_run(store, run, version, place)).transpose()?.flatten();
    let source = match (of_logged, below_run) {
        (Some((id, _)), _) => format!("models:/{id}"),
        (None, Some(source)) => source,
        (None, None) => place.clone(),
    };
    let tags: Vec<(String, String)> = version.tags.iter().cloned().chain([(FROM_TAG.to_owned(), from)]).collect();
    let made = store.register_version(&NewVersion {
        model,
        model_type: of_logged.map_or("mlflow", |(_, flavor)| flavor),
        source: &source,
        run: run.as_deref().unwrap_or_default(),
        run_link: version.run_link.as_deref(),
        logged_model: named.map(|(id, _)| id.as_str()),
        description: &version.description,
        tags: &tags,
    })?;
    store.change_version(model, made, &VersionChanges { stage: Some(&version.stage), ..VersionChanges::default() })?;
    store.date_version(model, made, version.times_us)?;
    Ok(made)
}

/// An address as its others are written.
fn plain(uri: &str) -> String {
    uri.strip_prefix("file://").unwrap_or(uri).trim_end_matches('/').to_owned()
}

/// Where the files of a version are that lay among its run's artifacts.
fn below_run(store: &Store, run: &str, version: &ForeignVersion, place: &str) -> Result<Option<String>> {
    let (source, artifacts) = (plain(place), plain(&version.run_artifacts));
    let of_run = format!("runs:/{}", version.run);
    let roots = [artifacts.as_str(), of_run.as_str()];
    let path = roots.iter().filter(|root| !root.is_empty()).find_map(|root| source.strip_prefix(*root)?.strip_prefix('/'));
    let Some(path) = path else { return Ok(None) };
    let experiment = store.run_records(&[run])?.pop().map(|record| record.experiment);
    Ok(experiment.map(|experiment| format!("mlflow-artifacts:/{experiment}/{run}/artifacts/{path}")))
}

/// What kind of model lies in a directory: `mlflow.sklearn`.
fn flavor(directory: &Path) -> String {
    let text = std::fs::read_to_string(directory.join(MLMODEL)).unwrap_or_default();
    let below = text.lines().skip_while(|line| *line != "flavors:").skip(1).take_while(|line| line.starts_with(' '));
    let mut keys = below.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')).filter(|key| !key.starts_with(' '));
    let named = keys.find(|key| *key != "python_function");
    named.map_or_else(|| "mlflow".to_owned(), |flavor| format!("mlflow.{flavor}"))
}
