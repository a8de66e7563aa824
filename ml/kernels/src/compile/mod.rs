//! From a function to a [`Schedule`] of kernels. Nothing here knows a back end.
//!
//! `flatten` replaces calls by their bodies; `loops` joins those that do the same work; `turned` turns
//! products that are read turned over; `sharing` finds what is worth storing, `ahead` what can be stored in its
//! place; `schedule` makes a kernel for each value that goes to memory, where `rows` finds row kernels and `lower` fuses everything between into one chain;
//! `merge` joins kernels over the same elements, `pairs` neighbouring instructions; `memory` lays the intermediate results into slots, and `donation` finds
//! the inputs over which results may be written.

mod ahead;
mod cost;
mod donation;
mod flatten;
mod leaves;
mod loops;
mod lower;
mod memory;
mod merge;
mod pairs;
pub(crate) mod registers;
mod rows;
mod schedule;
mod sharing;
mod turned;
mod view;
mod whole;

use std::ops::AddAssign;

use gradframe_ml_core::{Function, Result};

use crate::program::Program;
pub(crate) use cost::nested_bytes;
pub use cost::{flops, peak_bytes};

/// How a function is compiled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompileOptions {
    /// Writes out all steps of loops of a known number of steps, in place of one step that is run again and again: for short
    /// loops that gain by fusion across steps, and for back ends that have no loops.
    pub unroll: bool,
    /// Says that axes whose size is a symbol are never empty, and short enough that a row of them stays in cache where they are
    /// folded: the tokens of a text, not the rows of a table. So their softmax is one kernel.
    pub short_symbols: bool,
    /// For a device whose arithmetic is cheap where its memory is not: functions of a value in memory are computed again where they
    /// are read, convolutions are products of matrices, and attention is a kernel, which the processor has not.
    pub on_device: bool,
}

/// Compiles a function. The program serves every size of the function's symbols.
/// Errors: those of the function's own nodes, `Internal` where a node cannot be scheduled.
pub fn compile(function: &Function) -> Result<Program> {
    compile_counted(function).map(|(program, _)| program)
}

/// As [`compile`], with what it took: a measure that does not depend on the machine.
pub fn compile_counted(function: &Function) -> Result<(Program, Work)> {
    compiled(function, CompileOptions::default())
}

/// As [`compile`], in another way. Errors: also `NotImplemented` for more unrolled steps than a program holds.
pub fn compile_with(function: &Function, options: CompileOptions) -> Result<Program> {
    compiled(function, options).map(|(program, _)| program)
}

fn compiled(function: &Function, options: CompileOptions) -> Result<(Program, Work)> {
    let flat = turned::turned(loops::joined(flatten::flatten(function, options)?)?)?;
    let mut work = Work { nodes: flat.graph.nodes().count(), ..Work::default() };
    let schedule = schedule::schedule(&flat, options, &mut work)?;
    Ok((Program::new(function, options, schedule), work))
}

/// What compiling took. Each grows in proportion to `nodes`: tests hold it to that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Nodes of the function without calls.
    pub nodes: usize,
    /// Nodes that were looked at to find the rows of kernels.
    pub searched: usize,
    /// Nodes that were made instructions, again for each kernel, view and attempt.
    pub lowered: usize,
    /// Values of kernels that were laid side by side to see whether they are one.
    pub compared: usize,
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.searched += other.searched;
        self.lowered += other.lowered;
        self.compared += other.compared;
    }
}
