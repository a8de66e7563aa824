//! The README's examples: shown as they stand in `examples/`, run as shown, and of one mind.

use std::fs;
use std::path::Path;

use gradframe::{DataFrame, Session};
use gradframe_tests::outside::root;

use crate::harness::session_in;

#[path = "../examples/rent.rs"]
#[expect(dead_code, reason = "its `main` is run by `cargo run --example rent`")]
mod rent;

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The README's first block in a language.
fn block(language: &str) -> String {
    let readme = text("README.md");
    let (_, rest) = readme.split_once(&format!("```{language}\n")).expect("a block in that language");
    rest.split_once("```").expect("its end").0.to_owned()
}

#[test]
fn the_readme_shows_the_examples_as_they_are() {
    assert_eq!(block("sql"), text("examples/rent.sql"));
    assert_eq!(block("python"), text("examples/rent.py"));
    let rust = text("examples/rent.rs");
    let shown: String =
        rust.lines().skip_while(|line| line.starts_with("//!") || line.is_empty()).map(|line| format!("{line}\n")).collect();
    assert_eq!(block("rust"), shown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_and_rust_predict_the_same_bits() {
    // The examples name their data from the repository's root, as their reader would.
    std::env::set_current_dir(root()).unwrap();
    let in_sql = predictions_of(|session| async move { session.sql(&block("sql")).await.unwrap() }).await;
    let in_rust = predictions_of(|session| async move { rent::offers(&session).await.unwrap() }).await;
    assert_eq!(in_sql.len(), 8);
    assert_eq!(in_sql, in_rust);
}

/// The bits of the last column.
async fn predictions_of<F: Future<Output = DataFrame>>(ask: impl FnOnce(Session) -> F) -> Vec<u64> {
    let home = tempfile::tempdir().unwrap();
    let frame = ask(session_in(Path::new(home.path())).unwrap()).await;
    let batches = frame.collect().await.unwrap();
    let column = |batch: &arrow::array::RecordBatch| {
        let last = batch.column(batch.num_columns() - 1).clone();
        arrow::array::AsArray::as_primitive::<arrow::datatypes::Float64Type>(&last).values().to_vec()
    };
    batches.iter().flat_map(column).map(f64::to_bits).collect()
}
