//! The eleven files of csv-spectrum, each against the JSON that says what it holds.

use std::fs;
use std::path::Path;

use gradframe::Session;
use gradframe_tests::outside::data;
use serde_json::Value;

use crate::harness::{session_in, texts};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_file_reads_as_its_json_says() {
    let Some(folder) = data().map(|data| data.join("formats/csv-spectrum")).filter(|folder| folder.is_dir()) else {
        println!("skipped: no formats/csv-spectrum in GRADFRAME_DATA or ../shared/data");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let session = session_in(home.path()).unwrap();
    let mut complaints = Vec::new();
    for entry in fs::read_dir(folder.join("csvs")).unwrap() {
        let csv = entry.unwrap().path();
        let json = folder.join("json").join(csv.file_name().unwrap()).with_extension("json");
        let expected: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
        match read(&session, &csv).await {
            Ok(actual) if same(&actual, &expected) => {}
            other => complaints.push(format!("{}: {other:?}, expected {expected}", csv.display())),
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Column names, then rows as text.
type Table = (Vec<String>, Vec<Vec<String>>);

async fn read(session: &Session, csv: &Path) -> gradframe::Result<Table> {
    let frame = session.sql(&format!("SELECT * FROM read_csv('{}')", csv.display())).await?;
    let columns = frame.columns();
    let batches = frame.collect().await?;
    Ok((columns, batches.iter().flat_map(texts).collect()))
}

fn same((columns, rows): &Table, expected: &Value) -> bool {
    let Some(expected) = expected.as_array() else { return false };
    let equal = |row: &Vec<String>, object: &Value| {
        object.as_object().is_some_and(|object| object.len() == row.len())
            && columns.iter().zip(row).all(|(name, cell)| object[name].as_str() == Some(as_csv(cell)))
    };
    rows.len() == expected.len() && rows.iter().zip(expected).all(|(row, object)| equal(row, object))
}

/// A CSV file cannot tell a null from an empty string; csv-spectrum knows only the latter.
fn as_csv(cell: &str) -> &str {
    if matches!(cell, "NULL" | "(empty)") { "" } else { cell }
}
