//! Checkpoints in a shared store: so that an interrupted run goes on wherever its database is reached.
//!
//! A training keeps its checkpoint in a file of its machine and waits for nothing more. From there it is sent now and then while the
//! run goes on, and always before the run is said to be interrupted: so what the server has is never older than what
//! the last machine had that the run was on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gradframe_ml_core::Result;
use parking_lot::Mutex;

use super::artifacts::objects::PIECE_BYTES;
use super::database::{Database, Patience};
use super::now_us;
use super::sql::{Next, Transaction, params, put};

/// Between two sendings of a run, at least; and at least so many times as long as the last one took.
const EVERY: Duration = Duration::from_secs(30);
const PAUSE_TIMES: u32 = 10;

/// The checkpoints of a server.
#[derive(Debug)]
pub(super) struct ServerCheckpoints {
    database: Arc<Database>,
    /// When a run's is due next; None while it is on its way.
    due: Mutex<HashMap<String, Option<Instant>>>,
    /// The number of what this process sent last.
    last: Mutex<i64>,
}

impl ServerCheckpoints {
    pub fn new(database: Arc<Database>) -> Self {
        ServerCheckpoints { database, due: Mutex::default(), last: Mutex::default() }
    }

    /// Sends what `read` gives on a thread aside, if the run's is due. What fails is sent another time.
    pub fn send_aside(self: &Arc<Self>, run: &str, read: impl FnOnce() -> Result<Option<Vec<u8>>> + Send + 'static) {
        let started = Instant::now();
        {
            let mut due = self.due.lock();
            let at = due.entry(run.to_owned()).or_insert(Some(started));
            if at.is_none_or(|at| at > started) {
                return;
            }
            *at = None;
        }
        let (own, run) = (Arc::clone(self), run.to_owned());
        std::thread::spawn(move || {
            let sent = read().and_then(|bytes| bytes.map_or(Ok(()), |bytes| own.send(&run, &bytes)));
            if let Err(error) = sent {
                tracing::debug!(%error, run, "a checkpoint is sent later");
            }
            let pause = EVERY.max(started.elapsed() * PAUSE_TIMES);
            own.due.lock().insert(run, Some(Instant::now() + pause));
        });
    }

    /// Keeps a checkpoint in place of the run's last one, which is there until this one is whole. Errors: `External` if the
    /// server is away.
    pub fn send(&self, run: &str, bytes: &[u8]) -> Result<()> {
        let number = self.next_number(run)?;
        let insert = "INSERT INTO checkpoint_pieces (run, number, part, data) SELECT ?1, ?2, ?3, ?4
                      WHERE EXISTS (SELECT 1 FROM runs WHERE run = ?1 AND status = 'running') ON CONFLICT DO NOTHING";
        for (part, piece) in (0_i64..).zip(bytes.chunks(PIECE_BYTES)) {
            let put = |transaction: &Transaction<'_>| transaction.execute(insert, params![run, number, part, piece]);
            self.database.write_with(Patience::Brief, put)?;
        }
        self.database.write_with(Patience::Brief, |transaction| {
            let newest = last_number(transaction, run)?;
            if is_running(transaction, run)? && newest < number {
                let values = params![run, number, bytes.len() as i64];
                transaction.execute(&put("checkpoints", &["run"], &["number", "bytes"]), values)?;
            }
            let others = "DELETE FROM checkpoint_pieces WHERE run = ?1 AND number <> ?2 AND number <= ?3";
            transaction.execute(others, params![run, last_number(transaction, run)?, number]).map(|_| ())
        })
    }

    /// Greater than that of all that was sent of the run before, whatever the clocks of machines say.
    fn next_number(&self, run: &str) -> Result<i64> {
        let last = self.database.read_with(Patience::Brief, |transaction| last_number(transaction, run))?.unwrap_or_default();
        let mut own = self.last.lock();
        *own = (*own).max(last).saturating_add(1).max(now_us());
        Ok(*own)
    }

    /// The run's last checkpoint.
    pub fn fetch(&self, run: &str) -> Result<Option<Vec<u8>>> {
        let fetched = self.database.read(|transaction| {
            let last = "SELECT number, bytes FROM checkpoints WHERE run = ?1";
            let last = transaction.first(last, params![run], |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)))?;
            last.map(|(number, bytes)| pieces(transaction, run, number, bytes)).transpose()
        })?;
        Ok(fetched.flatten())
    }

    /// Forgets the run's checkpoint.
    pub fn remove(&self, run: &str) -> Result<()> {
        self.due.lock().remove(run);
        self.database.write_with(Patience::Brief, |transaction| {
            transaction.execute("DELETE FROM checkpoints WHERE run = ?1", params![run])?;
            transaction.execute("DELETE FROM checkpoint_pieces WHERE run = ?1", params![run]).map(|_| ())
        })
    }
}

fn last_number(transaction: &Transaction<'_>, run: &str) -> Result<i64> {
    transaction.value("SELECT coalesce(max(number), 0) FROM checkpoints WHERE run = ?1", params![run])
}

fn is_running(transaction: &Transaction<'_>, run: &str) -> Result<bool> {
    transaction.value("SELECT EXISTS (SELECT 1 FROM runs WHERE run = ?1 AND status = 'running')", params![run])
}

fn pieces(transaction: &Transaction<'_>, run: &str, number: i64, bytes: i64) -> Result<Vec<u8>> {
    let mut all = Vec::with_capacity(bytes as usize);
    let sql = "SELECT data FROM checkpoint_pieces WHERE run = ?1 AND number = ?2 ORDER BY part";
    transaction.each(sql, params![run, number], |row| {
        all.extend_from_slice(&row.get::<Vec<u8>>(0)?);
        Ok(Next::Continue(()))
    })?;
    Ok(all)
}
