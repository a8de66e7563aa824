//! Traces: begun and ended in the words of version 2, logged at once in those of version 3; searched, tagged, assessed, deleted.
//! Their spans come as a file, `traces.json`, by the artifacts' way, and are rows of `gradframe.spans` from then on.

mod search;
mod shown;

use std::fs;

use gradframe::{Store, Trace, mlflow_spans as spans};
use serde_json::{Value, json};

use super::answer::Failure;
use super::assessments::{self, check_id};
use super::call::Call;
use super::registry::value_of;
use super::{Answer, Handler, times};
use crate::http::Body;
use search::search;
use shown::{shown_2, shown_3};

/// Where clients say what we keep in columns.
pub(super) const NAME: &str = "mlflow.traceName";
const RUN: &str = "mlflow.sourceRun";
const INPUTS: &str = "mlflow.traceInputs";
const OUTPUTS: &str = "mlflow.traceOutputs";
/// Tells them where the files of a trace go.
const LOCATION: &str = "mlflow.artifactLocation";
const PROMPTS: &str = "mlflow.linkedPrompts";
/// The file that holds the spans; a longer one is kept, and its spans are no rows.
pub(super) const SPANS: &str = "traces.json";
const SPANS_BYTES_MAX: u64 = 256 << 20;

/// In whose words it is asked and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Words {
    Of2,
    Of3,
}

/// Answers what is asked at `traces/...`, given in parts.
pub fn answer(handler: &Handler, words: Words, method: &str, parts: &[&str], call: &Call) -> Answer {
    match (method, parts) {
        ("POST", []) if words == Words::Of3 => log(handler, call),
        ("POST", []) => begin(handler, call),
        ("GET", []) | ("POST", ["search"]) => search(handler, words, call),
        ("POST", ["delete-traces"]) => delete(handler, call),
        ("POST", ["link-to-run"]) => {
            handler.store().link_traces(&call.texts("trace_ids")?, call.text("run_id")?)?;
            Ok(json!({}))
        }
        ("POST", ["link-prompts"]) => link_prompts(handler, call),
        ("POST" | "GET", ["batchGetInfos"]) => infos(handler, call),
        // Asked of servers that keep spans beside the trace.
        ("GET", ["get" | "batchGet"]) => Err(Failure::not_found(format!("Trace with ID '{}' not found", parts[0]))),
        ("PATCH", [id]) => end(handler, id, call),
        ("GET", [id]) if words == Words::Of3 => Ok(json!({ "trace": { "trace_info": shown_3(&find(handler, id)?) } })),
        ("GET", [id] | [id, "info"]) => Ok(json!({ "trace_info": shown_2(&find(handler, id)?) })),
        ("PATCH", [id, "tags"]) => {
            handler.store().set_trace_tag(id, call.text("key")?, call.maybe("value").unwrap_or_default())?;
            Ok(json!({}))
        }
        ("DELETE", [id, "tags"]) => {
            let key = call.text("key")?;
            find(handler, id)?;
            let removed = handler.store().remove_trace_tag(id, key)?;
            removed.then(|| json!({})).ok_or_else(|| Failure::not_found(format!("no tag with key {key} of trace {id}")))
        }
        (_, [id, "assessments", rest @ ..]) => assessments::answer(handler, method, id, rest, call),
        _ => Err(Failure::not_built(format!("{method} traces/{} is not answered here", parts.join("/")))),
    }
}

/// A whole trace, in the words of version 3.
fn log(handler: &Handler, call: &Call) -> Answer {
    let all = call.all();
    let info = &all["trace"]["trace_info"];
    let text = |name: &str| info[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let id = text("trace_id").unwrap_or_else(Store::new_trace_id);
    check_id(&id)?;
    let experiment = &info["trace_location"]["mlflow_experiment"]["experiment_id"];
    let mut trace = Trace {
        experiment: experiment_of(experiment.as_str().unwrap_or("0"))?,
        state: text("state").unwrap_or_else(|| "STATE_UNSPECIFIED".to_owned()),
        client_request: text("client_request_id"),
        started_us: times::time_us("request_time", &info["request_time"])?,
        duration_us: match &info["execution_duration"] {
            Value::Null => None,
            duration => Some(times::duration_us("execution_duration", duration)?),
        },
        request: text("request_preview"),
        response: text("response_preview"),
        tags: named(&info["tags"])?,
        metadata: named(&info["trace_metadata"])?,
        id,
        ..Trace::default()
    };
    for assessment in info["assessments"].as_array().into_iter().flatten() {
        let (assessment_id, body) = assessments::new(&trace.id, assessment.clone())?;
        trace.assessments.push((assessment_id, body.to_string()));
    }
    keep(handler, trace).map(|trace| json!({ "trace": { "trace_info": shown_3(&trace) } }))
}

/// A trace that begins, in the words of version 2.
fn begin(handler: &Handler, call: &Call) -> Answer {
    let trace = Trace {
        id: Store::new_trace_id(),
        experiment: experiment_of(&experiment_text(call)?)?,
        state: "IN_PROGRESS".to_owned(),
        started_us: in_us(call.integer("timestamp_ms")?.unwrap_or_default())?,
        tags: call.pairs("tags")?,
        metadata: call.pairs("request_metadata")?,
        ..Trace::default()
    };
    keep(handler, trace).map(|trace| json!({ "trace_info": shown_2(&trace) }))
}

fn end(handler: &Handler, id: &str, call: &Call) -> Answer {
    let mut trace = find(handler, id)?;
    let ended_us = in_us(call.integer("timestamp_ms")?.unwrap_or_default())?;
    trace.duration_us = Some((ended_us - trace.started_us).max(0));
    trace.state = match call.maybe("status") {
        Some("TRACE_STATUS_UNSPECIFIED") | None => "STATE_UNSPECIFIED".to_owned(),
        Some(status) => status.to_owned(),
    };
    trace.metadata.extend(call.pairs("request_metadata")?);
    trace.tags.extend(call.pairs("tags")?);
    keep(handler, trace).map(|trace| json!({ "trace_info": shown_2(&trace) }))
}

/// Stores a trace with what its tags and metadata say of it, and gives it as it is then.
pub(super) fn keep(handler: &Handler, mut trace: Trace) -> Result<Trace, Failure> {
    if !["OK", "ERROR", "IN_PROGRESS", "STATE_UNSPECIFIED"].contains(&trace.state.as_str()) {
        return Err(Failure::invalid(format!("`{}` is no state of a trace", trace.state)));
    }
    let last =
        |pairs: &[(String, String)], name: &str| pairs.iter().rev().find(|(of, _)| of == name).map(|(_, value)| value.clone());
    trace.name = last(&trace.tags, NAME).unwrap_or_default();
    trace.run = last(&trace.metadata, RUN).unwrap_or(trace.run);
    trace.request = trace.request.or(last(&trace.metadata, INPUTS));
    trace.response = trace.response.or(last(&trace.metadata, OUTPUTS));
    let location = format!("mlflow-artifacts:/{}/traces/{}/artifacts", trace.experiment, trace.id);
    trace.tags.push((LOCATION.to_owned(), location));
    handler.store().put_trace(&trace)?;
    find(handler, &trace.id)
}

/// A file of a trace; from the one that holds them the spans are read.
pub fn put_file(handler: &Handler, id: &str, path: &str, body: &mut Body<'_>) -> Result<(), Failure> {
    let store = handler.store();
    store.put_trace_file(id, path, body)?;
    if path != SPANS {
        return Ok(());
    }
    let Some(place) = store.trace_file(id, path)? else { return Ok(()) };
    let is_short = fs::metadata(&place).is_ok_and(|file| file.len() <= SPANS_BYTES_MAX);
    let read = if is_short { fs::read(&place).ok().and_then(|file| spans::read(&file)) } else { None };
    match read {
        Some(spans) => store.set_spans(id, &spans)?,
        None => tracing::warn!(trace = id, "the spans of a trace cannot be read"),
    }
    Ok(())
}

/// Those named, or those of an experiment that are no younger than this, the oldest first.
fn delete(handler: &Handler, call: &Call) -> Answer {
    let experiment = experiment_of(&experiment_text(call)?)?;
    let asked: Vec<String> = [call.texts("request_ids")?, call.texts("trace_ids")?].concat();
    let (youngest, most) = (call.integer("max_timestamp_millis")?, call.integer("max_traces")?);
    if asked.is_empty() == youngest.is_none() {
        return Err(Failure::invalid("either `max_timestamp_millis` or `request_ids` says which traces are deleted"));
    }
    let mut found = handler.store().traces(experiment)?;
    found.reverse();
    let is_meant = |trace: &Trace| asked.contains(&trace.id) || youngest.is_some_and(|ms| trace.started_us / 1000 <= ms);
    let most = most.map_or(Ok(usize::MAX), |most| {
        usize::try_from(most).ok().filter(|most| *most > 0).ok_or_else(|| Failure::invalid("`max_traces` is not positive"))
    })?;
    let ids: Vec<String> = found.into_iter().filter(is_meant).map(|trace| trace.id).take(most).collect();
    Ok(json!({ "traces_deleted": handler.store().remove_traces(&ids)? }))
}

fn infos(handler: &Handler, call: &Call) -> Answer {
    let ids = call.texts("trace_ids")?;
    let found = ids.iter().map(|id| handler.store().trace(id)).collect::<gradframe::Result<Vec<_>>>()?;
    Ok(json!({ "trace_infos": found.iter().flatten().map(shown_3).collect::<Value>() }))
}

/// Adds to the tag by which clients know the prompts of a trace.
fn link_prompts(handler: &Handler, call: &Call) -> Answer {
    let trace = find(handler, call.text("trace_id")?)?;
    let before = value_of(&trace.tags, PROMPTS).and_then(|text| serde_json::from_str(&text).ok());
    let mut linked: Vec<Value> = before.unwrap_or_default();
    for prompt in call.list("prompt_versions")? {
        let prompt = json!({ "name": prompt["name"], "version": prompt["version"] });
        if !linked.contains(&prompt) {
            linked.push(prompt);
        }
    }
    handler.store().set_trace_tag(&trace.id, PROMPTS, &Value::from(linked).to_string())?;
    Ok(json!({}))
}

/// The trace of this identifier.
pub fn find(handler: &Handler, id: &str) -> Result<Trace, Failure> {
    handler.store().trace(id)?.ok_or_else(|| Failure::not_found(format!("Trace with ID '{id}' not found")))
}

/// The texts of an object.
fn named(value: &Value) -> Result<Vec<(String, String)>, Failure> {
    let pair = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        other => Err(Failure::invalid(format!("`{name}` is {other}, expected a text"))),
    };
    value.as_object().into_iter().flatten().map(pair).collect()
}

/// The number of an experiment. Errors: 404 for what is none.
pub(super) fn experiment_of(text: &str) -> Result<i64, Failure> {
    text.parse().map_err(|_| Failure::not_found(format!("there is no number {text} of an experiment")))
}

fn experiment_text(call: &Call) -> Result<String, Failure> {
    Ok(call.optional("experiment_id")?.unwrap_or("0").to_owned())
}

fn in_us(ms: i64) -> Result<i64, Failure> {
    let us = ms.checked_mul(1000).filter(|us| gradframe::TIMES_US.contains(us));
    us.ok_or_else(|| Failure::invalid(format!("`timestamp_ms` is {ms}, expected a time of the years 1 to 9999")))
}
