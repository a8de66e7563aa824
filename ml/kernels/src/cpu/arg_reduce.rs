//! The position of the largest or smallest element along an axis.

use gradframe_ml_core::graph::ArgOp;
use gradframe_ml_core::{DType, Result};
use half::{bf16, f16};

use super::bytes::{Plain, typed, typed_mut};
use super::tasks::{self, TASK_BYTES_MIN};
use super::{Env, product};
use crate::schedule::ArgReduce;

/// Runs the kernel: the first of ties, the first NaN before all numbers.
pub fn run(kernel: &ArgReduce, env: &Env, output: &mut [u8]) -> Result<()> {
    match env.schedule.buffers[kernel.values.index()].dtype {
        DType::Bool | DType::U8 => run_typed::<u8>(kernel, env, output),
        DType::I8 => run_typed::<i8>(kernel, env, output),
        DType::I16 => run_typed::<i16>(kernel, env, output),
        DType::I32 => run_typed::<i32>(kernel, env, output),
        DType::I64 => run_typed::<i64>(kernel, env, output),
        DType::U16 => run_typed::<u16>(kernel, env, output),
        DType::U32 => run_typed::<u32>(kernel, env, output),
        DType::U64 => run_typed::<u64>(kernel, env, output),
        DType::F16 => run_typed::<f16>(kernel, env, output),
        DType::BF16 => run_typed::<bf16>(kernel, env, output),
        DType::F32 => run_typed::<f32>(kernel, env, output),
        DType::F64 => run_typed::<f64>(kernel, env, output),
    }
}

fn run_typed<T: Plain + PartialOrd>(kernel: &ArgReduce, env: &Env, output: &mut [u8]) -> Result<()> {
    let shape = kernel.shape.eval(env.sizes)?;
    let (size, inner) = (shape[kernel.axis], product(&shape[kernel.axis + 1..]));
    let values = typed::<T>(env.bytes(kernel.values.index()));
    let per_task = (TASK_BYTES_MIN / (size.max(1) * size_of::<T>())).max(1);
    tasks::for_each_chunk(env.workers, typed_mut::<i64>(output), per_task, |task, found| {
        for (i, found) in found.iter_mut().enumerate() {
            let position = task * per_task + i;
            let start = position / inner * size * inner + position % inner;
            *found = first_extreme(kernel.op, size, |k| values[start + k * inner]) as i64;
        }
        Ok(())
    })
}

#[allow(clippy::eq_op)] // only NaN differs from itself
fn first_extreme<T: Copy + PartialOrd>(op: ArgOp, size: usize, at: impl Fn(usize) -> T) -> usize {
    let mut best = 0;
    for k in 1..size {
        let (held, new) = (at(best), at(k));
        let beats = match op {
            ArgOp::Max => new > held,
            ArgOp::Min => new < held,
        };
        if held == held && (beats || new != new) {
            best = k;
        }
    }
    best
}
