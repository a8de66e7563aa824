//! Transforms: functions from [`crate::Function`] to [`crate::Function`], and the reference evaluator.
//!
//! Reverse mode is forward mode, transposed: one derivative rule a kind serves both. All of them compose.
//! A tangent or cotangent that is zero is absent (None) inside, an array of zeros only where a function must return one.

mod at_rows;
mod checkpoint;
mod eval;
mod factored;
mod grad;
mod jacobian;
mod jvp;
mod nan_hunt;
mod over_rows;
mod picks;
mod row_wise;
mod transpose;
mod vmap;

pub use at_rows::is_at_rows;
pub use checkpoint::checkpoint;
pub use eval::evaluate;
pub(crate) use eval::evaluate_body;
pub use grad::{grad, value_and_grad, vjp};
pub use jacobian::{hessian, jacobian};
pub use jvp::{jvp, push_forward};
pub use nan_hunt::hunt_nan;
pub use over_rows::{PROBE_ROWS, over_rows};
pub use picks::{Pick, picks};
pub use row_wise::check_row_wise;
pub use transpose::pull_back;
pub use vmap::vmap;
