//! A connection to a PostgreSQL server: statements and their answers, one after another, over a blocking stream.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

use bytes::{BufMut, BytesMut};
use fallible_iterator::FallibleIterator;
use gradframe_ml_core::{Error, Result};
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend;
use postgres_protocol::{IsNull, Oid};

use super::super::sql::{Next, ToValue, ValueRef};
use super::address::Address;
use super::errors::Complaint;
use super::row::{BYTES, INTEGER_8, Row, TEXT};

/// So many bytes are read at once.
const PIECE_BYTES: usize = 64 << 10;
/// A connection remembers at most so many statements.
const STATEMENTS_MAX: usize = 256;
/// Values come and go in the binary format.
const BINARY: i16 = 1;

/// What bytes go over: a socket, encrypted or not.
pub(super) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// An open connection.
pub(in super::super) struct Wire {
    stream: Box<dyn Stream>,
    input: BytesMut,
    output: BytesMut,
    statements: HashMap<String, Arc<Prepared>>,
    made: usize,
    /// Whether the tables are known to be there.
    pub(super) has_layout: bool,
    is_broken: bool,
    /// A connection must not cross a fork: two processes would read each other's answers.
    process_id: u32,
}

/// A statement that the server knows, and the types of its answer's columns.
#[derive(Debug)]
struct Prepared {
    name: String,
    types: Vec<Oid>,
}

/// How an answer ended.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The server's word for what was done, such as `INSERT 0 1`.
    pub tag: String,
    /// The first column of the last row, as text.
    pub value: Option<String>,
}

impl Wire {
    /// Over an open stream, on which nothing has been said yet.
    /// `is_away` becomes true if the server may answer another time.
    pub(super) fn over(stream: Box<dyn Stream>, address: &Address, is_away: &mut bool) -> Result<Self> {
        let (input, output) = (BytesMut::new(), BytesMut::new());
        let process_id = std::process::id();
        let mut wire =
            Wire { stream, input, output, statements: HashMap::new(), made: 0, has_layout: false, is_broken: false, process_id };
        let logged_in = wire.log_in(address, is_away);
        *is_away |= wire.is_broken;
        logged_in.map(|()| wire)
    }

    /// True if nothing more can be asked of it.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    pub(super) fn is_of_another_process(&self) -> bool {
        self.process_id != std::process::id()
    }

    /// Runs statements without values, separated by `;`.
    pub(super) fn simple(&mut self, sql: &str) -> Result<Answer> {
        self.say(|output| frontend::query(sql, output))?;
        let mut answer = Answer::default();
        self.listen(|message| {
            match message {
                Message::DataRow(row) => answer.value = first_text(&row),
                Message::CommandComplete(body) => answer.tag = body.tag().unwrap_or_default().to_owned(),
                _ => {}
            }
            Ok(())
        })?;
        Ok(answer)
    }

    /// Runs a statement whose values stand at `?1`, `?2` ..., and gives how many rows it has changed or found.
    pub(super) fn run(
        &mut self,
        sql: &str,
        values: &[&dyn ToValue],
        mut look: impl FnMut(&Row<'_>) -> Result<Next>,
    ) -> Result<usize> {
        let values: Vec<ValueRef> = values.iter().map(|value| value.to_value()).collect();
        let prepared = self.prepared(sql, &values)?;
        self.say(|output| {
            let formats = values.iter().map(|_| BINARY);
            frontend::bind("", &prepared.name, formats, values.iter().copied(), put_value, [BINARY], output).map_err(to_io)?;
            frontend::execute("", 0, output)?;
            frontend::sync(output);
            Ok(())
        })?;
        let (mut rows, mut is_over) = (0, false);
        self.listen(|message| {
            match message {
                Message::DataRow(body) if !is_over => is_over = look(&Row::of(&prepared.types, &body)?)?.is_break(),
                Message::CommandComplete(body) => rows = rows_of(body.tag().unwrap_or_default()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(rows)
    }

    fn prepared(&mut self, sql: &str, values: &[ValueRef<'_>]) -> Result<Arc<Prepared>> {
        let kinds: String = values.iter().map(kind).collect();
        let key = format!("{kinds} {sql}");
        if let Some(prepared) = self.statements.get(&key) {
            return Ok(Arc::clone(prepared));
        }
        if self.statements.len() >= STATEMENTS_MAX {
            self.statements.clear();
            self.simple("DEALLOCATE ALL")?;
        }
        self.made += 1;
        let name = format!("s{}", self.made);
        self.say(|output| {
            frontend::parse(&name, &numbered(sql), values.iter().map(type_of), output)?;
            frontend::describe(b'S', &name, output)?;
            frontend::sync(output);
            Ok(())
        })?;
        let mut types = Vec::new();
        self.listen(|message| {
            if let Message::RowDescription(body) = message {
                let fields = body.fields().map(|field| Ok(field.type_oid())).collect();
                types =
                    fields.map_err(|error| Error::external("store", format!("an answer is damaged: {error}")).because(error))?;
            }
            Ok(())
        })?;
        let prepared = Arc::new(Prepared { name, types });
        self.statements.insert(key, Arc::clone(&prepared));
        Ok(prepared)
    }

    /// Sends what `write` makes of messages.
    pub(super) fn say(&mut self, write: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> Result<()> {
        self.output.clear();
        write(&mut self.output).map_err(|error| unsaid(&error))?;
        let sent = self.stream.write_all(&self.output).and_then(|()| self.stream.flush());
        // A content's pieces pass here: their memory is not kept.
        if self.output.capacity() > 4 * PIECE_BYTES {
            self.output = BytesMut::new();
        }
        sent.map_err(|error| self.broke(error))
    }

    /// Hears all of an answer. An error of the server, or else the first of `hear`, is the outcome.
    fn listen(&mut self, mut hear: impl FnMut(Message) -> Result<()>) -> Result<()> {
        let (mut complaint, mut heard) = (None, Ok(()));
        loop {
            match self.next()? {
                Message::ReadyForQuery(_) => break,
                Message::ErrorResponse(body) => {
                    let said = Complaint::of(&body);
                    // Nothing follows what a server says when it stops.
                    if said.is_away() {
                        self.is_broken = true;
                        return Err(said.into_error());
                    }
                    complaint = complaint.or(Some(said));
                }
                message if heard.is_ok() => heard = hear(message),
                _ => {}
            }
        }
        match complaint {
            Some(complaint) => Err(complaint.into_error()),
            None => heard,
        }
    }

    /// The next message.
    pub(super) fn next(&mut self) -> Result<Message> {
        loop {
            match Message::parse(&mut self.input) {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => self.read_more()?,
                Err(error) => return Err(self.broke(error)),
            }
        }
    }

    fn read_more(&mut self) -> Result<()> {
        let mut piece = [0; PIECE_BYTES];
        match self.stream.read(&mut piece) {
            Ok(0) => Err(self.broke(io::ErrorKind::UnexpectedEof.into())),
            Ok(read) => {
                self.input.extend_from_slice(&piece[..read]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(self.broke(error)),
        }
    }

    fn broke(&mut self, error: io::Error) -> Error {
        self.is_broken = true;
        Error::external("store", format!("the connection to the server broke: {error}")).because(error)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if !self.is_broken && !self.is_of_another_process() {
            let _ = self.say(|output| {
                frontend::terminate(output);
                Ok(())
            });
        }
    }
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire").field("is_broken", &self.is_broken).finish_non_exhaustive()
    }
}

/// A text with a NUL is all that messages cannot say.
fn unsaid(error: &io::Error) -> Error {
    Error::plan("store", format!("a text cannot be sent to PostgreSQL: {error}"))
}

fn to_io(error: frontend::BindError) -> io::Error {
    match error {
        frontend::BindError::Conversion(error) => io::Error::other(error),
        frontend::BindError::Serialization(error) => error,
    }
}

type PutError = Box<dyn std::error::Error + Sync + Send>;

fn put_value(value: ValueRef<'_>, output: &mut BytesMut) -> std::result::Result<IsNull, PutError> {
    match value {
        ValueRef::Null => return Ok(IsNull::Yes),
        ValueRef::Integer(number) => output.put_i64(number),
        ValueRef::Text(text) => output.put_slice(text.as_bytes()),
        ValueRef::Blob(bytes) => output.put_slice(bytes),
    }
    Ok(IsNull::No)
}

fn kind(value: &ValueRef<'_>) -> char {
    match value {
        ValueRef::Null => '0',
        ValueRef::Integer(_) => 'i',
        ValueRef::Text(_) => 't',
        ValueRef::Blob(_) => 'b',
    }
}

/// The type that a value is sent as; 0 leaves it to the server.
fn type_of(value: &ValueRef<'_>) -> Oid {
    match value {
        ValueRef::Null => 0,
        ValueRef::Integer(_) => INTEGER_8,
        ValueRef::Text(_) => TEXT,
        ValueRef::Blob(_) => BYTES,
    }
}

/// `?2` as `$2`; a `?` without a number is the one after the last. No text of ours holds a question mark.
fn numbered(sql: &str) -> String {
    let (mut text, mut last) = (String::with_capacity(sql.len()), 0);
    let mut rest = sql;
    while let Some(place) = rest.find('?') {
        text.push_str(&rest[..place]);
        rest = &rest[place + 1..];
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        last = rest[..digits].parse().unwrap_or(last + 1);
        text.push_str(&format!("${last}"));
        rest = &rest[digits..];
    }
    text.push_str(rest);
    text
}

/// The number at the end of `INSERT 0 3`, `UPDATE 3`, `SELECT 3`.
fn rows_of(tag: &str) -> usize {
    tag.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn first_text(row: &DataRowBody) -> Option<String> {
    let place = row.ranges().next().ok()???;
    row.buffer().get(place).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_values_are_numbered_as_the_server_wants_them() {
        assert_eq!(numbered("a = ?1 AND b = ?12 OR ?1"), "a = $1 AND b = $12 OR $1");
        assert_eq!(numbered("a IN (?, ?) LIMIT ?"), "a IN ($1, $2) LIMIT $3");
        assert_eq!(numbered("no value"), "no value");
    }

    #[test]
    fn tags_say_how_many_rows() {
        assert_eq!([rows_of("INSERT 0 3"), rows_of("UPDATE 12"), rows_of("BEGIN"), rows_of("")], [3, 12, 0, 0]);
    }
}
