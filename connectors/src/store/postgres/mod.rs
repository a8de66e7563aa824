//! A database of a PostgreSQL server, shared by machines: `GRADFRAME_STORE=postgresql://...`.
//!
//! - [`address`]: what the address says; [`login`]: how a connection is made; [`wire`], [`row`]: statements and answers;
//! - [`errors`]: what the server complains about; [`layout`]: its tables, in a schema `gradframe`.
//!
//! A server may go away at any moment. What is asked in a transaction is asked again on another connection, once it is known
//! that the transaction was not carried out: the server is asked for its number. So everything happens once.

mod address;
mod errors;
mod layout;
mod login;
mod row;
mod tls;
mod wire;

pub(super) use address::Address;
pub(super) use errors::is_away;
pub(super) use row::Row;
pub(super) use wire::Wire;

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gradframe_ml_core::{Error, Result};
use parking_lot::Mutex;

use super::database::Patience;
use super::errors::name_store;
use super::sql::{Next, ToValue, Transaction};
use login::NotConnected;

/// As long as a server takes to start again, about.
const BRIEF: Duration = Duration::from_secs(2);
/// Between tries to reach a server that is away.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Locks out other writers of the store, whatever machine they are on. Chosen at random, once.
const WRITE_LOCK: i64 = 0x6772_6164_6672_616d;

const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// One process's connection to the database, used by one thread at a time.
#[derive(Debug)]
pub(super) struct Shared {
    address: Address,
    busy_timeout: Duration,
    open: Mutex<Option<Wire>>,
    /// Whether there was a connection before: then a server that is away is waited for.
    was_there: AtomicBool,
}

/// How a transaction ended that was not carried out, or may have been.
enum Ended<T> {
    Done(T),
    Failed(Error),
    /// The connection broke before the server was asked to commit.
    Undone(Error),
    /// The connection broke while it was asked.
    Unknown(T, Error),
}

impl Shared {
    pub fn new(address: Address, busy_timeout: Duration) -> Self {
        Shared { address, busy_timeout, open: Mutex::default(), was_there: AtomicBool::new(false) }
    }

    /// Runs `read`, again where the server went away; or gives None if the database has no store yet.
    pub fn read<T>(&self, patience: Patience, mut read: impl FnMut(&Transaction<'_>) -> Result<T>) -> Result<Option<T>> {
        let (mut open, start, wait) = (self.open.lock(), Instant::now(), self.wait(patience));
        loop {
            let failure = match self.read_with(&mut open, wait, &mut read) {
                Err(error) if !open.as_ref().is_some_and(Wire::is_broken) => return Err(self.name(error)),
                Err(error) if start.elapsed() >= wait => return Err(self.name(errors::away(error))),
                Err(error) => error,
                done => return done,
            };
            tracing::debug!(error = %failure, "read again");
        }
    }

    /// The same, once.
    pub fn read_once<T>(&self, read: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<Option<T>> {
        let mut open = self.open.lock();
        self.read_with(&mut open, self.busy_timeout, read).map_err(|error| self.name(error))
    }

    fn read_with<T>(
        &self,
        open: &mut Option<Wire>,
        wait: Duration,
        read: impl FnOnce(&Transaction<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let has_tables = self.asked(open, wait, layout::is_there)?;
        if !has_tables {
            return Ok(None);
        }
        self.asked(open, wait, |wire| wire.simple(BEGIN_READ))?;
        let wire = connected(open)?;
        let value = read(&Transaction::Postgres(&RefCell::new(wire)));
        // Nothing was written: how this ends does not matter.
        let _ = wire.simple("ROLLBACK");
        value.map(Some)
    }

    /// Runs `write` in one transaction, again where the server went away.
    pub fn write<T>(&self, patience: Patience, mut write: impl FnMut(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let (mut open, start, wait) = (self.open.lock(), Instant::now(), self.wait(patience));
        loop {
            let left = wait.saturating_sub(start.elapsed());
            let ended = match self.begin_write(&mut open, left) {
                Ok(number) => self.transact(&mut open, &number, left, &mut write),
                Err(error) => Ended::Failed(error),
            };
            match ended {
                Ended::Done(value) => return Ok(value),
                Ended::Undone(_) if start.elapsed() < wait => {}
                Ended::Undone(error) | Ended::Unknown(_, error) => return Err(self.name(errors::away(error))),
                Ended::Failed(error) => return Err(self.name(error)),
            }
        }
    }

    fn wait(&self, patience: Patience) -> Duration {
        match patience {
            Patience::Full => self.busy_timeout,
            Patience::Brief => self.busy_timeout.min(BRIEF),
            Patience::None => Duration::ZERO,
        }
    }

    /// Begins a transaction that no other writer interleaves with, and gives its number.
    fn begin_write(&self, open: &mut Option<Wire>, wait: Duration) -> Result<String> {
        self.asked(open, wait, |wire| layout::ensure(wire, WRITE_LOCK))?;
        let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({WRITE_LOCK}); SELECT txid_current()");
        let begun = self.asked(open, wait, |wire| wire.simple(&begin)).inspect_err(|_| {
            // The lock was not had: the transaction is there all the same.
            if let Some(wire) = open {
                let _ = wire.simple("ROLLBACK");
            }
        })?;
        begun.value.ok_or_else(|| Error::internal("store", "a transaction has no number"))
    }

    fn transact<T>(
        &self,
        open: &mut Option<Wire>,
        number: &str,
        wait: Duration,
        write: &mut impl FnMut(&Transaction<'_>) -> Result<T>,
    ) -> Ended<T> {
        let ended = match connected(open) {
            Ok(wire) => run_and_commit(wire, write),
            Err(error) => Ended::Failed(error),
        };
        let Ended::Unknown(value, error) = ended else { return ended };
        match self.was_committed(open, number, wait) {
            Ok(true) => Ended::Done(value),
            Ok(false) => Ended::Undone(error),
            Err(_) => Ended::Unknown(value, error),
        }
    }

    /// Asks whether a transaction was carried out whose end was not heard of.
    fn was_committed(&self, open: &mut Option<Wire>, number: &str, wait: Duration) -> Result<bool> {
        let start = Instant::now();
        loop {
            let question = format!("SELECT txid_status({number})");
            match self.asked(open, wait, |wire| wire.simple(&question))?.value.as_deref() {
                Some("committed") => return Ok(true),
                Some("in progress") if start.elapsed() < wait => std::thread::sleep(RETRY_PAUSE),
                Some("in progress") | None => {
                    return Err(Error::external("store", "the server does not say what has become of a change"));
                }
                Some(_) => return Ok(false),
            }
        }
    }

    /// Asks something that changes nothing, on a new connection if there is none or it has broken.
    fn asked<T>(&self, open: &mut Option<Wire>, wait: Duration, mut ask: impl FnMut(&mut Wire) -> Result<T>) -> Result<T> {
        let start = Instant::now();
        loop {
            let was_connected = open.as_ref().is_some_and(|wire| !wire.is_broken());
            let failure = match self.connect(open) {
                Ok(wire) => match ask(wire) {
                    Err(error) if wire.is_broken() => NotConnected { error, is_away: true },
                    answered => return answered,
                },
                Err(failure) => failure,
            };
            if failure.is_away && was_connected {
                // It broke since it was used last, which says nothing of whether the server is there now.
                continue;
            }
            let is_waited_for = self.was_there.load(Ordering::Relaxed) || errors::is_starting(&failure.error);
            if !failure.is_away || !is_waited_for || start.elapsed() >= wait {
                return Err(if failure.is_away { errors::away(failure.error) } else { failure.error });
            }
            std::thread::sleep(RETRY_PAUSE);
        }
    }

    fn connect<'w>(&self, open: &'w mut Option<Wire>) -> std::result::Result<&'w mut Wire, NotConnected> {
        if open.as_ref().is_some_and(Wire::is_of_another_process) {
            // Not closed: the parent still uses the socket.
            std::mem::forget(open.take());
        }
        if open.as_ref().is_some_and(Wire::is_broken) {
            *open = None;
        }
        match open {
            Some(wire) => Ok(wire),
            open => {
                let mut wire = login::connect(&self.address)?;
                layout::prepare(&mut wire, self.busy_timeout)
                    .map_err(|error| NotConnected { error, is_away: wire.is_broken() })?;
                self.was_there.store(true, Ordering::Relaxed);
                Ok(open.insert(wire))
            }
        }
    }

    fn name(&self, error: Error) -> Error {
        name_store(error, &self.address.shown())
    }
}

fn connected(open: &mut Option<Wire>) -> Result<&mut Wire> {
    open.as_mut().ok_or_else(|| Error::internal("store", "used before it was opened"))
}

fn run_and_commit<T>(wire: &mut Wire, write: &mut impl FnMut(&Transaction<'_>) -> Result<T>) -> Ended<T> {
    let written = write(&Transaction::Postgres(&RefCell::new(wire)));
    match written {
        Err(error) if wire.is_broken() => Ended::Undone(error),
        Err(error) => {
            let _ = wire.simple("ROLLBACK");
            Ended::Failed(error)
        }
        Ok(value) => match wire.simple("COMMIT") {
            Ok(answer) if answer.tag == "COMMIT" => Ended::Done(value),
            Ok(_) => Ended::Failed(Error::internal("store", "an error was passed over, so nothing was changed")),
            Err(error) if wire.is_broken() => Ended::Unknown(value, error),
            Err(error) => Ended::Failed(error),
        },
    }
}

/// Runs a statement of a transaction, and gives how many rows it has changed.
pub(super) fn run(
    wire: &RefCell<&mut Wire>,
    sql: &str,
    values: &[&dyn ToValue],
    look: impl FnMut(&Row<'_>) -> Result<Next>,
) -> Result<usize> {
    let mut wire =
        wire.try_borrow_mut().map_err(|_| Error::internal("store", "a statement was run while another's rows were read"))?;
    wire.run(sql, values, look)
}
