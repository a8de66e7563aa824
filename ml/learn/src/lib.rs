//! Learning: how columns are encoded, what estimators ask for, what a model is.
//!
//! - [`exact`]: sums of floats without rounding;
//! - [`features`]: statistics of raw columns, and the graph that turns them into the encoded training set;
//! - [`estimator`]: the contract between an estimator and whoever feeds it; [`estimators`]: one file a model type;
//! - [`optim`]: optimisers, as state machines over parameter vectors or as rules that become part of a program;
//! - [`nn`]: networks as graphs; [`minibatch`]: passes over the rows in mini-batches; [`checkpoint`]: how they go on;
//! - [`metrics`]: what `ML.EVALUATE` reports, as mergeable accumulators;
//! - [`registry`]: model types by name, and the check of their options;
//! - [`stored`]: functions in files;
//! - [`split`]: which rows are kept for evaluation;
//! - [`transform`]: the record of a TRANSFORM; [`fitting`]: the statistics it is fitted with;
//! - [`in_memory`]: the protocol driven over chunks in memory, for tests and examples.
//!
//! Nothing here knows files, queries or threads.

pub mod checkpoint;
pub mod data_types;
pub mod estimator;
pub mod estimators;
pub mod exact;
pub mod features;
pub mod fitting;
pub mod in_memory;
pub mod metrics;
pub mod minibatch;
pub mod model;
pub mod nn;
pub mod optim;
pub mod registry;
pub mod split;
pub mod stored;
pub mod transform;
pub mod weights;

pub use checkpoint::Checkpoint;
pub use data_types::ColumnKind;
pub use estimator::{
    Allowed, Chunk, Estimator, Fitted, Fold, Layout, OptionDef, OptionValue, Options, Part, Request, Step, Task, Training,
};
pub use estimators::{Module, ModuleEstimator, ModuleFunction, ModuleGroup, ModuleInput, PlaceCheck, StoredModule, place_check};
pub use features::{Encoder, FeatureStats, LabelStats, RawColumn, Vocabulary};
pub use in_memory::train_in_memory;
pub use minibatch::{ChunkSource, Position, Reached, Sweep};
pub use model::{ClassLabel, Encoding, FORMAT_VERSION, FeatureSpec, LabelSpec, Model, ModelSpec, TrainingSummary};
pub use registry::{check_options, estimator};
pub use split::Split;
pub use transform::TransformSpec;
pub use weights::{WeightRow, weights_table};
