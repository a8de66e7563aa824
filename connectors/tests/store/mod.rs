//! The store.

mod aliases;
mod artifacts;
mod checkpoints;
mod concurrent;
mod entries;
mod hostile;
mod layouts;
mod leftovers;
mod models;
mod places;
mod points;
mod runs;
mod scan;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gradframe_connectors::store::Store;

/// A test's store: the one in the directory; with the server's address in the environment, the one in a database of its name.
/// So these tests are PostgreSQL's too (`postgres::the_tests_of_the_store_pass_on_a_server`).
fn open(home: PathBuf) -> Arc<Store> {
    match std::env::var(crate::postgres::ADDRESS) {
        Ok(address) => Store::open_shared(&crate::postgres::database_of(&address, &home), home).unwrap(),
        Err(_) => Store::open(home).unwrap(),
    }
}

/// Every file below a directory, relative to it.
fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                files.push(entry.path().strip_prefix(directory).unwrap().to_path_buf());
            }
        }
    }
    files.sort();
    files
}
