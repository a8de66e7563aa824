//! Tables and views of the catalog, kept as the SQL that makes them.

use gradframe_ml_core::Result;

use super::Store;
use super::sql::{Row, Transaction, params};

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
        self.save_entry_after(kind, name, sql, |_| Ok(())).map(|_| ())
    }

    /// The same, and gives the entry whose place it takes, which `before` sees first. If that fails, nothing is changed.
    /// No other process interleaves.
    pub fn save_entry_after<E>(
        &self,
        kind: EntryKind,
        name: &str,
        sql: &str,
        before: impl FnOnce(&Entry) -> Result<E>,
    ) -> Result<Option<E>> {
        self.clean_once();
        self.catalog.write_once(|transaction| {
            let replaced = find(transaction, name)?.as_ref().map(before).transpose()?;
            let save = "INSERT INTO entries (name, kind, sql) VALUES (?1, ?2, ?3)
                        ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, sql = excluded.sql";
            transaction.execute(save, params![name, kind.name(), sql])?;
            Ok(replaced)
        })
    }

    /// All entries, in the order in which they were made.
    pub fn entries(&self) -> Result<Vec<Entry>> {
        let entries = self
            .catalog
            .read(|transaction| transaction.rows("SELECT name, kind, sql FROM entries ORDER BY rowid", params![], entry))?;
        Ok(entries.unwrap_or_default())
    }

    /// Forgets an entry; false if there was none.
    pub fn remove_entry(&self, name: &str) -> Result<bool> {
        Ok(self.remove_entry_after(name, |_| Ok(()))?.is_some())
    }

    /// The same, and gives what `before` makes of the entry while it is there; None if there is none. If that fails,
    /// nothing is changed. No other process interleaves.
    pub fn remove_entry_after<E>(&self, name: &str, before: impl FnOnce(&Entry) -> Result<E>) -> Result<Option<E>> {
        // Looked for before, so that a missing store is not made by a removal.
        if self.catalog.read(|transaction| find(transaction, name))?.flatten().is_none() {
            return Ok(None);
        }
        self.catalog.write_once(|transaction| {
            let removed = find(transaction, name)?.as_ref().map(before).transpose()?;
            transaction.execute("DELETE FROM entries WHERE name = ?1", params![name])?;
            Ok(removed)
        })
    }
}

fn find(transaction: &Transaction, name: &str) -> Result<Option<Entry>> {
    let sql = "SELECT name, kind, sql FROM entries WHERE name = ?1";
    transaction.first(sql, params![name], entry)
}

impl EntryKind {
    fn name(self) -> &'static str {
        match self {
            EntryKind::Table => "table",
            EntryKind::View => "view",
        }
    }
}

fn entry(row: &Row) -> Result<Entry> {
    let kind: String = row.get(1)?;
    let kind = if kind == EntryKind::View.name() { EntryKind::View } else { EntryKind::Table };
    Ok(Entry { kind, name: row.get(0)?, sql: row.get(2)? })
}
