//! The csv-spectrum suite: each file read as its JSON says. An empty field is a null.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use datafusion::scalar::ScalarValue;

use super::{csv, rows};
use crate::support::shared_data;

#[tokio::test]
async fn every_file_reads_as_its_json_says() {
    let Some(suite) = shared_data("formats/csv-spectrum") else { return };
    let mut read = 0;
    for entry in fs::read_dir(suite.join("csvs")).unwrap() {
        let path = entry.unwrap().path();
        let json = suite.join("json").join(path.file_stem().unwrap()).with_extension("json");
        let expected: serde_json::Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
        let copy = tempfile::tempdir().unwrap();
        let path = with_its_line_ends(&path, copy.path());
        let table = csv(&path, &[("all_varchar", ScalarValue::from(true))]).await.unwrap();
        let rows = rows(table).await.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(as_json(&rows), expected, "{}", path.display());
        read += 1;
    }
    assert_eq!(read, 11);
}

/// Some copies of the suite have lost the line ends that one of its files is about.
fn with_its_line_ends(path: &Path, copies: &Path) -> PathBuf {
    let content = fs::read_to_string(path).unwrap();
    if !path.ends_with("newlines_crlf.csv") || content.contains('\r') {
        return path.to_path_buf();
    }
    let copy = copies.join("newlines_crlf.csv");
    fs::write(&copy, content.replace('\n', "\r\n")).unwrap();
    copy
}

fn as_json(rows: &arrow::array::RecordBatch) -> serde_json::Value {
    let schema = rows.schema();
    let cell = |row: usize, column: usize| {
        let texts = rows.column(column).as_string::<i32>();
        let value = if arrow::array::Array::is_null(texts, row) { "" } else { texts.value(row) };
        (schema.field(column).name().clone(), serde_json::Value::from(value))
    };
    (0..rows.num_rows())
        .map(|row| (0..rows.num_columns()).map(|column| cell(row, column)).collect::<serde_json::Value>())
        .collect()
}
