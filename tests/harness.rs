//! Sessions for tests, and cells as text.

use std::path::Path;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use gradframe::{Result, Session};

/// A session over its own home, with two threads and a fixed seed, whatever the machine and the repository.
pub fn session_in(home: &Path) -> Result<Session> {
    Session::builder().home(home.join(".gradframe")).threads(2).seed(1).without_code().build()
}

/// With `GRADFRAME_DEVICE=cuda` in the environment, the session computes on that device what can run there.
pub async fn on_device_asked_for(session: &Session) {
    if let Ok(device) = std::env::var("GRADFRAME_DEVICE") {
        session.sql(&format!("SET gradframe.device = '{device}'")).await.expect("a device's name");
    }
}

/// The answer to a query, its batches joined.
pub async fn rows(session: &Session, sql: &str) -> Result<Vec<Vec<String>>> {
    let batches = session.sql(sql).await?.collect().await?;
    Ok(batches.iter().flat_map(texts).collect())
}

/// The rows of a batch as text: NULL, (empty), floats to six significant digits.
pub fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| cell(column.as_ref(), row)).collect()).collect()
}

fn cell(column: &dyn Array, row: usize) -> String {
    if column.is_null(row) {
        return "NULL".into();
    }
    let text = shown(column, row);
    match column.data_type() {
        DataType::Float32 | DataType::Float64 => text.parse().map_or(text, six_digits),
        _ if text.is_empty() => "(empty)".into(),
        _ => text,
    }
}

/// The rows of a batch as text, every digit shown.
pub fn exact_texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    (0..batch.num_rows()).map(|row| batch.columns().iter().map(|column| shown(column.as_ref(), row)).collect()).collect()
}

fn shown(column: &dyn Array, row: usize) -> String {
    let options = FormatOptions::default().with_null("NULL");
    let formatter = ArrayFormatter::try_new(column, &options).expect("every type can be shown");
    formatter.value(row).to_string()
}

/// Six significant digits: what every machine agrees on.
fn six_digits(value: f64) -> String {
    let rounded: f64 = format!("{value:.5e}").parse().unwrap_or(value);
    // Adding zero turns -0 into 0.
    (rounded + 0.0).to_string()
}

#[test]
fn floats_are_shown_to_six_digits() {
    assert_eq!(six_digits(0.1 + 0.2), "0.3");
    assert_eq!(six_digits(-1234567.0), "-1234570");
    assert_eq!(six_digits(-0.0), "0");
}
