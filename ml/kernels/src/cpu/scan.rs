//! Each element folded with all before it along an axis, in order: the bits do not depend on threads.

use gradframe_ml_core::graph::ReduceOp;
use gradframe_ml_core::{DType, Error, Result};

use super::bytes::{bytes_of_mut, typed, typed_mut};
use super::fold::{self, Accumulator, Folded};
use super::simd::vectorized;
use super::tasks;
use super::{Env, cast, product};
use crate::schedule::{Scan, computed_in};

/// Runs the kernel.
pub fn run(kernel: &Scan, env: &Env, output: &mut [u8]) -> Result<()> {
    let dtype = env.schedule.buffers[kernel.values.index()].dtype;
    let (bytes, wide) = (env.bytes(kernel.values.index()), computed_in(dtype));
    if wide == dtype {
        return run_wide(kernel, env, dtype, bytes, output);
    }
    // Narrow types: in the type that is computed in, which also holds every rounded or wrapped result.
    let words = (bytes.len() / dtype.size_bytes() * wide.size_bytes()).div_ceil(8);
    let (mut values, mut scanned) = (vec![0u64; words], vec![0u64; words]);
    let len = bytes.len() / dtype.size_bytes() * wide.size_bytes();
    let (values, scanned) = (&mut bytes_of_mut(&mut values)[..len], &mut bytes_of_mut(&mut scanned)[..len]);
    cast::cast(dtype, wide, bytes, values);
    run_wide(kernel, env, wide, values, scanned)?;
    cast::cast(wide, dtype, scanned, output);
    Ok(())
}

fn run_wide(kernel: &Scan, env: &Env, dtype: DType, bytes: &[u8], output: &mut [u8]) -> Result<()> {
    match dtype {
        DType::F32 => run_typed::<f32>(kernel, env, typed(bytes), typed_mut(output)),
        DType::F64 => run_typed::<f64>(kernel, env, typed(bytes), typed_mut(output)),
        DType::I64 => run_typed::<i64>(kernel, env, typed(bytes), typed_mut(output)),
        DType::U64 => run_typed::<u64>(kernel, env, typed(bytes), typed_mut(output)),
        other => Err(Error::internal("scan", format!("is not computed in {other}"))),
    }
}

fn run_typed<T: Folded>(kernel: &Scan, env: &Env, values: &[T], output: &mut [T]) -> Result<()> {
    let shape = kernel.shape.eval(env.sizes)?;
    let inner = product(&shape[kernel.axis + 1..]);
    let plane = shape[kernel.axis] * inner;
    if output.is_empty() {
        return Ok(());
    }
    let planes_per_task = tasks::share(env.workers, output.len() / plane, tasks::TASK_BYTES_MIN / (plane * size_of::<T>()));
    tasks::for_each_chunk(env.workers, output, planes_per_task * plane, |task, output| {
        let start = task * planes_per_task * plane;
        let mut totals = vec![T::Acc::default(); inner];
        for (values, output) in values[start..start + output.len()].chunks(plane).zip(output.chunks_mut(plane)) {
            totals.fill(T::Acc::neutral(kernel.op.fold()));
            scan_plane(kernel.op.fold(), values, &mut totals, output);
        }
        Ok(())
    })
}

fn scan_plane<T: Folded>(op: ReduceOp, values: &[T], totals: &mut [T::Acc], output: &mut [T]) {
    match op {
        ReduceOp::Sum => scan_lines(values, totals, output, Accumulator::plus),
        ReduceOp::Prod => scan_lines(values, totals, output, Accumulator::times),
        op => scan_lines(values, totals, output, move |a, b| fold::joined(op, a, b)),
    }
}

fn scan_lines<T: Folded>(values: &[T], totals: &mut [T::Acc], output: &mut [T], f: impl Fn(T::Acc, T::Acc) -> T::Acc) {
    if let [total] = totals {
        for (o, v) in output.iter_mut().zip(values) {
            *total = f(*total, v.widen());
            *o = T::narrow(*total);
        }
        return;
    }
    let width = totals.len();
    vectorized(
        #[inline(always)]
        || {
            for (output, values) in output.chunks_mut(width).zip(values.chunks(width)) {
                for ((o, v), total) in output.iter_mut().zip(values).zip(totals.iter_mut()) {
                    *total = f(*total, v.widen());
                    *o = T::narrow(*total);
                }
            }
        },
    );
}
