//! Requests and answers as the rest of the server sees them, between `oxhttp`, which speaks HTTP, and what answers.
//!
//! Bodies are streams both ways: an upload is read piece by piece, an artifact sent from its file. A bug in an answer ends
//! that answer alone.

use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use oxhttp::model::{self, HeaderMap, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What a client may ask for. The head of a request has 8 kB at most.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A body that is read into memory.
    pub body_bytes_max: u64,
    /// A body that is streamed into an artifact.
    pub upload_bytes_max: u64,
    /// Connections at once; more wait.
    pub connections_max: usize,
    /// How long to wait for a client to say more, or to take what it asked for.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { body_bytes_max: 64 << 20, upload_bytes_max: 1 << 40, connections_max: 512, timeout: Duration::from_secs(60) }
    }
}

/// Who answers requests.
pub trait Handle: Send + Sync + 'static {
    /// The answer. What is left of the body is read away after it.
    fn handle(&self, request: &Request, body: &mut Body<'_>) -> Response;
}

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Decoded, beginning with `/`.
    pub path: String,
    /// Decoded, in the order of the address.
    pub query: Vec<(String, String)>,
    headers: HeaderMap,
}

/// Answers one request.
pub fn answer(handler: &dyn Handle, limits: &Limits, request: &mut model::Request<model::Body>) -> model::Response<model::Body> {
    let Some(head) = Request::of(request) else { return Response::text(400, "the path is not UTF-8\n").into_model() };
    if request.body().len().is_some_and(|bytes| bytes > limits.upload_bytes_max) {
        return Response::text(413, "the body is too long\n").into_model();
    }
    let mut body = Body { source: request.body_mut(), left: limits.upload_bytes_max };
    let answer = catch_unwind(AssertUnwindSafe(|| handler.handle(&head, &mut body)));
    answer.unwrap_or_else(|_| Response::text(500, "an internal error; the server's log says more\n")).into_model()
}

impl Request {
    /// None if the path is not UTF-8.
    fn of(request: &model::Request<model::Body>) -> Option<Self> {
        let uri = request.uri();
        let path = percent_decode_str(uri.path()).decode_utf8().ok()?.into_owned();
        let query = pairs(uri.query().unwrap_or_default());
        Some(Request { method: request.method().as_str().to_owned(), path, query, headers: request.headers().clone() })
    }

    /// The first header of this name (in small letters), if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The last value of this name in the address.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }
}

fn pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(name), decoded(value))
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// A request's body, read as it comes; no more than its limit.
pub struct Body<'a> {
    source: &'a mut dyn Read,
    left: u64,
}

impl Body<'_> {
    /// All of it. Errors: `InvalidData` if there are more bytes than this.
    pub fn read_all(&mut self, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        self.by_ref().take(bytes_max + 1).read_to_end(&mut all)?;
        if all.len() as u64 > bytes_max { Err(too_long()) } else { Ok(all) }
    }
}

impl Read for Body<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(too_long)?;
        Ok(read)
    }
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the body is too long")
}

/// What is sent.
#[derive(Debug)]
pub struct Response {
    status: u16,
    headers: Vec<(&'static str, String)>,
    content: model::Body,
}

impl Response {
    fn new(status: u16, kind: &str, content: impl Into<model::Body>) -> Self {
        Response { status, headers: vec![("content-type", kind.to_owned())], content: content.into() }
    }

    pub fn json(status: u16, value: &Value) -> Self {
        Response::new(status, "application/json", value.to_string())
    }

    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Response::new(status, "text/plain; charset=utf-8", text.into())
    }

    /// A file's bytes, to be saved, not shown: a browser runs nothing of it.
    pub fn file(file: File) -> Self {
        let content = model::Body::from_read(io::BufReader::with_capacity(1 << 20, file));
        Response::new(200, "application/octet-stream", content)
            .with_header("content-disposition", "attachment")
            .with_header("x-content-type-options", "nosniff")
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn into_model(self) -> model::Response<model::Body> {
        let mut response = model::Response::new(self.content);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_decoded() {
        let request = model::Request::builder().uri("http://h/a%20b?x=1&y=%C3%A9+z&x=2").body(model::Body::default()).unwrap();
        let request = Request::of(&request).unwrap();
        assert_eq!(request.path, "/a b");
        assert_eq!((request.query("x"), request.query("y"), request.query("z")), (Some("2"), Some("\u{e9} z"), None));
    }

    #[test]
    fn a_body_ends_at_its_limit() {
        let mut source = &b"hello"[..];
        assert_eq!(Body { source: &mut source, left: 5 }.read_all(5).unwrap(), b"hello");
        for (limit, left) in [(4, 100), (100, 4)] {
            let mut source = &b"hello"[..];
            assert!(Body { source: &mut source, left }.read_all(limit).is_err());
        }
    }

    #[test]
    fn a_panic_ends_its_request_alone() {
        struct Broken;
        impl Handle for Broken {
            fn handle(&self, _: &Request, _: &mut Body<'_>) -> Response {
                panic!("a bug")
            }
        }
        let mut request = model::Request::builder().uri("http://h/").body(model::Body::default()).unwrap();
        assert_eq!(answer(&Broken, &Limits::default(), &mut request).status(), 500);
    }
}
