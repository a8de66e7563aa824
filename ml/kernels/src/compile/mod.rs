//! From a function to a program: inline, choose anchors, lower each to a kernel, merge kernels, plan buffers.

mod anchors;
mod buffers;
mod inline;
mod lower;
mod merge;

use gradframe_ml_core::{Function, Result};

use crate::program::Program;

/// Compiles a function. The program serves every size of the symbolic dimensions.
/// Errors: `Internal` only; whatever the graph's types allow can be compiled.
pub fn compile(function: &Function) -> Result<Program> {
    let function = inline::without_calls(function)?;
    let anchors = anchors::choose(&function);
    let scheduled = lower::lower(&function, &anchors)?;
    let kernels = merge::merge(scheduled.kernels, &scheduled.outputs);
    let (buffers, slots) = buffers::plan(scheduled.buffers, &kernels, &scheduled.outputs);
    Ok(Program::new(function, kernels, buffers, scheduled.outputs, slots))
}
