//! Pointwise and row kernels: tiles of rows, each computed in cache and stored.

use gradframe_ml_core::Result;

use super::evaluator::{Block, Evaluator};
use super::tasks::{self, TASK_BYTES_MIN};
use super::{Env, product};
use crate::compile::kernel::{Level, Loop, ValueId};

/// Elements of a block: a few of them fit the first-level cache at once.
pub const BLOCK_ELEMENTS: usize = 2048;

/// The part of the outputs that one task writes.
struct Task<'o> {
    rows: Block,
    outputs: Vec<&'o mut [u8]>,
}

/// Runs the kernel; `outputs` are the stores' buffers, in order.
pub fn run(kernel: &Loop, env: &Env, outputs: &mut [&mut [u8]]) -> Result<()> {
    let (outer, row) = (kernel.outer.eval(env.sizes)?, kernel.row.eval(env.sizes)?);
    let (rows, row_length) = (product(&outer), product(&row));
    if rows * row_length == 0 {
        return Ok(());
    }
    let stores: Vec<ValueId> = kernel.stores.iter().map(|s| s.0).collect();
    let evaluator = Evaluator::bind(&kernel.chain, (&outer, &row), &stores, |b| env.bytes(b), env.sizes)?;
    let tile = tile_rows(row_length, evaluator.period());
    let widths: Vec<usize> = stores.iter().map(|&v| bytes_per_row(kernel, v, row_length)).collect();
    let row_bytes = row_length * 8 * kernel.chain.loads().count().max(1);
    let task_rows = tile * (TASK_BYTES_MIN / (tile * row_bytes).max(1)).max(1);
    let tasks = split(rows, task_rows, outputs, &widths);
    tasks::for_each(env.threads, tasks, |mut task| run_task(&evaluator, &mut task, tile))
}

fn bytes_per_row(kernel: &Loop, value: ValueId, row_length: usize) -> usize {
    let value = kernel.chain.value(value);
    value.dtype.size_bytes() * if value.level == Level::Row { 1 } else { row_length }
}

/// Rows of a tile: about a block of elements, and whole periods of the inputs where they repeat.
fn tile_rows(row_length: usize, period: Option<usize>) -> usize {
    let rows = (BLOCK_ELEMENTS / row_length.max(1)).max(1);
    match period {
        Some(p) if row_length == 1 && p <= rows => rows / p * p,
        _ => rows,
    }
}

fn split<'o>(rows: usize, task_rows: usize, outputs: &'o mut [&mut [u8]], widths: &[usize]) -> Vec<Task<'o>> {
    let mut rest: Vec<&'o mut [u8]> = outputs.iter_mut().map(|o| &mut **o).collect();
    let mut tasks = Vec::with_capacity(rows.div_ceil(task_rows));
    let mut first = 0;
    while first < rows {
        let count = task_rows.min(rows - first);
        let mut parts = Vec::with_capacity(rest.len());
        for (rest, width) in rest.iter_mut().zip(widths) {
            let (part, after) = std::mem::take(rest).split_at_mut(count * width);
            parts.push(part);
            *rest = after;
        }
        tasks.push(Task { rows: Block { first, count }, outputs: parts });
        first += count;
    }
    tasks
}

fn run_task(evaluator: &Evaluator, task: &mut Task, tile: usize) -> Result<()> {
    let mut registers = evaluator.registers();
    let (base, end) = (task.rows.first, task.rows.first + task.rows.count);
    for first in (base..end).step_by(tile) {
        let block = Block { first, count: tile.min(end - first) };
        evaluator.run(&mut registers, block, base, &mut task.outputs)?;
    }
    Ok(())
}
