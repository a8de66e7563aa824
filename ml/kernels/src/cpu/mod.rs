//! The CPU back end: runs a program's kernels one after another, each in parallel inside.

mod dot;
mod math;
mod memory;
mod plain;
mod register;
mod rows;
mod scatter;
mod strides;

use gradframe_ml_core::{Result, Sizes, Tensor};

use crate::kernel::Kernel;
use crate::program::Program;
use memory::Memory;

/// Runs a program whose arguments have been checked.
pub fn run(program: &Program, arguments: &[Tensor], sizes: &Sizes) -> Result<Vec<Tensor>> {
    let mut memory = Memory::new(program, arguments, sizes)?;
    for kernel in program.kernels() {
        match kernel {
            Kernel::Rows(rows) => rows::run(rows, &mut memory)?,
            Kernel::Dot(dot) => dot::run(dot, &mut memory)?,
            Kernel::Scatter(scatter) => scatter::run(scatter, &mut memory)?,
            Kernel::Plain(plain) => plain::run(plain, &mut memory)?,
        }
    }
    memory.into_results(program)
}
