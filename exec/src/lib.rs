//! Execution: physical operators, one stem each, the same stems as in `plan/ops`.
//!
//! - [`planner`]: from our logical nodes to physical ones;
//! - [`ops`]: the operators: Train, Predict, Evaluate and the run log's scan;
//! - [`columns`]: Arrow arrays as the tensors, codes and classes that learning reads;
//! - [`device`]: where numeric programs run: the CPU, or a CUDA device;
//! - [`pinned`]: tables in memory, with columns on a device;
//! - [`rules`]: rules over physical plans;
//! - [`progress`]: where long operators say how far they are;
//! - [`SpillSpace`]: the directory and the limit of what does not fit in memory.
//!
//! Every operator streams, stops when its stream is dropped, accounts for its memory in the session's pool and
//! reports metrics to EXPLAIN ANALYZE.

pub mod columns;
pub mod counted;
pub mod device;
mod field;
mod files_below;
mod memory;
mod named;
pub mod ops;
pub mod pinned;
pub mod planner;
pub mod progress;
mod rounded_casts;
pub mod rules;
mod spill;
mod streaming;
mod unsigned;
mod wrapped;

pub use memory::batch_bytes;
pub use planner::{GradframePlanner, query_planner};
pub use progress::{Progress, ProgressSink, TrainingProgress};
pub use spill::{SpillSpace, with_repartition_files};
