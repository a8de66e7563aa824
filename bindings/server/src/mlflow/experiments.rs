//! Experiments: made, found, renamed, deleted and restored.

use gradframe::Experiment;
use serde_json::{Value, json};

use super::answer::Failure;
use super::call::Call;
use super::search::{Filter, Key, Order};
use super::{Answer, Handler};

/// How many are given at once unless it is said.
const RESULTS: usize = 1000;
/// What filters and orders know of an experiment, beside its tags.
const ATTRIBUTES: [&str; 4] = ["name", "experiment_id", "creation_time", "last_update_time"];

pub fn create(handler: &Handler, call: &Call) -> Answer {
    let id = handler.tracking.create_experiment(call.text("name")?, &call.pairs("tags")?)?;
    Ok(json!({ "experiment_id": id.to_string() }))
}

pub fn get(handler: &Handler, call: &Call) -> Answer {
    let found = find(handler, number(call)?)?;
    Ok(json!({ "experiment": shown(&found) }))
}

pub fn get_by_name(handler: &Handler, call: &Call) -> Answer {
    let name = call.text("experiment_name")?;
    let found = handler.tracking.experiments()?.into_iter().find(|experiment| experiment.name == name);
    let found = found.ok_or_else(|| Failure::not_found(format!("could not find experiment with name '{name}'")))?;
    Ok(json!({ "experiment": shown(&found) }))
}

/// All that are wanted, newest first. Of filters there is `name = '...'`, `LIKE` and `ILIKE`, and `tags.x = '...'`.
pub fn search(handler: &Handler, call: &Call) -> Answer {
    let view = call.maybe("view_type").unwrap_or("ACTIVE_ONLY");
    let filter = Filter::read(call.optional("filter")?.unwrap_or_default(), &ATTRIBUTES)?;
    let order = Order::read(&call.texts("order_by")?, &ATTRIBUTES, "creation_time DESC")?;
    let mut found = handler.tracking.experiments()?;
    found.retain(|experiment| super::runs::is_in_view(view, experiment.deleted));
    found.retain(|experiment| filter.holds(&|key| value(experiment, key)));
    found.reverse();
    order.sort(&mut found, value);
    let (start, limit) = super::runs::page(call, RESULTS)?;
    let next = (start + limit < found.len()).then(|| (start + limit).to_string());
    let shown: Vec<Value> = found.iter().skip(start).take(limit).map(shown).collect();
    Ok(super::runs::paged("experiments", shown, next))
}

fn value(experiment: &Experiment, key: &Key) -> Option<String> {
    match key {
        Key::Tag(name) => experiment.tags.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone()),
        Key::Attribute(name) if name == "name" => Some(experiment.name.clone()),
        Key::Attribute(name) if name == "experiment_id" => Some(experiment.id.to_string()),
        Key::Attribute(_) => Some((experiment.created_us / 1000).to_string()),
        _ => None,
    }
}

pub fn rename(handler: &Handler, call: &Call) -> Answer {
    handler.tracking.change_experiment(number(call)?, Some(call.text("new_name")?), None, &[])?;
    Ok(json!({}))
}

pub fn set_deleted(handler: &Handler, call: &Call, deleted: bool) -> Answer {
    handler.tracking.change_experiment(number(call)?, None, Some(deleted), &[])?;
    Ok(json!({}))
}

pub fn set_tag(handler: &Handler, call: &Call) -> Answer {
    let tag = (call.text("key")?.to_owned(), call.maybe("value").unwrap_or_default().to_owned());
    handler.tracking.change_experiment(number(call)?, None, None, &[tag])?;
    Ok(json!({}))
}

/// The experiment of this number.
pub fn find(handler: &Handler, id: i64) -> Result<Experiment, Failure> {
    let found = handler.tracking.experiments()?.into_iter().find(|experiment| experiment.id == id);
    found.ok_or_else(|| Failure::not_found(format!("no experiment with ID {id} exists")))
}

fn number(call: &Call) -> Result<i64, Failure> {
    call.integer("experiment_id")?.ok_or_else(|| Failure::invalid("missing value for required parameter `experiment_id`"))
}

fn shown(experiment: &Experiment) -> Value {
    let tags: Vec<Value> = experiment.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    json!({
        "experiment_id": experiment.id.to_string(),
        "name": experiment.name,
        "artifact_location": format!("mlflow-artifacts:/{}", experiment.id),
        "lifecycle_stage": if experiment.deleted { "deleted" } else { "active" },
        "creation_time": experiment.created_us / 1000,
        "last_update_time": experiment.created_us / 1000,
        "tags": tags,
    })
}
