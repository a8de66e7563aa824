//! What is refused, at once and as the client's fault: broken bodies, names in one another's way, orders and views that are none.

use std::time::Instant;

use super::states::refused;
use super::*;

/// The status of an answer to these bytes, while the client keeps its side open and says no more.
fn answered_while_open(place: &Place, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect(place.address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    connection.write_all(bytes).unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn chunks_that_are_none_are_answered_at_once_and_are_the_client_s_fault() {
    let place = serve(Options::default());
    let run = new_run(&place);
    let artifact = format!("PUT /api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/a");
    let calls = ["POST /api/2.0/mlflow/runs/search", &artifact, "GET /health"];
    for (call, body) in calls.iter().flat_map(|call| ["zz\r\n", "3\r\nabcd\r\n", "3\nabc\r\n"].map(|body| (call, body))) {
        let request = format!("{call} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let started = Instant::now();
        let status = answered_while_open(&place, request.as_bytes());
        let expected = if call.starts_with("GET") { "HTTP/1.1 200" } else { "HTTP/1.1 400" };
        assert!(
            status == expected && started.elapsed() < Duration::from_secs(5),
            "{call} {body:?}: {status} {:?}",
            started.elapsed()
        );
    }
    let listed = super::call(&place, "GET", &format!("artifacts/list?run_id={run}"), &Value::Null);
    assert_eq!(listed["files"], json!([]), "nothing of a broken body is kept");
}

#[test]
fn an_upload_that_is_too_long_or_breaks_off_is_the_client_s_fault() {
    let limits = Limits { upload_bytes_max: 1000, ..Limits::default() };
    let place = serve(Options { limits, ..Options::default() });
    let run = new_run(&place);
    let head = format!("PUT /api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/a HTTP/1.1\r\nHost: localhost\r\n");
    let long = format!("{head}Transfer-Encoding: chunked\r\n\r\n7d0\r\n{}\r\n0\r\n\r\n", "x".repeat(2000));
    for (request, status) in [(long, "413"), (format!("{head}Content-Length: 10\r\n\r\nabc"), "400")] {
        let answer = raw(&place, request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[test]
fn a_file_is_no_directory() {
    let place = serve(Options::default());
    let run = new_run(&place);
    let logged = call(&place, "POST", "logged-models", &json!({ "experiment_id": "0", "name": "m" }));
    let model = logged["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    for owner in [run, format!("models/{model}")] {
        let put =
            |path: &str| ask(&place, "PUT", &format!("/api/2.0/mlflow-artifacts/artifacts/0/{owner}/artifacts/{path}"), "x");
        for path in ["n", "d/x", "d/e/y", "n.txt", "n0", "n", "d/x"] {
            assert_eq!(put(path).0, 200, "{path}");
        }
        for (path, other) in [
            ("n/x", "`n` is a file"),
            ("n/x/y", "`n` is a file"),
            ("d/x/z", "`d/x` is a file"),
            ("d", "of `d/e/y`"),
            ("d/e", "of `d/e/y`"),
        ] {
            let (status, body) = put(path);
            assert!(status == 400 && body.contains(other), "{path}: {status} {body}");
        }
    }
}

#[test]
fn orders_by_what_there_is_none_of_are_refused() {
    let place = serve(Options::default());
    call(&place, "POST", "registered-models/create", &json!({ "name": "fare" }));
    for (name, order, status) in [
        ("registered-models", "metrics.x", 400),
        ("registered-models", "params.x%20DESC", 400),
        ("registered-models", "tags.x%20DESC", 200),
        ("registered-models", "name%20DESC", 200),
        ("model-versions", "datasets.name", 400),
        ("model-versions", "metrics.x", 400),
        ("model-versions", "version_number", 200),
    ] {
        let (got, body) = ask(&place, "GET", &format!("/api/2.0/mlflow/{name}/search?order_by={order}"), "");
        assert_eq!(got, status, "{name} {order}: {body}");
    }
    let by = |field: &str| json!({ "experiment_ids": ["0"], "order_by": [{ "field_name": field }] });
    assert_eq!(refused(&place, "POST", "logged-models/search", &by("datasets.name")), "INVALID_PARAMETER_VALUE");
    call(&place, "POST", "logged-models/search", &by("creation_timestamp_ms"));
    for order in ["metrics.x", "params.x DESC"] {
        let search = json!({ "order_by": [order] });
        assert_eq!(refused(&place, "POST", "experiments/search", &search), "INVALID_PARAMETER_VALUE", "{order}");
    }
    for asked in ["filter=metrics.x%20%3E%201", "order_by=params.x"] {
        let (status, body) = ask(&place, "GET", &format!("/api/2.0/mlflow/traces?experiment_ids=0&{asked}"), "");
        assert_eq!(status, 400, "{asked}: {body}");
    }
}

#[test]
fn a_number_of_a_version_may_stand_in_quotes() {
    let place = serve(Options::default());
    call(&place, "POST", "registered-models/create", &json!({ "name": "fare" }));
    for _ in 0..2 {
        call(&place, "POST", "model-versions/create", &json!({ "name": "fare", "source": "s3://b/m" }));
    }
    for (filter, status, found) in [
        ("version_number%20%3D%20'1'", 200, 1),
        ("version_number%20%21%3D%20'1'", 200, 1),
        ("version_number%20IN%20('1'%2C%20'2'%2C%20'3')", 200, 2),
        ("version_number%20LIKE%20'1'", 400, 0),
        ("version_number%20%3E%20'1'", 400, 0),
    ] {
        let (got, body) = ask(&place, "GET", &format!("/api/2.0/mlflow/model-versions/search?filter={filter}"), "");
        let said: Value = serde_json::from_str(&body).unwrap();
        let versions = said["model_versions"].as_array().map_or(0, Vec::len);
        assert_eq!((got, versions), (status, found), "{filter}: {body}");
    }
}

#[test]
fn a_view_is_a_word_or_number_of_mlflow_s() {
    let place = serve(Options::default());
    let run = new_run(&place);
    new_run(&place);
    call(&place, "POST", "runs/delete", &json!({ "run_id": run }));
    for (view, runs) in [
        (json!("ALL"), 2),
        (json!("all"), 2),
        (json!(3), 2),
        (json!("3"), 2),
        (json!("DELETED_ONLY"), 1),
        (json!(2), 1),
        (json!(1), 1),
        (Value::Null, 1),
    ] {
        let found = call(&place, "POST", "runs/search", &json!({ "experiment_ids": ["0"], "run_view_type": view }));
        assert_eq!(found["runs"].as_array().unwrap().len(), runs, "{view}");
    }
    for view in [json!("BOGUS"), json!(7), json!("0"), json!([]), json!(true)] {
        let search = json!({ "experiment_ids": ["0"], "run_view_type": view, "view_type": view });
        for name in ["runs/search", "experiments/search"] {
            assert_eq!(refused(&place, "POST", name, &search), "INVALID_PARAMETER_VALUE", "{name} {view}");
        }
    }
}

#[test]
fn a_tag_with_slashes_is_deleted_and_texts_with_a_nul_are_refused() {
    let place = serve(Options::default());
    let tags = ["a/b", "a//b", "/a", "tags/x"].map(|key| json!({ "key": key, "value": "v" }));
    let made = call(&place, "POST", "logged-models", &json!({ "experiment_id": "0", "name": "m", "tags": tags }));
    let id = made["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    for tag in ["a/b", "a//b", "/a", "tags/x"] {
        let at = format!("/api/2.0/mlflow/logged-models/{id}/tags/{tag}");
        assert_eq!((ask(&place, "DELETE", &at, "").0, ask(&place, "DELETE", &at, "").0), (200, 404), "{tag}");
    }
    let tag = json!([{ "key": "k", "value": "a\0b" }]);
    for (name, arguments) in [
        ("registered-models/create", json!({ "name": "a\0b" })),
        ("registered-models/create", json!({ "name": "m", "tags": tag })),
        ("experiments/create", json!({ "name": "e", "tags": tag })),
        ("logged-models", json!({ "experiment_id": "0", "name": "a\0b" })),
        ("logged-models", json!({ "experiment_id": "0", "name": "m", "params": tag })),
    ] {
        assert_eq!(refused(&place, "POST", name, &arguments), "INVALID_PARAMETER_VALUE", "{name} {arguments}");
    }
}

#[test]
fn uploads_in_parts_are_refused_as_clients_expect_it_that_send_a_file_whole_then() {
    let place = serve(Options::default());
    for prefix in ["/api/2.0", "/ajax-api/2.0"] {
        for what in ["create", "complete", "abort"] {
            let path = format!("{prefix}/mlflow-artifacts/mpu/{what}/0/run/artifacts/a.bin");
            let (status, body) = ask(&place, "POST", &path, r#"{"path": "a.bin", "num_parts": 3}"#);
            let message = serde_json::from_str::<Value>(&body).unwrap()["message"].as_str().unwrap().to_owned();
            assert_eq!(status, 501, "{path}");
            assert!(message.starts_with("Multipart upload is not supported for the current artifact repository"), "{message}");
        }
    }
}

#[test]
fn a_version_is_at_no_place_of_its_client_s_machine() {
    let place = serve(Options::default());
    call(&place, "POST", "registered-models/create", &json!({ "name": "fare" }));
    for source in ["/etc/passwd", "file:///etc", "mlflow-artifacts:/../../x", "runs:/../..", "mlflow-artifacts:/1/..%2f..%2fx"] {
        let create = json!({ "name": "fare", "source": source }).to_string();
        let (status, body) = ask(&place, "POST", "/api/2.0/mlflow/model-versions/create", &create);
        assert!(status == 400 && body.contains("INVALID_PARAMETER_VALUE") && body.contains(source), "{source}: {status} {body}");
    }
    call(&place, "POST", "model-versions/create", &json!({ "name": "fare", "source": "s3://bucket/m" }));
}
