//! The plan: logical operators, optimizer rules, and the names of what operators need from outside.
//!
//! - [`ops`]: one stem an operator, the same stems as in `exec/ops`;
//! - [`rules`]: one optimizer rule a file;
//! - [`functions`]: the functions of the schema ML;
//! - [`lower`]: operators and functions of SQL in the graph;
//! - [`options`]: what SET changes;
//! - [`element_types`]: Arrow's numbers as elements of tensors;
//! - [`own_types`]: the types in which columns come in;
//! - [`services`]: what operators reach beyond their inputs (models, runs, files), as traits;
//! - [`model_table`]: models as tables of the catalog;
//! - [`simplified`]: expressions that are run outside of any plan;
//! - [`dialect`]: what our SQL reads otherwise than sqlparser's generic dialect;
//! - [`distinct_from`]: an operator of SQL that the parser reads wrongly;
//! - [`error`]: our errors in DataFusion's and back.
//!
//! Nothing here reads or writes: `connectors` implements the traits, `exec` runs the operators, `engine` joins them.

pub mod dialect;
pub mod distinct_from;
pub mod element_types;
pub mod error;
pub mod functions;
pub mod lower;
pub mod model_table;
pub mod names;
pub mod ops;
pub mod options;
pub mod own_types;
pub mod rules;
pub mod services;
pub mod simplified;

pub use model_table::ModelTable;
pub use services::{ModelRegistry, NamedModel, OnExisting, RunLog, Services, Sources};
