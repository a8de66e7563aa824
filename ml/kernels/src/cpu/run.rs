//! Runs the kernels of a schedule one after the other, each over the memory that its buffers have.

mod control;

use std::time::{Duration, Instant};

use arrow_buffer::{Buffer, MutableBuffer};
use gradframe_ml_core::{Error, Result, Shape, Sizes, Tensor};
use smallvec::SmallVec;

use super::scratch::{First, check_available, new_memory};
use super::tasks::{self, Threads, Workers};
use super::{Env, Scratch, arg_reduce, dot, folds, library, loops, moves, parts, scan, scatter, sort};
use crate::compile::nested_bytes;
use crate::schedule::{BufferId, Kernel, Schedule, Source};

/// Bytes of all buffers below which a run stays on the thread that asks for it: waking another takes longer.
const POOL_BYTES_MIN: usize = 256 * 1024;

/// What a caller hands to a run.
pub enum Arguments<'a> {
    /// The caller keeps them.
    Borrowed(&'a [Tensor]),
    /// Given away: results are written over them where the schedule allows it.
    Owned(Vec<Tensor>),
    /// Likewise, but what is not written over stays with the caller; a byte of nothing is in the place of the others.
    Lent(&'a mut [Tensor]),
}

impl Arguments<'_> {
    fn all(&self) -> &[Tensor] {
        match self {
            Arguments::Borrowed(inputs) => inputs,
            Arguments::Owned(inputs) => inputs,
            Arguments::Lent(inputs) => inputs,
        }
    }

    /// One that may be written over, if nobody else holds it.
    fn give(&mut self, index: usize) -> Option<&mut Tensor> {
        match self {
            Arguments::Borrowed(_) => None,
            Arguments::Owned(inputs) => inputs.get_mut(index),
            Arguments::Lent(inputs) => inputs.get_mut(index),
        }
    }
}

/// Called after each kernel with its number and the time it took.
pub type OnKernel<'a> = dyn FnMut(usize, Duration) + Send + 'a;

/// Runs all kernels and hands the results over.
/// Errors: `Shape` for a size that no input gives; `Internal` for a kernel that does not fit its buffers.
pub fn run(
    schedule: &Schedule,
    arguments: Arguments,
    sizes: &Sizes,
    scratch: &mut Scratch,
    threads: Threads,
    on_kernel: Option<&mut OnKernel>,
) -> Result<Vec<Tensor>> {
    let lengths = lengths_of(schedule, sizes)?;
    let nested = nested_bytes(schedule, sizes)?;
    scratch.check_budget(held_bytes(schedule, &lengths).saturating_add(nested))?;
    check_available(longest_taken(schedule, &lengths))?;
    let small = lengths.iter().sum::<usize>() + nested < POOL_BYTES_MIN;
    let threads = if small { Threads::One } else { threads };
    tasks::with_workers(threads, |workers| Run::new(schedule, arguments, sizes, &lengths, scratch, workers).all(on_kernel))
}

/// Bytes of each buffer.
fn lengths_of(schedule: &Schedule, sizes: &Sizes) -> Result<Vec<usize>> {
    let mut lengths = Vec::with_capacity(schedule.buffers.len());
    for buffer in &schedule.buffers {
        let bytes = buffer.shape.count(sizes)?.checked_mul(buffer.dtype.size_bytes());
        let too_many = || Error::resources("run", format!("{}{} is larger than any memory", buffer.dtype, buffer.shape));
        lengths.push(bytes.ok_or_else(too_many)?);
    }
    Ok(lengths)
}

/// Bytes of results and of slots, each as long as its longest buffer.
fn held_bytes(schedule: &Schedule, lengths: &[usize]) -> usize {
    let (mut slots, mut results) = (vec![0; schedule.slots], 0usize);
    for (buffer, &length) in schedule.buffers.iter().zip(lengths) {
        match buffer.source {
            Source::Slot(slot) if slot < slots.len() => slots[slot] = length.max(slots[slot]),
            Source::Output => results = results.saturating_add(length),
            _ => {}
        }
    }
    slots.into_iter().fold(results, usize::saturating_add)
}

/// Bytes of the longest buffer that no argument gives.
fn longest_taken(schedule: &Schedule, lengths: &[usize]) -> usize {
    let taken =
        schedule.buffers.iter().zip(lengths).filter(|(buffer, _)| matches!(buffer.source, Source::Slot(_) | Source::Output));
    taken.map(|(_, &length)| length).max().unwrap_or(0)
}

/// A run under way.
struct Run<'a> {
    schedule: &'a Schedule,
    arguments: Arguments<'a>,
    sizes: &'a Sizes,
    /// Bytes of each buffer.
    lengths: &'a [usize],
    scratch: &'a mut Scratch,
    results: Vec<MutableBuffer>,
    workers: Workers<'a>,
}

impl<'a> Run<'a> {
    fn new(
        schedule: &'a Schedule,
        arguments: Arguments<'a>,
        sizes: &'a Sizes,
        lengths: &'a [usize],
        scratch: &'a mut Scratch,
        workers: Workers<'a>,
    ) -> Self {
        if scratch.slots.len() < schedule.slots {
            scratch.slots.resize_with(schedule.slots, MutableBuffer::default);
        }
        let mut results = Vec::new();
        results.resize_with(schedule.buffers.len(), MutableBuffer::default);
        Run { schedule, arguments, sizes, lengths, scratch, results, workers }
    }

    fn all(mut self, mut on_kernel: Option<&mut OnKernel>) -> Result<Vec<Tensor>> {
        for (number, kernel) in self.schedule.kernels.iter().enumerate() {
            let start = on_kernel.is_some().then(Instant::now);
            self.kernel(number, kernel)?;
            if let (Some(on_kernel), Some(start)) = (&mut on_kernel, start) {
                on_kernel(number, start.elapsed());
            }
        }
        self.handed_over()
    }

    fn kernel(&mut self, number: usize, kernel: &Kernel) -> Result<()> {
        match kernel {
            Kernel::Repeat(kernel) => return self.repeat(number, kernel),
            Kernel::Choose(kernel) => return self.choose(number, kernel),
            _ => {}
        }
        let (ids, first) = (kernel.writes(), first(kernel));
        let mut in_place: SmallVec<[(BufferId, usize); 4]> = SmallVec::new();
        let mut outputs: SmallVec<[MutableBuffer; 4]> = SmallVec::new();
        for &id in &ids {
            let donated = self.donated(number, id);
            if let Some((buffer, _)) = donated {
                in_place.push((buffer, outputs.len()));
            }
            outputs.push(donated.map_or_else(|| self.taken(id, first), |(_, memory)| memory));
        }
        let env = self.env(&in_place);
        let mut views: SmallVec<[&mut [u8]; 4]> =
            outputs.iter_mut().zip(&ids).map(|(o, id)| &mut o.as_slice_mut()[..self.lengths[id.index()]]).collect();
        execute(kernel, &env, &mut views)?;
        drop(views);
        for (output, id) in outputs.into_iter().zip(ids) {
            *self.place(id) = output;
        }
        Ok(())
    }

    fn env<'e>(&'e self, in_place: &'e [(BufferId, usize)]) -> Env<'e> {
        let inputs = self.arguments.all();
        let (schedule, results, slots) = (self.schedule, &self.results, &self.scratch.slots);
        let (lengths, sizes, workers) = (self.lengths, self.sizes, self.workers);
        Env { schedule, inputs, results, slots, lengths, sizes, workers, in_place }
    }

    /// The memory that becomes that of this result, with the buffer that is in it: an intermediate one's, or an argument's, if nobody else holds
    /// it.
    fn donated(&mut self, kernel: usize, output: BufferId) -> Option<(BufferId, MutableBuffer)> {
        let donation = self.schedule.donation(kernel, output)?;
        let index = match self.schedule.buffers[donation.input.index()].source {
            Source::Input(index) => index,
            Source::Slot(slot) => return Some((donation.input, std::mem::take(&mut self.scratch.slots[slot]))),
            _ => return None,
        };
        let place = self.arguments.give(index)?;
        let tensor = std::mem::replace(place, Tensor::scalar(0u8));
        let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
        match tensor.into_buffer().into_mutable() {
            Ok(memory) => Some((donation.input, memory)),
            Err(shared) => {
                *place = Tensor::try_new(dtype, &shape, shared).ok()?; // as it was
                None
            }
        }
    }

    /// The memory of a buffer, taken out while a kernel writes it.
    fn taken(&mut self, id: BufferId, first: First) -> MutableBuffer {
        let bytes = self.lengths[id.index()];
        let Source::Slot(slot) = self.schedule.buffers[id.index()].source else { return self.scratch.memory(bytes, first) };
        let memory = std::mem::take(&mut self.scratch.slots[slot]);
        if memory.len() < bytes { new_memory(bytes, first) } else { memory }
    }

    fn place(&mut self, id: BufferId) -> &mut MutableBuffer {
        match self.schedule.buffers[id.index()].source {
            Source::Slot(slot) => &mut self.scratch.slots[slot],
            _ => &mut self.results[id.index()],
        }
    }

    fn handed_over(self) -> Result<Vec<Tensor>> {
        let (schedule, sizes) = (self.schedule, self.sizes);
        let frozen: Vec<Buffer> = self.results.into_iter().map(Buffer::from).collect();
        let inputs = self.arguments.all();
        let tensor = |(id, shape): &(BufferId, Shape)| {
            let shape: SmallVec<[usize; 4]> = shape.dims().iter().map(|d| d.eval(sizes)).collect::<Result<_>>()?;
            let buffer = &schedule.buffers[id.index()];
            match &buffer.source {
                Source::Input(index) => inputs[*index].reshaped(&shape),
                Source::Const(value) => value.reshaped(&shape),
                _ => Tensor::try_new(buffer.dtype, &shape, frozen[id.index()].clone()),
            }
        };
        let results = schedule.outputs.iter().map(tensor).collect();
        if let Arguments::Owned(inputs) = self.arguments {
            let sizes: SmallVec<[usize; 32]> = schedule.outputs.iter().map(|(id, _)| self.lengths[id.index()]).collect();
            let useful = inputs.into_iter().filter(|tensor| sizes.contains(&tensor.buffer().len()));
            useful.for_each(|tensor| self.scratch.recycle(tensor));
        }
        results
    }
}

/// Whether a kernel may get memory with anything in it: loops store every element of their outputs, contractions every sum.
fn first(kernel: &Kernel) -> First {
    if matches!(kernel, Kernel::Loop(_) | Kernel::Dot(_)) { First::Written } else { First::Any }
}

fn execute(kernel: &Kernel, env: &Env, outputs: &mut [&mut [u8]]) -> Result<()> {
    if let Kernel::Loop(kernel) = kernel {
        return loops::run(kernel, env, outputs);
    }
    if let Kernel::Attention(_) | Kernel::AttentionCotangents(_) = kernel {
        return Err(Error::not_implemented("attention", "the program was compiled for a device"));
    }
    let [output] = outputs else { return Err(Error::internal("run", "a kernel has not one output")) };
    match kernel {
        Kernel::Loop(_) | Kernel::Repeat(_) | Kernel::Choose(_) => Ok(()), // above
        Kernel::Attention(_) | Kernel::AttentionCotangents(_) => Ok(()),   // above
        Kernel::DynSlice(kernel) => parts::slice(kernel, env, output),
        Kernel::DynUpdate(kernel) => parts::update(kernel, env, output),
        Kernel::Fold(kernel) => folds::run(kernel, env, output),
        Kernel::Dot(kernel) => dot::run(kernel, env, output),
        Kernel::Gather(kernel) => moves::gather(kernel, env, output),
        Kernel::Scatter(kernel) => scatter::run(kernel, env, output),
        Kernel::ArgReduce(kernel) => arg_reduce::run(kernel, env, output),
        Kernel::Scan(kernel) => scan::run(kernel, env, output),
        Kernel::Library(kernel) => library::run(kernel, env, output),
        Kernel::Sort(kernel) => sort::run(kernel, env, output),
        Kernel::Concat(kernel) => moves::concat(kernel, env, output),
    }
}
