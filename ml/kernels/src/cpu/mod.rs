//! The CPU back end: executes a schedule's kernels.
//!
//! Fused chains run as bytecode over blocks that stay in cache (`evaluator`), one vectorised loop an instruction
//! (`map1`, `map2`, `cast`, `fold`). `loops` and `folds` drive them over tiles and chunks, `tasks` spreads the work over a
//! `crew` of threads that stand by while a program runs.

mod arg_reduce;
mod attention;
mod bytes;
mod cast;
mod conv;
mod crew;
mod dot;
mod evaluator;
mod fold;
mod folds;
mod gemm;
mod gemv;
mod halves;
#[cfg(target_arch = "x86_64")]
mod inner;
mod library;
mod loops;
mod map1;
mod map2;
mod math;
mod mixed;
mod moves;
mod pairs;
mod parts;
#[cfg(target_arch = "x86_64")]
mod product;
mod run;
mod scan;
mod scatter;
mod scratch;
mod simd;
mod sort;
mod source;
mod strided;
mod tasks;
mod threefry;
mod unit;
#[cfg(target_arch = "x86_64")]
mod vector;
mod windows;

use arrow_buffer::MutableBuffer;
use gradframe_ml_core::{Sizes, Tensor};

use crate::schedule::{BufferId, Schedule, Source};
pub use run::{Arguments, OnKernel, run};
pub use scratch::Scratch;
pub use tasks::Threads;
use tasks::Workers;

/// What a kernel sees: the buffers that it may read, the sizes, and who works.
struct Env<'a> {
    schedule: &'a Schedule,
    inputs: &'a [Tensor],
    results: &'a [MutableBuffer],
    slots: &'a [MutableBuffer],
    lengths: &'a [usize],
    sizes: &'a Sizes,
    workers: Workers<'a>,
    /// Inputs whose memory is that of the kernel's n-th output: read there.
    in_place: &'a [(BufferId, usize)],
}

impl<'a> Env<'a> {
    /// The bytes of a buffer.
    fn bytes(&self, buffer: usize) -> &'a [u8] {
        match &self.schedule.buffers[buffer].source {
            Source::Input(index) => self.inputs[*index].buffer().as_slice(),
            Source::Const(value) => value.buffer().as_slice(),
            Source::Output => self.results[buffer].as_slice(),
            Source::Slot(slot) => &self.slots[*slot].as_slice()[..self.lengths[buffer]],
        }
    }
}

/// Columns of a panel: a matrix [K, C] of f32 that many rows are multiplied by is read fastest where it is kept as [C / W, K, W], of which `Dot` contracts
/// the middle axis. None where there is no such W.
pub fn panel_columns() -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    if gemm::has_own_kernels() {
        return Some(product::panel());
    }
    None
}

fn product(sizes: &[usize]) -> usize {
    sizes.iter().product()
}
