//! Parts of arrays at a place known at run time: rows of bytes, copied.

use gradframe_ml_core::{Error, Result};

use super::bytes::typed;
use super::tasks::{self, TASK_BYTES_MIN};
use super::{Env, product};
use crate::schedule::{BufferId, DynSlice, DynUpdate};

/// Copies a part out; zeros where it leaves the axis.
pub fn slice(kernel: &DynSlice, env: &Env, output: &mut [u8]) -> Result<()> {
    let shape = kernel.shape.eval(env.sizes)?;
    let width = env.schedule.buffers[kernel.source.index()].dtype.size_bytes();
    let inner = product(&shape[kernel.axis + 1..]) * width;
    let (whole, part) = (shape[kernel.axis] * inner, kernel.size.eval(env.sizes)? * inner);
    if part == 0 {
        return Ok(());
    }
    let source = env.bytes(kernel.source.index());
    let overlap = Overlap::of(start(env, kernel.start)?, whole / inner.max(1), part / inner.max(1), inner);
    let rows = (TASK_BYTES_MIN / part).max(1);
    tasks::for_each_chunk(env.workers, output, rows * part, |task, output| {
        for (i, output) in output.chunks_exact_mut(part).enumerate() {
            let from = (task * rows + i) * whole + overlap.whole;
            let (before, rest) = output.split_at_mut(overlap.part);
            let (inside, after) = rest.split_at_mut(overlap.length);
            before.fill(0);
            inside.copy_from_slice(&source[from..from + overlap.length]);
            after.fill(0);
        }
        Ok(())
    })
}

/// Copies the target, unless that is where the output lies, and the part over it.
pub fn update(kernel: &DynUpdate, env: &Env, output: &mut [u8]) -> Result<()> {
    let shape = kernel.shape.eval(env.sizes)?;
    let width = env.schedule.buffers[kernel.target.index()].dtype.size_bytes();
    let inner = product(&shape[kernel.axis + 1..]) * width;
    let (whole, part) = (shape[kernel.axis] * inner, kernel.size.eval(env.sizes)? * inner);
    if whole == 0 || output.is_empty() {
        return Ok(());
    }
    if !env.in_place.contains(&(kernel.target, 0)) {
        let target = env.bytes(kernel.target.index());
        tasks::for_each_chunk(env.workers, output, TASK_BYTES_MIN, |task, output| {
            let from = task * TASK_BYTES_MIN;
            output.copy_from_slice(&target[from..from + output.len()]);
            Ok(())
        })?;
    }
    let overlap = Overlap::of(start(env, kernel.start)?, whole / inner, part / inner, inner);
    let news = env.bytes(kernel.part.index());
    for (i, output) in output.chunks_exact_mut(whole).enumerate() {
        let from = i * part + overlap.part;
        output[overlap.whole..overlap.whole + overlap.length].copy_from_slice(&news[from..from + overlap.length]);
    }
    Ok(())
}

fn start(env: &Env, buffer: BufferId) -> Result<i64> {
    let start = typed::<i64>(env.bytes(buffer.index())).first().copied();
    start.ok_or_else(|| Error::internal("run", "a part without a start"))
}

/// Where a part lies within its axis, in bytes.
struct Overlap {
    /// From here on of the axis ...
    whole: usize,
    /// ... lies what is from here on of the part ...
    part: usize,
    /// ... so much of it.
    length: usize,
}

impl Overlap {
    /// Of an axis of `n` places and a part of `size` from place `start` on, a place being `inner` bytes.
    fn of(start: i64, n: usize, size: usize, inner: usize) -> Self {
        let (start, n, size) = (i128::from(start), n as i128, size as i128);
        let (first, end) = (start.clamp(0, n), (start + size).clamp(0, n));
        let skipped = (first - start).clamp(0, size);
        let length = (end - first).max(0).min(size - skipped);
        Overlap { whole: first as usize * inner, part: skipped as usize * inner, length: length as usize * inner }
    }
}

#[cfg(test)]
mod tests {
    use super::Overlap;

    #[test]
    fn what_leaves_the_axis_is_cut_off() {
        let of = |start, n, size| {
            let Overlap { whole, part, length } = Overlap::of(start, n, size, 4);
            (whole / 4, part / 4, length / 4)
        };
        assert_eq!(of(1, 5, 3), (1, 0, 3));
        assert_eq!(of(-2, 5, 3), (0, 2, 1));
        assert_eq!(of(4, 5, 3), (4, 0, 1));
        assert_eq!(of(-1, 2, 9), (0, 1, 2));
        for (start, n, size) in [(9, 5, 3), (-9, 5, 3), (i64::MAX, 5, 3), (i64::MIN, 5, 3), (0, 0, 3), (0, 5, 0)] {
            let (whole, part, length) = of(start, n, size);
            assert!(length == 0 && whole <= n && part <= size);
        }
    }
}
