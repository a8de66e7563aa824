//! The CPU back end: executes a schedule's kernels.
//!
//! Fused chains run as bytecode over blocks that stay in cache (`evaluator`), one vectorised loop an instruction
//! (`map1`, `map2`, `cast`, `fold`). `loops` and `folds` drive them over tiles and chunks, `tasks` spreads the work.

mod arg_reduce;
mod bytes;
mod cast;
mod dot;
mod evaluator;
mod fold;
mod folds;
mod gemm;
mod gemv;
mod loops;
mod map1;
mod map2;
mod math;
mod moves;
mod scatter;
mod simd;
mod source;
mod tasks;
mod threefry;

use arrow_buffer::{Buffer, MutableBuffer};
use gradframe_ml_core::{Error, Result, Sizes, Tensor};

use crate::compile::kernel::{BufferId, Kernel, Schedule, Source};
pub use tasks::Threads;

/// Memory that runs of a program use again. One for each thread that runs programs side by side.
#[derive(Debug, Default)]
pub struct Scratch {
    slots: Vec<MutableBuffer>,
}

impl Scratch {
    /// Empty; it grows to what programs need.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.slots.iter().map(MutableBuffer::capacity).sum()
    }
}

/// What a kernel sees: the buffers that it may read, the sizes, and who works.
struct Env<'a> {
    schedule: &'a Schedule,
    inputs: &'a [Tensor],
    results: &'a [MutableBuffer],
    slots: &'a [MutableBuffer],
    lengths: &'a [usize],
    sizes: &'a Sizes,
    threads: Threads,
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

/// Runs all kernels and hands the results over.
/// Errors: `Shape` for a size that no input gives; `Internal` for a kernel that does not fit its buffers.
pub fn run(
    schedule: &Schedule,
    inputs: &[Tensor],
    sizes: &Sizes,
    scratch: &mut Scratch,
    threads: Threads,
) -> Result<Vec<Tensor>> {
    let mut lengths = Vec::with_capacity(schedule.buffers.len());
    for buffer in &schedule.buffers {
        lengths.push(product(&buffer.shape.eval(sizes)?) * buffer.dtype.size_bytes());
    }
    if scratch.slots.len() < schedule.slots {
        scratch.slots.resize_with(schedule.slots, MutableBuffer::default);
    }
    let mut results: Vec<MutableBuffer> = Vec::new();
    results.resize_with(schedule.buffers.len(), MutableBuffer::default);
    for kernel in &schedule.kernels {
        let ids = kernel.writes();
        let mut outputs: Vec<MutableBuffer> =
            ids.iter().map(|&id| taken(schedule, id, &mut results, scratch, &lengths)).collect();
        let env = Env { schedule, inputs, results: &results, slots: &scratch.slots, lengths: &lengths, sizes, threads };
        let mut views: Vec<&mut [u8]> =
            outputs.iter_mut().zip(&ids).map(|(o, id)| &mut o.as_slice_mut()[..lengths[id.index()]]).collect();
        execute(kernel, &env, &mut views)?;
        for (output, id) in outputs.into_iter().zip(ids) {
            *place(schedule, id, &mut results, scratch) = output;
        }
    }
    handed_over(schedule, inputs, sizes, results)
}

/// The memory of a buffer, taken out while a kernel writes it.
fn taken(
    schedule: &Schedule,
    id: BufferId,
    results: &mut [MutableBuffer],
    scratch: &mut Scratch,
    lengths: &[usize],
) -> MutableBuffer {
    let place = place(schedule, id, results, scratch);
    let mut memory = std::mem::take(place);
    if memory.len() < lengths[id.index()] {
        memory = MutableBuffer::from_len_zeroed(lengths[id.index()]);
    }
    memory
}

fn place<'m>(
    schedule: &Schedule,
    id: BufferId,
    results: &'m mut [MutableBuffer],
    scratch: &'m mut Scratch,
) -> &'m mut MutableBuffer {
    match schedule.buffers[id.index()].source {
        Source::Slot(slot) => &mut scratch.slots[slot],
        _ => &mut results[id.index()],
    }
}

fn execute(kernel: &Kernel, env: &Env, outputs: &mut [&mut [u8]]) -> Result<()> {
    if let Kernel::Loop(kernel) = kernel {
        return loops::run(kernel, env, outputs);
    }
    let [output] = outputs else { return Err(Error::internal("run", "a kernel has not one output")) };
    match kernel {
        Kernel::Loop(_) => Ok(()), // above
        Kernel::Fold(kernel) => folds::run(kernel, env, output),
        Kernel::Dot(kernel) => dot::run(kernel, env, output),
        Kernel::Gather(kernel) => moves::gather(kernel, env, output),
        Kernel::Scatter(kernel) => scatter::run(kernel, env, output),
        Kernel::ArgReduce(kernel) => arg_reduce::run(kernel, env, output),
        Kernel::Concat(kernel) => moves::concat(kernel, env, output),
    }
}

fn handed_over(schedule: &Schedule, inputs: &[Tensor], sizes: &Sizes, results: Vec<MutableBuffer>) -> Result<Vec<Tensor>> {
    let frozen: Vec<Buffer> = results.into_iter().map(Buffer::from).collect();
    let tensor = |(id, shape): &(BufferId, gradframe_ml_core::Shape)| {
        let shape = shape.eval(sizes)?;
        let buffer = &schedule.buffers[id.index()];
        match &buffer.source {
            Source::Input(index) => inputs[*index].reshaped(&shape),
            Source::Const(value) => value.reshaped(&shape),
            _ => Tensor::try_new(buffer.dtype, &shape, frozen[id.index()].clone()),
        }
    };
    schedule.outputs.iter().map(tensor).collect()
}

fn product(sizes: &[usize]) -> usize {
    sizes.iter().product()
}
