//! The scheduled form: a whole program as kernels over buffers, in plain data.
//!
//! `compile` makes it, and knows no back end; a back end executes it (`cpu`), interprets it (`interpret`) or prints it as
//! source (the package `gradframe-gpu`), and knows no graph. It says everything that a kernel needs:
//!
//! - **what it reads**: buffers, in fused kernels through index maps ([`Load`]), into which all views have gone;
//! - **its loop space**: shapes whose sizes may be symbols ([`Loop::outer`], [`Loop::row`], the three groups of [`Fold`]);
//! - **its instructions**: a straight-line [`Chain`], each value one an element or one a row;
//! - **its reductions**: [`Instr::Reduce`] of a row in cache, [`Fold`] of long axes;
//! - **what it writes**: buffers, row-major; and where their memory comes from ([`Source`], [`Donation`]).
//!
//! What a kernel means does not depend on how it is cut into blocks, chunks or threads, up to the rounding of float folds;
//! each back end cuts by sizes alone, so that its own bits never change.

mod attention;
mod chain;
mod control;
mod display;
mod index;
mod kernel;
mod library;
mod parts;

use std::sync::Arc;

use gradframe_ml_core::{DType, Shape, Tensor};

pub use attention::*;
pub use chain::*;
pub use control::*;
pub use index::*;
pub use kernel::*;
pub use library::*;
pub use parts::*;

/// Names a buffer of one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BufferId(pub(crate) u32);

impl BufferId {
    /// Position in [`Schedule::buffers`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A row-major array that kernels read or write.
#[derive(Debug, Clone)]
pub struct BufferDef {
    /// Element type.
    pub dtype: DType,
    /// Shape; symbols get their sizes at run time.
    pub shape: Shape,
    /// Where its memory comes from.
    pub source: Source,
}

/// Where a buffer's memory comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The program's `n`-th input.
    Input(usize),
    /// Known at compile time.
    Const(Arc<Tensor>),
    /// Handed to the caller, so allocated for each run.
    Output,
    /// The `n`-th slot of the scratch memory, which several buffers use one after the other.
    Slot(usize),
}

/// A whole program: kernels in an order in which they can run.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Inputs, constants, intermediate results and outputs.
    pub buffers: Vec<BufferDef>,
    /// The work, in order.
    pub kernels: Vec<Kernel>,
    /// The results: a buffer read under a shape with the same number of elements.
    pub outputs: Vec<(BufferId, Shape)>,
    /// Number of scratch slots.
    pub slots: usize,
    /// What results may take the memory of, by kernel.
    pub donations: Vec<Donation>,
}

impl Schedule {
    /// What this result of a kernel may take the memory of.
    pub fn donation(&self, kernel: usize, output: BufferId) -> Option<&Donation> {
        let first = self.donations.partition_point(|donation| donation.kernel < kernel);
        self.donations[first..].iter().take_while(|donation| donation.kernel == kernel).find(|donation| donation.output == output)
    }
}

/// What nobody reads after a kernel which reads each of its elements where it writes a result's: an input, or an intermediate result,
/// whose slot is the other's then.
#[derive(Debug, Clone, Copy)]
pub struct Donation {
    /// The kernel's position in [`Schedule::kernels`].
    pub kernel: usize,
    /// What is read.
    pub input: BufferId,
    /// The result's buffer, of the same type.
    pub output: BufferId,
}
