//! Scheduled kernels as CUDA C.
//!
//! One file a kind of kernel; `index` prints index maps, `chain` and `functions` instructions, `text` is C as text. What is
//! printed is meant to be read: a variable is named as its value in the printed schedule (`v7`), an array as its buffer
//! (`b3`), a size as its symbol (`size_N`).

mod arg_reduce;
mod chain;
mod conv;
mod dot;
mod fold;
mod functions;
mod index;
mod moves;
mod parts;
mod pointwise;
mod rows;
mod scan;
mod scatter;
mod sort;
mod text;

use gradframe_ml_core::{Error, Result};
use gradframe_ml_kernels::schedule::{Kernel, Routine, Schedule};

use crate::launch::CudaKernel;

/// What every printed kernel uses; comes before them in a module.
pub const PRELUDE: &str = concat!(include_str!("../prelude.cuh"), include_str!("../special.cuh"));

/// A whole program: one module, and what to launch of it.
#[derive(Debug, Clone)]
pub struct CudaProgram {
    /// The prelude and all entries.
    pub source: String,
    /// For each kernel of the schedule, its launches.
    pub kernels: Vec<CudaKernel>,
}

/// Prints a program.
/// Errors: `NotImplemented` for what has no CUDA form; `Internal` for a schedule that makes no sense.
pub fn program(schedule: &Schedule) -> Result<CudaProgram> {
    let number = |(n, kernel): (usize, &Kernel)| kernel_named(schedule, &format!("k{n}"), kernel);
    let kernels: Vec<CudaKernel> = schedule.kernels.iter().enumerate().map(number).collect::<Result<_>>()?;
    let entries: Vec<&str> = kernels.iter().map(|k| k.source.as_str()).collect();
    Ok(CudaProgram { source: format!("{PRELUDE}\n{}", entries.join("\n")), kernels })
}

/// Prints one kernel of a schedule; its entries' names begin with `name`.
/// Errors: as [`program`].
pub fn kernel_named(schedule: &Schedule, name: &str, kernel: &Kernel) -> Result<CudaKernel> {
    match kernel {
        Kernel::Loop(k) if k.row.rank() == 0 => pointwise::print(schedule, &format!("{name}_pointwise"), k),
        Kernel::Loop(k) => rows::print(schedule, &format!("{name}_rows"), k),
        Kernel::Fold(k) => fold::print(schedule, &format!("{name}_fold"), k),
        Kernel::Dot(k) => dot::print(schedule, &format!("{name}_dot"), k),
        Kernel::Gather(k) => moves::gather(schedule, &format!("{name}_gather"), k),
        Kernel::Scatter(k) => scatter::print(schedule, &format!("{name}_scatter"), k),
        Kernel::ArgReduce(k) => arg_reduce::print(schedule, &format!("{name}_arg"), k),
        Kernel::Scan(k) => scan::print(schedule, &format!("{name}_scan"), k),
        Kernel::Sort(k) => sort::print(schedule, &format!("{name}_sort"), k),
        Kernel::Concat(k) => moves::concat(schedule, &format!("{name}_concat"), k),
        Kernel::DynSlice(k) => parts::slice(schedule, &format!("{name}_slice"), k),
        Kernel::DynUpdate(k) => parts::update(schedule, &format!("{name}_update"), k),
        Kernel::Repeat(_) => {
            let hint = "compile it with `CompileOptions { unroll: true }`, or run the program on the CPU";
            Err(Error::not_implemented("loop", "has no CUDA form").hint(hint))
        }
        Kernel::Choose(_) => Err(Error::not_implemented("cond", "has no CUDA form").hint("run the program on the CPU")),
        Kernel::Library(k) => match &k.routine {
            Routine::Conv(own) => conv::print(schedule, &format!("{name}_conv"), k, own),
            routine => Err(Error::not_implemented(routine.name(), "has no CUDA form").hint("run the program on the CPU")),
        },
    }
}
