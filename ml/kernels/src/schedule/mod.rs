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
    /// The inputs whose memory a result may take over.
    pub donations: Vec<Donation>,
}

/// An input that nobody reads after a kernel which reads each of its elements where it writes a result's.
#[derive(Debug, Clone, Copy)]
pub struct Donation {
    /// The kernel's position in [`Schedule::kernels`].
    pub kernel: usize,
    /// The input's buffer.
    pub input: BufferId,
    /// The result's buffer, of the same type.
    pub output: BufferId,
}
