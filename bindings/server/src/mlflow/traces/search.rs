//! Which traces a filter finds, in which order.

use std::cell::OnceCell;

use gradframe::{Span, Trace, mlflow_spans as spans};
use serde_json::{Map, Value};

use super::super::answer::Failure;
use super::super::call::Call;
use super::super::registry::value_of;
use super::super::runs::{RESULTS_MAX, page_asked, paged};
use super::super::search::{Filter, Key, Kind, Order};
use super::super::{Answer, Handler, assessments};
use super::shown::{shown_2, shown_3};
use super::{PROMPTS, Words, experiment_of};

/// How many are given at once unless it is said.
const RESULTS: usize = 100;
/// What can be compared beside tags, metadata, spans and assessments.
const ATTRIBUTES: [&str; 16] = [
    "request_id",
    "trace_id",
    "timestamp",
    "timestamp_ms",
    "execution_time",
    "execution_time_ms",
    "end_time",
    "end_time_ms",
    "status",
    "state",
    "name",
    "run_id",
    "client_request_id",
    "experiment_id",
    TEXT,
    PROMPT,
];
/// All that the spans of a trace say, span by span.
const TEXT: &str = "text";
/// The prompts of a trace, each as `name/version`.
const PROMPT: &str = "prompt";

/// A page of the traces of experiments that pass a filter.
pub fn search(handler: &Handler, words: Words, call: &Call) -> Answer {
    let filter = Filter::read(call.optional("filter")?.unwrap_or_default(), &ATTRIBUTES)?;
    filter.check(&kind)?;
    let order = Order::read(&call.texts("order_by")?, &ATTRIBUTES, "timestamp_ms DESC, trace_id")?.check(&sorted_by)?;
    let mut found = Vec::new();
    for experiment in searched(call)? {
        let traces = handler.store().traces(experiment)?;
        found.extend(traces.into_iter().filter(|trace| passes(handler, &filter, trace)));
    }
    let (found, next) = page_asked(call, RESULTS, RESULTS_MAX)?.of(found, &order, |trace, _, key| value(trace, key))?;
    let shown = |trace: &Trace| if words == Words::Of3 { shown_3(trace) } else { shown_2(trace) };
    Ok(paged("traces", found.iter().map(shown).collect(), next))
}

/// The experiments whose traces are asked for.
fn searched(call: &Call) -> Result<Vec<i64>, Failure> {
    let of_location = |location: &&Value| location["mlflow_experiment"]["experiment_id"].as_str().map(str::to_owned);
    let located: Vec<String> = call.list("locations")?.iter().filter_map(of_location).collect();
    let named = call.texts("experiment_ids")?;
    located.iter().chain(&named).map(|text| experiment_of(text)).collect()
}

fn passes(handler: &Handler, filter: &Filter, trace: &Trace) -> bool {
    let of_trace: OnceCell<Vec<Span>> = OnceCell::new();
    // What cannot be read is no span of the trace; the search says so where nothing can be.
    let spans = || of_trace.get_or_init(|| handler.store().spans(&trace.id).unwrap_or_default());
    filter.holds_of_any(&|key| match key {
        Key::Span(name) => spans().iter().filter_map(|span| value_of_span(span, name)).collect(),
        Key::Attribute(name) if name == TEXT => spans().iter().map(|span| format!("{} {}", span.name, span.attributes)).collect(),
        Key::Attribute(name) if name == PROMPT => prompts(trace),
        Key::Assessment(name) => trace.assessments.iter().filter_map(|(_, body)| assessments::value(body, name)).collect(),
        key => value(trace, key).into_iter().collect(),
    })
}

/// What a name of a trace is compared with.
fn kind(key: &Key) -> Option<Kind> {
    match key {
        Key::Metric(_) | Key::Param(_) | Key::Dataset(_) => None,
        _ => Some(Kind::Any),
    }
}

/// The same of what has one value in each trace, and so is an order.
fn sorted_by(key: &Key) -> Option<Kind> {
    let has_many = |name: &String| name == TEXT || name == PROMPT;
    kind(key)
        .filter(|_| !matches!(key, Key::Span(_) | Key::Assessment(_)) && !matches!(key, Key::Attribute(name) if has_many(name)))
}

fn value(trace: &Trace, key: &Key) -> Option<String> {
    let name = match key {
        Key::Attribute(name) => name.as_str(),
        Key::Tag(name) => return value_of(&trace.tags, name),
        Key::Metadata(name) => return value_of(&trace.metadata, name),
        _ => return None,
    };
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    match name {
        "request_id" | "trace_id" => text(&trace.id),
        "timestamp" | "timestamp_ms" => Some((trace.started_us / 1000).to_string()),
        "execution_time" | "execution_time_ms" => trace.duration_us.map(|us| (us / 1000).to_string()),
        "end_time" | "end_time_ms" => trace.duration_us.map(|us| ((trace.started_us + us) / 1000).to_string()),
        "status" | "state" => text(&trace.state),
        "name" => text(&trace.name),
        "run_id" => text(&trace.run),
        "client_request_id" => trace.client_request.clone(),
        _ => Some(trace.experiment.to_string()),
    }
}

fn prompts(trace: &Trace) -> Vec<String> {
    let linked: Vec<Value> = value_of(&trace.tags, PROMPTS).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    linked.iter().map(|prompt| format!("{}/{}", text(&prompt["name"]), text(&prompt["version"]))).collect()
}

fn value_of_span(span: &Span, name: &str) -> Option<String> {
    match name {
        "name" => Some(span.name.clone()),
        "type" => Some(span.span_type.clone()),
        "status" => Some(span.status.clone()),
        "content" => Some(span.attributes.clone()),
        _ => {
            let attributes: Map<String, Value> = serde_json::from_str(&span.attributes).ok()?;
            attributes.get(name.strip_prefix("attributes.")?).map(spans::words)
        }
    }
}
