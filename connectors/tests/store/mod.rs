//! The store.

mod aliases;
mod artifacts;
mod checkpoints;
mod entries;
mod layouts;
mod leftovers;
mod models;
mod points;
mod runs;
mod scan;

use std::path::{Path, PathBuf};

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
