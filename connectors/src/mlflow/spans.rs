//! The spans in `traces.json`, the file that MLflow's clients keep with a trace, in the words of version 2 and of version 3.

use base64::Engine;
use serde_json::Value;

use crate::store::Span;

/// The attributes that say what a span is.
const TYPE: &str = "mlflow.spanType";
const INPUTS: &str = "mlflow.spanInputs";
const OUTPUTS: &str = "mlflow.spanOutputs";

/// All that can be read; None if the file is no such object. Of several with one identifier the last.
pub fn read(file: &[u8]) -> Option<Vec<Span>> {
    let file: Value = serde_json::from_slice(file).ok()?;
    Some(file.get("spans")?.as_array()?.iter().filter_map(span).collect())
}

/// The sixteen digits of a span in the file; None if it has none.
pub fn id_of(span: &Value) -> Option<String> {
    let of_2 = span.get("context").unwrap_or(&Value::Null);
    span["span_id"].as_str().or(of_2["span_id"].as_str()).map(digits)
}

fn span(value: &Value) -> Option<Span> {
    let parent = value["parent_span_id"].as_str().or(value["parent_id"].as_str());
    let started = nanos(&value["start_time_unix_nano"]).or(nanos(&value["start_time"]))?;
    let status = value["status"]["code"].as_str().or(value["status_code"].as_str()).unwrap_or_default();
    let attributes = &value["attributes"];
    Some(Span {
        id: id_of(value)?,
        parent: parent.map(digits),
        name: value["name"].as_str().unwrap_or_default().to_owned(),
        span_type: words(&attributes[TYPE]),
        status: status.trim_start_matches("STATUS_CODE_").to_owned(),
        started_us: started.div_euclid(1000),
        ended_us: nanos(&value["end_time_unix_nano"]).or(nanos(&value["end_time"])).map(|nanos| nanos.div_euclid(1000)),
        inputs: json(&attributes[INPUTS]),
        outputs: json(&attributes[OUTPUTS]),
        attributes: attributes.to_string(),
    })
}

/// An identifier as the client shows it: bytes travel in base 64.
fn digits(id: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD.decode(id).ok().filter(|bytes| bytes.len() == 8);
    match bytes {
        Some(bytes) if id.ends_with('=') => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        _ => id.trim_start_matches("0x").to_owned(),
    }
}

fn nanos(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Attributes are JSON in a text.
fn json(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The text that an attribute is.
pub fn words(value: &Value) -> String {
    match value {
        Value::String(text) => serde_json::from_str::<String>(text).unwrap_or_else(|_| text.clone()),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_both_words() {
        let of_3 = br#"{"spans": [{"trace_id": "AAAAAAAAAAAAAAAAAAAAAA==", "span_id": "AAAAAAAAAAE=", "parent_span_id": null, "name": "answer",
            "start_time_unix_nano": 1500, "end_time_unix_nano": 9000, "status": {"code": "STATUS_CODE_OK", "message": ""},
            "attributes": {"mlflow.spanType": "\"LLM\"", "mlflow.spanInputs": "{\"q\": 1}", "mlflow.spanOutputs": "\"a\""}},
            {"name": "no identifier"}]}"#;
        let of_2 =
            br#"{"spans": [{"name": "answer", "context": {"trace_id": "0x1", "span_id": "0x0000000000000001"}, "parent_id": null,
            "start_time": 1500, "end_time": 9000, "status_code": "OK",
            "attributes": {"mlflow.spanType": "\"LLM\"", "mlflow.spanInputs": "{\"q\": 1}", "mlflow.spanOutputs": "\"a\""}}]}"#;
        let expected = Span {
            id: "0000000000000001".into(),
            parent: None,
            name: "answer".into(),
            span_type: "LLM".into(),
            status: "OK".into(),
            started_us: 1,
            ended_us: Some(9),
            inputs: Some("{\"q\": 1}".into()),
            outputs: Some("\"a\"".into()),
            attributes: String::new(),
        };
        for file in [&of_3[..], of_2] {
            let [span] = read(file).unwrap().try_into().unwrap();
            assert_eq!(Span { attributes: String::new(), ..span }, expected);
        }
        for wrong in [&b""[..], b"[]", b"{}", b"{\"spans\": 3}"] {
            assert_eq!(read(wrong), None);
        }
    }
}
