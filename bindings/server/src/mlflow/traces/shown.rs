//! A trace in the words of version 2 and of version 3.

use gradframe::Trace;
use serde_json::{Map, Value, json};

use super::super::registry::pairs;
use super::super::times;

/// Of version 3.
pub fn shown_3(trace: &Trace) -> Value {
    let assessments: Vec<Value> = trace.assessments.iter().filter_map(|(_, body)| serde_json::from_str(body).ok()).collect();
    let mut info = json!({
        "trace_id": trace.id,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": { "experiment_id": trace.experiment.to_string() },
        },
        "request_time": times::time(trace.started_us),
        "state": trace.state,
        "trace_metadata": object(&trace.metadata),
        "tags": object(&trace.tags),
        "assessments": assessments,
    });
    let maybe = [
        ("client_request_id", trace.client_request.clone()),
        ("request_preview", trace.request.clone()),
        ("response_preview", trace.response.clone()),
        ("execution_duration", trace.duration_us.map(times::duration)),
    ];
    for (name, value) in maybe {
        if let Some(value) = value {
            info[name] = value.into();
        }
    }
    info
}

/// Of version 2.
pub fn shown_2(trace: &Trace) -> Value {
    let status = if trace.state == "STATE_UNSPECIFIED" { "TRACE_STATUS_UNSPECIFIED" } else { &trace.state };
    json!({
        "request_id": trace.id,
        "experiment_id": trace.experiment.to_string(),
        "timestamp_ms": trace.started_us / 1000,
        "execution_time_ms": trace.duration_us.map(|us| us / 1000),
        "status": status,
        "request_metadata": pairs(&trace.metadata),
        "tags": pairs(&trace.tags),
    })
}

fn object(pairs: &[(String, String)]) -> Value {
    pairs.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect::<Map<_, _>>().into()
}
