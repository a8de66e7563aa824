//! What is deleted, scheduled, cleared or said twice: as MLflow's own server has it.

use serde_json::{Value, json};

use super::*;

pub fn refused(place: &Place, method: &str, name: &str, arguments: &Value) -> String {
    let (status, body) = ask(place, method, &format!("/api/2.0/mlflow/{name}"), &arguments.to_string());
    assert!((400..500).contains(&status), "{name}: {status} {body}");
    let said: Value = serde_json::from_str(&body).unwrap();
    said["error_code"].as_str().unwrap().to_owned()
}

fn found(place: &Place, filter: &str, order: &[&str]) -> Vec<String> {
    let search = json!({ "experiment_ids": ["0"], "filter": filter, "order_by": order });
    let found = call(place, "POST", "runs/search", &search);
    found["runs"].as_array().unwrap().iter().map(|run| run["info"]["status"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_experiment_is_deleted_and_restored_with_its_runs() {
    let place = serve(Options::default());
    let id = json!({ "experiment_id": call(&place, "POST", "experiments/create", &json!({ "name": "gone" }))["experiment_id"] });
    let run = call(&place, "POST", "runs/create", &id)["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    let metric = json!({ "run_id": run, "key": "a", "value": 1.0, "timestamp": 5, "step": 0 });
    call(&place, "POST", "runs/log-metric", &metric);
    assert_eq!(refused(&place, "POST", "experiments/restore", &id), "RESOURCE_DOES_NOT_EXIST");
    call(&place, "POST", "experiments/delete", &id);
    let stage = || call(&place, "GET", &format!("runs/get?run_id={run}"), &Value::Null)["run"]["info"]["lifecycle_stage"].clone();
    assert_eq!(stage(), "deleted");
    let search = json!({ "experiment_ids": [id["experiment_id"]] });
    assert_eq!(call(&place, "POST", "runs/search", &search)["runs"], json!([]));
    // Whatever was open for it takes nothing any more.
    assert_eq!(refused(&place, "POST", "runs/log-metric", &metric), "INVALID_PARAMETER_VALUE");
    assert_eq!(refused(&place, "POST", "experiments/delete", &id), "RESOURCE_DOES_NOT_EXIST");
    let mut named = id.clone();
    (named["new_name"], named["key"], named["value"]) = (json!("other"), json!("k"), json!("v"));
    assert_eq!(refused(&place, "POST", "experiments/update", &named), "INVALID_STATE");
    assert_eq!(refused(&place, "POST", "experiments/set-experiment-tag", &named), "INVALID_PARAMETER_VALUE");
    call(&place, "POST", "experiments/restore", &id);
    assert_eq!(stage(), "active");
    call(&place, "POST", "runs/log-metric", &metric);
}

#[test]
fn an_experiment_says_when_it_was_changed_and_forgets_tags() {
    let place = serve(Options::default());
    let tags = json!([{ "key": "k", "value": "v" }]);
    let id = call(&place, "POST", "experiments/create", &json!({ "name": "e", "tags": tags }))["experiment_id"].clone();
    let get = || {
        call(&place, "GET", &format!("experiments/get?experiment_id={}", id.as_str().unwrap()), &Value::Null)["experiment"]
            .clone()
    };
    assert_eq!(get()["last_update_time"], get()["creation_time"]);
    std::thread::sleep(Duration::from_millis(20));
    call(&place, "POST", "experiments/update", &json!({ "experiment_id": id, "new_name": "f" }));
    let (created, updated) = (get()["creation_time"].as_i64().unwrap(), get()["last_update_time"].as_i64().unwrap());
    assert!(updated >= created + 20, "{created} {updated}");
    assert_eq!(get()["tags"], tags);
    let filter = json!({ "filter": format!("last_update_time > {created} AND name != 'Default'") });
    assert_eq!(call(&place, "POST", "experiments/search", &filter)["experiments"][0]["name"], "f");
    let tag = json!({ "experiment_id": id, "key": "k" });
    call(&place, "POST", "experiments/delete-experiment-tag", &tag);
    assert_eq!(get()["tags"], json!([]));
    assert_eq!(refused(&place, "POST", "experiments/delete-experiment-tag", &tag), "RESOURCE_DOES_NOT_EXIST");
    for filter in ["creation_time = 'x'", "metrics.a > 1", "name > 3", "params.a = 'x'"] {
        assert_eq!(refused(&place, "POST", "experiments/search", &json!({ "filter": filter })), "INVALID_PARAMETER_VALUE");
    }
    let elsewhere = json!({ "name": "g", "artifact_location": "s3://bucket/x" });
    assert_eq!(refused(&place, "POST", "experiments/create", &elsewhere), "INVALID_PARAMETER_VALUE");
}

#[test]
fn statuses_are_kept_found_and_sorted_in_mlflow_s_words() {
    let place = serve(Options::default());
    for status in ["RUNNING", "KILLED", "SCHEDULED", "FINISHED", "FAILED"] {
        call(&place, "POST", "runs/update", &json!({ "run_id": new_run(&place), "status": status }));
    }
    assert_eq!(found(&place, "", &["status"]), ["FAILED", "FINISHED", "KILLED", "RUNNING", "SCHEDULED"]);
    for (filter, expected) in [
        ("status = 'SCHEDULED'", vec!["SCHEDULED"]),
        ("status = 'RUNNING'", vec!["RUNNING"]),
        ("status != 'finished'", vec!["FAILED", "KILLED", "RUNNING", "SCHEDULED"]),
        ("status LIKE 'F%'", vec!["FAILED", "FINISHED"]),
        ("status ILIKE '%ed'", vec!["FAILED", "FINISHED", "KILLED", "SCHEDULED"]),
        ("attributes.status IN ('SCHEDULED', 'KILLED')", vec!["KILLED", "SCHEDULED"]),
        ("created > 0 AND Created > 0 AND `run name` = 'r' AND status = 'FAILED'", vec!["FAILED"]),
    ] {
        assert_eq!(found(&place, filter, &["status ASC"]), expected, "{filter}");
    }
    let run = new_run(&place);
    let status = |status: &str| {
        let told = call(&place, "POST", "runs/update", &json!({ "run_id": run, "status": status }))["run_info"].clone();
        (told["status"].clone(), told["end_time"].is_null())
    };
    assert_eq!(status("SCHEDULED"), (json!("SCHEDULED"), true));
    assert_eq!(status("FINISHED"), (json!("FINISHED"), false));
    assert_eq!(status("RUNNING"), (json!("RUNNING"), true));
    let tags = call(&place, "GET", &format!("runs/get?run_id={run}"), &Value::Null)["run"]["data"]["tags"].clone();
    assert_eq!(tags, json!([{ "key": "mlflow.runName", "value": "r" }]));
}

#[test]
fn a_deleted_run_changes_no_more() {
    let place = serve(Options::default());
    let run = new_run(&place);
    call(&place, "POST", "runs/set-tag", &json!({ "run_id": run, "key": "k", "value": "v" }));
    call(&place, "POST", "runs/delete", &json!({ "run_id": run }));
    for (name, arguments) in [
        ("runs/delete-tag", json!({ "run_id": run, "key": "k" })),
        ("runs/set-tag", json!({ "run_id": run, "key": "mlflow.runName", "value": "v" })),
        ("runs/update", json!({ "run_id": run, "status": "FINISHED" })),
        ("runs/log-inputs", json!({ "run_id": run, "datasets": [] })),
        ("runs/log-parameter", json!({ "run_id": run, "key": "k", "value": "v" })),
    ] {
        assert_eq!(refused(&place, "POST", name, &arguments), "INVALID_PARAMETER_VALUE", "{name}");
    }
    call(&place, "POST", "runs/restore", &json!({ "run_id": run }));
    let got = call(&place, "GET", &format!("runs/get?run_id={run}"), &Value::Null)["run"].clone();
    assert_eq!((&got["info"]["status"], &got["info"]["run_name"]), (&json!("RUNNING"), &json!("r")));
}

#[test]
fn a_user_whom_nobody_knows_is_no_tag() {
    let place = serve(Options::default());
    for (user, tags) in [("unknown", 1), ("ada", 2)] {
        let made = call(&place, "POST", "runs/create", &json!({ "experiment_id": "0", "user_id": user }))["run"].clone();
        assert_eq!((&made["info"]["user_id"], made["data"]["tags"].as_array().unwrap().len()), (&json!(user), tags));
    }
}

#[test]
fn a_data_set_stays_what_it_was_logged_for_first() {
    let place = serve(Options::default());
    let run = new_run(&place);
    let dataset = json!({ "name": "d", "digest": "1", "source_type": "local", "source": "{}" });
    let tags = |context: &str| json!([{ "key": "k", "value": context }, { "key": "mlflow.data.context", "value": context }]);
    for context in ["training", "eval"] {
        let inputs = json!([{ "dataset": dataset, "tags": tags(context) }]);
        call(&place, "POST", "runs/log-inputs", &json!({ "run_id": run, "datasets": inputs }));
    }
    call(&place, "POST", "runs/log-inputs", &json!({ "run_id": run, "datasets": [{ "dataset": dataset }] }));
    let inputs = call(&place, "GET", &format!("runs/get?run_id={run}"), &Value::Null)["run"]["inputs"]["dataset_inputs"].clone();
    assert_eq!((inputs.as_array().unwrap().len(), &inputs[0]["tags"]), (1, &tags("training")));
    for (context, expected) in [("training", 1), ("eval", 0)] {
        assert_eq!(found(&place, &format!("datasets.context = '{context}'"), &[]).len(), expected, "{context}");
    }
}

#[test]
fn a_version_is_moved_without_others_and_a_description_is_cleared() {
    let place = serve(Options::default());
    call(&place, "POST", "registered-models/create", &json!({ "name": "m" }));
    for _ in 0..3 {
        call(&place, "POST", "model-versions/create", &json!({ "name": "m", "source": "s3://x/1", "description": "text" }));
    }
    let version = |version: u64| {
        call(&place, "GET", &format!("model-versions/get?name=m&version={version}"), &Value::Null)["model_version"].clone()
    };
    let to = |stage: &str| json!({ "name": "m", "version": "2", "stage": stage, "archive_existing_versions": true });
    for stage in ["None", "Archived"] {
        assert_eq!(refused(&place, "POST", "model-versions/transition-stage", &to(stage)), "INVALID_PARAMETER_VALUE");
        assert_eq!([1, 2, 3].map(|of| version(of)["current_stage"].clone()), ["None", "None", "None"]);
    }
    call(&place, "POST", "model-versions/transition-stage", &to("Production"));
    assert_eq!(version(2)["current_stage"], "Production");
    for (change, expected) in
        [(json!({ "name": "m", "version": "1" }), "text"), (json!({ "name": "m", "version": "1", "description": "" }), "")]
    {
        call(&place, "PATCH", "model-versions/update", &change);
        assert_eq!(version(1)["description"], expected);
    }
}

#[test]
fn artifacts_are_removed_by_name_and_by_directory() {
    let place = serve(Options::default());
    let run = new_run(&place);
    let at = |path: &str| format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{path}");
    for path in ["d/a.txt", "d/e/b.txt", "d.txt", "x"] {
        assert_eq!(ask(&place, "PUT", &at(path), "hello").0, 200);
    }
    for (path, left) in [("x", "d d.txt"), ("d", "d.txt"), ("d", "d.txt"), ("", "")] {
        assert_eq!(ask(&place, "DELETE", &at(path), "").0, 200, "{path}");
        let listed = call(&place, "GET", &format!("artifacts/list?run_id={run}"), &Value::Null)["files"].clone();
        let names: Vec<&str> = listed.as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
        assert_eq!(names.join(" "), left, "{path}");
    }
    for path in ["../x", "a//b", "%2e%2e/x"] {
        assert!((400..500).contains(&ask(&place, "DELETE", &at(path), "").0), "{path}");
    }
    assert_eq!(ask(&place, "DELETE", "/api/2.0/mlflow-artifacts/artifacts/0/none/artifacts/x", "").0, 404);
}

#[test]
fn a_body_that_is_cut_short_is_wrong_and_one_that_is_too_long_is_refused_by_its_number() {
    let place = serve(Options::default());
    let head =
        |rest: &str| format!("POST /api/2.0/mlflow/runs/search HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{rest}");
    for rest in [
        "Content-Length: 50\r\n\r\n{",
        "Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
    ] {
        let answer = raw(&place, head(rest).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400 "), "{rest}: {answer}");
    }
    let mut client = TcpStream::connect(place.address).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client.write_all(head("Content-Length: 100000000000\r\n\r\n{").as_bytes()).unwrap();
    let mut answer = [0; 12];
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413");
}

#[test]
fn a_store_of_a_newer_build_is_not_served() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("home")).unwrap();
    let store = home.path().join("home/store.db");
    // The header of SQLite's file, in which the layout is at 60.
    let session = Session::builder().home(home.path().join("home")).threads(1).build().unwrap();
    session.tracking().experiments().unwrap();
    drop(session);
    let mut bytes = std::fs::read(&store).unwrap();
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    std::fs::write(&store, bytes).unwrap();
    let session = Session::builder().home(home.path().join("home")).threads(1).build().unwrap();
    let refused = Server::start(session, Options { port: 0, ..Options::default() }).err().unwrap().to_string();
    assert!(refused.contains("layout 99"), "{refused}");
}

#[test]
fn a_run_that_another_process_has_removed_takes_nothing() {
    let place = serve(Options::default());
    let run = new_run(&place);
    let metric = json!({ "run_id": run, "key": "a", "value": 1.0, "timestamp": 5, "step": 0 });
    call(&place, "POST", "runs/log-metric", &metric);
    let other = Session::builder().home(place.home.path().join("home")).build().unwrap();
    let deleted = gradframe::RunChanges { deleted: Some(true), ..gradframe::RunChanges::default() };
    other.tracking().change_run(&run, &deleted).unwrap();
    let pair = json!({ "run_id": run, "key": "k", "value": "v" });
    let calls = [("runs/log-metric", &metric), ("runs/log-parameter", &pair), ("runs/set-tag", &pair)];
    for (name, arguments) in calls {
        assert_eq!(refused(&place, "POST", name, arguments), "INVALID_PARAMETER_VALUE", "{name}");
    }
    assert_eq!(other.remove_deleted_runs().unwrap(), std::slice::from_ref(&run));
    for (name, arguments) in calls {
        assert_eq!(refused(&place, "POST", name, arguments), "RESOURCE_DOES_NOT_EXIST", "{name}");
    }
}

#[test]
fn a_backslash_in_a_pattern_is_a_character_and_an_unknown_user_is_found() {
    let place = serve(Options::default());
    let (windows, unix) = (new_run(&place), new_run(&place));
    for (run, path) in [(&windows, r"C:\data\new"), (&unix, "/data_new")] {
        call(&place, "POST", "runs/log-parameter", &json!({ "run_id": run, "key": "path", "value": path }));
    }
    call(&place, "POST", "runs/set-tag", &json!({ "run_id": unix, "key": "mlflow.user", "value": "ann" }));
    for (filter, runs) in [
        (r"params.path LIKE 'C:\data%'", vec![&windows]),
        (r"params.path LIKE '%\%'", vec![&windows]),
        (r"params.path ILIKE '%\NEW'", vec![&windows]),
        (r"params.path LIKE '%\_%'", vec![&windows]),
        ("params.path LIKE '_data_new'", vec![&unix]),
        ("user_id != 'ann'", vec![&windows]),
        ("user_id = 'unknown'", vec![&windows]),
        ("user_id IN ('ann')", vec![&unix]),
    ] {
        let search = json!({ "experiment_ids": ["0"], "filter": filter });
        let found = call(&place, "POST", "runs/search", &search);
        let ids: Vec<&str> =
            found["runs"].as_array().unwrap().iter().map(|run| run["info"]["run_id"].as_str().unwrap()).collect();
        assert_eq!(ids, runs, "{filter}");
    }
}

#[test]
fn filters_of_the_registry_say_what_they_cannot_compare_and_times_are_milliseconds() {
    let place = serve(Options::default());
    call(&place, "POST", "registered-models/create", &json!({ "name": "fare" }));
    call(&place, "POST", "model-versions/create", &json!({ "name": "fare", "source": "s3://b/m" }));
    let ask = |name: &str, filter: &str| {
        let filter: String = filter.bytes().map(|byte| format!("%{byte:02x}")).collect();
        ask(&place, "GET", &format!("/api/2.0/mlflow/{name}/search?filter={filter}"), "")
    };
    for (filter, found) in [
        ("creation_timestamp > 1600000000000", 1),
        ("last_updated_timestamp < 4000000000000", 1),
        ("creation_timestamp > 4000000000000", 0),
        ("version_number = 1 AND name = 'fare'", 1),
    ] {
        let (status, body) = ask("model-versions", filter);
        let said: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, said["model_versions"].as_array().unwrap().len()), (200, found), "{filter}");
    }
    for (name, filter) in [
        ("model-versions", "metrics.x > 1"),
        ("model-versions", "name = 5"),
        ("model-versions", "version_number LIKE '1'"),
        ("model-versions", "params.x = 'a'"),
        ("registered-models", "metrics.x > 1"),
        ("registered-models", "name = 5"),
    ] {
        assert_eq!(ask(name, filter).0, 400, "{filter}");
    }
}

#[test]
fn a_filter_of_a_thousand_conditions_is_answered() {
    let place = serve(Options::default());
    let run = new_run(&place);
    call(&place, "POST", "runs/log-parameter", &json!({ "run_id": run, "key": "p", "value": "x999" }));
    let conditions: Vec<String> = (0..1000).map(|i| format!("params.p = 'x{i}'")).collect();
    for (word, found) in [(" OR ", 1), (" AND ", 0)] {
        let search = json!({ "experiment_ids": ["0"], "filter": conditions.join(word) });
        let runs = call(&place, "POST", "runs/search", &search)["runs"].as_array().map_or(0, Vec::len);
        assert_eq!(runs, found, "{word}");
    }
}

#[test]
fn points_to_be_drawn_are_in_the_order_of_their_steps() {
    let place = serve(Options::default());
    let run = new_run(&place);
    for step in [5, 1, 4, 2, 3] {
        let metric = json!({ "run_id": run, "key": "a", "value": step, "timestamp": 100 - step, "step": step });
        call(&place, "POST", "runs/log-metric", &metric);
    }
    let found = call(&place, "GET", &format!("metrics/get-history-bulk-interval?run_ids={run}&metric_key=a"), &Value::Null);
    let steps: Vec<i64> = found["metrics"].as_array().unwrap().iter().map(|point| point["step"].as_i64().unwrap()).collect();
    assert_eq!(steps, [1, 2, 3, 4, 5]);
}
