//! Spans of OpenTelemetry, sent as its exporters send them.

use super::*;

/// A field of Protobuf that has a length.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![(number << 3) | 2];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(content);
    bytes
}

fn fixed(number: u8, value: u64) -> Vec<u8> {
    [&[(number << 3) | 1][..], &value.to_le_bytes()].concat()
}

fn text(key: &str, value: &str) -> Vec<u8> {
    field(9, &[field(1, key.as_bytes()), field(2, &field(1, value.as_bytes()))].concat())
}

fn span(trace: u8, id: u8, parent: Option<u8>, name: &str, started: u64, rest: &[Vec<u8>]) -> Vec<u8> {
    let eight = |id: u8| [id; 8];
    let parent = parent.map(|parent| field(4, &eight(parent))).unwrap_or_default();
    let head = [field(1, &[trace; 16]), field(2, &eight(id)), parent, field(5, name.as_bytes())].concat();
    [head, fixed(7, started * 1_000_000_000), fixed(8, (started + 1) * 1_000_000_000), rest.concat()].concat()
}

fn request(spans: &[Vec<u8>]) -> Vec<u8> {
    let spans: Vec<u8> = spans.iter().flat_map(|span| field(2, span)).collect();
    // A field that nobody knows is passed by.
    field(1, &[field(2, &spans), field(15, b"more")].concat())
}

fn send(place: &Place, headers: &str, body: &[u8]) -> (u16, String) {
    let length = body.len();
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n\r\n"
    );
    let answer = raw(place, &[head.as_bytes(), body].concat());
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, answer.split_once("\r\n\r\n").unwrap_or_default().1.to_owned())
}

const KIND: &str = "Content-Type: application/x-protobuf";

#[test]
fn a_trace_is_put_together_from_the_requests_that_its_spans_come_in() {
    let place = serve(Options::default());
    let failed = vec![field(15, &[field(2, b"no answer"), vec![3 << 3, 2]].concat())];
    let child = span(7, 2, Some(1), "retrieve", 6, &[text("openinference.span.kind", "RETRIEVER"), text("k", "3")]);
    let other = span(8, 1, None, "fails", 9, &failed);
    assert_eq!(send(&place, KIND, &request(&[child.clone(), other])), (200, String::new()));
    let find = |id: &str| {
        let (status, body) = ask(&place, "GET", &format!("/api/3.0/mlflow/traces/{id}"), "");
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["trace"]["trace_info"].clone()
    };
    let id = format!("tr-{}", "07".repeat(16));
    assert_eq!(find(&id)["state"], "IN_PROGRESS");
    assert_eq!(find(&format!("tr-{}", "08".repeat(16)))["state"], "ERROR");

    let root = span(7, 1, None, "answer", 5, &[text("input.value", "{\"q\": 1}"), text("output.value", "forty-two")]);
    // Sent again, as by a client that got no answer.
    for _ in 0..2 {
        assert_eq!(send(&place, KIND, &request(&[root.clone(), child.clone()])).0, 200);
    }
    let info = find(&id);
    assert_eq!((&info["state"], &info["tags"]["mlflow.traceName"]), (&json!("OK"), &json!("answer")));
    assert_eq!((&info["execution_duration"], &info["request_preview"]), (&json!("2.000000s"), &json!("{\"q\": 1}")));
    let path = format!("/api/2.0/mlflow-artifacts/artifacts/0/traces/{id}/artifacts/traces.json");
    let file: Value = serde_json::from_str(&ask(&place, "GET", &path, "").1).unwrap();
    let names: Vec<&str> = file["spans"].as_array().unwrap().iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["answer", "retrieve"]);
    assert_eq!(file["spans"][1]["attributes"]["mlflow.spanType"], "\"RETRIEVER\"");
    assert_eq!(file["spans"][1]["attributes"]["k"], "\"3\"");
    assert_eq!(file["spans"][0]["attributes"]["mlflow.spanOutputs"], "\"forty-two\"");
}

#[test]
fn what_is_no_request_with_spans_is_refused_and_survived() {
    let place = serve(Options::default());
    let good = request(&[span(1, 1, None, "a", 1, &[])]);
    let wrong_span = |span: Vec<u8>| request(&[span]);
    for (headers, body, expected) in [
        (KIND, good.clone(), 200),
        (KIND, vec![], 200),
        ("Content-Type: application/json", b"{}".to_vec(), 400),
        (KIND, b"no request".to_vec(), 400),
        (KIND, good[..good.len() - 1].to_vec(), 400),
        (KIND, wrong_span(field(1, &[1; 15])), 400),
        (KIND, wrong_span([field(1, &[0; 16]), field(2, &[1; 8])].concat()), 400),
        (KIND, wrong_span(span(1, 1, None, "a", u64::MAX / 2_000_000_000, &[])), 400),
        ("Content-Type: application/x-protobuf\r\nx-mlflow-experiment-id: 99", good.clone(), 404),
        ("Content-Type: application/x-protobuf\r\nx-mlflow-experiment-id: x", good.clone(), 404),
        ("Content-Type: application/x-protobuf\r\nContent-Encoding: gzip", good.clone(), 400),
        ("Content-Type: application/x-protobuf\r\nContent-Encoding: br", good.clone(), 400),
    ] {
        let (status, said) = send(&place, headers, &body);
        assert_eq!(status, expected, "{headers}: {said}");
    }
    // Values within values, deeper than anybody reads.
    let deep = (0..5000).fold(field(1, b"x"), |value, _| field(5, &field(1, &value)));
    let (status, _) = send(&place, KIND, &wrong_span([span(1, 1, None, "a", 1, &[]), field(9, &field(2, &deep))].concat()));
    assert_eq!(status, 400);
    assert_eq!(ask(&place, "GET", "/v1/traces", "").0, 404);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_are_an_error_of_the_server(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        static PLACE: OnceLock<Place> = OnceLock::new();
        let place = PLACE.get_or_init(|| serve(Options::default()));
        let mut bytes = request(&[span(1, 1, Some(2), "a", 1, &[text("k", "v")])]);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let (status, said) = send(place, KIND, &bytes);
        prop_assert!(status == 200 || status == 400, "{status} {said}");
    }
}
