//! The head of a request: what it asks for, how long its body is, whether another may follow.

use super::{Bad, refused};

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub method: String,
    /// Path and query, as they were sent.
    pub target: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub(super) framing: Framing,
    keeps_open: bool,
    pub(super) expects_word: bool,
}

/// How long the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Bytes(u64),
    Chunks,
}

impl Head {
    /// The length of the body, where it is said.
    pub fn body_bytes(&self) -> Option<u64> {
        match self.framing {
            Framing::Bytes(bytes) => Some(bytes),
            Framing::Chunks => None,
        }
    }

    /// Whether another request may follow.
    pub fn keeps_open(&self) -> bool {
        self.keeps_open
    }

    /// Errors: for what can be read in two ways.
    pub(super) fn of(parsed: &httparse::Request<'_, '_>) -> Result<Self, Bad> {
        let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
            return Err(refused(400, "the request has no first line"));
        };
        let header = |header: &httparse::Header<'_>| {
            (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).trim().to_owned())
        };
        let headers: Vec<(String, String)> = parsed.headers.iter().map(header).collect();
        let all = |name: &str| headers.iter().filter(|(of, _)| of == name).map(|(_, value)| value.as_str()).collect::<Vec<_>>();
        if all("host").len() > 1 || (version > 0 && all("host").is_empty()) {
            return Err(refused(400, "a request names one host"));
        }
        let connection = all("connection").join(",").to_ascii_lowercase();
        let has = |word: &str| connection.split(',').any(|said| said.trim() == word);
        let expects_word = match all("expect").as_slice() {
            [] => false,
            [word] if word.eq_ignore_ascii_case("100-continue") => version > 0,
            _ => return Err(refused(417, "nothing but 100-continue may be expected")),
        };
        Ok(Head {
            method: method.to_owned(),
            target: target.to_owned(),
            framing: framing(&all("content-length"), &all("transfer-encoding"))?,
            keeps_open: !has("close") && (version > 0 || has("keep-alive")),
            expects_word,
            headers,
        })
    }
}

fn framing(lengths: &[&str], encodings: &[&str]) -> Result<Framing, Bad> {
    match (lengths, encodings) {
        ([], []) => Ok(Framing::Bytes(0)),
        ([], [encoding]) if encoding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunks),
        ([length], []) if !length.is_empty() && length.bytes().all(|digit| digit.is_ascii_digit()) => {
            length.parse().map(Framing::Bytes).map_err(|_| refused(400, format!("the length {length} is too great")))
        }
        ([_], []) => Err(refused(400, "the length is no number")),
        ([], _) => Err(refused(400, "the body is sent in an encoding that is not chunked")),
        _ => Err(refused(400, "the length is said in two ways")),
    }
}
