//! Data and queries from outside the repository, which a test may use but never needs.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The folder of real tables and format files: `GRADFRAME_DATA`, else `../shared/data` beside the repository.
pub fn data() -> Option<PathBuf> {
    find("GRADFRAME_DATA", "../shared/data")
}

/// The folder of TPC-H queries and answers: `GRADFRAME_QUERIES`, else `../shared/queries/tpch`.
pub fn tpch_queries() -> Option<PathBuf> {
    find("GRADFRAME_QUERIES", "../shared/queries/tpch")
}

/// The repository's root: of the clone that cargo runs, which may be another than the one that was compiled.
pub fn root() -> &'static Path {
    static PACKAGE: LazyLock<PathBuf> =
        LazyLock::new(|| std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).into());
    PACKAGE.parent().unwrap_or(&PACKAGE)
}

fn find(variable: &str, beside: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable).map_or_else(|| root().join(beside), PathBuf::from);
    path.is_dir().then_some(path)
}
