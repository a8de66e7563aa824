//! A request's head: method, path, query, headers.

use percent_encoding::percent_decode_str;

/// At most so many headers.
const HEADERS_MAX: usize = 100;

/// A request without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: String,
    /// Decoded, beginning with `/`.
    pub path: String,
    /// Decoded, in the order of the address.
    pub query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    pub keeps_open: bool,
}

/// What the head says of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    Bytes(u64),
    Chunked,
}

/// A head that cannot be understood: status and why.
pub type Wrong = (u16, &'static str);

impl Request {
    /// The request and the head's length; None if it goes on. Errors: for what is no head of HTTP/1.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Request, usize)>, Wrong> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Request::new(&mut headers);
        let length = match head.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err((431, "too many headers")),
            Err(_) => return Err((400, "not a request of HTTP/1")),
        };
        let (method, target) = (head.method.unwrap_or_default(), head.path.unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        if !path.starts_with('/') {
            return Err((400, "the path does not begin with `/`"));
        }
        let path = percent_decode_str(path).decode_utf8().map_err(|_| (400, "the path is not UTF-8"))?.into_owned();
        let headers: Vec<(String, String)> =
            head.headers.iter().map(|h| (h.name.to_ascii_lowercase(), String::from_utf8_lossy(h.value).into_owned())).collect();
        let mut request = Request { method: method.to_owned(), path, query: pairs(query), headers, keeps_open: true };
        let connection = request.header("connection").unwrap_or_default().to_ascii_lowercase();
        request.keeps_open = if head.version == Some(0) { connection == "keep-alive" } else { connection != "close" };
        Ok(Some((request, length)))
    }

    /// The first header of this name (in small letters).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// The last value of this name in the address.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().rev().find(|(of, _)| of == name).map(|(_, value)| value.as_str())
    }

    /// How long the body is. Errors: for a length that is none, or said in two ways, which servers in front of this one could
    /// understand differently.
    pub fn length(&self) -> Result<Length, Wrong> {
        let said =
            |name: &str| self.headers.iter().filter(|(of, _)| of == name).map(|(_, value)| value.trim()).collect::<Vec<_>>();
        match (said("content-length").as_slice(), said("transfer-encoding").as_slice()) {
            ([], []) => Ok(Length::Bytes(0)),
            ([length], []) if length.bytes().all(|b| b.is_ascii_digit()) => {
                length.parse().map(Length::Bytes).map_err(|_| (400, "the content's length is no number"))
            }
            ([], [coding]) if coding.eq_ignore_ascii_case("chunked") => Ok(Length::Chunked),
            _ => Err((400, "the content's length is not said in one way")),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_understood() {
        let head = b"GET /a%20b?x=1&y=%C3%A9+z&x=2 HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nleft";
        let (request, length) = Request::parse(head).unwrap().unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str(), length), ("GET", "/a b", head.len() - 4));
        assert_eq!((request.query("x"), request.query("y"), request.query("z")), (Some("2"), Some("\u{e9} z"), None));
        assert_eq!((request.length(), request.keeps_open), (Ok(Length::Bytes(7)), true));
    }

    #[test]
    fn lengths_said_in_two_ways_are_refused() {
        for headers in [
            "Content-Length: 1\r\nContent-Length: 2",
            "Content-Length: 1\r\nTransfer-Encoding: chunked",
            "Content-Length: -1",
            "Content-Length: +1",
            "Transfer-Encoding: gzip",
            "Content-Length: 99999999999999999999",
        ] {
            let head = format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n");
            let (request, _) = Request::parse(head.as_bytes()).unwrap().unwrap();
            assert_eq!(request.length().unwrap_err().0, 400, "{headers}");
        }
    }
}
