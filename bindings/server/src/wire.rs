//! HTTP/1.1 as bytes: heads (by `httparse`), bodies of a length or in chunks, answers.
//!
//! What could be read in two ways is refused: lengths said twice, encodings but chunks, a head without a host. So no proxy in front
//! sees another request than we do.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::http::{Content, Response};

/// The head of a request may be so long.
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 100;
/// A line before a chunk, or after the last.
const LINE_BYTES_MAX: usize = 1 << 10;
const READ_BYTES: usize = 64 << 10;

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub method: String,
    /// Path and query, as they were sent.
    pub target: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    framing: Framing,
    keeps_open: bool,
    expects_word: bool,
}

/// How long the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Bytes(u64),
    Chunks,
}

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

    fn of(parsed: &httparse::Request<'_, '_>) -> Result<Self, Bad> {
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

/// What a client sends, one request after another.
pub struct Incoming<R> {
    source: R,
    /// What was read and belongs to nobody yet.
    ahead: Vec<u8>,
    taken: usize,
}

impl<R: Read> Incoming<R> {
    pub fn new(source: R) -> Self {
        Incoming { source, ahead: Vec::new(), taken: 0 }
    }

    /// The next head; all of it has to come within `patience` of its first byte, which `begins` is told of.
    pub fn head(&mut self, patience: Duration, begins: &mut dyn FnMut() -> bool) -> Result<Head, Bad> {
        self.ahead.drain(..self.taken);
        self.taken = 0;
        let mut since = None;
        loop {
            // Empty lines before a request are passed by.
            let blank = self.ahead.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            self.ahead.drain(..blank);
            if !self.ahead.is_empty() {
                if since.is_none() && !begins() {
                    return Err(Bad::Gone);
                }
                let since: &mut Instant = since.get_or_insert_with(Instant::now);
                if let Some(head) = self.parsed()? {
                    return Ok(head);
                }
                if self.ahead.len() > HEAD_BYTES_MAX {
                    return Err(too_long());
                }
                if since.elapsed() > patience {
                    return Err(refused(408, "the request did not come in time"));
                }
            }
            match self.fill() {
                Ok(0) => return Err(Bad::Gone),
                Ok(_) => {}
                Err(error) if is_silence(&error) && since.is_some() => {
                    return Err(refused(408, "the request did not come in time"));
                }
                Err(_) => return Err(Bad::Gone),
            }
        }
    }

    fn parsed(&mut self) -> Result<Option<Head>, Bad> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&self.ahead) {
            Ok(httparse::Status::Complete(bytes)) if bytes > HEAD_BYTES_MAX => Err(too_long()),
            Ok(httparse::Status::Complete(bytes)) => {
                let head = Head::of(&request)?;
                self.taken = bytes;
                Ok(Some(head))
            }
            Ok(httparse::Status::Partial) => Ok(None),
            Err(httparse::Error::TooManyHeaders) => Err(refused(431, "the request has too many headers")),
            Err(error) => Err(refused(400, format!("this is no request: {error}"))),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let before = self.ahead.len();
        self.ahead.resize(before + READ_BYTES, 0);
        let read = self.source.read(&mut self.ahead[before..]);
        self.ahead.truncate(before + read.as_ref().map_or(0, |read| *read));
        read
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    /// A line without its end.
    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        loop {
            match self.byte()? {
                b'\n' if line.last() == Some(&b'\r') => {
                    line.pop();
                    return Ok(line);
                }
                b'\n' => return Err(wrong("a line of the body does not end as one")),
                _ if line.len() > LINE_BYTES_MAX => return Err(wrong("a line of the body is too long")),
                byte => line.push(byte),
            }
        }
    }
}

impl<R: Read> Read for Incoming<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let ahead = &self.ahead[self.taken..];
        if ahead.is_empty() {
            // As large as it was asked for: an upload need not go through `ahead`.
            if into.len() >= READ_BYTES {
                return self.source.read(into);
            }
            (self.ahead, self.taken) = (Vec::new(), 0);
            self.fill()?;
        }
        let ahead = &self.ahead[self.taken..];
        let taken = ahead.len().min(into.len());
        into[..taken].copy_from_slice(&ahead[..taken]);
        self.taken += taken;
        Ok(taken)
    }
}

/// The body of one request, no byte more.
pub struct BodyReader<'i, R, W> {
    incoming: &'i mut Incoming<R>,
    left: Left,
    /// To whom to say that the body may come, before it is read.
    word_to: Option<W>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Bytes(u64),
    /// Of the present chunk; whether it is the first.
    Chunk(u64, bool),
    Nothing,
}

impl<'i, R: Read, W: Write> BodyReader<'i, R, W> {
    pub fn new(incoming: &'i mut Incoming<R>, head: &Head, answers_go_to: W) -> Self {
        let left = match head.framing {
            Framing::Bytes(0) => Left::Nothing,
            Framing::Bytes(bytes) => Left::Bytes(bytes),
            Framing::Chunks => Left::Chunk(0, true),
        };
        BodyReader { incoming, left, word_to: head.expects_word.then_some(answers_go_to) }
    }

    /// Reads away what nobody wanted; false if that is more than this, or does not come: then nothing can follow.
    pub fn skip(mut self, bytes_max: u64) -> bool {
        if self.left == Left::Nothing {
            return true;
        }
        // Who waits for the word and was refused sends nothing.
        if self.word_to.is_some() {
            return false;
        }
        io::copy(&mut self.by_ref().take(bytes_max), &mut io::sink()).is_ok() && self.left == Left::Nothing
    }

    fn next_chunk(&mut self, is_first: bool) -> io::Result<()> {
        if !is_first && !self.incoming.line()?.is_empty() {
            return Err(wrong("a chunk is longer than it says"));
        }
        let line = self.incoming.line()?;
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        let digits = str::from_utf8(digits).ok().filter(|text| !text.is_empty() && text.bytes().all(|c| c.is_ascii_hexdigit()));
        let bytes = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
        match bytes.ok_or_else(|| wrong("a chunk does not say its length"))? {
            0 => {
                while !self.incoming.line()?.is_empty() {}
                self.left = Left::Nothing;
            }
            bytes => self.left = Left::Chunk(bytes, false),
        }
        Ok(())
    }

    fn read_most(&mut self, into: &mut [u8], left: u64) -> io::Result<usize> {
        let wanted = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        match self.incoming.read(&mut into[..wanted])? {
            0 if wanted > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

impl<R: Read, W: Write> Read for BodyReader<'_, R, W> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(mut to) = self.word_to.take() {
            to.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        loop {
            match self.left {
                Left::Nothing => return Ok(0),
                Left::Bytes(left) => {
                    let read = self.read_most(into, left)?;
                    let left = left - read as u64;
                    self.left = if left == 0 { Left::Nothing } else { Left::Bytes(left) };
                    return Ok(read);
                }
                Left::Chunk(0, is_first) => self.next_chunk(is_first)?,
                Left::Chunk(left, _) => {
                    let read = self.read_most(into, left)?;
                    self.left = Left::Chunk(left - read as u64, false);
                    return Ok(read);
                }
            }
        }
    }
}

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

/// Nothing came for as long as was waited.
fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        ] {
            let bytes = format!("PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
            let found = requests(bytes.as_bytes());
            assert!(found.len() == 1 && found[0].1.is_err(), "{body:?}: {found:?}");
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
    fn an_answer_says_its_length_and_no_header_more_than_meant() {
        let mut sent = Vec::new();
        let mut response = Response::text(404, "nothing\n").with_header("x", "a\r\nset-cookie: b");
        send(&mut sent, &mut response, false, true).unwrap();
        let text = String::from_utf8(sent).unwrap();
        assert!(text.starts_with("HTTP/1.1 404 Not Found\r\n"), "{text}");
        assert!(
            text.contains("\r\nx: aset-cookie: b\r\n")
                && text.ends_with("content-length: 8\r\nconnection: close\r\n\r\nnothing\n")
        );
    }
}
