//! What is a request and what is not.

use std::io::{self, Read};
use std::time::Duration;

use super::*;
use crate::http::Response;

const PATIENCE: Duration = Duration::from_secs(5);

/// A byte at a time: where pieces end must not matter.
struct Trickle<'b>(&'b [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.0.len().min(into.len()).min(1);
        into[..read].copy_from_slice(&self.0[..read]);
        self.0 = &self.0[read..];
        Ok(read)
    }
}

fn requests(bytes: &[u8]) -> Vec<(String, Result<Vec<u8>, io::ErrorKind>)> {
    let mut incoming = Incoming::new(Trickle(bytes));
    let mut found = Vec::new();
    while let Ok(head) = incoming.head(PATIENCE, &mut || true) {
        let mut body = Vec::new();
        let mut reader = BodyReader::new(&mut incoming, &head, io::sink());
        let read = reader.read_to_end(&mut body).map(|_| body).map_err(|error| error.kind());
        let is_whole = reader.skip(0);
        found.push((head.target, read));
        if !is_whole {
            break;
        }
    }
    found
}

#[test]
fn requests_follow_one_another() {
    let bytes = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello\
        PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n0A\r\n0123456789\r\n0\r\nT: t\r\n\r\n\
        GET /d HTTP/1.1\r\nHost: h\r\n\r\n";
    let all = [("/a", ""), ("/b", "hello"), ("/c", "abc0123456789"), ("/d", "")];
    let expected: Vec<_> = all.map(|(path, body)| (path.to_owned(), Ok(body.as_bytes().to_vec()))).into();
    assert_eq!(requests(bytes), expected);
}

#[test]
fn chunks_that_are_none_end_the_connection() {
    for body in [
        "x\r\n",
        "-1\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\nabc\r\n",
        "\r\n\r\n",
        "ffffffffffffffffff\r\n",
        "3\r\nab",
        "5 5\r\n",
        &format!("0\r\n{}\r\n", "T: t\r\n".repeat(200)),
    ] {
        let bytes = format!("PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        let found = requests(bytes.as_bytes());
        assert!(found.len() == 1 && found[0].1.is_err(), "{body:?}: {found:?}");
    }
}

/// Gives its bytes, and then must not be asked for more.
struct Silent<'b>(&'b [u8]);

impl Read for Silent<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        assert!(!self.0.is_empty(), "somebody waits for a client that has said all");
        self.0.read(into)
    }
}

#[test]
fn nobody_waits_for_what_follows_a_chunk_that_is_none() {
    for body in ["zz\r\n", "3\r\nabcd\r\n", "3\nabc\r\n"] {
        for is_read in [true, false] {
            let bytes = format!("PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            let mut incoming = Incoming::new(Silent(bytes.as_bytes()));
            let head = incoming.head(PATIENCE, &mut || true).unwrap();
            let mut reader = BodyReader::new(&mut incoming, &head, io::sink());
            if is_read {
                for _ in 0..2 {
                    assert_eq!(reader.read_to_end(&mut Vec::new()).unwrap_err().kind(), io::ErrorKind::InvalidData, "{body:?}");
                }
            }
            assert!(!reader.skip(1 << 20), "{body:?}");
        }
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let status = |head: &str| {
        let bytes = format!("POST / HTTP/1.1\r\n{head}\r\n\r\n");
        match Incoming::new(bytes.as_bytes()).head(PATIENCE, &mut || true) {
            Err(Bad::Refused(status, _)) => status,
            _ => 200,
        }
    };
    for (head, expected) in [
        ("Host: h", 200),
        ("X: y", 400),
        ("Host: h\r\nHost: i", 400),
        ("Host: h\r\nContent-Length: 1\r\nContent-Length: 1", 400),
        ("Host: h\r\nContent-Length: +1", 400),
        ("Host: h\r\nContent-Length: 1, 1", 400),
        ("Host: h\r\nContent-Length: ", 400),
        ("Host: h\r\nContent-Length: 0\r\nTransfer-Encoding: chunked", 400),
        ("Host: h\r\nTransfer-Encoding: gzip, chunked", 400),
        ("Host: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
        ("Host: h\r\nContent-Length : 1", 400),
        ("Host: h\r\nExpect: more", 417),
        (&format!("Host: h\r\nX: {}", "x".repeat(HEAD_BYTES_MAX)), 431),
        (&format!("Host: h{}", "\r\nX: y".repeat(HEADERS_MAX)), 431),
    ] {
        assert_eq!(status(head), expected, "{head:.60}");
    }
}

#[test]
fn half_a_head_holds_little_memory() {
    for header_bytes in [0, 3000, HEAD_BYTES_MAX - 100] {
        let half = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}", "x".repeat(header_bytes));
        let mut incoming = Incoming::new(half.as_bytes());
        assert!(matches!(incoming.head(PATIENCE, &mut || true), Err(Bad::Gone)));
        assert!(incoming.held_bytes() <= 2 * half.len() + (8 << 10), "{} of {}", incoming.held_bytes(), half.len());
    }
}

#[test]
fn an_answer_says_its_length_and_no_header_more_than_meant() {
    let mut sent = Vec::new();
    let mut response = Response::text(404, "nothing\n").with_header("x", "a\r\nset-cookie: b");
    send(&mut sent, &mut response, false, true).unwrap();
    let text = String::from_utf8(sent).unwrap();
    assert!(text.starts_with("HTTP/1.1 404 Not Found\r\n"), "{text}");
    assert!(
        text.contains("\r\nx: aset-cookie: b\r\n") && text.ends_with("content-length: 8\r\nconnection: close\r\n\r\nnothing\n")
    );
}
