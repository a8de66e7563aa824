//! Contents in a shared store: in pieces of a megabyte, by their hash, there once they are whole.
//!
//! Pieces are sent before the row that names the content is written, each by itself, so that nobody waits for a large file. A
//! content that is not named yet is no rubbish before a day has passed.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use gradframe_ml_core::{Error, Result};

use super::artifacts::objects::{PIECE_BYTES, Sink};
use super::database::{Database, Patience};
use super::errors::write_error;
use super::now_us;
use super::sql::{Next, Transaction, params};

const OP: &str = "artifact";
const DAY_US: i64 = 86_400_000_000;

/// The contents of a server.
#[derive(Debug)]
pub(super) struct ServerObjects {
    database: Arc<Database>,
}

impl ServerObjects {
    pub fn new(database: Arc<Database>) -> Self {
        ServerObjects { database }
    }

    /// This process, as it answers for files that it writes.
    pub fn owner(&self) -> String {
        self.database.owner()
    }

    /// Whether all pieces of a content are there.
    pub fn has(&self, hash: &str, bytes: u64, patience: Patience) -> Result<bool> {
        Ok(self.database.read_with(patience, |transaction| is_whole(transaction, hash, bytes))? == Some(true))
    }

    /// Sends the file's pieces, unless the server has the content.
    pub fn send(&self, hash: &str, bytes: u64, path: &Path, patience: Patience) -> Result<()> {
        if self.has(hash, bytes, patience)? {
            return Ok(());
        }
        let failed = |error| write_error(OP, path, error);
        let mut file = File::open(path).map_err(failed)?;
        let (mut piece, mut part) = (Vec::with_capacity(PIECE_BYTES), 0_i64);
        loop {
            piece.clear();
            (&mut file).take(PIECE_BYTES as u64).read_to_end(&mut piece).map_err(failed)?;
            if piece.is_empty() {
                return Ok(());
            }
            let sql = "INSERT INTO object_pieces (hash, part, data, created) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (hash, part) DO UPDATE SET created = excluded.created";
            let put = |transaction: &Transaction<'_>| transaction.execute(sql, params![hash, part, piece, now_us()]);
            self.database.write_with(patience, put)?;
            part += 1;
        }
    }

    /// Writes a content into a file. Errors: `Execution` if it is not there.
    pub fn fetch(&self, hash: &str, file: &mut Sink<'_>) -> Result<()> {
        let sql = "SELECT data FROM object_pieces WHERE hash = ?1 ORDER BY part";
        let read = self.database.read_once(|transaction| {
            let there = transaction.first("SELECT bytes FROM objects WHERE hash = ?1", params![hash], |row| row.get::<i64>(0))?;
            if there.is_none() {
                return Err(Error::execution(OP, format!("content {hash} is not in the store")));
            }
            transaction.each(sql, params![hash], |row| {
                file.put(&row.get::<Vec<u8>>(0)?)?;
                Ok(Next::Continue(()))
            })
        })?;
        read.ok_or_else(|| Error::execution(OP, format!("content {hash} is not in the store")))
    }
}

/// Says that a content is there, all pieces of which have been sent. Errors: `External` if they were cleared away meanwhile.
pub(super) fn publish(transaction: &Transaction<'_>, hash: &str, bytes: u64) -> Result<()> {
    if !is_whole(transaction, hash, bytes)? {
        return Err(Error::external(OP, "the content was taken for rubbish while it was written").hint("log it again"));
    }
    let sql = "INSERT INTO objects (hash, bytes) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING";
    transaction.execute(sql, params![hash, bytes as i64]).map(|_| ())
}

fn is_whole(transaction: &Transaction<'_>, hash: &str, bytes: u64) -> Result<bool> {
    let sql = "SELECT coalesce(sum(octet_length(data)), 0) FROM object_pieces WHERE hash = ?1";
    Ok(transaction.value::<i64>(sql, params![hash])? as u64 == bytes)
}

/// Removes contents but these, and pieces that nobody has named for a day. Gives how many contents, and their bytes.
pub(super) fn remove_but(transaction: &Transaction<'_>, used: &HashSet<String>) -> Result<(u64, u64)> {
    let all = transaction.rows("SELECT hash, bytes FROM objects", params![], |row| Ok((row.get(0)?, row.get::<i64>(1)?)))?;
    let mut removed = (0, 0);
    for (hash, bytes) in all.iter().filter(|(hash, _): &&(String, i64)| !used.contains(hash)) {
        transaction.execute("DELETE FROM objects WHERE hash = ?1", params![hash])?;
        transaction.execute("DELETE FROM object_pieces WHERE hash = ?1", params![hash])?;
        removed = (removed.0 + 1, removed.1 + *bytes as u64);
    }
    let unnamed = "DELETE FROM object_pieces WHERE created < ?1 AND hash NOT IN (SELECT hash FROM objects)";
    transaction.execute(unnamed, params![now_us() - DAY_US])?;
    Ok(removed)
}
