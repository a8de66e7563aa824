//! What the tests share: sessions, small tables, and results as text.

use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use gradframe::{DataFrame, Error, Session};
use tempfile::TempDir;

/// A session that keeps nothing.
pub fn session() -> Session {
    Session::builder().in_memory().threads(2).build().unwrap()
}

/// A home and a session in it.
pub fn home() -> (TempDir, Session) {
    let home = tempfile::tempdir().unwrap();
    let session = open(&home);
    (home, session)
}

/// Another session on a home.
pub fn open(home: &TempDir) -> Session {
    Session::builder().home(home.path()).threads(2).build().unwrap()
}

/// Runs SQL to its end.
pub async fn run(session: &Session, sql: &str) -> Vec<RecordBatch> {
    session.sql(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).collect().await.unwrap()
}

/// The error of SQL that must fail, in planning or running.
pub async fn error(session: &Session, sql: &str) -> Error {
    match session.sql(sql).await {
        Err(error) => error,
        Ok(frame) => frame.collect().await.err().unwrap_or_else(|| panic!("{sql}: expected an error")),
    }
}

/// The rows of SQL as lines: cells separated by ` | `, nulls empty.
pub async fn rows(session: &Session, sql: &str) -> Vec<String> {
    lines(&run(session, sql).await)
}

/// The rows of a frame as lines.
pub async fn rows_of(frame: &DataFrame) -> Vec<String> {
    lines(&frame.collect().await.unwrap())
}

/// Rows as lines: cells separated by ` | `, nulls empty.
pub fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let table = pretty_format_batches(batches).unwrap().to_string();
    let body = table.lines().filter(|line| line.starts_with('|')).skip(1);
    body.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>().join(" | ")).collect()
}

/// `rows` rows on the line fare = 3 + 2 distance, in two regions.
pub const TRIPS: &str = "CREATE TABLE trips AS
    SELECT CASE WHEN i % 3 = 0 THEN 'US' ELSE 'EU' END AS region, CAST(i AS DOUBLE) AS distance, 3.0 + 2.0 * i AS fare
    FROM (SELECT unnest(range(1, 101)) AS i)";

pub const CREATE_FARES: &str =
    "CREATE MODEL fares OPTIONS (model_type = 'linear_reg', input_label_cols = ['fare']) AS SELECT distance, fare FROM trips";
