//! Rows of a query as values.

use gradframe_ml_core::Result;
use rusqlite::{Row, Transaction, params_from_iter};

use super::errors::store_error;

/// All rows of a query, each made by `of_row`.
pub(super) fn rows<T>(
    transaction: &Transaction,
    sql: &str,
    values: &[&str],
    of_row: impl FnMut(&Row) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = transaction.prepare_cached(sql).map_err(store_error)?;
    let rows = statement.query_map(params_from_iter(values), of_row).map_err(store_error)?;
    rows.collect::<Result<_, _>>().map_err(store_error)
}

/// Names and values.
pub(super) fn pairs(transaction: &Transaction, sql: &str, values: &[&str]) -> Result<Vec<(String, String)>> {
    rows(transaction, sql, values, |row| Ok((row.get(0)?, row.get(1)?)))
}
