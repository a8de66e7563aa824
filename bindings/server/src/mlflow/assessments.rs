//! Assessments of traces: what somebody, or a program, thinks of an answer. Each is kept as the JSON in which it came.

use gradframe::Store;
use serde_json::{Value, json};

use super::answer::Failure;
use super::call::Call;
use super::registry::value_of;
use super::traces::find;
use super::{Answer, Handler, times};

const ID_BYTES_MAX: usize = 200;

/// Answers what is asked at `traces/TRACE/assessments/...`, given in parts.
pub fn answer(handler: &Handler, method: &str, trace: &str, parts: &[&str], call: &Call) -> Answer {
    let found = find(handler, trace)?;
    let all = call.all();
    let of = |id: &str| {
        let body = value_of(&found.assessments, id).and_then(|body| serde_json::from_str::<Value>(&body).ok());
        body.ok_or_else(|| Failure::not_found(format!("assessment with ID '{id}' not found for trace '{trace}'")))
    };
    match (method, parts) {
        ("POST", []) => {
            let (id, body) = new(trace, all["assessment"].clone())?;
            // What it takes the place of stays, and counts no more.
            if let Some(before) = body["overrides"].as_str() {
                let mut overridden = of(before)?;
                overridden["valid"] = false.into();
                handler.store().put_assessment(trace, before, &overridden.to_string())?;
            }
            handler.store().put_assessment(trace, &id, &body.to_string())?;
            Ok(json!({ "assessment": body }))
        }
        ("GET", [id]) => Ok(json!({ "assessment": of(id)? })),
        ("PATCH", [id]) => {
            let mut body = of(id)?;
            for (name, value) in all["assessment"].as_object().into_iter().flatten() {
                match (name.as_str(), value) {
                    ("assessment_id" | "trace_id" | "create_time", _) => {}
                    ("metadata", Value::Object(more)) if body["metadata"].is_object() => {
                        more.iter().for_each(|(name, value)| body["metadata"][name] = value.clone());
                    }
                    _ => body[name] = value.clone(),
                }
            }
            body["last_update_time"] = times::time(now_us()).into();
            handler.store().put_assessment(trace, id, &body.to_string())?;
            Ok(json!({ "assessment": body }))
        }
        // That there is none is well: it is asked for again when an answer was lost.
        ("DELETE", [id]) => {
            handler.store().remove_assessment(trace, id)?;
            Ok(json!({}))
        }
        _ => Err(Failure::not_built(format!("{method} of assessments is not answered here"))),
    }
}

/// An assessment with its identifier and times.
pub fn new(trace: &str, mut body: Value) -> Result<(String, Value), Failure> {
    if !body.is_object() || body["assessment_name"].as_str().is_none_or(str::is_empty) {
        return Err(Failure::invalid("an assessment has a name: `assessment_name`"));
    }
    let id = body["assessment_id"].as_str().filter(|id| !id.is_empty()).map(str::to_owned);
    let id = id.unwrap_or_else(|| Store::new_trace_id().replacen("tr-", "a-", 1));
    check_id(&id)?;
    body["assessment_id"] = id.as_str().into();
    body["trace_id"] = trace.into();
    for name in ["create_time", "last_update_time"] {
        if body[name].is_null() {
            body[name] = times::time(now_us()).into();
        }
    }
    if body["valid"].is_null() {
        body["valid"] = true.into();
    }
    Ok((id, body))
}

/// What an assessment says, if it is of this name and counts.
pub fn value(body: &str, name: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    if body["assessment_name"] != name || body["valid"] == false {
        return None;
    }
    match body.get("feedback").or(body.get("expectation"))?.get("value")? {
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// It becomes part of an address.
pub fn check_id(id: &str) -> Result<(), Failure> {
    let is_plain = id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) && !id.starts_with('.');
    match is_plain && (1..=ID_BYTES_MAX).contains(&id.len()) {
        true => Ok(()),
        false => Err(Failure::invalid(format!("`{id}` is no identifier: letters, digits, `-`, `_` and `.`"))),
    }
}

fn now_us() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |elapsed| elapsed.as_micros() as i64)
}
