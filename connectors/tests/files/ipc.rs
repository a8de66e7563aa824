//! Arrow IPC: files and streams, compressed or not, and broken ones.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::Int32Type;
use datafusion::arrow::ipc::CompressionType;
use datafusion::arrow::ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use datafusion::prelude::{col, lit};

use super::{collect, columns, frame, lines, open, read, rows, text};
use crate::support::shared_data;

fn batch() -> RecordBatch {
    let categories: DictionaryArray<Int32Type> = vec![Some("x"), None, Some("y")].into_iter().collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("a", Arc::new(Int64Array::from(vec![Some(1), Some(2), None]))),
        ("b", Arc::new(StringArray::from(vec!["p", "q", "r"]))),
        ("c", Arc::new(categories)),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn write(path: &Path, compression: Option<CompressionType>) {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let batch = batch();
    let mut writer = FileWriter::try_new_with_options(File::create(path).unwrap(), &batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
}

#[tokio::test]
async fn files_are_read_whatever_their_compression() {
    let directory = tempfile::tempdir().unwrap();
    for compression in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        let path = directory.path().join("t.arrow");
        write(&path, compression);
        let once = ["1,p,x", "2,q,-", "-,r,y"];
        assert_eq!(lines(&rows(open(&path).await.unwrap()).await.unwrap()), [once, once].concat());
    }
}

#[tokio::test]
async fn streams_are_read_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.arrows");
    let mut writer = StreamWriter::try_new(File::create(&path).unwrap(), &batch().schema()).unwrap();
    writer.write(&batch()).unwrap();
    writer.finish().unwrap();
    assert_eq!(lines(&rows(open(&path).await.unwrap()).await.unwrap()), ["1,p,x", "2,q,-", "-,r,y"]);
}

#[tokio::test]
async fn only_the_columns_used_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.feather");
    write(&path, None);
    let selected = frame(open(&path).await.unwrap()).filter(col("b").eq(lit("q"))).unwrap().select(vec![col("c"), col("a")]);
    assert_eq!(lines(&collect(selected.unwrap()).await.unwrap()), ["-,2", "-,2"]);
    assert_eq!(frame(open(&path).await.unwrap()).count().await.unwrap(), 6);
}

/// The error's kind and text, wherever it comes up; None if the file is read.
async fn error(path: &Path) -> Option<(&'static str, String)> {
    let error = match read(Some("read_arrow"), path, &[]).await {
        Ok(table) => rows(table).await.err()?,
        Err(error) => error,
    };
    Some((error.kind(), error.to_string()))
}

#[tokio::test]
async fn broken_files_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("bad.arrow");
    write(&path, None);
    let good = fs::read(&path).unwrap();
    let tail = good.len() - 10;
    let long_footer = [&good[..tail], &i32::MAX.to_le_bytes(), b"ARROW1"].concat();
    for content in [&b""[..], b"ARROW1\0\0", b"no arrow at all, but long", &good[..good.len() / 2], &good[..tail], &long_footer] {
        fs::write(&path, content).unwrap();
        let (kind, message) = error(&path).await.expect("it is refused");
        assert_eq!(kind, "Execution", "{message}");
        assert!(message.contains(&text(&path)), "{message}");
    }
    fs::write(&path, b"FEA1 and so on, in the old way FEA1").unwrap();
    assert_eq!(error(&path).await.expect("it is refused").0, "NotImplemented");
}

/// A byte changed anywhere makes other values or an error that names the file, and nothing worse.
#[tokio::test]
async fn no_changed_byte_is_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("changed.arrow");
    write(&path, Some(CompressionType::LZ4_FRAME));
    // Arrow's reader panics over some of them; that is caught, and not worth printing a thousand times.
    std::panic::set_hook(Box::new(|_| {}));
    let good = fs::read(&path).unwrap();
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x41;
        File::create(&path).unwrap().write_all(&bad).unwrap();
        if let Some((kind, message)) = error(&path).await {
            assert!(matches!(kind, "Execution" | "NotImplemented" | "Plan"), "byte {place}: {kind}: {message}");
        }
    }
}

#[tokio::test]
async fn polars_files_are_read() {
    let Some(folder) = shared_data("formats/polars_io_files/py-polars/tests/unit/io/files") else { return };
    for name in ["foods1.ipc", "foods2.ipc"] {
        let table = open(&folder.join(name)).await.unwrap();
        assert_eq!(columns(&table).len(), 4, "{name}");
        assert_eq!(frame(table).count().await.unwrap(), 27, "{name}");
    }
}
