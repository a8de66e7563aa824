//! Experiments: made, found, renamed, deleted and restored.

use gradframe::Experiment;
use serde_json::{Value, json};

use super::answer::Failure;
use super::call::Call;
use super::runs::{RESULTS_MAX, page_asked, paged};
use super::search::{Filter, Key, Kind, Order};
use super::view::View;
use super::{Answer, Handler};

/// How addresses of artifacts begin that a server like this one keeps.
const PROXIED: &str = "mlflow-artifacts:";
/// How many are given at once unless it is said.
const RESULTS: usize = 1000;
/// What filters and orders know of an experiment, beside its tags.
const ATTRIBUTES: [&str; 4] = ["name", "experiment_id", "creation_time", "last_update_time"];

pub fn create(handler: &Handler, call: &Call) -> Answer {
    if let Some(place) = call.optional("artifact_location")?.filter(|place| !place.starts_with(PROXIED)) {
        let what = format!("artifact_location `{place}`: artifacts are kept by this server alone, leave the location out");
        return Err(Failure::invalid(what));
    }
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
    let view = View::read(call, "view_type")?;
    let filter = Filter::read(call.optional("filter")?.unwrap_or_default(), &ATTRIBUTES)?;
    filter.check(&kind)?;
    let asked = call.texts("order_by")?;
    let ties = if asked.is_empty() { "creation_time DESC, experiment_id" } else { "experiment_id DESC" };
    let order = Order::read(&asked, &ATTRIBUTES, ties)?.check(&kind)?;
    let mut found = handler.tracking.experiments()?;
    found.retain(|experiment| view.has(experiment.deleted));
    found.retain(|experiment| filter.holds(&|key| value(experiment, key)));
    let (found, next) = page_asked(call, RESULTS, RESULTS_MAX)?.of(found, &order, |found, _, key| value(found, key))?;
    Ok(paged("experiments", found.iter().map(shown).collect(), next))
}

fn value(experiment: &Experiment, key: &Key) -> Option<String> {
    match key {
        Key::Tag(name) => experiment.tags.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone()),
        Key::Attribute(name) if name == "name" => Some(experiment.name.clone()),
        Key::Attribute(name) if name == "experiment_id" => Some(experiment.id.to_string()),
        Key::Attribute(name) if name == "last_update_time" => Some((experiment.updated_us / 1000).to_string()),
        Key::Attribute(_) => Some((experiment.created_us / 1000).to_string()),
        _ => None,
    }
}

/// What a name of an experiment is compared with.
fn kind(key: &Key) -> Option<Kind> {
    match key {
        Key::Tag(_) => Some(Kind::Text),
        Key::Attribute(name) if name == "name" => Some(Kind::Text),
        Key::Attribute(name) if name == "experiment_id" => Some(Kind::Any),
        Key::Attribute(_) => Some(Kind::Number),
        _ => None,
    }
}

pub fn rename(handler: &Handler, call: &Call) -> Answer {
    let found = find(handler, number(call)?)?;
    if found.deleted {
        return Err(Failure::invalid_state(format!("cannot rename the experiment {}: it is deleted", found.id)));
    }
    handler.store().rename_experiment(found.id, call.text("new_name")?)?;
    Ok(json!({}))
}

/// With all its runs.
pub fn set_deleted(handler: &Handler, call: &Call, deleted: bool) -> Answer {
    let found = find(handler, number(call)?)?;
    if found.deleted == deleted {
        let wanted = if deleted { "active" } else { "deleted" };
        return Err(Failure::not_found(format!("no {wanted} experiment with ID {} exists", found.id)));
    }
    handler.tracking.set_experiment_deleted(found.id, deleted)?;
    Ok(json!({}))
}

pub fn set_tag(handler: &Handler, call: &Call) -> Answer {
    let tag = (call.text("key")?.to_owned(), call.maybe("value").unwrap_or_default().to_owned());
    handler.store().tag_experiment(active(handler, call)?.id, &[tag])?;
    Ok(json!({}))
}

pub fn delete_tag(handler: &Handler, call: &Call) -> Answer {
    let (id, name) = (active(handler, call)?.id, call.text("key")?);
    match handler.store().untag_experiment(id, name)? {
        true => Ok(json!({})),
        false => Err(Failure::not_found(format!("no tag with name: {name} in experiment with id {id}"))),
    }
}

fn active(handler: &Handler, call: &Call) -> Result<Experiment, Failure> {
    let found = find(handler, number(call)?)?;
    match found.deleted {
        true => Err(Failure::invalid(format!("the experiment {} must be in the 'active' state, it is deleted", found.id))),
        false => Ok(found),
    }
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
        "last_update_time": experiment.updated_us / 1000,
        "tags": tags,
    })
}
