//! What is sent back.

use std::io::{self, Read, Write};

use super::READ_BYTES;
use crate::http::{Content, Response};

/// Sends an answer. Errors: those of the connection; of a file that became shorter, when nothing can follow.
pub fn send(to: &mut dyn Write, response: &mut Response, keeps_open: bool, has_body: bool) -> io::Result<()> {
    let length = response.content_bytes()?;
    let mut head = format!("HTTP/1.1 {} {}\r\n", response.status, reason(response.status)).into_bytes();
    for (name, value) in &response.headers {
        // What is said of a client's words in a header must not begin another one.
        let value: String = value.chars().filter(|c| !c.is_control()).collect();
        head.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    let connection = if keeps_open { "" } else { "connection: close\r\n" };
    head.extend_from_slice(format!("content-length: {length}\r\n{connection}\r\n").as_bytes());
    match &mut response.content {
        _ if !has_body => to.write_all(&head)?,
        Content::Bytes(bytes) => {
            head.extend_from_slice(bytes);
            to.write_all(&head)?;
        }
        Content::File(file) => {
            to.write_all(&head)?;
            let mut buffer = vec![0; READ_BYTES];
            let mut left = length;
            while left > 0 {
                let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let read = file.read(&mut buffer[..most])?;
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                to.write_all(&buffer[..read])?;
                left -= read as u64;
            }
        }
    }
    to.flush()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        408 => "Request Timeout",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Answer",
    }
}
