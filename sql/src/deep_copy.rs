//! Copies of syntax trees that may be deep.

use std::thread;

use gradframe_ml_core::{Error, Result};

/// Statements of fewer bytes have no tree that a thread's usual stack could not hold.
const SHORT_BYTES: usize = 2_000;

/// Stack for one level of a tree, by measure of the largest (a UNION in a debug build), per byte of text: a level takes at
/// least ten bytes to write.
const STACK_BYTES_PER_TEXT_BYTE: usize = 1_000;

/// Enough for any tree that DataFusion can plan.
const STACK_BYTES_MAX: usize = 256 << 20;

/// A copy of the tree of a statement of `text_bytes` bytes.
///
/// `SELECT 1 UNION ALL SELECT 2 ...` is one level a SELECT, and a tree copies itself by recursion: a few hundred of them
/// end the process on a stack of 2 MiB, as threads have. A long statement is copied on a stack that fits.
pub(crate) fn deep_copy<T: Clone + Send + Sync>(tree: &T, text_bytes: usize) -> Result<T> {
    if text_bytes < SHORT_BYTES {
        return Ok(tree.clone());
    }
    thread::scope(|scope| {
        let stack_bytes = text_bytes.saturating_mul(STACK_BYTES_PER_TEXT_BYTE).min(STACK_BYTES_MAX);
        let copier = thread::Builder::new().stack_size(stack_bytes).spawn_scoped(scope, || tree.clone());
        let copier = copier.map_err(|error| failed().because(error))?;
        copier.join().map_err(|_| failed())
    })
}

fn failed() -> Error {
    Error::resources("sql", "no stack for so long a statement")
}
