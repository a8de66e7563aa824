//! The outside world: files, and the store of models, runs and catalog entries.
//!
//! `plan::services` names what operators need; this crate implements it:
//! - [`store::Store`] is the `ModelRegistry` and the `RunLog`: one directory, shared by any number of processes;
//! - [`files::FileSources`] opens files named in a query: globs, Hive partitions, Parquet, CSV, NDJSON and Arrow;
//! - [`pretrained`] finds and opens pretrained models, and with the feature `hub` downloads those that are not here;
//! - [`mlflow`] reads what MLflow keeps by itself;
//! - [`notices`] is what a user is to know though nothing has failed;
//! - [`sinks`] writes such files, all at once or not at all;
//! - [`surroundings`] says what a run comes from and runs on;
//! - [`tensorboard`] writes and reads TensorBoard's event files.

pub mod files;
#[cfg(feature = "hub")]
mod hub;
pub mod mlflow;
pub mod notices;
pub mod pretrained;
pub mod sinks;
pub mod store;
pub mod surroundings;
pub mod tensorboard;
