//! An interpreter of the scheduled form: plain, slow, and so close to what the form says that it is right by reading.
//!
//! It is what back ends are compared with. Each kernel is a walk over its loop space, one element at a time, in order;
//! each buffer has memory of its own, so that a plan of memory that lets two live buffers share a slot shows up as a
//! difference; results are never written over arguments. Nothing is shared with `cpu`.
//!
//! A back end agrees if integers and bool are equal, and floats are within the rounding of the type: it may fold in another
//! order and compute functions like `exp` its own way.

mod attention;
mod chain;
mod control;
mod functions;
mod kernels;
mod number;

use std::sync::Arc;

use gradframe_ml_core::{Error, Result, Sizes, Tensor};

use crate::schedule::{BufferId, Schedule, Source};
use number::{Number, read, written};

/// The results of a schedule for these arguments, which fit it (see [`crate::Program::bind`]).
/// Errors: `Shape` for a size that no argument gives; `Internal` for a schedule that makes no sense.
pub fn interpret(schedule: &Schedule, inputs: &[Tensor], sizes: &Sizes) -> Result<Vec<Tensor>> {
    let mut memory = Memory::new(schedule, inputs, sizes);
    for kernel in &schedule.kernels {
        kernels::run(kernel, &mut memory)?;
    }
    let result = |(id, shape): &(BufferId, _)| memory.tensor(*id)?.reshaped(&gradframe_ml_core::Shape::eval(shape, sizes)?);
    schedule.outputs.iter().map(result).collect()
}

/// The buffers of a run.
struct Memory<'a> {
    schedule: &'a Schedule,
    sizes: &'a Sizes,
    tensors: Vec<Option<Tensor>>,
}

impl<'a> Memory<'a> {
    fn new(schedule: &'a Schedule, inputs: &[Tensor], sizes: &'a Sizes) -> Self {
        let known = |source: &Source| match source {
            Source::Input(index) => inputs.get(*index).cloned(),
            Source::Const(value) => Some(Tensor::clone(Arc::as_ref(value))),
            Source::Output | Source::Slot(_) => None,
        };
        Memory { schedule, sizes, tensors: schedule.buffers.iter().map(|b| known(&b.source)).collect() }
    }

    fn tensor(&self, id: BufferId) -> Result<&Tensor> {
        let unwritten = || Error::internal("interpret", format!("{id} is read before it is written"));
        self.tensors[id.index()].as_ref().ok_or_else(unwritten)
    }

    /// All elements of a buffer.
    fn numbers(&self, id: BufferId) -> Result<Vec<Number>> {
        self.tensor(id).map(read)
    }

    /// Sets a buffer, each number in the buffer's type.
    fn set(&mut self, id: BufferId, numbers: &[Number]) -> Result<()> {
        let buffer = &self.schedule.buffers[id.index()];
        self.tensors[id.index()] = Some(written(buffer.dtype, &buffer.shape.eval(self.sizes)?, numbers)?);
        Ok(())
    }
}
