//! One connection: requests one after another, until the client leaves, misbehaves or is silent for too long.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::request::{Length, Request, Wrong};
use super::{Body, Handle, Limits, Response};

/// A body of which so little is left is read away for the next request's sake; else the connection is closed.
const SKIPPED_BYTES_MAX: u64 = 1 << 20;

/// Answers all requests of a connection.
pub fn serve(connection: &TcpStream, handler: &dyn Handle, limits: &Limits) {
    let timeouts =
        connection.set_read_timeout(Some(limits.timeout)).and_then(|()| connection.set_write_timeout(Some(limits.timeout)));
    // Small answers are not to wait for more.
    if timeouts.and_then(|()| connection.set_nodelay(true)).is_err() {
        return;
    }
    let (mut reader, mut writer) = (BufReader::with_capacity(64 << 10, connection), connection);
    while let Ok(true) = serve_one(&mut reader, &mut writer, handler, limits) {}
}

/// Answers one request; true if another may follow.
pub fn serve_one(reader: &mut impl BufRead, writer: &mut impl Write, handler: &dyn Handle, limits: &Limits) -> io::Result<bool> {
    let request = match read_head(reader, limits)? {
        None => return Ok(false),
        Some(Ok(request)) => request,
        Some(Err(wrong)) => return refuse(writer, wrong),
    };
    let length = match request.length() {
        Ok(Length::Bytes(bytes)) if bytes > limits.upload_bytes_max => return refuse(writer, (413, "the body is too long")),
        Ok(length) => length,
        Err(wrong) => return refuse(writer, wrong),
    };
    if request.header("expect").is_some_and(|expected| expected.eq_ignore_ascii_case("100-continue")) {
        writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        writer.flush()?;
    }
    let mut body = Body::new(reader, length, limits.upload_bytes_max);
    // A bug in an answer is this request's alone.
    let answer = catch_unwind(AssertUnwindSafe(|| handler.handle(&request, &mut body)));
    let answer = answer.unwrap_or_else(|_| Response::text(500, "an internal error; the server's log says more\n"));
    let keeps_open = request.keeps_open && body.skip(SKIPPED_BYTES_MAX);
    answer.send(writer, keeps_open, request.method != "HEAD")?;
    Ok(keeps_open)
}

/// The next request's head; None if there is none any more.
fn read_head(reader: &mut impl BufRead, limits: &Limits) -> io::Result<Option<Result<Request, Wrong>>> {
    let mut head = Vec::new();
    loop {
        let line_start = head.len();
        let left = (limits.head_bytes_max - head.len()) as u64;
        let read = io::Read::take(&mut *reader, left).read_until(b'\n', &mut head)?;
        if read == 0 {
            let wrong = if left == 0 { Some(Err((431, "the head is too long"))) } else { None };
            return Ok(wrong);
        }
        let line = &head[line_start..];
        if matches!(line, b"\n" | b"\r\n") {
            // Empty lines before a request are nothing.
            if line_start == 0 {
                head.clear();
                continue;
            }
            return Ok(Some(
                Request::parse(&head).and_then(|parsed| parsed.map(|(r, _)| r).ok_or((400, "the head is not whole"))),
            ));
        }
    }
}

fn refuse(writer: &mut impl Write, (status, why): Wrong) -> io::Result<bool> {
    Response::text(status, format!("{why}\n")).send(writer, false, true)?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Says method, path and body back.
    struct Echo;

    impl Handle for Echo {
        fn handle(&self, request: &Request, body: &mut Body<'_>) -> Response {
            match body.read_all(1000) {
                Ok(body) => {
                    Response::text(200, format!("{} {} {}", request.method, request.path, String::from_utf8_lossy(&body)))
                }
                Err(error) => Response::text(413, error.to_string()),
            }
        }
    }

    fn answers(mut input: &[u8]) -> String {
        let (mut output, limits) = (Vec::new(), Limits { head_bytes_max: 500, ..Limits::default() });
        while let Ok(true) = serve_one(&mut input, &mut output, &Echo, &limits) {}
        String::from_utf8_lossy(&output).into_owned()
    }

    #[test]
    fn requests_of_one_connection_are_answered_in_turn() {
        let input = b"\r\nGET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /c HTTP/1.1\r\nConnection: close\r\n\r\nGET /d HTTP/1.1\r\n\r\n";
        let said = answers(input);
        assert!(
            said.contains("GET /a ") && said.contains("POST /b hi") && said.contains("GET /c ") && !said.contains("/d"),
            "{said}"
        );
    }

    #[test]
    fn what_is_wrong_is_refused_and_ends_the_connection() {
        let cases = [
            ("nonsense\r\n\r\n", "400"),
            ("GET x HTTP/1.1\r\n\r\n", "400"),
            ("GET / HTTP/9.9\r\n\r\n", "400"),
            ("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"),
        ];
        for (input, status) in cases {
            assert!(answers(input.as_bytes()).starts_with(&format!("HTTP/1.1 {status} ")), "{input}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(600));
        assert!(answers(long.as_bytes()).starts_with("HTTP/1.1 431 "));
        let big = format!("POST / HTTP/1.1\r\nContent-Length: 2000\r\n\r\n{}", "x".repeat(2000));
        assert!(answers(big.as_bytes()).starts_with("HTTP/1.1 413 "));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_hang(input in prop::collection::vec(any::<u8>(), 0..300)) {
            answers(&input);
        }

        #[test]
        fn nor_do_heads_with_odd_parts(
            method in "[A-Z]{0,5}", path in "[ -~]{0,30}", header in "[ -~]{0,30}", value in "[ -~]{0,30}", body in "[ -~\r\n]{0,60}",
        ) {
            answers(format!("{method} {path} HTTP/1.1\r\n{header}: {value}\r\nTransfer-Encoding: chunked\r\n\r\n{body}").as_bytes());
        }
    }
}
