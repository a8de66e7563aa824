//! Pointwise and row kernels: tiles of rows, each computed in cache and stored.

use gradframe_ml_core::Result;

use super::evaluator::{Block, Evaluator, Registers};
use super::simd::streamed;
use super::tasks::{self, TASK_BYTES_MIN};
use super::{Env, product};
use crate::schedule::{Level, Loop, ValueId};

/// Bytes of a block's values together: they fit the second-level cache beside others. The first level would hold blocks so
/// short that the start of an instruction costs as much as the instruction: measured, layer norm's gradient takes a third
/// longer with 24 KiB.
const CACHE_BYTES: usize = 96 * 1024;
/// Elements of a block, at least and at most.
const BLOCK_ELEMENTS: (usize, usize) = (1024, 4096);

/// Elements of a block that is only read, where it lies: nothing has to fit.
const DIRECT_ELEMENTS: usize = 64 * 1024;

/// Instructions of a chain from which on it pays to fetch ahead: fewer hide nothing, and the processor sees streams itself.
const AHEAD_STEPS_MIN: usize = 3;
/// Bytes of a kernel's inputs and outputs from which on they come from memory rather than from a cache.
const AHEAD_BYTES_MIN: usize = 16 * 1024 * 1024;

/// Bytes of a kernel's outputs from which on they leave the caches before anybody reads them.
const STREAMED_BYTES_MIN: usize = 24 * 1024 * 1024;

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
        outputs.iter_mut().for_each(|output| output.fill(0)); // numbers of rows without elements
        return Ok(());
    }
    let stores: Vec<ValueId> = kernel.stores.iter().map(|s| s.0).collect();
    // An argument that a result is written over is in the cache already.
    let are_large = env.in_place.is_empty() && outputs.iter().map(|o| o.len()).sum::<usize>() >= STREAMED_BYTES_MIN;
    let evaluator = Evaluator::bind(&kernel.chain, (&outer, &row), (&stores, are_large), env)?;
    let (least, most) = BLOCK_ELEMENTS;
    let most = if evaluator.only_reads() { DIRECT_ELEMENTS } else { most };
    let fitting = if evaluator.only_reads() { most } else { CACHE_BYTES / evaluator.bytes_per_element().max(1) };
    let block = fitting.clamp(least, most) & !63;
    let tile = tile_rows(row_length, block, evaluator.period(block));
    let widths: Vec<usize> = stores.iter().map(|&v| bytes_per_row(kernel, v, row_length)).collect();
    let row_bytes = row_length * 8 * kernel.chain.loads().count().max(1);
    let tiles = rows.div_ceil(tile);
    let tiles_per_task = tasks::share(env.workers, tiles, TASK_BYTES_MIN / (tile * row_bytes).max(1));
    let tasks = split(rows, (tile, tasks::even(env.workers, tiles, tiles_per_task)), outputs, &widths);
    let registers = || evaluator.registers();
    let is_ahead = evaluator.steps() >= AHEAD_STEPS_MIN && rows * evaluator.streamed_bytes_per_row() >= AHEAD_BYTES_MIN;
    tasks::for_each_with(env.workers, tasks, registers, |registers, mut task| {
        run_task(&evaluator, registers, &mut task, (tile, is_ahead))
    })
}

fn bytes_per_row(kernel: &Loop, value: ValueId, row_length: usize) -> usize {
    let value = kernel.chain.value(value);
    value.dtype.size_bytes() * if value.level == Level::Row { 1 } else { row_length }
}

/// Rows of a tile: about a block of elements, and whole periods of the inputs where they repeat.
fn tile_rows(row_length: usize, block: usize, period: Option<usize>) -> usize {
    let rows = (block / row_length.max(1)).max(1);
    match period {
        Some(p) if row_length == 1 && p <= rows => rows / p * p,
        _ => rows,
    }
}

/// So many tasks of whole tiles, the last of which may be a part of one.
fn split<'o>(rows: usize, (tile, tasks): (usize, usize), outputs: &'o mut [&mut [u8]], widths: &[usize]) -> Vec<Task<'o>> {
    let mut rest: Vec<&'o mut [u8]> = outputs.iter_mut().map(|o| &mut **o).collect();
    let (tiles, count) = (rows.div_ceil(tile), tasks);
    let mut tasks = Vec::with_capacity(count);
    let mut first = 0;
    for end in (1..=count).map(|task| rows.min(tiles * task / count * tile)) {
        let count = end - first;
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

fn run_task(evaluator: &Evaluator, registers: &mut Registers, task: &mut Task, (tile, is_ahead): (usize, bool)) -> Result<()> {
    let (base, end) = (task.rows.first, task.rows.first + task.rows.count);
    for first in (base..end).step_by(tile) {
        let block = Block { first, count: tile.min(end - first) };
        if is_ahead {
            let after = first + block.count;
            let next = Block { first: after, count: tile.min(end - after) };
            evaluator.run_ahead(registers, (block, next), base, &mut task.outputs)?;
        } else {
            evaluator.run(registers, block, base, &mut task.outputs)?;
        }
    }
    streamed();
    Ok(())
}
