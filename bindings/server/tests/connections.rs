//! Many connections at once, idle, half-sent, and kept open.

use super::*;

/// How long an answer takes while all these are connected and have sent so much.
fn answered_beside(connections: usize, sent: &[u8]) -> (u16, Duration) {
    let place = serve(Options::default());
    let open = |_| {
        let mut connection = TcpStream::connect(place.address).unwrap();
        connection.write_all(sent).unwrap();
        connection
    };
    let others: Vec<TcpStream> = (0..connections).map(open).collect();
    let started = std::time::Instant::now();
    let (status, _) = ask(&place, "GET", "/health", "");
    drop(others);
    (status, started.elapsed())
}

#[test]
fn idle_connections_give_way() {
    let whole = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for sent in [&b""[..], whole] {
        let (status, elapsed) = answered_beside(600, sent);
        assert!(status == 200 && elapsed < Duration::from_secs(1), "{status} after {elapsed:?}");
    }
}

#[test]
fn half_sent_requests_are_told_of_or_give_way() {
    let half = b"POST /api/2.0/mlflow/runs/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{";
    for sent in [&half[..], &half[..30]] {
        let (status, elapsed) = answered_beside(512, sent);
        assert!(matches!(status, 200 | 503) && elapsed < Duration::from_secs(1), "{status} after {elapsed:?}");
    }
    let place = serve(Options { limits: Limits { connections_max: 4, ..Limits::default() }, ..Options::default() });
    let mut slow: Vec<TcpStream> = (0..4).map(|_| TcpStream::connect(place.address).unwrap()).collect();
    slow.iter_mut().for_each(|slow| slow.write_all(half).unwrap());
    let started = std::time::Instant::now();
    while ask(&place, "GET", "/health", "").0 != 200 {
        assert!(started.elapsed() < Duration::from_secs(10), "stalled requests hold on to their places");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn requests_follow_one_another_on_a_connection_also_after_a_refused_body() {
    let limits = Limits { body_bytes_max: 1000, ..Limits::default() };
    let place = serve(Options { limits, ..Options::default() });
    let mut connection = TcpStream::connect(place.address).unwrap();
    let body = format!("{{\"name\": \"{}\"}}", "x".repeat(100_000));
    let long = format!(
        "POST /api/2.0/mlflow/experiments/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    connection.write_all([health, &long, health, last].concat().as_bytes()).unwrap();
    let mut answers = String::new();
    connection.read_to_string(&mut answers).unwrap();
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "413", "200", "200"], "{answers}");
}
