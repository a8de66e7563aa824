//! What runs have used and made: data sets, and models.

use gradframe::{DatasetRecord, NewDataset};
use serde_json::{Value, json};

use super::answer::Failure;
use super::call::{Call, integer, pair};
use super::registry::pairs;
use super::{Answer, Handler, runs};

/// The tag that says what a data set is for.
const CONTEXT_TAG: &str = "mlflow.data.context";
/// The tag in which MLflow 2 keeps what it knows of a run's models.
const MODELS_TAG: &str = "mlflow.log-model.history";

/// Data sets and models that a run uses.
pub fn log(handler: &Handler, call: &Call) -> Answer {
    let run = runs::id(call)?;
    runs::active(handler, run)?;
    for input in call.list("datasets")? {
        let tags = input.get("tags").and_then(Value::as_array).into_iter().flatten().map(pair).collect::<Result<Vec<_>, _>>()?;
        let new = dataset(input.get("dataset").unwrap_or(&Value::Null), &tags)?;
        handler.store().put_dataset(run, &new, &tags)?;
    }
    handler.store().link_models(run, &models(call)?, true)?;
    Ok(json!({}))
}

/// Models that a run has made.
pub fn log_outputs(handler: &Handler, call: &Call) -> Answer {
    let run = runs::id(call)?;
    runs::active(handler, run)?;
    handler.store().link_models(run, &models(call)?, false)?;
    Ok(json!({}))
}

/// What MLflow 2 keeps of a logged model, as a tag that its client reads again.
pub fn log_model(handler: &Handler, call: &Call) -> Answer {
    let run = runs::id(call)?;
    let model: Value =
        serde_json::from_str(call.text("model_json")?).map_err(|e| Failure::invalid(format!("model_json: {e}")))?;
    let before = runs::active(handler, run)?.tags.into_iter().find(|(of, _)| of == MODELS_TAG).map(|(_, value)| value);
    let mut models: Vec<Value> = before.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    models.push(model);
    handler.tracking.log(run, &[], &[], &[(MODELS_TAG.to_owned(), Value::Array(models).to_string())])?;
    Ok(json!({}))
}

/// The data sets of the runs of some experiments.
pub fn search(handler: &Handler, call: &Call) -> Answer {
    let mut found = Vec::new();
    for experiment in call.texts("experiment_ids")? {
        for (record, context) in handler.store().datasets_of_experiment(&experiment)? {
            let summary =
                json!({ "experiment_id": experiment, "name": record.name, "digest": record.digest, "context": context });
            if !found.contains(&summary) {
                found.push(summary);
            }
        }
    }
    Ok(json!({ "dataset_summaries": found }))
}

/// The inputs of a run as MLflow writes them.
pub fn shown_inputs(handler: &Handler, run: &str) -> Answer {
    let datasets: Vec<Value> = handler.store().datasets(run)?.iter().map(shown).collect();
    let models: Vec<Value> = handler.store().linked_models(run, true)?.iter().map(|(id, _)| json!({ "model_id": id })).collect();
    Ok(json!({ "dataset_inputs": datasets, "model_inputs": models }))
}

/// The outputs of a run as MLflow writes them.
pub fn shown_outputs(handler: &Handler, run: &str) -> Answer {
    let models = handler.store().linked_models(run, false)?;
    let models: Vec<Value> = models.iter().map(|(id, step)| json!({ "model_id": id, "step": step })).collect();
    Ok(json!({ "model_outputs": models }))
}

fn shown(record: &DatasetRecord) -> Value {
    let tags = match record.role.is_empty() || record.tags.iter().any(|(name, _)| name == CONTEXT_TAG) {
        true => record.tags.clone(),
        false => [record.tags.clone(), vec![(CONTEXT_TAG.to_owned(), record.role.clone())]].concat(),
    };
    let dataset = json!({
        "name": record.name,
        "digest": record.digest,
        "source_type": record.kind,
        "source": record.source,
        "schema": record.schema,
        "profile": record.profile,
    });
    json!({ "tags": pairs(&tags), "dataset": dataset })
}

fn dataset(value: &Value, tags: &[(String, String)]) -> Result<NewDataset, Failure> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (name, profile) = (text("name"), text("profile"));
    if name.is_empty() {
        return Err(Failure::invalid("missing value for required parameter `name` of a data set"));
    }
    let rows = serde_json::from_str::<Value>(&profile).ok().and_then(|profile| profile.get("num_rows")?.as_u64());
    let role = tags.iter().find(|(name, _)| name == CONTEXT_TAG).map(|(_, value)| value.clone()).unwrap_or_default();
    let (digest, kind, source, schema) = (text("digest"), text("source_type"), text("source"), text("schema"));
    Ok(NewDataset { role, name, digest, kind, source, schema, profile, rows, files: vec![] })
}

fn models(call: &Call) -> Result<Vec<(String, i64)>, Failure> {
    let model = |value: &Value| {
        let id = value.get("model_id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Failure::invalid("missing value for required parameter `model_id`"))?;
        let step = value.get("step").map(|step| integer("step", step)).transpose()?.unwrap_or(0);
        Ok((id.to_owned(), step))
    };
    call.list("models")?.into_iter().map(model).collect()
}
