//! An answer: status, kind of content, and the content itself, from memory or from a file.

use std::fs::File;
use std::io::{self, Write};

use serde_json::Value;

/// What is sent.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    kind: &'static str,
    content: Content,
    headers: Vec<(&'static str, String)>,
}

#[derive(Debug)]
enum Content {
    Bytes(Vec<u8>),
    File(File, u64),
}

impl Response {
    pub fn json(status: u16, value: &Value) -> Self {
        Response { status, kind: "application/json", content: Content::Bytes(value.to_string().into_bytes()), headers: vec![] }
    }

    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Response { status, kind: "text/plain; charset=utf-8", content: Content::Bytes(text.into().into_bytes()), headers: vec![] }
    }

    /// A file's bytes, to be saved, not shown: a browser runs nothing of it.
    pub fn file(file: File, bytes: u64) -> Self {
        let headers = vec![("Content-Disposition", "attachment".to_owned()), ("X-Content-Type-Options", "nosniff".to_owned())];
        Response { status: 200, kind: "application/octet-stream", content: Content::File(file, bytes), headers }
    }

    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends it; of a HEAD request the head alone.
    pub fn send(self, to: &mut impl Write, keeps_open: bool, with_content: bool) -> io::Result<()> {
        let bytes = match &self.content {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::File(_, bytes) => *bytes,
        };
        let mut head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {bytes}\r\n",
            self.status,
            reason(self.status),
            self.kind
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(if keeps_open { "\r\n" } else { "Connection: close\r\n\r\n" });
        match self.content {
            Content::Bytes(content) if with_content => to.write_all(&[head.as_bytes(), &content].concat())?,
            Content::File(mut file, bytes) if with_content => {
                to.write_all(head.as_bytes())?;
                let sent = io::copy(&mut io::Read::take(&mut file, bytes), to)?;
                if sent < bytes {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than it was"));
                }
            }
            _ => to.write_all(head.as_bytes())?,
        }
        to.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        _ => "Internal Server Error",
    }
}
