//! The server over a socket: what it answers, and what it survives.

#![allow(clippy::unwrap_used, reason = "clippy lets tests unwrap, but not the helpers that they share")]

mod connections;
mod otlp;
mod refusals;
mod states;
mod traces;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gradframe::Session;
use gradframe_server::{Limits, Options, Server};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A server over a home of its own, on a free port.
struct Place {
    home: tempfile::TempDir,
    address: SocketAddr,
}

fn serve(options: Options) -> Place {
    let home = tempfile::tempdir().unwrap();
    let session = Session::builder().home(home.path().join("home")).threads(2).build().unwrap();
    let address = Server::start(session, Options { port: 0, ..options }).unwrap().address();
    Place { home, address }
}

/// What is answered to these bytes, until the server closes the connection.
fn raw(place: &Place, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect(place.address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let _ = connection.write_all(bytes);
    let _ = connection.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn ask(place: &Place, method: &str, path: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let answer = raw(
        place,
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
            .as_bytes(),
    );
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    (status, if head.contains("transfer-encoding: chunked") { joined(body) } else { body.to_owned() })
}

/// The content of a body in chunks.
fn joined(mut body: &str) -> String {
    let mut content = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        content.push_str(&rest[..length]);
        body = rest[length..].trim_start_matches("\r\n");
    }
    content
}

fn call(place: &Place, method: &str, name: &str, arguments: &Value) -> Value {
    let (status, body) = match method {
        "GET" => ask(place, "GET", &format!("/api/2.0/mlflow/{name}"), ""),
        _ => ask(place, method, &format!("/api/2.0/mlflow/{name}"), &arguments.to_string()),
    };
    assert_eq!(status, 200, "{name}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn new_run(place: &Place) -> String {
    let made = call(place, "POST", "runs/create", &json!({ "experiment_id": "0", "run_name": "r", "start_time": 1000 }));
    made["run"]["info"]["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_is_logged_searched_and_ended() {
    let place = serve(Options::default());
    let experiment = call(&place, "POST", "experiments/create", &json!({ "name": "taxi's" }))["experiment_id"].clone();
    let made =
        call(&place, "POST", "runs/create", &json!({ "experiment_id": experiment, "run_name": "first", "start_time": 1000 }));
    let run = made["run"]["info"]["run_id"].as_str().unwrap();
    let metrics = json!([{ "key": "loss", "value": 0.5, "step": 1, "timestamp": 5 }, { "key": "loss", "value": "NaN", "step": "2", "timestamp": "6" },
                         { "key": "val/loss", "value": -1e300, "step": 0, "timestamp": 7 }]);
    call(
        &place,
        "POST",
        "runs/log-batch",
        &json!({ "run_id": run, "metrics": metrics, "params": [{ "key": "lr", "value": "0.1" }],
                                                    "tags": [{ "key": "team", "value": "a" }] }),
    );
    let history = call(&place, "GET", &format!("metrics/get-history?run_id={run}&metric_key=loss"), &Value::Null);
    assert_eq!(
        history["metrics"],
        json!([{ "key": "loss", "value": 0.5, "timestamp": 5, "step": 1 }, { "key": "loss", "value": "NaN", "timestamp": 6, "step": 2 }])
    );
    call(&place, "POST", "runs/update", &json!({ "run_id": run, "status": "FINISHED", "end_time": 9000 }));
    let got = call(&place, "GET", &format!("runs/get?run_id={run}"), &Value::Null);
    assert_eq!((&got["run"]["info"]["status"], &got["run"]["info"]["end_time"]), (&json!("FINISHED"), &json!(9000)));
    for (filter, found) in [
        ("metrics.`val/loss` < 0 AND params.lr = '0.1'", 1),
        ("params.lr = 'x' OR tags.team LIKE 'a%'", 1),
        ("attributes.status = 'FINISHED' and run_name = 'first'", 1),
        ("metrics.loss > 0", 0),
        ("params.none != 'x'", 0),
    ] {
        let search = json!({ "experiment_ids": [experiment], "filter": filter, "order_by": ["metrics.loss DESC"] });
        let runs = call(&place, "POST", "runs/search", &search);
        assert_eq!(runs["runs"].as_array().unwrap().len(), found, "{filter}");
    }
    let wrong = json!({ "experiment_ids": ["0"], "filter": "metrics.loss >" }).to_string();
    let (status, body) = ask(&place, "POST", "/api/2.0/mlflow/runs/search", &wrong);
    assert!(status == 400 && body.contains("character 15"), "{body}");
}

#[test]
fn pages_follow_one_another() {
    let place = serve(Options::default());
    let runs: Vec<String> = (0..5).map(|_| new_run(&place)).collect();
    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let page =
            call(&place, "POST", "runs/search", &json!({ "experiment_ids": ["0"], "max_results": 2, "page_token": token }));
        seen.extend(page["runs"].as_array().unwrap().iter().map(|run| run["info"]["run_id"].as_str().unwrap().to_owned()));
        token = page["next_page_token"].clone();
        if token.is_null() {
            break;
        }
    }
    seen.sort();
    assert_eq!(seen, runs);
    call(&place, "POST", "runs/delete", &json!({ "run_id": runs[0] }));
    let count = |view: &str| {
        let search = json!({ "experiment_ids": ["0"], "run_view_type": view });
        call(&place, "POST", "runs/search", &search)["runs"].as_array().unwrap().len()
    };
    assert_eq!(["ACTIVE_ONLY", "DELETED_ONLY", "ALL"].map(count), [4, 1, 5]);
}

#[test]
fn pages_repeat_and_leave_out_nothing_while_runs_come_and_go() {
    let place = serve(Options::default());
    let log = |run: &str, value: Value| {
        call(&place, "POST", "runs/log-metric", &json!({ "run_id": run, "key": "m", "value": value, "timestamp": 1, "step": 0 }));
    };
    let fixed: Vec<String> = (0..12).map(|_| new_run(&place)).collect();
    // Equal values, a NaN, and runs without any.
    fixed.iter().enumerate().take(10).for_each(|(i, run)| log(run, if i == 9 { json!("NaN") } else { json!(i % 3) }));
    for order in
        [json!([]), json!(["metrics.m DESC"]), json!(["metrics.m"]), json!(["start_time"]), json!(["run_name", "end_time DESC"])]
    {
        let (mut seen, mut token) = (Vec::new(), Value::Null);
        for page in 0.. {
            let search = json!({ "experiment_ids": ["0"], "max_results": 3, "page_token": token, "order_by": order });
            let found = call(&place, "POST", "runs/search", &search);
            seen.extend(found["runs"].as_array().unwrap().iter().map(|run| run["info"]["run_id"].as_str().unwrap().to_owned()));
            token = found["next_page_token"].clone();
            if token.is_null() {
                break;
            }
            // Somewhere in all orders.
            let new = new_run(&place);
            log(&new, json!(f64::from(page % 4) - 0.5));
            call(&place, "POST", "runs/delete", &json!({ "run_id": new_run(&place) }));
        }
        let of_fixed: Vec<&String> = seen.iter().filter(|run| fixed.contains(run)).collect();
        let distinct: std::collections::BTreeSet<&String> = seen.iter().collect();
        assert_eq!((of_fixed.len(), distinct.len()), (fixed.len(), seen.len()), "{order}: {seen:?}");
    }
    for token in ["7", "x", "W10"] {
        let search = json!({ "experiment_ids": ["0"], "page_token": token }).to_string();
        assert_eq!(ask(&place, "POST", "/api/2.0/mlflow/runs/search", &search).0, 400, "{token}");
    }
}

#[test]
fn artifacts_are_taken_and_given_and_no_other_file_is() {
    let place = serve(Options::default());
    let run = new_run(&place);
    std::fs::write(place.home.path().join("secret"), "secret").unwrap();
    let at = |path: &str| format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{path}");
    assert_eq!(ask(&place, "PUT", &at("plots/a%20b.txt"), "hello").0, 200);
    assert_eq!(ask(&place, "GET", &at("plots/a%20b.txt"), ""), (200, "hello".into()));
    let listed = call(&place, "GET", &format!("artifacts/list?run_id={run}"), &Value::Null);
    assert_eq!(listed["files"], json!([{ "path": "plots", "is_dir": true }]));
    for path in
        ["../../../../../secret", "..%2f..%2f..%2fsecret", "%2e%2e/%2e%2e/secret", "/etc/passwd", "a/..%5c..%5csecret", "%00"]
    {
        for method in ["GET", "PUT"] {
            let (status, body) = ask(&place, method, &at(path), "x");
            assert!(
                (400..500).contains(&status) && !body.contains("root:") && body != "secret",
                "{method} {path}: {status} {body}"
            );
        }
    }
    for path in ["/../../etc/passwd", "/api/2.0/mlflow-artifacts/artifacts/../../../etc/passwd", "//etc/passwd"] {
        assert!((400..500).contains(&ask(&place, "GET", path, "").0), "{path}");
    }
}

#[test]
fn a_token_keeps_others_out() {
    let place = serve(Options { token: Some("s3cret".into()), ..Options::default() });
    let with = |header: &str| {
        raw(&place, format!("GET /health HTTP/1.1\r\nHost: localhost\r\n{header}Connection: close\r\n\r\n").as_bytes())
    };
    for (header, status) in [
        ("", "401"),
        ("Authorization: Bearer wrong\r\n", "401"),
        ("Authorization: Bearer s3cret\r\n", "200"),
        ("Authorization: Basic dTpzM2NyZXQ=\r\n", "200"),
    ] {
        assert!(with(header).starts_with(&format!("HTTP/1.1 {status} ")), "{header}");
    }
    let session = Session::builder().in_memory().build().unwrap();
    let open = Server::start(session, Options { host: "0.0.0.0".into(), port: 0, ..Options::default() }).err().unwrap();
    assert!(open.to_string().contains("no token keeps them out"), "{open}");
}

#[test]
fn bodies_have_limits_and_wrong_requests_are_survived() {
    let limits = Limits { body_bytes_max: 1000, timeout: Duration::from_millis(300), ..Limits::default() };
    let place = serve(Options { limits, ..Options::default() });
    let big = format!("{{\"name\": \"{}\"}}", "x".repeat(2000));
    assert_eq!(ask(&place, "POST", "/api/2.0/mlflow/experiments/create", &big).0, 413);
    for body in ["", "[]", "{", "null", "{\"name\": 3}", "\u{0}", "{\"experiment_id\": {}}"] {
        for name in [
            "experiments/create",
            "runs/create",
            "runs/log-batch",
            "runs/search",
            "runs/update",
            "runs/set-tag",
            "runs/log-model",
        ] {
            let (status, answer) = ask(&place, "POST", &format!("/api/2.0/mlflow/{name}"), body);
            assert!(status < 500, "{name} {body}: {status} {answer}");
        }
    }
    assert_eq!(ask(&place, "POST", "/api/2.0/mlflow/no-such-thing", "{}").0, 501);
    assert_eq!(ask(&place, "GET", "/nothing", "").0, 404);
    // Who says nothing, or half, does not keep others waiting.
    let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(place.address).unwrap()).collect();
    assert_eq!(ask(&place, "GET", "/health", ""), (200, "OK".into()));
    drop(silent);
}

#[test]
fn many_clients_log_at_once_and_nothing_is_lost() {
    let place = Arc::new(serve(Options::default()));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let place = Arc::clone(&place);
            std::thread::spawn(move || {
                let run = new_run(&place);
                for step in 0..20 {
                    let metrics = json!([{ "key": "loss", "value": step, "step": step, "timestamp": step }]);
                    call(&place, "POST", "runs/log-batch", &json!({ "run_id": run, "metrics": metrics }));
                }
                run
            })
        })
        .collect();
    for client in clients {
        let run = client.join().unwrap();
        let history = call(&place, "GET", &format!("metrics/get-history?run_id={run}&metric_key=loss"), &Value::Null);
        let steps: Vec<i64> =
            history["metrics"].as_array().unwrap().iter().map(|point| point["step"].as_i64().unwrap()).collect();
        assert_eq!(steps, (0..20).collect::<Vec<_>>());
    }
}

#[test]
fn a_large_artifact_goes_through_in_pieces() {
    let place = serve(Options::default());
    let run = new_run(&place);
    let path = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/large.bin");
    // In chunks, as a client sends what it does not know the length of.
    let mut upload = TcpStream::connect(place.address).unwrap();
    write!(upload, "PUT {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n").unwrap();
    let piece = vec![7; 1 << 20];
    for _ in 0..48 {
        write!(upload, "{:x}\r\n", piece.len()).unwrap();
        upload.write_all(&piece).unwrap();
        upload.write_all(b"\r\n").unwrap();
    }
    upload.write_all(b"0\r\n\r\n").unwrap();
    let mut answer = String::new();
    upload.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let listed = call(&place, "GET", &format!("artifacts/list?run_id={run}"), &Value::Null);
    assert_eq!(listed["files"][0]["file_size"], json!(48 << 20));
    let (status, body) = ask(&place, "GET", &path, "");
    assert_eq!((status, body.len()), (200, 48 << 20));
}

#[test]
fn lengths_said_in_two_ways_are_refused() {
    let place = serve(Options::default());
    for headers in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Content-Length: -1",
        "Transfer-Encoding: gzip",
        "Content-Length: 99999999999999999999",
    ] {
        let head =
            format!("POST /api/2.0/mlflow/runs/search HTTP/1.1\r\nHost: localhost\r\n{headers}\r\nConnection: close\r\n\r\n{{}}");
        assert!(raw(&place, head.as_bytes()).starts_with("HTTP/1.1 400 "), "{headers}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(100_000));
    assert!(raw(&place, long.as_bytes()).starts_with("HTTP/1.1 4"));
}

/// One server for all cases: what one client sends must not matter to the next.
fn fuzzed() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        serve(Options { limits: Limits { timeout: Duration::from_secs(2), ..Limits::default() }, ..Options::default() })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_it_panic_or_hang(input in prop::collection::vec(any::<u8>(), 0..300)) {
        raw(fuzzed(), &input);
        assert_eq!(ask(fuzzed(), "GET", "/health", ""), (200, "OK".into()));
    }

    #[test]
    fn nor_do_heads_with_odd_parts(
        method in "[A-Z]{0,5}", path in "[ -~]{0,30}", header in "[ -~]{0,30}", value in "[ -~]{0,30}", body in "[ -~\r\n]{0,60}",
    ) {
        raw(fuzzed(), format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{header}: {value}\r\nTransfer-Encoding: chunked\r\n\r\n{body}").as_bytes());
        assert_eq!(ask(fuzzed(), "GET", "/health", ""), (200, "OK".into()));
    }
}

#[test]
fn models_are_registered_named_moved_and_removed() {
    let place = serve(Options::default());
    let run = new_run(&place);
    call(&place, "POST", "registered-models/create", &json!({ "name": "fare", "description": "of taxis" }));
    let create = json!({ "name": "fare", "source": format!("mlflow-artifacts:/0/{run}/artifacts/model"), "run_id": run });
    for version in 1..=2 {
        let made = call(&place, "POST", "model-versions/create", &create);
        assert_eq!(made["model_version"]["version"], json!(version.to_string()));
    }
    call(&place, "POST", "registered-models/alias", &json!({ "name": "fare", "alias": "champion", "version": "2" }));
    let named = call(&place, "GET", "registered-models/alias?name=fare&alias=champion", &Value::Null);
    assert_eq!(named["model_version"]["version"], json!("2"));
    let stage = json!({ "name": "fare", "version": "1", "stage": "production" });
    call(&place, "POST", "model-versions/transition-stage", &stage);
    let found = call(&place, "GET", "model-versions/search?filter=name%3D%27fare%27&order_by=version_number%20ASC", &Value::Null);
    let stages: Vec<&Value> = found["model_versions"].as_array().unwrap().iter().map(|found| &found["current_stage"]).collect();
    assert_eq!(stages, [&json!("Production"), &json!("None")]);
    let uri = call(&place, "GET", "model-versions/get-download-uri?name=fare&version=1", &Value::Null);
    assert_eq!(uri["artifact_uri"], create["source"]);
    call(&place, "POST", "registered-models/rename", &json!({ "name": "fare", "new_name": "fares" }));
    call(&place, "DELETE", "model-versions/delete", &json!({ "name": "fares", "version": "2" }));
    let model = call(&place, "GET", "registered-models/get?name=fares", &Value::Null);
    assert_eq!(
        (&model["registered_model"]["description"], &model["registered_model"]["aliases"]),
        (&json!("of taxis"), &json!([]))
    );
    call(&place, "DELETE", "registered-models/delete", &json!({ "name": "fares" }));
    assert_eq!(ask(&place, "GET", "/api/2.0/mlflow/registered-models/get?name=fares", "").0, 404);
    for (method, name, arguments) in [
        ("POST", "registered-models/create", "{}"),
        ("POST", "model-versions/create", r#"{"name": "none", "source": "x"}"#),
        ("POST", "model-versions/transition-stage", r#"{"name": "fares", "version": "x", "stage": "y"}"#),
        ("GET", "registered-models/search?filter=colour%20%3D%20%27x%27", ""),
        ("POST", "logged-models", r#"{"experiment_id": "77"}"#),
        ("PATCH", "logged-models/m-none", r#"{"status": "x"}"#),
    ] {
        let (status, body) = ask(&place, method, &format!("/api/2.0/mlflow/{name}"), arguments);
        assert!((400..500).contains(&status), "{name}: {status} {body}");
    }
}

#[test]
fn prompts_are_no_models() {
    let place = serve(Options::default());
    let tags = json!([{ "key": "mlflow.prompt.is_prompt", "value": "true" }]);
    call(&place, "POST", "registered-models/create", &json!({ "name": "greet", "tags": tags }));
    call(&place, "POST", "model-versions/create", &json!({ "name": "greet", "source": "dummy-source", "tags": tags }));
    let session = Session::builder().home(place.home.path().join("home")).build().unwrap();
    let rows = |sql: &str| {
        let batches = session.block_on(async { session.sql(sql).await?.collect().await }).unwrap();
        arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string()
    };
    assert!(!rows("SHOW MODELS").contains("greet"));
    let kept = rows("SELECT model, model_type FROM gradframe.models");
    assert!(kept.contains("| greet | prompt     |"), "{kept}");
}

#[test]
fn runs_are_found_by_their_data_sets_and_spans_that_are_no_protobuf_are_refused_with_a_word() {
    let place = serve(Options::default());
    let (with, without) = (new_run(&place), new_run(&place));
    let dataset = json!({ "name": "ri'des", "digest": "d1", "source_type": "local", "source": "{}" });
    let inputs = json!([{ "dataset": dataset, "tags": [{ "key": "mlflow.data.context", "value": "train" }] }]);
    call(&place, "POST", "runs/log-inputs", &json!({ "run_id": with, "datasets": inputs }));
    for (filter, found) in [
        ("datasets.name = 'ri''des'", 1),
        ("dataset.digest LIKE 'd%' AND datasets.context = 'train'", 1),
        ("datasets.name IN ('ri''des', 'y')", 1),
        ("datasets.context = 'eval'", 0),
        (&format!("datasets.name NOT IN ('x') OR attributes.run_id = '{without}'"), 2),
    ] {
        let answer = call(&place, "POST", "runs/search", &json!({ "experiment_ids": ["0"], "filter": filter }));
        assert_eq!(answer["runs"].as_array().map_or(0, Vec::len), found, "{filter}: {answer}");
    }
    let (status, body) = ask(&place, "POST", "/v1/traces", "{}");
    assert!(status == 400 && body.contains("spans come as application/x-protobuf"), "{status} {body}");
}

#[test]
fn what_is_no_time_or_step_is_refused() {
    let place = serve(Options::default());
    let run = new_run(&place);
    for wrong in [
        json!({ "timestamp": 99_999_999_999_999_999_999_f64 }),
        json!({ "timestamp": 253_402_300_800_000_i64 }),
        json!({ "timestamp": i64::MIN }),
        json!({ "step": 1.5 }),
        json!({ "step": 9_223_372_036_854_775_808_u64 }),
    ] {
        let mut metric = json!({ "run_id": run, "key": "loss", "value": 1.0, "timestamp": 5, "step": 0 });
        wrong.as_object().unwrap().iter().for_each(|(name, value)| metric[name] = value.clone());
        let (status, said) = ask(&place, "POST", "/api/2.0/mlflow/runs/log-metric", &metric.to_string());
        assert_eq!(status, 400, "{wrong}: {said}");
    }
    let far = json!({ "experiment_id": "0", "start_time": 99_999_999_999_999_999_i64 }).to_string();
    assert_eq!(ask(&place, "POST", "/api/2.0/mlflow/runs/create", &far).0, 400);
    let filter = json!({ "experiment_ids": ["0"], "filter": 1 }).to_string();
    assert_eq!(ask(&place, "POST", "/api/2.0/mlflow/runs/search", &filter).0, 400);
}

#[test]
fn pages_of_others_are_refused() {
    let open = serve(Options::default());
    let closed = serve(Options { token: Some("t".into()), ..Options::default() });
    let asked = |place: &Place, headers: &str| {
        let head = "GET /api/2.0/mlflow/experiments/search HTTP/1.1\r\nConnection: close\r\n";
        let answer = raw(place, format!("{head}{headers}\r\n").as_bytes());
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    for (headers, status) in [
        ("Host: localhost:5000\r\n", "200"),
        ("Host: [::1]:5000\r\nOrigin: http://[::1]:5000\r\n", "200"),
        ("Host: evil.com\r\n", "403"),
        ("Host: localhost\r\nOrigin: http://evil.com\r\n", "403"),
        ("Host: localhost\r\nOrigin: null\r\n", "403"),
    ] {
        assert_eq!(asked(&open, headers), status, "{headers}");
    }
    let token = "Authorization: Bearer t\r\n";
    assert_eq!(asked(&closed, &format!("Host: runs.example\r\n{token}")), "200");
    assert_eq!(asked(&closed, &format!("Host: runs.example\r\nOrigin: http://evil.com\r\n{token}")), "403");
}

#[test]
fn a_data_set_is_an_input_once_and_names_can_be_addressed() {
    let place = serve(Options::default());
    let run = new_run(&place);
    let dataset = json!({ "name": "d", "digest": "1", "source_type": "local", "source": "{}" });
    for context in [None, Some("train"), None, Some("eval")] {
        let tags: Vec<Value> = context.iter().map(|context| json!({ "key": "mlflow.data.context", "value": context })).collect();
        call(&place, "POST", "runs/log-inputs", &json!({ "run_id": run, "datasets": [{ "dataset": dataset, "tags": tags }] }));
    }
    let got = call(&place, "GET", &format!("runs/get?run_id={run}"), &Value::Null);
    let inputs = got["run"]["inputs"]["dataset_inputs"].as_array().unwrap();
    assert_eq!((inputs.len(), &inputs[0]["tags"]), (1, &json!([])), "what was said first, as in MLflow's own store");
    for name in ["a/b", "a:b"] {
        let (status, said) =
            ask(&place, "POST", "/api/2.0/mlflow/registered-models/create", &json!({ "name": name }).to_string());
        assert!(status == 400 && said.contains("no name of a registered model"), "{said}");
    }
    let wrong = json!({ "run_id": run, "key": "system/program", "value": "{}" }).to_string();
    let (status, said) = ask(&place, "POST", "/api/2.0/mlflow/runs/set-tag", &wrong);
    assert!(status == 400 && said.contains("is set by the program"), "{said}");
    let unnamed = call(&place, "POST", "runs/create", &json!({ "experiment_id": "0" }));
    assert!(unnamed["run"]["info"]["run_name"].as_str().unwrap().split('-').count() == 3, "{unnamed}");
}

#[test]
fn a_batch_that_is_sent_again_is_kept_once_and_the_latest_is_that_of_the_latest_time() {
    let place = serve(Options::default());
    let run = new_run(&place);
    let point = |value: f64, timestamp: i64| json!({ "key": "v", "value": value, "step": 5, "timestamp": timestamp });
    let batch = json!({ "run_id": run, "metrics": [point(1.0, 10), point(3.0, 5)] });
    for _ in 0..2 {
        call(&place, "POST", "runs/log-batch", &batch);
    }
    call(&place, "POST", "runs/log-batch", &json!({ "run_id": run, "metrics": [point(3.0, 5), point(4.0, 5)] }));
    let history = call(&place, "GET", &format!("metrics/get-history?run_id={run}&metric_key=v"), &Value::Null);
    let values: Vec<f64> = history["metrics"].as_array().unwrap().iter().map(|point| point["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [3.0, 4.0, 1.0]);
    let got = call(&place, "GET", &format!("runs/get?run_id={run}"), &Value::Null);
    assert_eq!(got["run"]["data"]["metrics"][0]["value"], json!(1.0));
}

#[test]
fn a_nan_is_not_equal_and_comes_before_none() {
    let place = serve(Options::default());
    let runs: Vec<String> = (0..4).map(|_| new_run(&place)).collect();
    for (run, value) in runs.iter().zip([json!(1.0), json!("NaN"), json!("-Infinity")]) {
        call(&place, "POST", "runs/log-metric", &json!({ "run_id": run, "key": "k", "value": value, "timestamp": 5, "step": 0 }));
    }
    let found = |search: Value| -> Vec<usize> {
        let found = call(&place, "POST", "runs/search", &search);
        let ids = found["runs"].as_array().unwrap().iter().map(|run| run["info"]["run_id"].as_str().unwrap().to_owned());
        ids.map(|id| runs.iter().position(|run| *run == id).unwrap()).collect()
    };
    let mut unequal = found(json!({ "experiment_ids": ["0"], "filter": "metrics.k != 1" }));
    unequal.sort_unstable();
    assert_eq!(unequal, [1, 2]);
    assert_eq!(found(json!({ "experiment_ids": ["0"], "order_by": ["metrics.k DESC"] })), [0, 2, 1, 3]);
    assert_eq!(found(json!({ "experiment_ids": ["0"], "order_by": ["metrics.k ASC"] })), [2, 0, 1, 3]);
}
