//! Tables that are files: Parquet and CSV, one or many, on disk or in an object store.
//!
//! - [`FileSources`] opens what a query names: `'dir/*.parquet'`, `read_csv('f.csv', header => false)`;
//! - [`scan_parquet`] and [`scan_csv`] are the same for the dataframe.
//!
//! A path is a file, a directory (all its files of the format, at any depth), a pattern (`*`, `**`, `?`, `[ab]`), or
//! a URL of an object store that the session knows. Directories like `year=2013` become columns. Which files there
//! are is looked up again at every scan; the columns stay those of the time the table was opened.

mod csv;
mod error;
mod guarded;
mod hive;
mod options;
mod parquet;
mod parquet_format;
mod partitions;
mod selection;
mod sources;
mod table;

pub use csv::scan_csv;
pub use parquet::scan_parquet;
pub use parquet_format::{ExtensionParquetFormat, ExtensionParquetFormatFactory};
pub use sources::FileSources;
