//! What a PostgreSQL server says is wrong, by whose fault it is.

use fallible_iterator::FallibleIterator;
use gradframe_ml_core::Error;
use postgres_protocol::message::backend::ErrorResponseBody;

const OP: &str = "store";

/// Underneath an error: the server is away, and may answer another time.
#[derive(Debug)]
struct Away(Error);

impl std::fmt::Display for Away {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server is away: {}", self.0)
    }
}

impl std::error::Error for Away {}

/// Underneath an error: the server has said that it starts or stops. So it is there, and soon answers, or another in its place.
#[derive(Debug)]
struct Starting;

impl std::fmt::Display for Starting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the server starts or stops")
    }
}

impl std::error::Error for Starting {}

/// Whether a server has said that it starts or stops.
pub(super) fn is_starting(error: &Error) -> bool {
    error.detail().source.as_ref().is_some_and(|source| source.is::<Starting>())
}

/// The error, known to be that of a server that is away.
pub(super) fn away(error: Error) -> Error {
    let told = Error::external(OP, error.detail().what.clone());
    let told = match &error.detail().hint {
        Some(hint) => told.hint(hint.clone()),
        None => told,
    };
    told.because(Away(error))
}

/// Whether an error says that the server is away, however it was named since.
pub(in super::super) fn is_away(error: &Error) -> bool {
    let Some(source) = &error.detail().source else { return false };
    source.is::<Away>() || source.downcast_ref::<Error>().is_some_and(is_away)
}

/// An answer that says what is wrong.
#[derive(Debug, Default)]
pub(super) struct Complaint {
    /// Five characters, of which two are a class.
    pub code: String,
    pub message: String,
}

impl Complaint {
    /// What is unreadable is left out.
    pub fn of(body: &ErrorResponseBody) -> Self {
        let mut complaint = Complaint::default();
        let mut fields = body.fields();
        while let Ok(Some(field)) = fields.next() {
            let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
            match field.type_() {
                b'C' => complaint.code = value,
                b'M' => complaint.message = value,
                _ => {}
            }
        }
        complaint
    }

    /// True if the server stops, starts, has lost this connection, or has no room for another: another time it may answer.
    pub fn is_away(&self) -> bool {
        matches!(self.code.as_str(), "57P01" | "57P02" | "57P03" | "53300") || self.code.starts_with("08")
    }

    pub fn into_error(self) -> Error {
        let Complaint { code, message } = self;
        match code.as_str() {
            "53100" => {
                Error::resources(OP, "the server's disk is full; what was acknowledged is kept").hint("free some space and go on")
            }
            "53200" => Error::resources(OP, format!("the server is short of memory: {message}")),
            "53300" => Error::external(OP, format!("the server takes no more connections: {message}")),
            "57P03" => Error::external(OP, format!("{message} (SQLSTATE {code})")).because(Starting),
            "55P03" => Error::external(OP, "another process keeps it locked").hint("try again when that process is done"),
            "28P01" | "28000" => Error::external(OP, message).hint("see user and password in GRADFRAME_STORE, or PGPASSWORD"),
            "3D000" => Error::external(OP, message).hint("`createdb` makes it, or name another one in GRADFRAME_STORE"),
            "42501" => {
                Error::external(OP, message).hint("its user needs CREATE on the database, or on a schema `gradframe` made for it")
            }
            "25006" => Error::external(OP, "it can be read, not written").hint("name a server that may be written to"),
            "22021" | "22P05" => Error::plan(OP, "a text holds a NUL character, which PostgreSQL keeps none of"),
            _ => Error::external(OP, format!("{message} (SQLSTATE {code})")),
        }
    }
}
