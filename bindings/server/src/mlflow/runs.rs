//! Runs: begun, logged to, ended, found.

use std::collections::BTreeMap;

use gradframe::{LoggedMetric, MetricRow, RunChanges, RunRecord, TIMES_US};
use serde_json::{Value, json};

use super::answer::Failure;
use super::call::{Call, float, integer, number, pair};
use super::registry::IMPORTED_TAG;
use super::search::{Page, Place};
use super::view::View;
use super::{Answer, Handler, experiments, inputs, names, search};

/// How many are given at once unless it is said, and at most.
const RESULTS: usize = 1000;
pub const RESULTS_MAX: usize = 50_000;
/// A batch has no more of each; MLflow's own limits are 1000, 100 and 100.
const BATCH_MAX: usize = 100_000;

/// The tag in which MLflow keeps a run's name, and its user.
const NAME_TAG: &str = "mlflow.runName";
const USER_TAG: &str = "mlflow.user";
/// The user of a run whose client does not know it.
pub const NOBODY: &str = "unknown";

pub fn create(handler: &Handler, call: &Call) -> Answer {
    let experiment = call.integer("experiment_id")?.unwrap_or(0);
    if experiments::find(handler, experiment)?.deleted {
        return Err(Failure::invalid(format!("the experiment {experiment} is deleted")));
    }
    let mut tags = call.pairs("tags")?;
    let tagged = tags.iter().find(|(name, _)| name == NAME_TAG).map(|(_, value)| value.clone());
    if let (Some(named), Some(tagged)) = (call.maybe("run_name"), &tagged)
        && named != tagged
    {
        let what = format!("both run_name and the tag {NAME_TAG} name the run, `{named}` and `{tagged}`, expected one name");
        return Err(Failure::invalid(what));
    }
    let title = call.maybe("run_name").map(str::to_owned).or(tagged).unwrap_or_else(names::any);
    let user = call.maybe("user_id").filter(|user| *user != NOBODY);
    for (name, value) in [(NAME_TAG, Some(title.as_str())), (USER_TAG, user)] {
        if let Some(value) = value.filter(|_| !tags.iter().any(|(of, _)| of == name)) {
            tags.push((name.to_owned(), value.to_owned()));
        }
    }
    let started = moment(call, "start_time")?;
    let run = handler.tracking.create_run(experiment, &title, tags, started)?;
    Ok(json!({ "run": shown(handler, &record(handler, &run)?)? }))
}

pub fn get(handler: &Handler, call: &Call) -> Answer {
    Ok(json!({ "run": shown(handler, &looked_at(handler, id(call)?)?)? }))
}

pub fn update(handler: &Handler, call: &Call) -> Answer {
    let run = id(call)?;
    active(handler, run)?;
    let status = call.maybe("status").map(ours).transpose()?;
    let title = call.maybe("run_name");
    let ended_us = moment(call, "end_time")?.filter(|_| status.is_some_and(|status| !["running", "scheduled"].contains(&status)));
    handler.tracking.change_run(run, &RunChanges { title, status, ended_us, ..RunChanges::default() })?;
    if let Some(title) = title {
        handler.tracking.log(run, &[], &[], &[(NAME_TAG.to_owned(), title.to_owned())])?;
    }
    Ok(json!({ "run_info": info(&record(handler, run)?) }))
}

pub fn set_deleted(handler: &Handler, call: &Call, deleted: bool) -> Answer {
    handler.tracking.change_run(id(call)?, &RunChanges { deleted: Some(deleted), ..RunChanges::default() })?;
    Ok(json!({}))
}

pub fn log_metric(handler: &Handler, call: &Call) -> Answer {
    log(handler, id(call)?, &[&call.all()], &[], &[])
}

pub fn log_parameter(handler: &Handler, call: &Call) -> Answer {
    log(handler, id(call)?, &[], &[pair(&call.all())?], &[])
}

pub fn set_tag(handler: &Handler, call: &Call) -> Answer {
    let (run, tag) = (id(call)?, pair(&call.all())?);
    if tag.0 == NAME_TAG {
        active(handler, run)?;
        handler.tracking.change_run(run, &RunChanges { title: Some(&tag.1), ..RunChanges::default() })?;
    }
    log(handler, run, &[], &[], &[tag])
}

pub fn delete_tag(handler: &Handler, call: &Call) -> Answer {
    let (run, name) = (id(call)?, call.text("key")?);
    active(handler, run)?;
    if handler.tracking.remove_tag(run, name)? {
        return Ok(json!({}));
    }
    Err(Failure::not_found(format!("no tag with name: {name} in run with id {run}")))
}

pub fn log_batch(handler: &Handler, call: &Call) -> Answer {
    let metrics = call.list("metrics")?;
    if metrics.len() > BATCH_MAX {
        return Err(Failure::invalid(format!("a batch has {} metrics, at most {BATCH_MAX}", metrics.len())));
    }
    log(handler, id(call)?, &metrics, &call.pairs("params")?, &call.pairs("tags")?)
}

pub fn search(handler: &Handler, call: &Call) -> Answer {
    let experiments = handler.tracking.experiments()?;
    let wanted = call.texts("experiment_ids")?;
    let names: Vec<&str> = experiments.iter().filter(|e| wanted.contains(&e.id.to_string())).map(|e| e.name.as_str()).collect();
    let order = call.texts("order_by")?;
    let after = call.maybe("page_token").map(Place::read).transpose()?;
    let sql = search::runs(&names, call.optional("filter")?.unwrap_or_default(), &order, after.as_ref())?;
    let (view, limit) = (View::read(call, "run_view_type")?, limit(call, RESULTS, RESULTS_MAX)?);
    let rows = handler.texts(&sql)?;
    let (mut shown_runs, mut next) = (Vec::new(), None);
    for (at, place) in rows.iter().filter_map(|row| Place::of_row(row)).enumerate() {
        if let Some(record) = handler.tracking.run_records(&[&place.run])?.pop().filter(|run| view.has(run.deleted)) {
            shown_runs.push(shown(handler, &record)?);
        }
        if shown_runs.len() == limit {
            next = (at + 1 < rows.len()).then(|| place.token());
            break;
        }
    }
    Ok(paged("runs", shown_runs, next))
}

fn log(handler: &Handler, run: &str, metrics: &[&Value], params: &[(String, String)], tags: &[(String, String)]) -> Answer {
    let points = metrics.iter().map(|metric| point(metric)).collect::<Result<Vec<_>, _>>()?;
    let values: Vec<(&str, f64)> = points.iter().map(|point| (point.name.as_str(), point.value)).collect();
    let row = |(point, value): (&Point, _)| MetricRow {
        step: point.step,
        epoch: None,
        time_us: point.time_us,
        values: std::slice::from_ref(value),
    };
    let rows: Vec<MetricRow<'_>> = points.iter().zip(&values).map(row).collect();
    handler.tracking.log(run, &rows, params, tags)?;
    of_models(handler, run, metrics, &points)?;
    Ok(json!({}))
}

/// Keeps metrics that name a logged model with that model too.
fn of_models(handler: &Handler, run: &str, metrics: &[&Value], points: &[Point]) -> Result<(), Failure> {
    let mut of_models: BTreeMap<String, Vec<LoggedMetric>> = BTreeMap::new();
    for (metric, point) in metrics.iter().zip(points) {
        let text = |name: &str| metric.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let model = text("model_id");
        if model.is_empty() {
            continue;
        }
        let Point { name, value, step, time_us } = point;
        let kept = LoggedMetric {
            run: run.to_owned(),
            name: name.clone(),
            dataset: text("dataset_name"),
            digest: text("dataset_digest"),
            step: *step,
            value: *value,
            time_us: time_us.unwrap_or_default(),
        };
        of_models.entry(model).or_default().push(kept);
    }
    of_models.iter().try_for_each(|(model, metrics)| Ok(handler.store().log_model_metrics(model, metrics)?))
}

struct Point {
    name: String,
    value: f64,
    step: i64,
    time_us: Option<i64>,
}

fn point(metric: &Value) -> Result<Point, Failure> {
    let name = metric.get("key").and_then(Value::as_str).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Failure::invalid("missing value for required parameter `key`"))?.to_owned();
    let value = metric.get("value").ok_or_else(|| Failure::invalid(format!("metric `{name}` has no value")))?;
    let whole = |of: &str| metric.get(of).filter(|value| !value.is_null()).map(|value| integer(of, value)).transpose();
    let (step, time_us) = (whole("step")?.unwrap_or(0), whole("timestamp")?.map(microseconds).transpose()?);
    Ok(Point { value: float(&name, value)?, name, step, time_us })
}

/// The run that the call is about; older clients say `run_uuid`.
pub fn id(call: &Call) -> Result<&str, Failure> {
    call.maybe("run_id").map_or_else(|| call.text("run_uuid"), Ok)
}

/// The run of this name.
pub fn record(handler: &Handler, run: &str) -> Result<RunRecord, Failure> {
    let found = handler.tracking.run_records(&[run])?.pop();
    found.ok_or_else(|| Failure::not_found(format!("run with id={run} not found")))
}

/// The same where it is only looked at: also by the name that it had where it was imported from, as links and configurations have it.
pub fn looked_at(handler: &Handler, run: &str) -> Result<RunRecord, Failure> {
    let here = match handler.tracking.run_records(&[run])?.is_empty() {
        true => handler.store().run_tagged(IMPORTED_TAG, run)?,
        false => None,
    };
    record(handler, here.as_deref().unwrap_or(run))
}

/// The run of this name if it is not deleted: it alone changes.
pub fn active(handler: &Handler, run: &str) -> Result<RunRecord, Failure> {
    let found = record(handler, run)?;
    match found.deleted {
        true => Err(Failure::invalid(format!("the run {run} must be in the 'active' state, it is deleted"))),
        false => Ok(found),
    }
}

fn shown(handler: &Handler, run: &RunRecord) -> Answer {
    let pairs = |pairs: &[(String, String)]| -> Vec<Value> {
        pairs.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
    };
    let metrics: Vec<Value> = handler
        .tracking
        .latest(&run.run)?
        .into_iter()
        .map(|(name, point)| json!({ "key": name, "value": number(point.value), "timestamp": point.time_us / 1000, "step": point.step }))
        .collect();
    let data = json!({ "metrics": metrics, "params": pairs(&run.params), "tags": pairs(&run.tags) });
    let (inputs, outputs) = (inputs::shown_inputs(handler, &run.run)?, inputs::shown_outputs(handler, &run.run)?);
    Ok(json!({ "info": info(run), "data": data, "inputs": inputs, "outputs": outputs }))
}

fn info(run: &RunRecord) -> Value {
    let user = run.tags.iter().find(|(name, _)| name == USER_TAG).map_or(NOBODY, |(_, value)| value);
    let mut info = json!({
        "run_id": run.run,
        "run_uuid": run.run,
        "run_name": run.title,
        "experiment_id": run.experiment.to_string(),
        "user_id": user,
        "status": theirs(&run.status),
        "start_time": run.started_us / 1000,
        "artifact_uri": format!("mlflow-artifacts:/{}/{}/artifacts", run.experiment, run.run),
        "lifecycle_stage": if run.deleted { "deleted" } else { "active" },
    });
    if let Some(ended) = run.ended_us {
        info["end_time"] = (ended / 1000).into();
    }
    info
}

fn moment(call: &Call, name: &str) -> Result<Option<i64>, Failure> {
    call.integer(name)?.map(microseconds).transpose()
}

/// What a moment of a client's is here. Errors: for one that no calendar has.
fn microseconds(milliseconds: i64) -> Result<i64, Failure> {
    let us = milliseconds.checked_mul(1000).filter(|us| TIMES_US.contains(us));
    us.ok_or_else(|| Failure::invalid(format!("{milliseconds} milliseconds since 1970 are beyond the years 1 to 9999")))
}

/// Our word for a status of MLflow's.
pub fn ours(status: &str) -> Result<&'static str, Failure> {
    match status.to_ascii_uppercase().as_str() {
        "RUNNING" | "1" => Ok("running"),
        "SCHEDULED" | "2" => Ok("scheduled"),
        "FINISHED" | "3" => Ok("finished"),
        "FAILED" | "4" => Ok("failed"),
        // The last is our own word.
        "KILLED" | "5" | "CANCELLED" => Ok("cancelled"),
        _ => Err(Failure::invalid(format!("`{status}` is no status, expected RUNNING, SCHEDULED, FINISHED, FAILED or KILLED"))),
    }
}

/// MLflow's word for a status of ours.
pub fn theirs(status: &str) -> &'static str {
    match status {
        "scheduled" => "SCHEDULED",
        "finished" => "FINISHED",
        "failed" => "FAILED",
        "cancelled" => "KILLED",
        _ => "RUNNING",
    }
}

/// The page that is asked for: `results` things unless the client says how many, `most` at the most.
pub fn page_asked(call: &Call, results: usize, most: usize) -> Result<Page<'_>, Failure> {
    Ok(Page { token: call.maybe("page_token"), limit: limit(call, results, most)? })
}

/// Where the asked page of points starts, which are added behind the others, and how many it has at most.
pub fn page(call: &Call, results: usize) -> Result<(usize, usize), Failure> {
    let start = call.maybe("page_token").map_or(Ok(0), |token| token.parse());
    let start = start.map_err(|_| Failure::invalid("the page token is none of this server's"))?;
    Ok((start, limit(call, results, RESULTS_MAX)?))
}

/// How many results a page has at most.
fn limit(call: &Call, results: usize, most: usize) -> Result<usize, Failure> {
    let Some(asked) = call.integer("max_results")? else { return Ok(results) };
    let limit = usize::try_from(asked).ok().filter(|limit| (1..=most).contains(limit));
    limit.ok_or_else(|| Failure::invalid(format!("max_results is {asked}, expected 1 to {most}")))
}

/// A page of results, and where the next begins.
pub fn paged(name: &str, results: Vec<Value>, next: Option<String>) -> Value {
    let mut page = json!({ name: results });
    if let Some(next) = next {
        page["next_page_token"] = next.into();
    }
    page
}
