//! Versions of the registry's models: where they are, their stages and tags.

use gradframe::{NewVersion, RegisteredVersion, Store, VersionChanges};
use serde_json::{Value, json};

use super::answer::Failure;
use super::call::{Call, pair};
use super::registry::{PROMPT_TAG, RESULTS, find, own_tags, pairs, tag_of, value_of};
use super::runs::{page_asked, paged};
use super::search::{Filter, Key, Kind, Order};
use super::{Answer, Handler, artifacts, logged_models, sources};

/// The type of a model that is a prompt, which `SHOW MODELS` leaves out.
const PROMPT: &str = "prompt";
/// How many versions a client may ask for at once, as in MLflow's own registry.
const RESULTS_MAX: usize = 200_000;
const STAGES: [&str; 4] = ["None", "Staging", "Production", "Archived"];
/// Those of versions that are in use, of which one may take the place of others.
const ACTIVE_STAGES: [&str; 2] = ["Staging", "Production"];

pub fn latest_versions(handler: &Handler, call: &Call) -> Answer {
    let name = call.text("name")?;
    find(handler, name)?;
    let stages = call.texts("stages")?.iter().map(|stage| stage_of(stage)).collect::<Result<Vec<_>, _>>()?;
    let all = handler.store().registered_versions(Some(name))?;
    Ok(json!({ "model_versions": latest(&all, &stages).into_iter().map(shown).collect::<Vec<_>>() }))
}

pub fn by_alias(handler: &Handler, call: &Call) -> Answer {
    let (model, alias) = (find(handler, call.text("name")?)?, call.text("alias")?);
    let named = model.aliases.iter().find(|(name, _)| name == alias).map(|(_, version)| *version);
    if named.is_none() && alias.eq_ignore_ascii_case("latest") {
        let newest = handler.store().registered_versions(Some(&model.name))?.pop();
        let newest = newest.ok_or_else(|| Failure::not_found(format!("latest version not found for model {}", model.name)))?;
        return Ok(json!({ "model_version": shown(&newest) }));
    }
    let named = named.ok_or_else(|| Failure::invalid(format!("registered model alias {alias} not found")))?;
    one_version(handler, &model.name, named).map(|found| json!({ "model_version": shown(&found) }))
}

pub fn create(handler: &Handler, call: &Call) -> Answer {
    let (found, source, tags) = (find(handler, call.text("name")?)?, call.text("source")?, call.pairs("tags")?);
    let is_prompt = [&found.tags, &tags].into_iter().any(|tags| value_of(tags, PROMPT_TAG).as_deref() == Some("true"));
    // The source of a prompt is no place.
    if !is_prompt {
        sources::check(source)?;
    }
    let model = found.name;
    let of_logged = source.strip_prefix("models:/").filter(|id| id.starts_with("m-"));
    let place = place(handler, source, of_logged)?;
    let logged = call.maybe("model_id").or(of_logged);
    let from = logged.map(|id| handler.store().logged_model(id)).transpose()?.flatten().map(|logged| logged.run);
    let new = NewVersion {
        model: &model,
        model_type: &if is_prompt { PROMPT.to_owned() } else { artifacts::flavor(handler, &place, logged) },
        source,
        run: call.maybe("run_id").or(from.as_deref()).unwrap_or_default(),
        run_link: call.maybe("run_link"),
        logged_model: logged,
        description: call.maybe("description").unwrap_or_default(),
        tags: &tags,
    };
    let made = handler.store().register_version(&new)?;
    one_version(handler, &model, made).map(|found| json!({ "model_version": shown(&found) }))
}

/// Where the files are that a source names. Errors: if it names a version or a logged model that there is not, or no more.
fn place(handler: &Handler, source: &str, of_logged: Option<&str>) -> Result<String, Failure> {
    of_logged.map(|id| logged_models::find(handler, id)).transpose()?;
    let place = handler.store().place_of(source)?;
    place.ok_or_else(|| Failure::not_found(format!("the source `{source}` of the version names no version that there is")))
}

pub fn get(handler: &Handler, call: &Call) -> Answer {
    let found = find_version(handler, call)?;
    let mut answer = shown(&found);
    if let Some(logged) = found.logged_model.as_deref().map(|id| handler.store().logged_model(id)).transpose()?.flatten() {
        answer["model_params"] = pairs(&logged.params);
        answer["model_metrics"] = logged_models::metrics(&logged);
    }
    Ok(json!({ "model_version": answer }))
}

pub fn update(handler: &Handler, call: &Call) -> Answer {
    change(handler, call, &VersionChanges { description: call.said("description"), ..VersionChanges::default() })
}

pub fn transition(handler: &Handler, call: &Call) -> Answer {
    let stage = stage_of(call.text("stage")?)?;
    let archives_others = call.flag("archive_existing_versions");
    if archives_others && !ACTIVE_STAGES.contains(&stage) {
        let what = format!("cannot archive existing model versions because `{stage}` is no active stage");
        return Err(Failure::invalid(format!("{what}, expected one of {}", ACTIVE_STAGES.join(", "))));
    }
    change(handler, call, &VersionChanges { stage: Some(stage), archives_others, ..VersionChanges::default() })
}

pub fn delete(handler: &Handler, call: &Call) -> Answer {
    let found = find_version(handler, call)?;
    handler.store().remove_version(&found.model, found.version)?;
    Ok(json!({}))
}

pub fn search(handler: &Handler, call: &Call) -> Answer {
    let known = ["name", "run_id", "source_path", "version_number", "creation_timestamp", "last_updated_timestamp"];
    let filter = Filter::read(call.optional("filter")?.unwrap_or_default(), &known)?;
    filter.check(&kind)?;
    let asked = call.texts("order_by")?;
    let newest = if asked.is_empty() { "last_updated_timestamp DESC, " } else { "" };
    let order = Order::read(&asked, &known, &format!("{newest}name, version_number DESC"))?.check(&kind)?;
    let mut found = handler.store().registered_versions(None)?;
    found.retain(|version| filter.holds(&|key| value_of_version(version, key)));
    let page = page_asked(call, 10 * RESULTS, RESULTS_MAX)?;
    let (found, next) = page.of(found, &order, |version, _, key| value_of_version(version, key))?;
    Ok(paged("model_versions", found.iter().map(shown).collect(), next))
}

/// Where a client finds the files of a version.
pub fn download_uri(handler: &Handler, call: &Call) -> Answer {
    let found = find_version(handler, call)?;
    // What the source names may be gone; where its files were when it was made is kept.
    let uri = found.storage.clone().unwrap_or_else(|| source(&found));
    Ok(json!({ "artifact_uri": uri }))
}

pub fn set_tag(handler: &Handler, call: &Call) -> Answer {
    let found = find_version(handler, call)?;
    handler.store().set_model_tags(&found.model, found.version, &[pair(&call.all())?])?;
    Ok(json!({}))
}

pub fn delete_tag(handler: &Handler, call: &Call) -> Answer {
    let found = find_version(handler, call)?;
    handler.store().remove_model_tag(&found.model, Some(found.version), call.text("key")?)?;
    Ok(json!({}))
}

fn change(handler: &Handler, call: &Call, changes: &VersionChanges<'_>) -> Answer {
    let found = find_version(handler, call)?;
    handler.store().change_version(&found.model, found.version, changes)?;
    one_version(handler, &found.model, found.version).map(|found| json!({ "model_version": shown(&found) }))
}

pub fn find_version(handler: &Handler, call: &Call) -> Result<RegisteredVersion, Failure> {
    let version = call.integer("version")?.ok_or_else(|| Failure::invalid("missing value for required parameter `version`"))?;
    let version = u64::try_from(version).map_err(|_| Failure::invalid(format!("`{version}` is no version")))?;
    one_version(handler, call.text("name")?, version)
}

fn one_version(handler: &Handler, model: &str, version: u64) -> Result<RegisteredVersion, Failure> {
    let found = handler.store().registered_version(model, version)?;
    found.ok_or_else(|| Failure::not_found(format!("model version (name={model}, version={version}) not found")))
}

fn stage_of(stage: &str) -> Result<&'static str, Failure> {
    let found = STAGES.into_iter().find(|known| known.eq_ignore_ascii_case(stage));
    found.ok_or_else(|| Failure::invalid(format!("`{stage}` is no stage, expected one of {}", STAGES.join(", "))))
}

/// The newest version of each stage, or of the stages that are asked for.
pub fn latest<'a>(versions: &'a [RegisteredVersion], stages: &[&str]) -> Vec<&'a RegisteredVersion> {
    let newest = |stage: &&str| versions.iter().filter(|version| version.stage == **stage).max_by_key(|version| version.version);
    STAGES.iter().filter(|stage| stages.is_empty() || stages.contains(stage)).filter_map(newest).collect()
}

/// What a name of a version is compared with.
fn kind(key: &Key) -> Option<Kind> {
    match key {
        Key::Tag(_) => Some(Kind::Text),
        Key::Attribute(name) if name == "version_number" => Some(Kind::Identifier),
        Key::Attribute(name) if name.ends_with("_timestamp") => Some(Kind::Number),
        Key::Attribute(_) => Some(Kind::Text),
        _ => None,
    }
}

fn value_of_version(version: &RegisteredVersion, key: &Key) -> Option<String> {
    let name = match key {
        Key::Attribute(name) => name.as_str(),
        Key::Tag(name) => return tag_of(&version.tags, name),
        _ => return None,
    };
    Some(match name {
        "name" => version.model.clone(),
        "run_id" => version.run.clone(),
        "source_path" => source(version),
        "version_number" => version.version.to_string(),
        "creation_timestamp" => (version.created_us / 1000).to_string(),
        _ => (version.updated_us / 1000).to_string(),
    })
}

/// Where a version is: what its client said, or where this server serves it.
fn source(version: &RegisteredVersion) -> String {
    version.source.clone().unwrap_or_else(|| Store::place_of_trained(&version.model, version.version))
}

/// In MLflow's words.
pub fn shown(version: &RegisteredVersion) -> Value {
    let mut shown = json!({
        "name": version.model,
        "version": version.version.to_string(),
        "creation_timestamp": version.created_us / 1000,
        "last_updated_timestamp": version.updated_us / 1000,
        "current_stage": version.stage,
        "description": version.description,
        "source": source(version),
        "run_id": version.run,
        "status": "READY",
        "tags": own_tags(&version.tags),
        "aliases": version.aliases,
    });
    for (name, value) in [("run_link", &version.run_link), ("model_id", &version.logged_model)] {
        if let Some(value) = value {
            shown[name] = value.as_str().into();
        }
    }
    shown
}
