//! From a function to a [`Schedule`] of kernels. Nothing here knows a back end.
//!
//! `flatten` replaces calls by their bodies; `sharing` finds what is worth storing; `schedule` makes a kernel for
//! each value that goes to memory, where `rows` finds row kernels and `lower` fuses everything between into one chain;
//! `merge` joins kernels over the same elements, `pairs` neighbouring instructions; `memory` lays the intermediate results into slots, and `donation` finds
//! the inputs over which results may be written.

mod cost;
mod donation;
mod flatten;
mod leaves;
mod lower;
mod memory;
mod merge;
mod pairs;
pub(crate) mod registers;
mod rows;
mod schedule;
mod sharing;
mod view;

use gradframe_ml_core::{Function, Result};

use crate::program::Program;
pub use cost::{flops, peak_bytes};

/// Compiles a function. The program serves every size of the function's symbols.
/// Errors: those of the function's own nodes, `Internal` where a node cannot be scheduled.
pub fn compile(function: &Function) -> Result<Program> {
    let flat = flatten::flatten(function)?;
    let schedule = schedule::schedule(&flat)?;
    Ok(Program::new(&flat, schedule))
}
