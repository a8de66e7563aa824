//! Traces in the words of MLflow 2 and 3, and as tables.

use super::*;

fn call_3(place: &Place, method: &str, path: &str, arguments: &Value) -> (u16, Value) {
    let (status, body) = ask(place, method, &format!("/api/3.0/mlflow/{path}"), &arguments.to_string());
    (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: {body}")))
}

fn log(place: &Place, id: &str, second: u32, state: &str) -> Value {
    let info = json!({
        "trace_id": id,
        "trace_location": { "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": "0" } },
        "request_time": format!("2026-11-26T10:15:{second:02}.250Z"),
        "execution_duration": format!("{second}.5s"),
        "state": state,
        "request_preview": "what?",
        "trace_metadata": { "mlflow.sourceRun": "r1", "user": "ann" },
        "tags": { "mlflow.traceName": "answer", "team": "a" },
    });
    let (status, made) = call_3(place, "POST", "traces", &json!({ "trace": { "trace_info": info } }));
    assert_eq!(status, 200, "{made}");
    made["trace"]["trace_info"].clone()
}

fn search(place: &Place, filter: &str, order: &str) -> Vec<String> {
    let asked = json!({
        "locations": [{ "type": "MLFLOW_EXPERIMENT", "mlflow_experiment": { "experiment_id": "0" } }],
        "filter": filter,
        "order_by": [order],
    });
    let (status, found) = call_3(place, "POST", "traces/search", &asked);
    assert_eq!(status, 200, "{filter}: {found}");
    found["traces"].as_array().unwrap().iter().map(|trace| trace["trace_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn traces_are_logged_searched_tagged_assessed_and_deleted() {
    let place = serve(Options::default());
    let info = log(&place, "tr-1", 1, "OK");
    assert_eq!(info["tags"]["mlflow.artifactLocation"], "mlflow-artifacts:/0/traces/tr-1/artifacts");
    assert_eq!(
        (info["request_time"].as_str(), info["execution_duration"].as_str()),
        (Some("2026-11-26T10:15:01.250000Z"), Some("1.500000s"))
    );
    log(&place, "tr-2", 2, "ERROR");
    // A client that got no answer sends it again.
    log(&place, "tr-2", 2, "ERROR");
    let spans = json!({ "spans": [{
        "span_id": "AAAAAAAAAAE=", "name": "retrieve", "start_time_unix_nano": 5000, "end_time_unix_nano": 9000,
        "status": { "code": "STATUS_CODE_OK" }, "attributes": { "mlflow.spanType": "\"RETRIEVER\"", "k": "3" },
    }] });
    let path = "/api/2.0/mlflow-artifacts/artifacts/0/traces/tr-2/artifacts/traces.json";
    assert_eq!(ask(&place, "PUT", path, &spans.to_string()).0, 200);
    assert_eq!(serde_json::from_str::<Value>(&ask(&place, "GET", path, "").1).unwrap(), spans);

    for (filter, expected) in [
        ("", vec!["tr-2", "tr-1"]),
        ("status = 'OK'", vec!["tr-1"]),
        ("trace.status = 'ERROR' AND tags.team = 'a'", vec!["tr-2"]),
        ("metadata.user = 'ann' AND execution_time_ms > 2000", vec!["tr-2"]),
        ("run_id = 'r1' AND name = 'answer'", vec!["tr-2", "tr-1"]),
        ("span.type = 'RETRIEVER' AND span.attributes.k = '3'", vec!["tr-2"]),
        ("trace.text LIKE '%RETRIEVER%' AND trace.text LIKE '%retrieve %'", vec!["tr-2"]),
        ("request_id IN ('tr-1') OR timestamp_ms < 0", vec!["tr-1"]),
    ] {
        assert_eq!(search(&place, filter, "timestamp_ms DESC"), expected, "{filter}");
    }
    assert_eq!(search(&place, "", "execution_time_ms ASC"), ["tr-1", "tr-2"]);
    assert_eq!(call_3(&place, "POST", "traces/search", &json!({ "filter": "colour = 'x'" })).0, 400);

    let prompt = json!({ "trace_id": "tr-1", "prompt_versions": [{ "name": "p", "version": "3" }] });
    assert_eq!(call_3(&place, "POST", "traces/link-prompts", &prompt).0, 200);
    assert_eq!(search(&place, "prompt = 'p/3'", "timestamp"), ["tr-1"]);
    assert!(search(&place, "prompt = 'p/4'", "timestamp").is_empty());

    call(&place, "PATCH", "traces/tr-1/tags", &json!({ "key": "more", "value": "x" }));
    assert_eq!(search(&place, "tags.more = 'x'", "timestamp"), ["tr-1"]);
    call(&place, "DELETE", "traces/tr-1/tags", &json!({ "key": "more" }));

    let given = json!({ "assessment": { "assessment_name": "right", "feedback": { "value": true } } });
    let (_, made) = call_3(&place, "POST", "traces/tr-1/assessments", &given);
    let id = made["assessment"]["assessment_id"].as_str().unwrap().to_owned();
    assert_eq!(search(&place, "feedback.right = 'true'", "timestamp"), ["tr-1"]);
    let change = json!({ "assessment": { "feedback": { "value": false } }, "update_mask": "feedback" });
    call_3(&place, "PATCH", &format!("traces/tr-1/assessments/{id}"), &change);
    let (_, shown) = call_3(&place, "GET", "traces/tr-1", &json!({}));
    assert_eq!(shown["trace"]["trace_info"]["assessments"][0]["feedback"]["value"], false);
    assert_eq!(call_3(&place, "DELETE", &format!("traces/tr-1/assessments/{id}"), &json!({})).0, 200);
    assert_eq!(call_3(&place, "GET", &format!("traces/tr-1/assessments/{id}"), &json!({})).0, 404);

    let session = Session::builder().home(place.home.path().join("home")).build().unwrap();
    let rows = |sql: &str| {
        let batches = session.block_on(async { session.sql(sql).await?.collect().await }).unwrap();
        arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
    };
    let shown =
        rows("SELECT trace, s.name, span_type, state, duration_us FROM gradframe.spans AS s JOIN gradframe.traces USING (trace)");
    assert!(shown.contains("| tr-2  | retrieve | RETRIEVER | ERROR | 2500000     |"), "{shown}");

    let deleted =
        call(&place, "POST", "traces/delete-traces", &json!({ "experiment_id": "0", "request_ids": ["tr-2", "nothing"] }));
    assert_eq!(deleted["traces_deleted"], 1);
    assert_eq!(search(&place, "", "timestamp"), ["tr-1"]);
    assert!(rows("SELECT count(*) AS n FROM gradframe.spans").contains("| 0 |"));
    let (status, error) = call_3(&place, "GET", "traces/tr-2", &json!({}));
    assert_eq!((status, error["error_code"].as_str()), (404, Some("RESOURCE_DOES_NOT_EXIST")));
}

#[test]
fn traces_of_version_2_begin_and_end() {
    let place = serve(Options::default());
    let begin = json!({ "experiment_id": "0", "timestamp_ms": 1000, "tags": [{ "key": "mlflow.traceName", "value": "f" }] });
    let made = call(&place, "POST", "traces", &begin);
    let id = made["trace_info"]["request_id"].as_str().unwrap().to_owned();
    let end = json!({ "timestamp_ms": 1250, "status": "OK", "request_metadata": [{ "key": "k", "value": "v" }] });
    let ended = call(&place, "PATCH", &format!("traces/{id}"), &end);
    assert_eq!(
        (ended["trace_info"]["execution_time_ms"].as_i64(), ended["trace_info"]["status"].as_str()),
        (Some(250), Some("OK"))
    );
    let found = call(&place, "GET", "traces?experiment_ids=0&filter=name%20%3D%20%27f%27", &Value::Null);
    assert_eq!(found["traces"][0]["request_id"], json!(id));
    assert_eq!(found["traces"][0]["request_metadata"], json!([{ "key": "k", "value": "v" }]));
}

#[test]
fn wrong_traces_are_refused_and_survived() {
    let place = serve(Options::default());
    let with = |change: &dyn Fn(&mut Value)| {
        let mut info = json!({ "trace_id": "t", "request_time": "2026-11-26T10:15:00Z", "state": "OK" });
        change(&mut info);
        call_3(&place, "POST", "traces", &json!({ "trace": { "trace_info": info } })).0
    };
    assert_eq!(with(&|_| {}), 200);
    for (name, value, expected) in [
        ("trace_id", json!("../x"), 400),
        ("trace_id", json!("x".repeat(1000)), 400),
        ("request_time", json!(3), 400),
        ("execution_duration", json!("soon"), 400),
        ("state", json!("DONE"), 400),
        ("tags", json!({ "a": 1 }), 400),
        ("trace_location", json!({ "mlflow_experiment": { "experiment_id": "99" } }), 404),
    ] {
        assert_eq!(with(&|info| info[name] = value.clone()), expected, "{name} {value}");
    }
    for body in ["", "[]", "{", "null", "{\"trace\": 3}"] {
        assert!(ask(&place, "POST", "/api/3.0/mlflow/traces", body).0 < 500, "{body}");
    }
    let path = "/api/2.0/mlflow-artifacts/artifacts/0/traces/t/artifacts/traces.json";
    assert_eq!(ask(&place, "PUT", path, "no JSON").0, 200);
    assert_eq!(ask(&place, "PUT", &path.replace("/t/", "/nothing/"), "{}").0, 404);
    assert_eq!(call_3(&place, "POST", "traces/t/assessments", &json!({ "assessment": {} })).0, 400);
}
