//! Tables and views of the catalog, kept as the SQL that makes them.

use gradframe_ml_core::Result;
use rusqlite::{Row, params};

use super::Store;
use super::database::store_error;

/// What an entry of the catalog is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// CREATE EXTERNAL TABLE
    Table,
    /// CREATE VIEW
    View,
}

/// One entry of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub kind: EntryKind,
    pub name: String,
    /// The statement that makes it again.
    pub sql: String,
}

impl Store {
    /// Keeps an entry, in place of one of the same name.
    pub fn save_entry(&self, kind: EntryKind, name: &str, sql: &str) -> Result<()> {
        self.database.write(|transaction| {
            let save = "INSERT INTO entries (name, kind, sql) VALUES (?1, ?2, ?3)
                        ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, sql = excluded.sql";
            transaction.execute(save, params![name, kind.name(), sql]).map_err(store_error)?;
            Ok(())
        })
    }

    /// All entries, in the order in which they were made.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let entries = self.database.read(|transaction| {
            let mut statement = transaction.prepare("SELECT name, kind, sql FROM entries ORDER BY rowid").map_err(store_error)?;
            let rows = statement.query_map([], entry).map_err(store_error)?;
            rows.collect::<Result<Vec<_>, _>>().map_err(store_error)
        })?;
        Ok(entries.unwrap_or_default())
    }

    /// Forgets an entry; false if there was none.
    pub fn remove_entry(&self, name: &str) -> Result<bool> {
        if !self.has_entry(name)? {
            return Ok(false);
        }
        self.database
            .write(|transaction| Ok(transaction.execute("DELETE FROM entries WHERE name = ?1", [name]).map_err(store_error)? > 0))
    }

    /// Checked before a removal, so that a missing store is not made by one.
    fn has_entry(&self, name: &str) -> Result<bool> {
        let found = self.database.read(|transaction| {
            let sql = "SELECT EXISTS (SELECT 1 FROM entries WHERE name = ?1)";
            transaction.query_row(sql, [name], |row| row.get(0)).map_err(store_error)
        })?;
        Ok(found.unwrap_or(false))
    }
}

impl EntryKind {
    fn name(self) -> &'static str {
        match self {
            EntryKind::Table => "table",
            EntryKind::View => "view",
        }
    }
}

fn entry(row: &Row) -> rusqlite::Result<Entry> {
    let kind: String = row.get(1)?;
    let kind = if kind == EntryKind::View.name() { EntryKind::View } else { EntryKind::Table };
    Ok(Entry { kind, name: row.get(0)?, sql: row.get(2)? })
}
