//! Requests and answers as the rest of the server sees them, between the connections (`connections.rs`) and what answers.
//!
//! Bodies are streams both ways: an upload is read piece by piece, an artifact sent from its file. A bug in an answer ends
//! that answer alone.

use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::wire::Head;

/// What a client may ask for. The head of a request has 16 kB at most.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A body that is read into memory.
    pub body_bytes_max: u64,
    /// A body that is streamed into an artifact.
    pub upload_bytes_max: u64,
    /// Connections at once. Beyond that idle ones give way, and where there are none, clients are told to come again.
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
    /// Names in small letters.
    headers: Vec<(String, String)>,
}

/// Answers one request.
pub fn answer(handler: &dyn Handle, limits: &Limits, head: &Head, body: &mut dyn Read) -> Response {
    let Some(request) = Request::of(head) else { return Response::text(400, "the path is no path of UTF-8\n") };
    if head.body_bytes().is_some_and(|bytes| bytes > limits.upload_bytes_max) {
        return Response::text(413, "the body is too long\n");
    }
    let mut body = Body { source: body, left: limits.upload_bytes_max, said: head.body_bytes(), fault: None };
    let answer = catch_unwind(AssertUnwindSafe(|| handler.handle(&request, &mut body)));
    answer.unwrap_or_else(|_| Response::text(500, "an internal error; the server's log says more\n"))
}

impl Request {
    /// None if the path is none or not UTF-8.
    fn of(head: &Head) -> Option<Self> {
        // To a proxy a client names the host too.
        let target = head.target.strip_prefix("http://").or_else(|| head.target.strip_prefix("https://"));
        let target = target.map_or(head.target.as_str(), |rest| rest.find('/').map_or("/", |at| &rest[at..]));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = percent_decode_str(path).decode_utf8().ok().filter(|path| path.starts_with('/'))?.into_owned();
        Some(Request { method: head.method.clone(), path, query: pairs(query), headers: head.headers.clone() })
    }

    /// The first header of this name (in small letters), if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
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
    /// How many bytes it will have, if the client has said so.
    said: Option<u64>,
    /// Why it could not be read to its end.
    fault: Option<(io::ErrorKind, String)>,
}

impl Body<'_> {
    /// All of it. Errors: `FileTooLarge` if there are more bytes than this, or are said to come.
    pub fn read_all(&mut self, bytes_max: u64) -> io::Result<Vec<u8>> {
        if self.said.is_some_and(|bytes| bytes > bytes_max) {
            return Err(too_long());
        }
        let mut all = Vec::new();
        self.by_ref().take(bytes_max + 1).read_to_end(&mut all)?;
        if all.len() as u64 > bytes_max { Err(too_long()) } else { Ok(all) }
    }

    /// Why it could not be read, if it could not: who wrote it somewhere has an error that says nothing of whose fault that is.
    pub fn fault(&self) -> Option<io::Error> {
        self.fault.as_ref().map(|(kind, what)| io::Error::new(*kind, what.clone()))
    }

    fn read_some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(too_long)?;
        Ok(read)
    }
}

impl Read for Body<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.read_some(into);
        if let Err(error) = &read
            && error.kind() != io::ErrorKind::Interrupted
        {
            self.fault = Some((error.kind(), error.to_string()));
        }
        read
    }
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "the body is too long")
}

/// What is sent.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub content: Content,
}

/// The body of an answer.
#[derive(Debug)]
pub enum Content {
    Bytes(Vec<u8>),
    File(File),
}

impl Response {
    fn new(status: u16, kind: &str, content: Content) -> Self {
        Response { status, headers: vec![("content-type", kind.to_owned())], content }
    }

    pub fn json(status: u16, value: &Value) -> Self {
        Response::new(status, "application/json", Content::Bytes(value.to_string().into_bytes()))
    }

    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Response::new(status, "text/plain; charset=utf-8", Content::Bytes(text.into().into_bytes()))
    }

    /// Nothing, which says that all is well in what speaks this kind.
    pub fn empty(kind: &str) -> Self {
        Response::new(200, kind, Content::Bytes(vec![]))
    }

    /// A file's bytes, to be saved, not shown: a browser runs nothing of it.
    pub fn file(file: File) -> Self {
        Response::new(200, "application/octet-stream", Content::File(file))
            .with_header("content-disposition", "attachment")
            .with_header("x-content-type-options", "nosniff")
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// How long the content is. Errors: those of a file that cannot be asked.
    pub fn content_bytes(&self) -> io::Result<u64> {
        match &self.content {
            Content::Bytes(bytes) => Ok(bytes.len() as u64),
            Content::File(file) => Ok(file.metadata()?.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::wire::Incoming;
    use super::*;

    fn head(target: &str) -> Head {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        Incoming::new(bytes.as_bytes()).head(Duration::from_secs(1), &mut || true).unwrap()
    }

    #[test]
    fn addresses_are_decoded() {
        let request = Request::of(&head("http://h/a%20b?x=1&y=%C3%A9+z&x=2")).unwrap();
        assert_eq!((request.path.as_str(), request.header("host"), request.header("x")), ("/a b", Some("h"), None));
        assert_eq!((request.query("x"), request.query("y"), request.query("z")), (Some("2"), Some("\u{e9} z"), None));
    }

    #[test]
    fn a_body_ends_at_its_limit() {
        let mut source = &b"hello"[..];
        assert_eq!(Body { source: &mut source, left: 5, said: None, fault: None }.read_all(5).unwrap(), b"hello");
        for (limit, left) in [(4, 100), (100, 4)] {
            let mut source = &b"hello"[..];
            let error = Body { source: &mut source, left, said: None, fault: None }.read_all(limit).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        }
        // Refused by its number: nothing is waited for.
        let error = Body { source: &mut io::empty(), left: 100, said: Some(6), fault: None }.read_all(5).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_body_says_why_it_could_not_be_read() {
        let mut source = &b"hello"[..];
        let mut body = Body { source: &mut source, left: 4, said: None, fault: None };
        assert!(body.fault().is_none() && io::copy(&mut body, &mut io::sink()).is_err());
        assert_eq!(body.fault().map(|error| error.kind()), Some(io::ErrorKind::FileTooLarge));
    }

    #[test]
    fn a_panic_ends_its_request_alone() {
        struct Broken;
        impl Handle for Broken {
            fn handle(&self, _: &Request, _: &mut Body<'_>) -> Response {
                panic!("a bug")
            }
        }
        assert_eq!(answer(&Broken, &Limits::default(), &head("/"), &mut io::empty()).status, 500);
        assert_eq!(answer(&Broken, &Limits::default(), &head("*"), &mut io::empty()).status, 400);
    }
}
