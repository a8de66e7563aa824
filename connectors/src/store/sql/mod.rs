//! Statements of a store, the same for both databases: SQLite's file of the embedded store, PostgreSQL of a shared one.
//!
//! Statements are written once, in what both speak: `?1` for values, `ON CONFLICT` for what may be there already, no
//! functions that only one has. Values are integers, texts and bytes; truth is 0 or 1, a float the integer that sorts as it.

mod value;

pub(super) use value::{FromValue, ToValue, Value, ValueRef};

use std::ops::ControlFlow;

use gradframe_ml_core::{Error, Result};

use super::errors::store_error;
use super::postgres::{self, Wire};

/// Values to bind to `?1`, `?2` ...
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$(&$value as &dyn $crate::store::sql::ToValue),*] as &[&dyn $crate::store::sql::ToValue]
    };
}
pub(super) use params;

/// A transaction of either database.
#[derive(Debug, Clone, Copy)]
pub(super) enum Transaction<'t> {
    Sqlite(&'t rusqlite::Transaction<'t>),
    Postgres(&'t std::cell::RefCell<&'t mut Wire>),
}

/// A row of a query's answer.
#[derive(Debug)]
pub(super) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r postgres::Row<'r>),
}

/// What a look at a row says about the next one.
pub(super) type Next = ControlFlow<()>;

impl Transaction<'_> {
    /// True of a shared store.
    pub fn is_shared(&self) -> bool {
        matches!(self, Transaction::Postgres(_))
    }

    /// Runs a statement and gives how many rows it has changed.
    pub fn execute(&self, sql: &str, values: &[&dyn ToValue]) -> Result<usize> {
        match self {
            Transaction::Sqlite(transaction) => {
                let mut statement = transaction.prepare_cached(sql).map_err(store_error)?;
                statement.execute(rusqlite::params_from_iter(values)).map_err(store_error)
            }
            Transaction::Postgres(wire) => postgres::run(wire, sql, values, |_| Ok(Next::Continue(()))),
        }
    }

    /// Gives each row of a query to `look`, until that breaks off. No other statement may run meanwhile.
    pub fn each(&self, sql: &str, values: &[&dyn ToValue], mut look: impl FnMut(&Row<'_>) -> Result<Next>) -> Result<()> {
        match self {
            Transaction::Postgres(wire) => postgres::run(wire, sql, values, |row| look(&Row::Postgres(row))).map(|_| ()),
            Transaction::Sqlite(transaction) => {
                let mut statement = transaction.prepare_cached(sql).map_err(store_error)?;
                let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(store_error)?;
                while let Some(row) = rows.next().map_err(store_error)? {
                    if look(&Row::Sqlite(row))?.is_break() {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// All rows of a query, each made by `of_row`.
    pub fn rows<T>(&self, sql: &str, values: &[&dyn ToValue], mut of_row: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.each(sql, values, |row| {
            found.push(of_row(row)?);
            Ok(Next::Continue(()))
        })?;
        Ok(found)
    }

    /// The first row of a query.
    pub fn first<T>(
        &self,
        sql: &str,
        values: &[&dyn ToValue],
        mut of_row: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut found = None;
        self.each(sql, values, |row| {
            found = Some(of_row(row)?);
            Ok(Next::Break(()))
        })?;
        Ok(found)
    }

    /// The one value of a query that always has a row.
    pub fn value<T: FromValue>(&self, sql: &str, values: &[&dyn ToValue]) -> Result<T> {
        let found = self.first(sql, values, |row| row.get(0))?;
        found.ok_or_else(|| Error::internal("store", "a query that always has a row had none"))
    }

    /// Names and values.
    pub fn pairs(&self, sql: &str, values: &[&dyn ToValue]) -> Result<Vec<(String, String)>> {
        self.rows(sql, values, |row| Ok((row.get(0)?, row.get(1)?)))
    }
}

impl Row<'_> {
    /// The value of a column. Errors: `Internal` if it is of another type.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T> {
        let value = match self {
            Row::Sqlite(row) => value::of_sqlite(row.get_ref(column).map_err(store_error)?),
            Row::Postgres(row) => row.value(column),
        };
        value.and_then(T::from_value).ok_or_else(|| Error::internal("store", format!("column {column} has another type")))
    }
}

/// A statement that keeps a row, in place of one with the same keys. Values come in the order of the columns: keys first.
pub(super) fn put(table: &str, keys: &[&str], others: &[&str]) -> String {
    let columns = [keys, others].concat();
    let places = (1..=columns.len()).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ");
    let (keys, columns) = (keys.join(", "), columns.join(", "));
    let changes = others.iter().map(|column| format!("{column} = excluded.{column}")).collect::<Vec<_>>().join(", ");
    format!("INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT ({keys}) DO UPDATE SET {changes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_the_place_of_one_with_its_keys() {
        let sql = put("tags", &["run", "name"], &["value"]);
        let expected = "INSERT INTO tags (run, name, value) VALUES (?1, ?2, ?3) ON CONFLICT (run, name) DO UPDATE SET value = excluded.value";
        assert_eq!(sql, expected);
    }
}
