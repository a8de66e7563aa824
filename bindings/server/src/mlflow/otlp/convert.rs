//! A span of OpenTelemetry as MLflow's clients keep one: attributes are JSON in texts, and say what went in and came out.

use base64::Engine;
use serde_json::{Map, Value, json};

use super::super::answer::Failure;
use super::super::call::number;
use super::messages::{AnyValue, Event, KeyValue, OtelSpan};

/// The attribute by which spans of MLflow name their trace; all attributes of such a span are JSON already.
const TRACE: &str = "mlflow.traceRequestId";
const TYPE: &str = "mlflow.spanType";

/// Where other libraries say what MLflow has words for: OpenInference, OpenTelemetry's conventions, OpenLLMetry.
const SAID_ELSEWHERE: [(&str, &[&str]); 2] = [
    ("mlflow.spanInputs", &["input.value", "gen_ai.input.messages", "gen_ai.prompt", "traceloop.entity.input"]),
    ("mlflow.spanOutputs", &["output.value", "gen_ai.output.messages", "gen_ai.completion", "traceloop.entity.output"]),
];
const KINDS: [&str; 3] = ["openinference.span.kind", "gen_ai.operation.name", "traceloop.span.kind"];

/// A span that came, and the trace that it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    pub trace: String,
    /// Sixteen digits.
    pub id: String,
    /// In the words of version 2, which clients of 3 read too.
    pub json: Value,
}

impl Received {
    /// Errors: for a span without identifiers, or of no time.
    pub fn of(span: OtelSpan) -> Result<Self, Failure> {
        let otel_trace = identifier("trace", &span.trace_id, 16)?;
        let id = identifier("span", &span.span_id, 8)?;
        let parent = match span.parent_span_id.as_slice() {
            [] => None,
            bytes => Some(identifier("parent", bytes, 8)?),
        };
        let trace = format!("tr-{otel_trace}");
        let mut attributes = attributes(&span.attributes);
        // Not what was sent: by that a client could write into the trace of another.
        attributes.insert(TRACE.into(), json!(json!(trace).to_string()));
        let json = json!({
            "name": span.name,
            "context": { "span_id": format!("0x{id}"), "trace_id": format!("0x{otel_trace}") },
            "parent_id": parent.map(|parent| format!("0x{parent}")),
            "start_time": nanos(span.start_time_unix_nano)?,
            "end_time": if span.end_time_unix_nano == 0 { None } else { Some(nanos(span.end_time_unix_nano)?) },
            "status_code": match span.status.code { 1 => "OK", 2 => "ERROR", _ => "UNSET" },
            "status_message": span.status.message,
            "attributes": attributes,
            "events": span.events.iter().map(event).collect::<Result<Vec<_>, _>>()?,
        });
        Ok(Received { trace, id, json })
    }
}

fn identifier(what: &str, bytes: &[u8], expected: usize) -> Result<String, Failure> {
    if bytes.len() != expected || bytes.iter().all(|byte| *byte == 0) {
        let message = format!("the identifier of a {what} has {} bytes, expected {expected} that are not all zero", bytes.len());
        return Err(Failure::invalid(message));
    }
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Errors: for times that nothing reads.
fn nanos(nanos: u64) -> Result<i64, Failure> {
    i64::try_from(nanos).map_err(|_| Failure::invalid(format!("{nanos} ns since 1970 is no time of a span")))
}

fn event(event: &Event) -> Result<Value, Failure> {
    let attributes: Map<String, Value> = event.attributes.iter().map(|of| (of.key.clone(), plain(&of.value))).collect();
    Ok(json!({ "name": event.name, "timestamp": nanos(event.time_unix_nano)?, "attributes": attributes }))
}

/// Attributes as texts that are JSON.
fn attributes(sent: &[KeyValue]) -> Map<String, Value> {
    let is_of_mlflow = sent.iter().any(|of| of.key == TRACE);
    let text = |of: &KeyValue| match &of.value {
        AnyValue::Text(text) if is_of_mlflow || of.key.starts_with("mlflow.") && is_json(text) => text.clone(),
        value => plain(value).to_string(),
    };
    let mut attributes: Map<String, Value> = sent.iter().map(|of| (of.key.clone(), Value::from(text(of)))).collect();
    if is_of_mlflow {
        return attributes;
    }
    for (name, elsewhere) in SAID_ELSEWHERE {
        let said = elsewhere.iter().find_map(|other| attributes.get(*other)).cloned();
        if let Some(said) = said.filter(|_| !attributes.contains_key(name)) {
            attributes.insert(name.into(), as_json(&said));
        }
    }
    if !attributes.contains_key(TYPE) {
        let said = KINDS.iter().find_map(|kind| attributes.get(*kind)?.as_str());
        let kind = said.and_then(|json| serde_json::from_str::<String>(json).ok()).map_or("UNKNOWN", |said| kind_of(&said));
        attributes.insert(TYPE.into(), json!(json!(kind).to_string()));
    }
    attributes
}

/// What MLflow calls a kind of span.
fn kind_of(said: &str) -> &'static str {
    match said.to_ascii_lowercase().as_str() {
        "llm" | "text_completion" | "generate_content" => "LLM",
        "chat" | "chat_model" => "CHAT_MODEL",
        "chain" | "workflow" | "task" => "CHAIN",
        "agent" | "invoke_agent" | "create_agent" => "AGENT",
        "tool" | "execute_tool" => "TOOL",
        "retriever" => "RETRIEVER",
        "embedding" | "embeddings" => "EMBEDDING",
        "reranker" => "RERANKER",
        _ => "UNKNOWN",
    }
}

/// A text in which JSON was sent is that JSON.
fn as_json(attribute: &Value) -> Value {
    let sent = attribute.as_str().and_then(|json| serde_json::from_str::<String>(json).ok());
    sent.filter(|text| is_json(text)).map_or_else(|| attribute.clone(), Value::from)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

fn plain(value: &AnyValue) -> Value {
    match value {
        AnyValue::Nothing => Value::Null,
        AnyValue::Text(text) => text.as_str().into(),
        AnyValue::Truth(truth) => (*truth).into(),
        AnyValue::Integer(value) => (*value).into(),
        AnyValue::Number(value) => number(*value),
        AnyValue::List(list) => list.values.iter().map(plain).collect(),
        AnyValue::Object(object) => {
            object.values.iter().map(|of| (of.key.clone(), plain(&of.value))).collect::<Map<_, _>>().into()
        }
        AnyValue::Bytes(bytes) => base64::engine::general_purpose::STANDARD.encode(bytes).into(),
    }
}
