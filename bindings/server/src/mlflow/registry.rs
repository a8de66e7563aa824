//! The model registry: names, with descriptions, aliases and tags. What was trained here is among it. Their versions are in [`versions`].

use gradframe::RegisteredModel;
use serde_json::{Value, json};

use super::answer::Failure;
use super::call::{Call, pair};
use super::runs::{page_asked, paged};
use super::search::{Filter, Key, Kind, Order};
use super::versions::{self, find_version};
use super::{Answer, Handler};

/// How many are given at once unless it is said.
pub const RESULTS: usize = 100;
/// How many models a client may ask for at once, as in MLflow's own registry.
const RESULTS_MAX: usize = 1000;
/// By which an import knows what it took in.
pub(super) const IMPORTED_TAG: &str = "mlflow.imported_from";
/// Says of a model that it is a prompt.
pub const PROMPT_TAG: &str = "mlflow.prompt.is_prompt";
pub fn create(handler: &Handler, call: &Call) -> Answer {
    let name = call.text("name")?;
    check_name(name)?;
    handler.store().register_model(name, call.maybe("description").unwrap_or_default(), &call.pairs("tags")?)?;
    shown_model(handler, &find(handler, name)?)
}

/// A name that `models:/NAME/1` and `models:/NAME@alias` can say.
fn check_name(name: &str) -> Result<(), Failure> {
    match name.contains(['/', ':']) {
        true => Err(Failure::invalid(format!("`{name}` is no name of a registered model: `/` and `:` cannot be in it"))),
        false => Ok(()),
    }
}

pub fn get(handler: &Handler, call: &Call) -> Answer {
    shown_model(handler, &find(handler, call.text("name")?)?)
}

pub fn update(handler: &Handler, call: &Call) -> Answer {
    let name = call.text("name")?;
    find(handler, name)?;
    handler.store().describe_model(name, call.maybe("description").unwrap_or_default())?;
    shown_model(handler, &find(handler, name)?)
}

pub fn rename(handler: &Handler, call: &Call) -> Answer {
    let (name, to) = (call.text("name")?, call.text("new_name")?);
    find(handler, name)?;
    check_name(to)?;
    handler.store().rename_model(name, to)?;
    shown_model(handler, &find(handler, to)?)
}

pub fn delete(handler: &Handler, call: &Call) -> Answer {
    let name = call.text("name")?;
    find(handler, name)?;
    handler.store().unregister_model(name)?;
    Ok(json!({}))
}

pub fn search(handler: &Handler, call: &Call) -> Answer {
    let filter = Filter::read(call.optional("filter")?.unwrap_or_default(), &["name"])?;
    filter.check(&kind)?;
    let sorted_by = ["name", "timestamp", "last_updated_timestamp"];
    let order = Order::read(&call.texts("order_by")?, &sorted_by, "name ASC")?.check(&kind)?;
    let mut found = handler.store().registered_models()?;
    found.retain(|model| filter.holds(&|key| value_of_model(model, key)));
    let page = page_asked(call, RESULTS, RESULTS_MAX)?;
    let (found, next) = page.of(found, &order, |model, _, key| value_of_model(model, key))?;
    let shown = found.iter().map(|found| model(handler, found)).collect::<Result<_, _>>()?;
    Ok(paged("registered_models", shown, next))
}

pub fn set_tag(handler: &Handler, call: &Call) -> Answer {
    let name = call.text("name")?;
    find(handler, name)?;
    handler.store().set_registered_tags(name, &[pair(&call.all())?])?;
    Ok(json!({}))
}

pub fn delete_tag(handler: &Handler, call: &Call) -> Answer {
    handler.store().remove_model_tag(&find(handler, call.text("name")?)?.name, None, call.text("key")?)?;
    Ok(json!({}))
}

pub fn set_alias(handler: &Handler, call: &Call) -> Answer {
    let (found, alias) = (find_version(handler, call)?, call.text("alias")?);
    if alias.strip_prefix(['v', 'V']).is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())) {
        return Err(Failure::invalid(format!("`{alias}` is no alias: it reads as a version")));
    }
    handler.store().set_alias(&found.model, alias, found.version)?;
    Ok(json!({}))
}

pub fn delete_alias(handler: &Handler, call: &Call) -> Answer {
    handler.store().remove_alias(&find(handler, call.text("name")?)?.name, call.text("alias")?)?;
    Ok(json!({}))
}

pub fn find(handler: &Handler, name: &str) -> Result<RegisteredModel, Failure> {
    let found = handler.store().registered_model(name)?;
    found.ok_or_else(|| Failure::not_found(format!("registered model with name={name} not found")))
}

/// A name or a tag is a text; a model of the registry has nothing else to compare.
fn kind(key: &Key) -> Option<Kind> {
    matches!(key, Key::Attribute(_) | Key::Tag(_)).then_some(Kind::Text)
}

fn value_of_model(model: &RegisteredModel, key: &Key) -> Option<String> {
    match key {
        Key::Tag(name) => tag_of(&model.tags, name),
        Key::Attribute(name) if name == "name" => Some(model.name.clone()),
        Key::Attribute(_) => Some(model.updated_us.to_string()),
        _ => None,
    }
}

/// The value of a tag. The client asks in each search for what is no prompt, which is what has no such tag.
pub fn tag_of(tags: &[(String, String)], name: &str) -> Option<String> {
    value_of(tags, name).or_else(|| (name == PROMPT_TAG).then(|| "false".to_owned()))
}

/// The value of this name.
pub fn value_of(pairs: &[(String, String)], name: &str) -> Option<String> {
    pairs.iter().find(|(of, _)| of == name).map(|(_, value)| value.clone())
}

fn shown_model(handler: &Handler, found: &RegisteredModel) -> Answer {
    Ok(json!({ "registered_model": model(handler, found)? }))
}

fn model(handler: &Handler, model: &RegisteredModel) -> Answer {
    let aliases: Vec<Value> =
        model.aliases.iter().map(|(alias, version)| json!({ "alias": alias, "version": version.to_string() })).collect();
    let all = handler.store().registered_versions(Some(&model.name))?;
    let latest: Vec<Value> = versions::latest(&all, &[]).into_iter().map(versions::shown).collect();
    Ok(json!({
        "name": model.name,
        "creation_timestamp": model.created_us / 1000,
        "last_updated_timestamp": model.updated_us / 1000,
        "description": model.description,
        "latest_versions": latest,
        "tags": pairs(&model.tags),
        "aliases": aliases,
    }))
}

/// Tags as MLflow writes them, but for that of an import, which no client has set.
pub fn own_tags(tags: &[(String, String)]) -> Value {
    pairs(&tags.iter().filter(|(name, _)| name != IMPORTED_TAG).cloned().collect::<Vec<_>>())
}

/// Names and values as MLflow writes them.
pub fn pairs(pairs: &[(String, String)]) -> Value {
    pairs.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}
