//! Kernels that only move elements: picking rows by index, and joining.

use gradframe_ml_core::{DType, Error, Result};

use super::bytes::typed;
use super::simd::fetch;
use super::tasks::{self, TASK_BYTES_MIN};
use super::{Env, product};
use crate::schedule::{BufferId, Concat, Gather};

/// Indices of either width.
pub enum Indices<'a> {
    /// i32.
    Narrow(&'a [i32]),
    /// i64.
    Wide(&'a [i64]),
}

impl<'a> Indices<'a> {
    /// The indices in a buffer. Errors: `Internal` if it holds anything else.
    pub fn of(env: &Env<'a>, buffer: BufferId) -> Result<Self> {
        let bytes = env.bytes(buffer.index());
        match env.schedule.buffers[buffer.index()].dtype {
            DType::I32 => Ok(Indices::Narrow(typed(bytes))),
            DType::I64 => Ok(Indices::Wide(typed(bytes))),
            other => Err(Error::internal("gather", format!("indices of {other}"))),
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Indices::Narrow(v) => v.len(),
            Indices::Wide(v) => v.len(),
        }
    }

    /// The `i`-th, if it is inside `0 .. size`.
    #[inline]
    pub fn get(&self, i: usize, size: usize) -> Option<usize> {
        let index = match self {
            Indices::Narrow(v) => v[i] as i64,
            Indices::Wide(v) => v[i],
        };
        usize::try_from(index).ok().filter(|&index| index < size)
    }
}

/// Picks rows; an index outside gives zeros.
pub fn gather(kernel: &Gather, env: &Env, output: &mut [u8]) -> Result<()> {
    let shape = kernel.shape.eval(env.sizes)?;
    let (size, inner) = (shape[kernel.axis], product(&shape[kernel.axis + 1..]));
    let row = inner * env.schedule.buffers[kernel.table.index()].dtype.size_bytes();
    let (table, indices) = (env.bytes(kernel.table.index()), Indices::of(env, kernel.indices)?);
    if row == 0 || output.is_empty() {
        return Ok(());
    }
    let rows_per_task = (TASK_BYTES_MIN / row).max(1);
    tasks::for_each_chunk(env.workers, output, rows_per_task * row, |task, output| {
        let picked = |i: usize| {
            let position = task * rows_per_task + i;
            let index = indices.get(position % indices.len(), size)?;
            let at = (position / indices.len() * size + index) * row;
            Some(&table[at..at + row])
        };
        match row {
            1 => pick::<1>(output, picked),
            2 => pick::<2>(output, picked),
            4 => pick::<4>(output, picked),
            8 => pick::<8>(output, picked),
            _ => output.chunks_exact_mut(row).enumerate().for_each(|(i, o)| match picked(i) {
                Some(bytes) => o.copy_from_slice(bytes),
                None => o.fill(0),
            }),
        }
        Ok(())
    })
}

/// Rows that are looked up before the first of them is copied: where each lies far from the last, memory brings them side by
/// side.
const AHEAD: usize = 32;

/// Rows of one element, whose size is known when this is compiled.
fn pick<'a, const ROW: usize>(output: &mut [u8], picked: impl Fn(usize) -> Option<&'a [u8]>) {
    let (rows, _) = output.as_chunks_mut::<ROW>();
    let mut found: [Option<&[u8]>; AHEAD] = [None; AHEAD];
    for (batch, rows) in rows.chunks_mut(AHEAD).enumerate() {
        for (i, found) in found[..rows.len()].iter_mut().enumerate() {
            *found = picked(batch * AHEAD + i);
            found.iter().for_each(|bytes| fetch(bytes));
        }
        for (o, bytes) in rows.iter_mut().zip(&found) {
            *o = bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or([0; ROW]);
        }
    }
}

/// Joins arrays along an axis.
pub fn concat(kernel: &Concat, env: &Env, output: &mut [u8]) -> Result<()> {
    let width = env.schedule.buffers[kernel.output.index()].dtype.size_bytes();
    let mut parts = Vec::with_capacity(kernel.parts.len());
    for (buffer, shape) in &kernel.parts {
        parts.push((env.bytes(buffer.index()), product(&shape.eval(env.sizes)?[kernel.axis..]) * width));
    }
    let row: usize = parts.iter().map(|p| p.1).sum();
    if row == 0 {
        return Ok(());
    }
    let rows_per_task = (TASK_BYTES_MIN / row).max(1);
    tasks::for_each_chunk(env.workers, output, rows_per_task * row, |task, output| {
        for (i, output) in output.chunks_exact_mut(row).enumerate() {
            let mut at = 0;
            for (bytes, length) in &parts {
                let from = (task * rows_per_task + i) * length;
                output[at..at + length].copy_from_slice(&bytes[from..from + length]);
                at += length;
            }
        }
        Ok(())
    })
}
