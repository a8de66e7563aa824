//! How a connection is made: to a socket, and a password shown.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use fallible_iterator::FallibleIterator;
use gradframe_ml_core::{Error, Result};
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;

use super::address::{Address, Place};
use super::errors::Complaint;
use super::tls;
use super::wire::{Stream, Wire};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that says nothing for so long is taken for gone.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(300);

/// A connection that was not made.
#[derive(Debug)]
pub(super) struct NotConnected {
    pub error: Error,
    /// Whether the server may answer another time: it is starting, stopping, or not there.
    pub is_away: bool,
}

/// Connects and shows who asks.
pub(super) fn connect(address: &Address) -> std::result::Result<Wire, NotConnected> {
    let opened = match &address.place {
        Place::Host(host) => open_tcp(host, address),
        Place::Socket(directory) => open_unix(&directory.join(format!(".s.PGSQL.{}", address.port))),
    };
    let stream = opened?;
    let mut is_away = false;
    Wire::over(stream, address, &mut is_away).map_err(|error| NotConnected { error, is_away })
}

fn open_tcp(host: &str, address: &Address) -> std::result::Result<Box<dyn Stream>, NotConnected> {
    let cannot = |error: io::Error| {
        let what = format!("no server answers at {host}:{}: {error}", address.port);
        NotConnected { error: Error::external("store", what).because(error), is_away: true }
    };
    let places = (host, address.port).to_socket_addrs().map_err(cannot)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for place in places {
        match TcpStream::connect_timeout(&place, CONNECT_TIMEOUT) {
            Ok(stream) => {
                let ready = stream.set_nodelay(true).and_then(|()| stream.set_read_timeout(Some(ANSWER_TIMEOUT)));
                ready.map_err(cannot)?;
                return tls::over(stream, host, &address.encryption);
            }
            Err(error) => last = error,
        }
    }
    Err(cannot(last))
}

#[cfg(unix)]
fn open_unix(path: &std::path::Path) -> std::result::Result<Box<dyn Stream>, NotConnected> {
    let opened = std::os::unix::net::UnixStream::connect(path)
        .and_then(|stream| stream.set_read_timeout(Some(ANSWER_TIMEOUT)).map(|()| stream));
    opened.map(|stream| Box::new(stream) as Box<dyn Stream>).map_err(|error| {
        let what = format!("no server answers at `{}`: {error}", path.display());
        NotConnected { error: Error::external("store", what).because(error), is_away: true }
    })
}

#[cfg(not(unix))]
fn open_unix(path: &std::path::Path) -> std::result::Result<Box<dyn Stream>, NotConnected> {
    let error = Error::external("store", format!("`{}`: there are no Unix sockets here", path.display()));
    Err(NotConnected { error, is_away: false })
}

impl Wire {
    /// Says who asks for which database, and answers what is asked back.
    pub(super) fn log_in(&mut self, address: &Address, is_away: &mut bool) -> Result<()> {
        let Address { user, database, .. } = address;
        let parameters =
            [("user", user.as_str()), ("database", database), ("client_encoding", "UTF8"), ("application_name", "gradframe")];
        self.say(|output| frontend::startup_message(parameters, output))?;
        let mut scram = None;
        loop {
            match self.next()? {
                Message::AuthenticationOk => {}
                Message::AuthenticationCleartextPassword => self.show(password(address)?.as_bytes())?,
                Message::AuthenticationMd5Password(body) => {
                    self.show(md5_hash(user.as_bytes(), password(address)?.as_bytes(), body.salt()).as_bytes())?;
                }
                Message::AuthenticationSasl(body) => scram = Some(self.begin_scram(&body, password(address)?)?),
                Message::AuthenticationSaslContinue(body) => {
                    let scram = scram.as_mut().ok_or_else(|| out_of_turn("a challenge"))?;
                    scram.update(body.data()).map_err(refused)?;
                    let answer = scram.message().to_vec();
                    self.say(|output| frontend::sasl_response(&answer, output))?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    scram.as_mut().ok_or_else(|| out_of_turn("a proof"))?.finish(body.data()).map_err(refused)?;
                }
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ErrorResponse(body) => {
                    let complaint = Complaint::of(&body);
                    *is_away = complaint.is_away();
                    return Err(complaint.into_error());
                }
                Message::ParameterStatus(_) | Message::BackendKeyData(_) | Message::NoticeResponse(_) => {}
                _ => return Err(out_of_turn("a way to log in that is not known here (GSSAPI, SSPI)")),
            }
        }
    }

    fn show(&mut self, password: &[u8]) -> Result<()> {
        self.say(|output| frontend::password_message(password, output))
    }

    fn begin_scram(&mut self, body: &AuthenticationSaslBody, password: &str) -> Result<ScramSha256> {
        let mut mechanisms = body.mechanisms();
        let mut offers = false;
        while let Some(mechanism) = mechanisms.next().map_err(refused)? {
            offers |= mechanism == SCRAM_SHA_256;
        }
        if !offers {
            return Err(out_of_turn("no SCRAM-SHA-256"));
        }
        let scram = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
        self.say(|output| frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), output))?;
        Ok(scram)
    }
}

fn password(address: &Address) -> Result<&str> {
    let missing = || Error::external("store", "the server asks for a password");
    address.password.as_deref().ok_or_else(|| missing().hint("put it into GRADFRAME_STORE, or into PGPASSWORD"))
}

fn refused(error: io::Error) -> Error {
    Error::external("store", format!("the server cannot be logged in to: {error}")).because(error)
}

fn out_of_turn(what: &str) -> Error {
    Error::external("store", format!("the server cannot be logged in to: it offers {what}"))
}
