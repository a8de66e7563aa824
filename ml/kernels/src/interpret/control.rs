//! Parts at a place known at run time, loops and choices.

use gradframe_ml_core::ops::check_limit;
use gradframe_ml_core::{Error, Result, Shape, Tensor};

use super::kernels::around;
use super::number::Number;
use super::{Memory, interpret};
use crate::schedule::{BufferId, Choose, DynSlice, DynUpdate, Repeat, Trips};

/// The place of each element of a part within the axis, if it is inside.
fn place(memory: &Memory, start: BufferId, offset: usize, size: usize) -> Result<Option<usize>> {
    let start = memory.numbers(start)?[0].to_wide();
    Ok(usize::try_from(start + offset as i128).ok().filter(|&at| at < size))
}

pub fn dyn_slice(kernel: &DynSlice, memory: &mut Memory) -> Result<()> {
    let [outer, n, inner] = around(&kernel.shape, kernel.axis, memory)?;
    let (numbers, size) = (memory.numbers(kernel.source)?, kernel.size.eval(memory.sizes)?);
    let zero = Number::from_bits(memory.schedule.buffers[kernel.source.index()].dtype, 0);
    let mut part = Vec::new();
    for o in 0..outer {
        for k in 0..size {
            let at = place(memory, kernel.start, k, n)?;
            part.extend((0..inner).map(|j| at.map_or(zero, |at| numbers[(o * n + at) * inner + j])));
        }
    }
    memory.set(kernel.output, &part)
}

pub fn dyn_update(kernel: &DynUpdate, memory: &mut Memory) -> Result<()> {
    let [outer, n, inner] = around(&kernel.shape, kernel.axis, memory)?;
    let (mut numbers, part) = (memory.numbers(kernel.target)?, memory.numbers(kernel.part)?);
    let size = kernel.size.eval(memory.sizes)?;
    for o in 0..outer {
        for k in 0..size {
            let Some(at) = place(memory, kernel.start, k, n)? else { continue };
            (0..inner).for_each(|j| numbers[(o * n + at) * inner + j] = part[(o * size + k) * inner + j]);
        }
    }
    memory.set(kernel.output, &numbers)
}

fn tensors(operands: &[(BufferId, Shape)], memory: &Memory) -> Result<Vec<Tensor>> {
    operands.iter().map(|(id, shape)| memory.tensor(*id)?.reshaped(&shape.eval(memory.sizes)?)).collect()
}

fn keep(values: &[Tensor], results: &[(usize, BufferId)], memory: &mut Memory) -> Result<()> {
    for &(result, id) in results {
        let shape = memory.schedule.buffers[id.index()].shape.eval(memory.sizes)?;
        memory.tensors[id.index()] = Some(values[result].reshaped(&shape)?);
    }
    Ok(())
}

pub fn repeat(kernel: &Repeat, memory: &mut Memory) -> Result<()> {
    let (mut carried, constants) = (tensors(&kernel.carried, memory)?, tensors(&kernel.constants, memory)?);
    for step in 0.. {
        let mut arguments = vec![Tensor::scalar(step as i64)];
        arguments.extend(carried.iter().chain(&constants).cloned());
        match &kernel.trips {
            Trips::Count(count) if step == *count => break,
            Trips::Count(_) => {}
            Trips::While { condition, limit } => {
                let holds = interpret(condition, &arguments, memory.sizes)?;
                if holds[0].buffer().as_slice() == [0] {
                    break;
                }
                check_limit(step, *limit)?;
            }
        }
        carried = interpret(&kernel.body, &arguments, memory.sizes)?;
    }
    keep(&carried, &kernel.results, memory)
}

pub fn choose(kernel: &Choose, memory: &mut Memory) -> Result<()> {
    let condition = memory.tensor(kernel.condition)?.buffer().as_slice().first().copied();
    let condition = condition.ok_or_else(|| Error::internal("interpret", "a choice without a condition"))?;
    let branch = &kernel.branches[usize::from(condition == 0)];
    let values = interpret(branch, &tensors(&kernel.operands, memory)?, memory.sizes)?;
    keep(&values, &kernel.results, memory)
}
