//! Tables that are files: Parquet, CSV, NDJSON and Arrow, one or many, on disk or in an object store.
//!
//! - [`FileSources`] opens what a query names: `'dir/*.parquet'`, `read_csv('f.csv', header => false)`;
//! - [`scan_parquet`], [`scan_csv`], [`scan_ndjson`] and [`scan_ipc`] are the same for the dataframe.
//!
//! A path is a file, a directory (all its files of the format, at any depth), a pattern (`*`, `**`, `?`, `[ab]`), or
//! a URL of an object store that the session knows. Directories like `year=2013` become columns. Which files there
//! are is looked up again at every scan; the columns stay those of the time the table was opened, and a file of Parquet or
//! Arrow that has others by then is an error.

mod changed;
pub(crate) mod compression;
mod csv;
mod describe;
pub(crate) mod error;
mod extensions;
mod fit;
mod format;
mod former;
mod guarded;
mod hive;
mod ipc;
mod ndjson;
mod open;
mod options;
mod parquet;
mod parquet_format;
mod parquet_nans;
mod parquet_rows;
mod partitions;
mod quiet;
mod raw_floats;
pub(crate) mod remote;
mod selection;
mod shared_options;
mod source;
mod sources;
mod table;
mod types;
mod unify;

pub use csv::scan_csv;
pub use former::FormerFiles;
pub use ipc::scan_ipc;
pub use ndjson::scan_ndjson;
pub use parquet::scan_parquet;
pub use parquet_format::{ExtensionParquetFormat, ExtensionParquetFormatFactory};
pub use sources::FileSources;
pub use table::{call_of, paths_of};
