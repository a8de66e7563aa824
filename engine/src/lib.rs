//! Gradframe: queries, training, prediction and logs as operators of one lazy plan over Apache Arrow.
//!
//! A [`Session`] runs SQL and opens files; a [`DataFrame`] is a lazy relation that grows by methods and runs when it is
//! asked for rows. Training on a frame, and predicting over one, are steps of the same plan:
//!
//! ```
//! use gradframe::expr::{col, lit};
//! use gradframe::{Result, Session, ml::LinearRegression};
//!
//! fn main() -> Result<()> {
//!     let session = Session::builder().in_memory().build()?;
//!     let trips = session.block_on(session.sql(
//!         "SELECT x AS distance, 3.0 + 2.0 * x AS fare FROM (VALUES (1.0), (2.0), (5.0), (9.0)) AS t(x)",
//!     ))?;
//!     let model = session.block_on(trips.fit(LinearRegression::new(), "fare", Some("fares")))?;
//!     let predicted = trips.filter(col("distance").gt(lit(4.0)))?.predict(&model)?;
//!     assert_eq!(predicted.columns(), ["distance", "fare", "predicted_fare"]);
//!     assert_eq!(session.block_on(predicted.count())?, 2);
//!     Ok(())
//! }
//! ```
//!
//! - [`Session`], [`SessionBuilder`]: catalog, limits, SQL; tables, views and models persist in its home;
//! - [`DataFrame`], [`GroupBy`]: the lazy frame, named as in Polars;
//! - [`expr`]: what columns and aggregates are written with;
//! - [`Session::start_run`], [`Run`]: experiment logs, which are tables of schema `gradframe`;
//! - [`ml`]: estimators, and the graph language below them;
//! - [`models`]: pretrained models;
//! - [`array`]: arrays that feel eager, their derivatives, batches and compiled functions;
//! - [`nn`], [`optim`]: modules, layers and losses by PyTorch's names, and what trains them, beside a plan or in it;
//! - [`doctor`]: what this machine has, and what is missing;
//! - [`Error`]: one type, by whose fault it is.

mod archive;
mod around;
mod aside;
mod card;
mod catalog;
mod clock;
mod config;
mod cooperative;
pub mod doctor;
pub mod expr;
mod frame;
mod frames_in_sql;
mod hub;
mod kept_rows;
pub mod limits;
pub mod ml;
pub mod ml_functions;
mod mlflow;
mod mlflow_files;
mod mlflow_models;
mod mlflow_traces;
pub mod models;
pub mod packages;
mod panics;
mod program;
mod registry;
mod replay;
mod run;
mod runtime;
mod sampling;
mod scan_options;
mod session;
mod sources;
mod state;
mod statements;
mod tensorboard;
mod tracking;
mod unknown;
mod weights_table;

pub use config::{SessionBuilder, default_home, limit_arrays_to_memory};
pub use frame::{
    BatchLoader, Copied, DataFrame, Explanation, ExplodeOptions, FitOptions, FittedModel, GroupBy, How, JoinOptions, Keep,
    LoadOptions, MaintainOrder, ModelRef, PivotOptions, Profile, Resolved, SampleOptions, ScanProgress, Stacking, UpdateOptions,
    UpdateRows, Validate, own_rows,
};
pub use registry::Garbage;
pub use replay::{Difference, Replay, labelled_data_sets};
pub use run::{Run, RunOptions, TIMES_US};
pub use scan_options::{CsvOptions, ScanOptions};
pub use session::Session;
pub use tracking::{HistoryPoint, Tracking};

pub use gradframe_connectors::mlflow::spans as mlflow_spans;
pub use gradframe_connectors::notices;
pub use gradframe_connectors::sinks::{WriteOptions, require_in_parquet};
pub use gradframe_connectors::store::{
    ArtifactRecord, DatasetRecord, Experiment, LoggedMetric, LoggedModel, NewVersion, PointsOf, RegisteredModel,
    RegisteredVersion, RunChanges, RunRecord, SCHEDULED_TAG, Span, Store, Trace, VersionChanges,
};
pub use gradframe_exec::progress;
pub use gradframe_ml_array as array;
pub use gradframe_ml_core::{Error, Result};
pub use gradframe_ml_nn as nn;
pub use gradframe_ml_nn::optim;
pub use gradframe_plan::error::{SharedCause, from_datafusion};
pub use gradframe_plan::functions::{ArrayFunction, ColumnFunction, Sees, TracedArrays, apply_array, map_column};
pub use gradframe_plan::names::nearest as nearest_name;
pub use gradframe_plan::ops::map_batches::{MapFunction, MapOptions};
pub use gradframe_plan::ops::predict::PredictOptions;
pub use gradframe_plan::own_types::{own_array, own_field, own_schema, own_type};
pub use gradframe_plan::services::{DatasetFile, MetricRow, NamedModel, NewArtifact, NewDataset};
pub use gradframe_sql::{BoundValues, Parsed};

/// The page on networks in Rust, whose code is run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/networks_in_rust.md")]
mod networks_in_rust {}
