//! Builders: short methods on `Graph`, one file a family.
//!
//! They add what the bare node kinds leave out: NumPy broadcasting, constants of the right type, kept axes.

mod control;
mod elementwise;
mod indexing;
mod leaves;
mod reductions;
mod views;

pub use control::StackedStep;
