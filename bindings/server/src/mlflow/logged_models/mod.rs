//! Logged models of MLflow 3: made by `log_model`, with parameters, metrics and files of their own.

mod search;

use gradframe::{LoggedMetric, LoggedModel};
use serde_json::{Value, json};

use super::answer::Failure;
use super::call::{Call, number};
use super::registry::{own_tags, pairs};
use super::{Answer, Handler, artifacts, parts};

/// Answers what is asked at `logged-models/...`.
pub fn answer(handler: &Handler, method: &str, what: &str, call: &Call) -> Answer {
    // A tag's name may have slashes, before it and one after another too.
    if let ("DELETE", Some((id, tag))) = (method, what.split_once("/tags/")) {
        return delete_tag(handler, id, tag);
    }
    match (method, parts(what).as_slice()) {
        ("POST", []) => create(handler, call),
        ("POST", ["search"]) => search::answer(handler, call),
        ("GET", [id]) => shown(handler, id),
        ("PATCH", [id]) => finalize(handler, id, call),
        ("DELETE", [id]) => {
            handler.store().change_logged_model(&find(handler, id)?.id, None, true)?;
            Ok(json!({}))
        }
        ("PATCH", [id, "tags"]) => {
            handler.store().set_logged_values(&find(handler, id)?.id, &[], &call.pairs("tags")?)?;
            shown(handler, id)
        }
        ("POST", [id, "params"]) => {
            handler.store().set_logged_values(&find(handler, id)?.id, &call.pairs("params")?, &[])?;
            Ok(json!({}))
        }
        ("GET", [id, "artifacts", "directories"]) => files(handler, id, call),
        _ => Err(Failure::not_built(format!("{method} logged-models/{what} is not answered here"))),
    }
}

/// Errors: for a name that `runs:/RUN/NAME` and a filter could not say. As MLflow's own store has it.
fn check_name(name: &str) -> Result<(), Failure> {
    match name.is_empty() || name.contains(['/', ':', '.', '%', '"', '\'']) {
        true => {
            Err(Failure::invalid(format!("`{name}` is no name of a logged model: one is not empty and has none of / : . % \" '")))
        }
        false => Ok(()),
    }
}

fn create(handler: &Handler, call: &Call) -> Answer {
    call.said("name").map_or(Ok(()), check_name)?;
    let model = LoggedModel {
        id: String::new(),
        experiment: call.integer("experiment_id")?.unwrap_or(0),
        name: call.maybe("name").unwrap_or("model").to_owned(),
        model_type: call.maybe("model_type").unwrap_or_default().to_owned(),
        run: call.maybe("source_run_id").unwrap_or_default().to_owned(),
        status: "LOGGED_MODEL_PENDING".into(),
        created_us: 0,
        updated_us: 0,
        params: call.pairs("params")?,
        tags: call.pairs("tags")?,
        metrics: vec![],
    };
    let id = handler.store().create_logged_model(model)?;
    shown(handler, &id)
}

fn finalize(handler: &Handler, id: &str, call: &Call) -> Answer {
    let status = call.text("status")?;
    if !["LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"].contains(&status) {
        return Err(Failure::invalid(format!("`{status}` is no status of a logged model")));
    }
    handler.store().change_logged_model(&find(handler, id)?.id, Some(status), false)?;
    shown(handler, id)
}

fn delete_tag(handler: &Handler, id: &str, tag: &str) -> Answer {
    let removed = handler.store().remove_logged_tag(&find(handler, id)?.id, tag)?;
    removed.then(|| json!({})).ok_or_else(|| Failure::not_found(format!("no tag with key {tag} of model {id}")))
}

fn files(handler: &Handler, id: &str, call: &Call) -> Answer {
    let found = find(handler, id)?;
    let below = call.maybe("artifact_directory_path").unwrap_or_default();
    Ok(json!({ "root_uri": found.place(), "files": artifacts::listed(&handler.store().logged_files(id)?, below, true) }))
}

/// The logged model of this identifier.
pub fn find(handler: &Handler, id: &str) -> Result<LoggedModel, Failure> {
    let found = handler.store().logged_model(id)?;
    found.ok_or_else(|| Failure::not_found(format!("logged model with ID '{id}' not found")))
}

fn shown(handler: &Handler, id: &str) -> Answer {
    Ok(json!({ "model": model(handler, &find(handler, id)?)? }))
}

fn model(handler: &Handler, model: &LoggedModel) -> Answer {
    let versions = handler.store().versions_of_logged(&model.id)?;
    let registrations: Vec<Value> =
        versions.iter().map(|(name, version)| json!({ "name": name, "version": version.to_string() })).collect();
    let info = json!({
        "model_id": model.id,
        "experiment_id": model.experiment.to_string(),
        "name": model.name,
        "creation_timestamp_ms": model.created_us / 1000,
        "last_updated_timestamp_ms": model.updated_us / 1000,
        "artifact_uri": model.place(),
        "status": model.status,
        "model_type": model.model_type,
        "source_run_id": model.run,
        "tags": own_tags(&model.tags),
        "registrations": registrations,
    });
    Ok(json!({ "info": info, "data": { "params": pairs(&model.params), "metrics": metrics(model) } }))
}

/// Its metrics as MLflow writes them.
pub fn metrics(model: &LoggedModel) -> Value {
    let shown = |metric: &LoggedMetric| {
        json!({
            "key": metric.name,
            "value": number(metric.value),
            "timestamp": metric.time_us / 1000,
            "step": metric.step,
            "dataset_name": metric.dataset,
            "dataset_digest": metric.digest,
            "run_id": metric.run,
            "model_id": model.id,
        })
    };
    model.metrics.iter().map(shown).collect()
}
