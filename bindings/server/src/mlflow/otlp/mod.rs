//! Spans of OpenTelemetry at `/v1/traces`, in Protobuf: what an exporter of any language sends, as a server of MLflow 3 takes it.
//!
//! The spans of a trace may come in several requests. They are put together in its file `traces.json`, from which MLflow's clients read
//! them, and as rows of `gradframe.spans`; the trace is in progress until its outermost span has come.

mod convert;
mod messages;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};

use gradframe::{Trace, mlflow_spans as spans};
use prost::Message;
use serde_json::{Value, json};

use super::answer::Failure;
use super::{Handler, traces};
use crate::http::{Body, Request, Response};
use convert::Received;
use messages::ExportTraceServiceRequest;

/// A request, unpacked: as OpenTelemetry's own collector takes them.
const BYTES_MAX: u64 = 20 << 20;
/// The header that names the experiment; the default one without it.
const EXPERIMENT: &str = "x-mlflow-experiment-id";
const PROTOBUF: &str = "application/x-protobuf";
/// So much of what went in and came out is shown in lists.
const PREVIEW_CHARS: usize = 1000;

/// Two requests with spans of one trace must not both put them to what was there before.
static MERGING: Mutex<()> = Mutex::new(());

/// Keeps the spans of a request. Errors: 400 for what is no such request, 404 for an unknown experiment.
pub fn answer(handler: &Handler, request: &Request, body: &mut Body<'_>) -> Result<Response, Failure> {
    if request.method != "POST" {
        return Err(Failure::not_found(format!("{} is nothing at {}", request.method, request.path)));
    }
    let kind = request.header("content-type").unwrap_or_default();
    if kind.split(';').next().unwrap_or_default().trim() != PROTOBUF {
        return Err(Failure::invalid(format!("spans come as {PROTOBUF} (OTLP over HTTP), not as `{kind}`")));
    }
    let experiment = traces::experiment_of(request.header(EXPERIMENT).unwrap_or("0"))?;
    let bytes = unpacked(request.header("content-encoding").unwrap_or("identity"), body)?;
    let sent = ExportTraceServiceRequest::decode(bytes.as_slice())
        .map_err(|error| Failure::invalid(format!("the body is no request of OTLP: {error}")))?;
    let mut by_trace: BTreeMap<String, Vec<Received>> = BTreeMap::new();
    for span in sent.resource_spans.into_iter().flat_map(|of| of.scope_spans).flat_map(|of| of.spans) {
        let received = Received::of(span)?;
        by_trace.entry(received.trace.clone()).or_default().push(received);
    }
    let _alone = MERGING.lock().unwrap_or_else(PoisonError::into_inner);
    for (id, received) in by_trace {
        keep(handler, experiment, &id, received)?;
    }
    Ok(Response::empty(PROTOBUF))
}

fn unpacked(encoding: &str, body: &mut Body<'_>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let most = BYTES_MAX + 1;
    let read = match encoding.to_ascii_lowercase().as_str() {
        "identity" | "" => body.take(most).read_to_end(&mut bytes),
        "gzip" => flate2::read::GzDecoder::new(body).take(most).read_to_end(&mut bytes),
        "deflate" => flate2::read::ZlibDecoder::new(body).take(most).read_to_end(&mut bytes),
        _ => return Err(Failure::invalid(format!("`{encoding}` is no encoding that is taken: gzip, deflate or none"))),
    };
    match read {
        Ok(read) if read as u64 > BYTES_MAX => Err(too_long()),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(too_long()),
        Err(error) => Err(Failure::invalid(format!("the body cannot be read: {error}"))),
        Ok(_) => Ok(bytes),
    }
}

fn too_long() -> Failure {
    Failure::too_long(format!("a request with spans has at most {BYTES_MAX} bytes"))
}

/// Puts spans to those that the trace has.
fn keep(handler: &Handler, experiment: i64, id: &str, received: Vec<Received>) -> Result<(), Failure> {
    let store = handler.store();
    let before = store.trace(id)?;
    let mut all = if before.is_some() { kept(handler, id)? } else { BTreeMap::new() };
    all.extend(received.into_iter().map(|span| (span.id, span.json)));
    let mut all: Vec<Value> = all.into_values().collect();
    all.sort_by_key(|span| span["start_time"].as_i64());
    let file = json!({ "spans": all, "request": null, "response": null }).to_string();
    let rows = spans::read(file.as_bytes()).unwrap_or_default();
    let trace = Trace { experiment, id: id.to_owned(), ..before.unwrap_or_default() };
    traces::keep(handler, described(trace, &rows))?;
    store.put_trace_file(id, traces::SPANS, &mut file.as_bytes())?;
    Ok(store.set_spans(id, &rows)?)
}

/// The spans in a trace's file, by identifier.
fn kept(handler: &Handler, id: &str) -> Result<BTreeMap<String, Value>, Failure> {
    let Some(path) = handler.store().trace_file(id, traces::SPANS)? else { return Ok(BTreeMap::new()) };
    let read = fs::read(&path).ok().and_then(|file| serde_json::from_slice::<Value>(&file).ok());
    let spans = read.as_ref().and_then(|file| file["spans"].as_array().cloned()).unwrap_or_default();
    Ok(spans.into_iter().filter_map(|span| Some((spans::id_of(&span)?, span))).collect())
}

/// The trace with what its spans say of it.
fn described(mut trace: Trace, spans: &[gradframe::Span]) -> Trace {
    trace.started_us = spans.iter().map(|span| span.started_us).min().unwrap_or_default();
    let Some(root) = spans.iter().find(|span| span.parent.is_none()) else {
        if trace.state.is_empty() {
            trace.state = "IN_PROGRESS".to_owned();
        }
        return trace;
    };
    let ended = spans.iter().filter_map(|span| span.ended_us).max();
    trace.duration_us = ended.map(|ended| (ended - trace.started_us).max(0));
    trace.state = if root.status == "ERROR" { "ERROR" } else { "OK" }.to_owned();
    if !trace.tags.iter().any(|(name, _)| name == traces::NAME) {
        trace.tags.push((traces::NAME.to_owned(), root.name.clone()));
    }
    let preview = |text: &Option<String>| text.as_ref().map(|text| text.chars().take(PREVIEW_CHARS).collect());
    trace.request = preview(&root.inputs).or(trace.request);
    trace.response = preview(&root.outputs).or(trace.response);
    trace
}
