//! HTTP/1.1 as bytes: heads (by `httparse`), bodies of a length or in chunks, answers.
//!
//! What could be read in two ways is refused: lengths said twice, encodings but chunks, a head without a host. So no proxy in front
//! sees another request than we do.
//!
//! - [`head`]: what a request says before its body; [`incoming`]: requests as they come, one after another;
//! - [`body`]: bodies, of a length or in chunks; [`answer`]: what is sent back.

mod answer;
mod body;
mod head;
mod incoming;
#[cfg(test)]
mod tests;

use std::io;

pub use answer::send;
pub use body::BodyReader;
pub use head::Head;
pub use incoming::Incoming;

/// The head of a request may be so long.
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 100;
const READ_BYTES: usize = 64 << 10;

/// Why there is no request.
#[derive(Debug)]
pub enum Bad {
    /// The client has gone, or says nothing more.
    Gone,
    /// A status, and a word about it.
    Refused(u16, String),
}

fn refused(status: u16, what: impl Into<String>) -> Bad {
    Bad::Refused(status, what.into())
}

fn too_long() -> Bad {
    refused(431, "the head of the request is too long")
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
