//! Apache's parquet-testing files: the good ones read, the bad ones are refused by an error of ours.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};

use futures::FutureExt;
use gradframe_ml_core::Error;

use super::{frame, parquet, text};
use crate::support::shared_data;

/// The least number of good files that have to be read.
const READ_AT_LEAST: usize = 70;
/// A bad file that may be read: what is wrong with it does not matter to its values.
const MAY_BE_READ: &str = "ARROW-GH-43605.parquet";

fn files(directories: &[PathBuf]) -> Vec<PathBuf> {
    let entries =
        directories.iter().flat_map(|directory| std::fs::read_dir(directory).unwrap()).map(|entry| entry.unwrap().path());
    // Encrypted files end in `.encrypted` and need keys.
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "parquet")).collect();
    files.sort();
    files
}

/// Number of rows, or the error; a panic is a failure of the test.
async fn read(path: &Path) -> Result<usize, Error> {
    let reading = async {
        let table = parquet(&[text(path)]).await?;
        let batches = frame(table).collect().await.map_err(gradframe_plan::error::from_datafusion)?;
        Ok(batches.iter().map(|batch| batch.num_rows()).sum())
    };
    AssertUnwindSafe(reading).catch_unwind().await.unwrap_or_else(|_| panic!("{}: the reader panicked", path.display()))
}

#[tokio::test]
async fn good_files_are_read() {
    let Some(suite) = shared_data("formats/parquet-testing/data") else { return };
    let (mut read_files, mut refused) = (0, Vec::new());
    for path in files(&[suite.clone(), suite.join("geospatial")]) {
        match read(&path).await {
            Ok(_) => read_files += 1,
            Err(error) => refused.push(format!("{}: {error}", path.file_name().unwrap().to_string_lossy())),
        }
    }
    println!("read {read_files}, refused {}:\n{}", refused.len(), refused.join("\n"));
    assert!(read_files >= READ_AT_LEAST, "read only {read_files}; refused:\n{}", refused.join("\n"));
}

#[tokio::test]
async fn bad_files_are_refused() {
    let Some(suite) = shared_data("formats/parquet-testing/bad_data") else { return };
    for path in files(&[suite]) {
        match read(&path).await {
            Ok(rows) => assert!(path.ends_with(MAY_BE_READ), "{}: read {rows} rows", path.display()),
            Err(error) => {
                assert_eq!(error.kind(), "Execution", "{}: {error}", path.display());
                assert!(error.to_string().contains(&text(&path)), "{}: not named in: {error}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn a_footer_that_hides_rows_is_not_believed() {
    let Some(suite) = shared_data("formats/parquet-testing/data") else { return };
    assert_eq!(read(&suite.join("repeated_no_annotation.parquet")).await.unwrap(), 6);
}
